import { assert, describe, it } from "@effect/vitest"
import { build, ownersByName } from "../../src/changes/DependencyGraph.ts"
import { statesOf } from "../../src/changes/EarlierStates.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { deployment, object, refTo, service } from "./objects.ts"
import { created, deleted, modified } from "./scenes.ts"

const checkout = refTo("Deployment", "checkout")

const spec = {
  serviceAccountName: "checkout",
  priorityClassName: "high",
  nodeSelector: { disk: "nvme" },
  imagePullSecrets: [{ name: "registry" }],
  containers: [
    {
      name: "app",
      image: "app:1",
      env: [
        { name: "PAYMENTS", value: "http://payments.shop.svc:8080/pay" },
        { name: "MODE", valueFrom: { configMapKeyRef: { name: "modes", key: "mode" } } },
        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "token", key: "token" } } }
      ],
      envFrom: [{ configMapRef: { name: "settings" } }, { secretRef: { name: "secrets" } }]
    }
  ],
  volumes: [
    { name: "a", configMap: { name: "files" } },
    { name: "b", secret: { secretName: "certificate" } },
    { name: "c", persistentVolumeClaim: { claimName: "data" } },
    {
      name: "d",
      projected: { sources: [{ configMap: { name: "projected" } }, { secret: { name: "projected-secret" } }] }
    }
  ]
}

const shop: ReadonlyArray<KubernetesObject> = [
  deployment("checkout", spec),
  deployment("payments"),
  service("checkout", { app: "checkout" }),
  service("payments", { app: "payments" }),
  service("unrelated", { app: "unrelated" }),
  object("Ingress", "web", {
    spec: {
      ingressClassName: "nginx",
      tls: [{ secretName: "web-tls" }],
      rules: [{ http: { paths: [{ path: "/", backend: { service: { name: "checkout" } } }] } }]
    }
  }),
  object("HTTPRoute", "route", {
    spec: { parentRefs: [{ name: "edge", namespace: "gateways" }], rules: [{ backendRefs: [{ name: "checkout" }] }] }
  }),
  object("HorizontalPodAutoscaler", "checkout", {
    spec: { scaleTargetRef: { kind: "Deployment", name: "checkout" }, maxReplicas: 4 }
  }),
  object("ResourceQuota", "all", { spec: { hard: { pods: "10" } } }),
  object("LimitRange", "defaults", { spec: { limits: [] } }),
  object("NetworkPolicy", "deny", { spec: { podSelector: {} } }),
  object("NetworkPolicy", "other", { spec: { podSelector: { matchLabels: { app: "other" } } } }),
  object("NetworkPolicy", "caller", {
    spec: {
      podSelector: { matchLabels: { app: "web" } },
      egress: [{ to: [{ podSelector: { matchLabels: { app: "checkout" } } }] }]
    }
  }),
  object("PodDisruptionBudget", "checkout", { spec: { selector: { matchLabels: { app: "checkout" } } } }),
  object("RoleBinding", "read", {
    subjects: [{ kind: "ServiceAccount", name: "checkout", namespace: "shop" }],
    roleRef: { kind: "Role", name: "reader" }
  }),
  object(
    "ClusterRoleBinding",
    "all",
    {
      subjects: [{ kind: "Group", name: "system:serviceaccounts:shop" }],
      roleRef: { kind: "ClusterRole", name: "viewer" }
    },
    ""
  ),
  object("PersistentVolumeClaim", "data", { spec: { storageClassName: "fast", volumeName: "pv-1" } }),
  object("ServiceAccount", "checkout", { imagePullSecrets: [{ name: "account-pull" }] }),
  object("Node", "nvme-1", { metadata: { labels: { disk: "nvme" } } }, ""),
  object("Node", "plain-1", { metadata: { labels: {} } }, ""),
  object("ValidatingWebhookConfiguration", "pods", { webhooks: [{ rules: [{ resources: ["pods"] }] }] }, ""),
  object(
    "ValidatingWebhookConfiguration",
    "certificates",
    { webhooks: [{ rules: [{ resources: ["certificates"] }] }] },
    ""
  ),
  object("AuthorizationPolicy", "deny", { spec: { selector: { matchLabels: { app: "checkout" } } } }),
  object("AuthorizationPolicy", "elsewhere", { spec: { selector: { matchLabels: { app: "elsewhere" } } } })
]

const distances: ReadonlyArray<readonly [ResourceRef, number | undefined]> = [
  [checkout, 0],
  [refTo("Service", "checkout"), 1],
  [refTo("Ingress", "web"), 2],
  [refTo("Secret", "web-tls"), 3],
  [refTo("IngressClass", "nginx", ""), 3],
  [refTo("HTTPRoute", "route"), 2],
  [refTo("Gateway", "edge", "gateways"), 3],
  [refTo("ConfigMap", "modes"), 1],
  [refTo("ConfigMap", "settings"), 1],
  [refTo("ConfigMap", "files"), 1],
  [refTo("ConfigMap", "projected"), 1],
  [refTo("Secret", "token"), 1],
  [refTo("Secret", "secrets"), 1],
  [refTo("Secret", "certificate"), 1],
  [refTo("Secret", "projected-secret"), 1],
  [refTo("Secret", "registry"), 1],
  [refTo("Secret", "account-pull"), 2],
  [refTo("HorizontalPodAutoscaler", "checkout"), 1],
  [refTo("ResourceQuota", "all"), 1],
  [refTo("LimitRange", "defaults"), 1],
  [refTo("NetworkPolicy", "deny"), 1],
  [refTo("NetworkPolicy", "caller"), 1],
  [refTo("NetworkPolicy", "other"), undefined],
  [refTo("PodDisruptionBudget", "checkout"), 1],
  [refTo("ServiceAccount", "checkout"), 1],
  [refTo("RoleBinding", "read"), 2],
  [refTo("Role", "reader"), 3],
  [refTo("ClusterRole", "viewer", ""), 3],
  [refTo("PersistentVolumeClaim", "data"), 1],
  [refTo("StorageClass", "fast", ""), 2],
  [refTo("PersistentVolume", "pv-1", ""), 2],
  [refTo("PriorityClass", "high", ""), 1],
  [refTo("Node", "nvme-1", ""), 1],
  // Only payments, which it calls, could run there.
  [refTo("Node", "plain-1", ""), 3],
  [refTo("Namespace", "shop", ""), 1],
  [refTo("ValidatingWebhookConfiguration", "pods", ""), 1],
  [refTo("ValidatingWebhookConfiguration", "certificates", ""), undefined],
  [refTo("AuthorizationPolicy", "deny"), 1],
  [refTo("AuthorizationPolicy", "elsewhere"), undefined],
  [refTo("Service", "payments"), 1],
  [refTo("Deployment", "payments"), 2],
  [refTo("Service", "unrelated"), undefined]
]

describe("the dependency graph of a Deployment", () => {
  const graph = build([checkout], shop)
  for (const [ref, distance] of distances)
    it(`${distance === undefined ? "does not have" : "has"} ${ref.kind} ${ref.name}`, () => {
      assert.strictEqual(graph.find(ref)?.distance, distance)
    })

  it("says the whole way to an object", () => {
    assert.strictEqual(
      graph.find(refTo("Ingress", "web"))?.relation,
      "is selected by Service shop/checkout, which is routed to by Ingress shop/web"
    )
    assert.deepInclude(graph.edges, { from: checkout, to: refTo("ConfigMap", "files"), relation: "mounts" })
  })

  it("does not depend on the order of the objects", () => {
    const other = build([checkout], shop.toReversed())
    assert.deepStrictEqual(
      other.nodes.map(({ distance, ref }) => [ref.kind, ref.name, distance]).toSorted(),
      graph.nodes.map(({ distance, ref }) => [ref.kind, ref.name, distance]).toSorted()
    )
  })

  it("has the nodes of its pods", () => {
    assert.strictEqual(
      build([checkout], shop, ["plain-1"]).find(refTo("Node", "plain-1", ""))?.relation,
      "runs on Node plain-1"
    )
  })
})

describe("the dependency graph of another kind", () => {
  const rows: ReadonlyArray<readonly [start: ResourceRef, reaches: ResourceRef, distance: number]> = [
    [refTo("Service", "checkout"), checkout, 1],
    [refTo("Service", "checkout"), refTo("ConfigMap", "files"), 2],
    [refTo("Ingress", "web"), refTo("Service", "checkout"), 1],
    [refTo("Ingress", "web"), checkout, 2],
    [refTo("HorizontalPodAutoscaler", "checkout"), checkout, 1],
    [refTo("PodDisruptionBudget", "checkout"), checkout, 1],
    [refTo("PersistentVolumeClaim", "data"), refTo("StorageClass", "fast", ""), 1],
    [refTo("PersistentVolumeClaim", "data"), checkout, 1],
    [refTo("Namespace", "shop", ""), refTo("ResourceQuota", "all"), 1],
    [refTo("ResourceQuota", "all"), checkout, 1],
    [refTo("ResourceQuota", "all"), refTo("LimitRange", "defaults"), 1],
    [refTo("Node", "nvme-1", ""), refTo("Node", "nvme-1", ""), 0]
  ]
  for (const [start, reaches, distance] of rows)
    it(`leads from ${start.kind} ${start.name} to ${reaches.kind} ${reaches.name}`, () => {
      assert.strictEqual(build([start], shop).find(reaches)?.distance, distance)
    })

  it("leads from a Job to its CronJob, and from a claim of a StatefulSet to nothing of others", () => {
    const template = { spec: { containers: [{ name: "app", envFrom: [{ configMapRef: { name: "settings" } }] }] } }
    const objects = [
      object("CronJob", "report", { spec: { jobTemplate: { spec: { template } } } }),
      object("Job", "report-1", {
        metadata: { ownerReferences: [{ kind: "CronJob", name: "report", controller: true }] },
        spec: { template }
      })
    ]
    const graph = build([refTo("Job", "report-1")], objects)
    assert.strictEqual(graph.find(refTo("CronJob", "report"))?.distance, 1)
    assert.strictEqual(graph.find(refTo("ConfigMap", "settings"))?.distance, 1)
  })

  it("finds the workload of a pod that is gone by its name", () => {
    const graph = build([refTo("Pod", "checkout-5d9c7b8f4d-x2x4z")], shop)
    assert.strictEqual(graph.find(checkout)?.distance, 1)
    assert.deepInclude(ownersByName(refTo("Pod", "db-0")), refTo("StatefulSet", "db"))
    assert.deepInclude(ownersByName(refTo("Job", "report-29000000")), refTo("CronJob", "report"))
    assert.deepStrictEqual(ownersByName(refTo("Service", "a-b-c")), [])
  })
})

describe("earlier states", () => {
  it("keep a Service whose selector no longer matches", () => {
    const now = service("front", { app: "wrong" })
    const change = modified(refTo("Service", "front"), -5, ["spec", "selector", "app"], {
      before: "checkout",
      after: "wrong"
    })
    assert.isUndefined(build([checkout], [deployment("checkout"), now]).find(change.ref))
    const graph = build([checkout], [deployment("checkout"), ...statesOf(now, [change])])
    assert.strictEqual(graph.find(change.ref)?.relation, "is selected by Service shop/front")
  })

  it("keep a Service and a policy that were deleted, and a target that is gone", () => {
    const front = refTo("Service", "front")
    const gone = statesOf(undefined, [
      deleted(front, -5, {
        manifest: {
          apiVersion: "v1",
          kind: "Service",
          metadata: { name: "front", namespace: "shop" },
          spec: { selector: { app: "checkout" } }
        }
      })
    ])
    assert.strictEqual(build([checkout], [deployment("checkout"), ...gone]).find(front)?.distance, 1)
    const manifest = { ...deployment("checkout", { volumes: [{ name: "v", configMap: { name: "files" } }] }) } as never
    const target = statesOf(undefined, [deleted(checkout, -5, { manifest })])
    assert.strictEqual(build([checkout], target).find(refTo("ConfigMap", "files"))?.distance, 1)
  })

  it("keep what a template named before, and restore items and fields that were added or removed", () => {
    const now = deployment("checkout")
    const volumes = modified(checkout, -5, ["spec", "template", "spec", "volumes"], {
      before: [{ name: "v", configMap: { name: "files" } }]
    })
    const added = modified(
      checkout,
      -9,
      ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "env"],
      {
        after: [{ name: "A", value: "b" }]
      }
    )
    const graph = build([checkout], statesOf(now, [volumes, added]))
    assert.strictEqual(graph.find(refTo("ConfigMap", "files"))?.distance, 1)
    const [, , oldest] = statesOf(now, [volumes, added])
    assert.deepInclude(oldest?.["spec"] as { replicas: number }, { replicas: 2 })
  })

  it("end where the object was created", () => {
    const now = service("front", { app: "checkout" })
    assert.strictEqual(statesOf(now, [created(refTo("Service", "front"), -5)]).length, 1)
  })
})

describe("damaged objects", () => {
  it("lead nowhere, and nothing throws", () => {
    const odd: ReadonlyArray<unknown> = [
      {},
      { kind: "Service" },
      { kind: "Deployment", metadata: null },
      { kind: 7, metadata: { name: "x" } },
      ...[
        "Deployment",
        "Service",
        "Ingress",
        "NetworkPolicy",
        "RoleBinding",
        "PersistentVolumeClaim",
        "CronJob",
        "Gizmo"
      ].flatMap((kind) =>
        [
          null,
          "x",
          1,
          [],
          { selector: 5, template: { spec: { volumes: "none", containers: [null, 1, { env: {} }] } } },
          { podSelector: { matchExpressions: [{ key: 1 }] } }
        ].map((each) => ({
          kind,
          apiVersion: "v1",
          metadata: { name: "odd", namespace: "shop", labels: 3, ownerReferences: "x" },
          spec: each,
          subjects: each,
          webhooks: each
        }))
      )
    ]
    const graph = build(
      [checkout, refTo("Service", "odd"), refTo("Ingress", "odd")],
      [...shop, ...(odd as ReadonlyArray<KubernetesObject>)]
    )
    assert.strictEqual(graph.find(refTo("Ingress", "web"))?.distance, 2)
  })
})
