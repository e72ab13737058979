/**
 * Faults by one change of a person, for the real API server. The simulated nodes run nothing, so where only a process
 * could show the fault, `crash` shows it.
 */

import { Effect } from "effect"
import type { Fault } from "./faultHarness.ts"

const about = (alertname: string) => () => ({ alertname, deployment: "checkout" })
const mismatch = about("KubeDeploymentReplicasMismatch")
const errors = about("HighErrorRate")
const crashing = (_: unknown, pod: string) => ({ alertname: "KubePodCrashLooping", pod, container: "app" })

const workloads: ReadonlyArray<Fault> = [
  {
    fault: "a Deployment is scaled to zero",
    does: ({ set }) => set("Deployment", "checkout", "/spec/replicas", 0),
    shows: ({ state }) => state((seen) => seen.pods.length === 0 && seen.endpoints === 0),
    labels: mismatch
  },
  {
    fault: "a StatefulSet is scaled to zero",
    before: ({ add, state }) =>
      Effect.andThen(
        add("StatefulSet", "db", {
          spec: {
            replicas: 2,
            serviceName: "db",
            selector: { matchLabels: { app: "db" } },
            template: {
              metadata: { labels: { app: "db" } },
              spec: { containers: [{ name: "db", image: "registry.example/db:v1" }] }
            }
          }
        }),
        state(({ readyReplicas }) => readyReplicas === 2, ["StatefulSet", "db"])
      ),
    does: ({ set }) => set("StatefulSet", "db", "/spec/replicas", 0),
    shows: ({ state }) => state(({ pods }) => pods.length === 0, ["StatefulSet", "db"]),
    labels: () => ({ alertname: "KubeStatefulSetReplicasMismatch", statefulset: "db" })
  },
  {
    fault: "a Deployment is deleted",
    does: ({ remove }) => remove("Deployment", "checkout"),
    shows: ({ state }) => state(({ exists }) => !exists),
    labels: about("KubeDeploymentMissing")
  },
  {
    fault: "a node selector matches no node",
    does: ({ set }) => set("Deployment", "checkout", "/spec/template/spec/nodeSelector", { disk: "nvme" }),
    shows: ({ state }) => state(({ pods }) => pods.some(({ reason }) => reason === "Unschedulable")),
    labels: about("KubeDeploymentRolloutStuck")
  },
  {
    fault: "a request is larger than any node",
    does: ({ set }) => set("Deployment", "checkout", "/spec/template/spec/containers/0/resources/requests/cpu", "1000"),
    shows: ({ state }) => state(({ pods }) => pods.some(({ reason }) => reason === "Unschedulable")),
    labels: about("KubeDeploymentRolloutStuck")
  },
  {
    fault: "pods use another DNS policy",
    does: ({ set }) => set("Deployment", "checkout", "/spec/template/spec/dnsPolicy", "Default"),
    shows: ({ state }) => state(({ revision, rollout }) => revision === 2 && rollout?.inProgress === false),
    labels: errors
  },
  {
    fault: "an image crashes",
    does: ({ set }) =>
      set("Deployment", "checkout", "/spec/template/spec/containers/0/image", "registry.example/checkout:bad"),
    shows: ({ state }) => state(({ pods }) => pods.some(({ reason }) => reason === "CrashLoopBackOff")),
    labels: crashing
  },
  {
    fault: "pods lose the label by which their Service selects them",
    does: ({ set }) => set("Deployment", "checkout", "/spec/template/metadata/labels/tier", "backend"),
    shows: ({ state }) => state(({ revision, rollout }) => revision === 2 && rollout?.inProgress === false),
    labels: errors
  },
  {
    fault: "pods use a ServiceAccount that does not exist",
    does: ({ set }) => set("Deployment", "checkout", "/spec/template/spec/serviceAccountName", "chekout"),
    shows: ({ state }) => state(({ failedCreate }) => typeof failedCreate === "string"),
    labels: about("KubeDeploymentRolloutStuck")
  },
  {
    fault: "a CronJob is suspended",
    does: ({ set }) => set("CronJob", "report", "/spec/suspend", true),
    labels: () => ({ alertname: "CronJobNotRunning", cronjob: "report" })
  }
]

const traffic: ReadonlyArray<Fault> = [
  {
    fault: "a Service has another target port",
    does: ({ set }) => set("Service", "checkout", "/spec/ports/0/targetPort", 9999),
    labels: errors
  },
  {
    fault: "a Service selects nothing",
    does: ({ set }) => set("Service", "checkout", "/spec/selector", { app: "nobody" }),
    shows: ({ state }) => state((seen) => seen.endpoints === null),
    labels: errors
  },
  {
    fault: "a Service selects nothing, as Prometheus says of its targets",
    does: ({ set }) => set("Service", "checkout", "/spec/selector", { app: "nobody" }),
    shows: ({ state }) => state((seen) => seen.endpoints === null),
    labels: () => ({ alertname: "TargetDown", job: "checkout", service: "checkout" })
  },
  {
    fault: "a Service selects nothing, as its own alert says",
    does: ({ set }) => set("Service", "checkout", "/spec/selector", { app: "nobody" }),
    shows: ({ state }) => state((seen) => seen.endpoints === null),
    labels: () => ({ alertname: "KubeServiceNoEndpoints", service: "checkout" })
  },
  {
    fault: "a Service is deleted",
    does: ({ remove }) => remove("Service", "checkout"),
    labels: about("CheckoutUnreachable")
  },
  {
    fault: "a policy that denies everything is added",
    does: ({ add }) => add("NetworkPolicy", "deny-all", { spec: { podSelector: {}, policyTypes: ["Ingress"] } }),
    labels: errors,
    asks: true
  },
  {
    fault: "a policy lets another port through",
    does: ({ set }) => set("NetworkPolicy", "checkout", "/spec/ingress", [{ ports: [{ port: 9999 }] }]),
    labels: errors
  },
  {
    fault: "an Ingress routes to a Service that does not exist",
    does: ({ set }) => set("Ingress", "web", "/spec/rules/0/http/paths/0/backend/service/name", "chekout"),
    labels: about("IngressErrorsHigh")
  }
]

const configuration: ReadonlyArray<Fault> = [
  {
    fault: "a ConfigMap has a broken value",
    does: ({ set }) => set("ConfigMap", "checkout-config", "/data/PAYMENT_URL", "htp:/payment"),
    shows: ({ crash }) => crash,
    labels: crashing
  },
  {
    fault: "a ConfigMap has lost a key",
    does: ({ patch }) => patch("ConfigMap", "checkout-config", { op: "remove", path: "/data/LEVEL" }),
    shows: ({ crash }) => crash,
    labels: crashing
  },
  {
    fault: "a ConfigMap is deleted",
    does: ({ remove }) => remove("ConfigMap", "checkout-config"),
    shows: ({ crash }) => crash,
    labels: (_, pod) => ({ alertname: "KubePodNotReady", pod })
  },
  {
    fault: "a binding of rights is deleted",
    does: ({ remove }) => remove("RoleBinding", "checkout"),
    labels: about("CheckoutForbiddenRequests"),
    asks: true
  },
  {
    fault: "a Role has fewer rules",
    does: ({ set }) => set("Role", "checkout", "/rules", []),
    labels: about("CheckoutForbiddenRequests"),
    asks: true
  },
  {
    fault: "a ServiceAccount is deleted",
    does: ({ remove }) => remove("ServiceAccount", "checkout"),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch
  }
]

const limits: ReadonlyArray<Fault> = [
  {
    fault: "the maximum of an autoscaler is lowered",
    does: ({ set }) => set("HorizontalPodAutoscaler", "checkout", "/spec/maxReplicas", 3),
    labels: () => ({ alertname: "KubeHpaMaxedOut", horizontalpodautoscaler: "checkout" })
  },
  {
    fault: "the minimum of an autoscaler is lowered",
    does: ({ set }) => set("HorizontalPodAutoscaler", "checkout", "/spec/minReplicas", 1),
    labels: about("HighLatency")
  },
  {
    fault: "an autoscaler is deleted",
    does: ({ remove }) => remove("HorizontalPodAutoscaler", "checkout"),
    labels: about("HighLatency")
  },
  {
    fault: "a quota is lowered, and pods cannot be replaced",
    does: ({ set }) => set("ResourceQuota", "team", "/spec/hard", { pods: "1" }),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch
  },
  {
    fault: "a quota is lowered, as its own alert says",
    does: ({ set }) => set("ResourceQuota", "team", "/spec/hard", { pods: "3" }),
    labels: () => ({ alertname: "KubeQuotaFullyUsed", resourcequota: "team", resource: "pods" })
  },
  {
    fault: "a quota is added, and pods cannot be replaced",
    does: ({ add }) => add("ResourceQuota", "strict", { spec: { hard: { pods: "1" } } }),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch,
    asks: true
  },
  {
    fault: "a LimitRange has a lower maximum, and pods cannot be replaced",
    does: ({ set }) => set("LimitRange", "team", "/spec/limits", [{ type: "Container", max: { memory: "16Mi" } }]),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch
  },
  {
    fault: "a disruption budget allows nothing",
    does: ({ set }) => set("PodDisruptionBudget", "checkout", "/spec/minAvailable", 5),
    labels: () => ({ alertname: "KubePdbNotEnoughHealthyPods", poddisruptionbudget: "checkout" })
  },
  {
    fault: "a namespace enforces another pod security level, and pods cannot be replaced",
    does: ({ namespace, set }) =>
      set("Namespace", namespace, "/metadata/labels/pod-security.kubernetes.io~1enforce", "restricted"),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch,
    asks: true
  },
  {
    fault: "a webhook that nobody serves refuses the pods",
    does: ({ add, namespace }) =>
      add("ValidatingWebhookConfiguration", `deny-${namespace}`, {
        webhooks: [
          {
            name: "deny.example.com",
            failurePolicy: "Fail",
            sideEffects: "None",
            timeoutSeconds: 1,
            admissionReviewVersions: ["v1"],
            clientConfig: { url: "https://127.0.0.1:1/deny" },
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
            rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }]
          }
        ]
      }),
    shows: ({ refusedPods }) => refusedPods,
    labels: mismatch,
    asks: true
  }
]

const machines: ReadonlyArray<Fault> = [
  {
    fault: "a node is cordoned",
    does: ({ node, set }) => Effect.flatMap(node(0), (name) => set("Node", name, "/spec/unschedulable", true)),
    labels: ({ nodeName }) => ({ alertname: "KubeNodeCordoned", node: nodeName() })
  },
  {
    fault: "a node is tainted",
    does: ({ node, set }) =>
      Effect.flatMap(node(1), (name) => set("Node", name, "/spec/taints", [{ key: "gpu", effect: "NoSchedule" }])),
    labels: ({ nodeName }) => ({ alertname: "KubeNodeUnschedulable", node: nodeName() })
  }
]

export const faults: ReadonlyArray<Fault> = [...workloads, ...traffic, ...configuration, ...limits, ...machines]
