import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { displayName, Target, targetKey } from "../../src/domain/Target.ts"
import { type TargetLabels, targetOf } from "../../src/intake/AlertTarget.ts"
import { nodeExporterAlerts, referenceAlerts } from "./ReferenceAlerts.ts"

type Labels = Readonly<Record<string, string>>

const of = (labels: Labels, fingerprint = "f1") => targetOf("test", { fingerprint, labels })

const shown = (labels: Labels): string => {
  const { provisional, target } = of(labels)
  return `${displayName(target)}${provisional ? " (provisional)" : ""}`
}

/** The labels that Prometheus adds from the scraped pod, unless the rule aggregates them away. */
const fromStateMetrics: Labels = {
  job: "kube-state-metrics",
  service: "kube-state-metrics",
  instance: "10.244.0.11:8443",
  endpoint: "https-main",
  namespace: "monitoring",
  pod: "kube-state-metrics-6c7c9d9f5b-x2x7p",
  container: "kube-state-metrics",
  prometheus: "monitoring/k8s"
}

const fromNodeExporter: Labels = {
  job: "node-exporter",
  service: "node-exporter",
  endpoint: "https",
  namespace: "monitoring",
  pod: "node-exporter-4k2lp",
  container: "node-exporter"
}

const clusterScoped = new Set(["Node", "PersistentVolume", "APIService"])

describe("the target of each reference alert", () => {
  it.each(referenceAlerts)("$name is about a $kind", ({ kind, labels, name, target: expected }) => {
    const { target } = of(labels)
    const namespace = clusterScoped.has(kind) ? "" : (labels["namespace"] ?? "")
    assert.deepStrictEqual(target, { cluster: "test", namespace, kind, name: expected ?? `${name}-f1` })
  })

  // The alerts on series of kube-state-metrics, except those about kube-state-metrics itself.
  const aboutOthers = referenceAlerts.filter(
    ({ kind, labels, name }) => kind !== "Pod" && labels["job"] === undefined && !name.startsWith("KubeStateMetrics")
  )

  it.each(aboutOthers)(
    "$name has the same target beside the labels of kube-state-metrics",
    ({ kind, labels, name, target: expected }) => {
      const { target } = of({ ...fromStateMetrics, ...labels })
      assert.deepStrictEqual([target.kind, target.name], [kind, expected ?? `${name}-f1`])
    }
  )

  it.each(nodeExporterAlerts)("%s is about the node and never about the pod of node-exporter", (alertname) => {
    assert.strictEqual(shown({ ...fromNodeExporter, alertname, instance: "worker-1" }), "Node worker-1")
    assert.strictEqual(
      shown({ ...fromNodeExporter, alertname, instance: "worker-1.example.org:9100" }),
      "Node worker-1.example.org"
    )
    assert.strictEqual(
      shown({ ...fromNodeExporter, alertname, instance: "10.0.0.12:9100", node: "worker-1" }),
      "Node worker-1"
    )
    for (const instance of ["10.0.0.12:9100", "[fd00::12]:9100", "fd00::12", ""]) {
      assert.strictEqual(of({ ...fromNodeExporter, alertname, instance }).target.kind, "Alert")
    }
  })
})

describe("the labels of exporters", () => {
  it.each<{ what: string; labels: Labels; target: string }>([
    {
      what: "a workload takes precedence over a pod",
      labels: {
        ...fromStateMetrics,
        alertname: "KubeDeploymentReplicasMismatch",
        namespace: "shop",
        deployment: "checkout"
      },
      target: "Deployment shop/checkout"
    },
    {
      what: "without honor_labels, the exported namespace is the subject's",
      labels: {
        ...fromStateMetrics,
        alertname: "KubeDeploymentReplicasMismatch",
        exported_namespace: "shop",
        deployment: "checkout"
      },
      target: "Deployment shop/checkout"
    },
    {
      what: "without honor_labels, the exported pod is the subject",
      labels: {
        ...fromStateMetrics,
        alertname: "KubePodCrashLooping",
        exported_namespace: "shop",
        exported_pod: "cart-0"
      },
      target: "Pod shop/cart-0 (provisional)"
    },
    {
      what: "without honor_labels, the pod of the exporter is not the subject",
      labels: { ...fromStateMetrics, alertname: "KubeQuotaExceeded", exported_namespace: "shop", resource: "pods" },
      target: "Alert shop/KubeQuotaExceeded-f1"
    },
    {
      what: "with a node, the pod of the exporter is not the subject",
      labels: { ...fromStateMetrics, alertname: "KubeNodeNotReady", node: "worker-1" },
      target: "Node worker-1"
    },
    {
      what: "with a node, a pod named after its scrape job and Service is the subject: applications are",
      labels: {
        alertname: "HighErrorRate",
        job: "checkout",
        service: "checkout",
        namespace: "shop",
        pod: "checkout-x1",
        node: "worker-1"
      },
      target: "Pod shop/checkout-x1 (provisional)"
    },
    {
      what: "with a node, any other pod is the subject",
      labels: { alertname: "ContainerSlow", job: "kubelet", namespace: "shop", pod: "checkout-1", node: "worker-1" },
      target: "Pod shop/checkout-1 (provisional)"
    },
    {
      what: "a crash-looping pod of kube-state-metrics is the subject",
      labels: { ...fromStateMetrics, alertname: "KubePodCrashLooping" },
      target: "Pod monitoring/kube-state-metrics-6c7c9d9f5b-x2x7p (provisional)"
    },
    {
      what: "a pod of kube-state-metrics in another rule is not the subject",
      labels: { ...fromStateMetrics, alertname: "CertificateNotReady", name: "shop-tls" },
      target: "Alert monitoring/CertificateNotReady-f1"
    },
    {
      what: "job_name names the Job, and job does not",
      labels: {
        alertname: "KubeJobFailed",
        job: "kube-state-metrics",
        namespace: "shop",
        job_name: "reports-29380320"
      },
      target: "Job shop/reports-29380320 (provisional)"
    },
    {
      what: "a volume claim takes precedence over the node of its volume",
      labels: {
        alertname: "KubePersistentVolumeFillingUp",
        namespace: "shop",
        persistentvolumeclaim: "data",
        node: "worker-1",
        instance: "worker-1"
      },
      target: "PersistentVolumeClaim shop/data"
    },
    {
      what: "an autoscaler is provisional, because its workload owns it",
      labels: { alertname: "KubeHpaMaxedOut", namespace: "shop", horizontalpodautoscaler: "search" },
      target: "HorizontalPodAutoscaler shop/search (provisional)"
    },
    {
      what: "the label hpa of older versions names an autoscaler",
      labels: { alertname: "KubeHpaMaxedOut", namespace: "shop", hpa: "search" },
      target: "HorizontalPodAutoscaler shop/search (provisional)"
    },
    {
      what: "the workload labels of the Kubernetes mixin name a workload",
      labels: { alertname: "Slow", namespace: "shop", workload: "cart", workload_type: "statefulset" },
      target: "StatefulSet shop/cart"
    },
    {
      what: "a workload type such as constructor names no workload",
      labels: { alertname: "Slow", namespace: "shop", workload: "cart", workload_type: "constructor" },
      target: "Alert shop/Slow-f1"
    },
    {
      what: "a workload without a namespace is no target",
      labels: { alertname: "X", deployment: "checkout" },
      target: "Alert X-f1"
    },
    {
      what: "an invalid Kubernetes name is no target",
      labels: {
        alertname: "X",
        namespace: "shop",
        deployment: "",
        statefulset: "<none>",
        daemonset: "../../etc",
        pod: "UPPER"
      },
      target: "Alert shop/X-f1"
    }
  ])("$what", ({ labels, target }) => {
    assert.strictEqual(shown(labels), target)
  })
})

describe("the labels that an operator maps", () => {
  const mapped = (labels: Labels, targetLabels: TargetLabels): string => {
    const { candidates, target } = targetOf("test", { fingerprint: "f1", labels }, targetLabels)
    return (candidates ?? [target]).map(displayName).join(", ")
  }

  it.each<{ what: string; labels: Labels; targetLabels: TargetLabels; objects: string }>([
    {
      what: "an ignored label names nothing",
      labels: { namespace: "shop", deployment: "production", pod: "checkout-1" },
      targetLabels: { deployment: "ignore" },
      objects: "Pod shop/checkout-1"
    },
    {
      what: "an ignored label alone leaves an alert without an object",
      labels: { alertname: "X", namespace: "shop", deployment: "production" },
      targetLabels: { deployment: "ignore" },
      objects: "Alert shop/X-f1"
    },
    {
      what: "a mapped label takes precedence over the conventions, which remain as candidates",
      labels: { namespace: "shop", pod: "proxy-1", app_deployment: "checkout" },
      targetLabels: { app_deployment: "Deployment" },
      objects: "Deployment shop/checkout, Pod shop/proxy-1"
    },
    {
      what: "a mapped namespace applies to mapped and known labels",
      labels: { namespace: "monitoring", team_ns: "shop", app: "checkout", pod: "checkout-1" },
      targetLabels: { team_ns: "Namespace", app: "Deployment" },
      objects: "Deployment shop/checkout, Pod shop/checkout-1"
    },
    {
      what: "a mapped node is the target",
      labels: { namespace: "shop", service: "app", machine: "worker-7" },
      targetLabels: { machine: "Node" },
      objects: "Node worker-7"
    },
    {
      what: "a mapped label without a valid name is absent",
      labels: { namespace: "shop", pod: "checkout-1", app: "<none>" },
      targetLabels: { app: "Deployment" },
      objects: "Pod shop/checkout-1"
    }
  ])("$what", ({ labels, objects, targetLabels }) => {
    assert.strictEqual(mapped(labels, targetLabels), objects)
  })
})

describe("alerts and targets", () => {
  const Name = Schema.Literals(["a", "b", "checkout", "checkout-1", "x.y"])
  const Value = Schema.Union([Name, Schema.String])
  const others = ["alertname", "namespace", "deployment", "node", "job", "instance", "name"] as const
  const usual = [
    "alertname",
    "namespace",
    "deployment",
    "statefulset",
    "pod",
    "node",
    "job",
    "instance",
    "name"
  ] as const
  const Noise = Schema.Record(Schema.Literals(others), Value)
  const Anything = Schema.Record(Schema.Literals([...usual, "exported_namespace", "exported_pod"]), Value)

  it.prop(
    "two Deployments never share a target",
    [Name, Name, Name, Name, Noise, Noise],
    ([n1, d1, n2, d2, noise1, noise2]) => {
      const one = targetKey(of({ ...noise1, namespace: n1, deployment: d1 }).target)
      const other = targetKey(of({ ...noise2, namespace: n2, deployment: d2 }).target)
      assert.strictEqual(one === other, n1 === n2 && d1 === d2)
    }
  )

  it.prop(
    "a workload is better evidence than a pod, and alerts about different pods share no target before the cluster is read",
    [Name, Name, Name, Name],
    ([namespace, deployment, pod1, pod2]) => {
      const one = of({ namespace, deployment, pod: pod1 })
      const other = of({ namespace, deployment, pod: pod2 })
      assert.deepStrictEqual(one.candidates?.[0], { namespace, kind: "Deployment", name: deployment })
      assert.isTrue(one.provisional)
      assert.strictEqual(targetKey(one.target) === targetKey(other.target), pod1 === pod2)
    }
  )

  it.prop(
    "an alert that names no object never shares a target with another",
    [Anything, Anything],
    ([labels1, labels2]) => {
      const one = of(labels1, "f1")
      const other = of(labels2, "f2")
      if (one.target.kind === "Alert") assert.notStrictEqual(targetKey(one.target), targetKey(other.target))
    }
  )

  it.prop(
    "any labels have a target, and its key is safe to store",
    [Schema.Record(Schema.String, Schema.String)],
    ([labels]) => {
      const { target } = of(labels)
      assert.isTrue(Schema.is(Target)(target))
      const key = targetKey(target)
      assert.isTrue(key.isWellFormed() && !/\p{Cc}/u.test(key))
      assert.deepStrictEqual(of(labels), of(labels))
    }
  )

  it("a hostile alert name is truncated and contains no control characters or lone surrogates", () => {
    const { target } = of({ alertname: `\ud800\u0000${"x".repeat(10_000)}` })
    assert.isBelow(target.name.length, 120)
    assert.isTrue(target.name.isWellFormed() && !/\p{Cc}/u.test(target.name))
  })
})
