/** What the journal leaves out, row by row. */

import { assert, describe, it } from "@effect/vitest"
import { rows, significant } from "../../src/changes/Noise.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

const object = (
  kind: string,
  rest: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {}
): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "one", namespace: "shop", uid: "u", resourceVersion: "1", ...metadata },
  ...rest
})

const owner = (kind: string) => ({
  ownerReferences: [{ apiVersion: "apps/v1", kind, name: "checkout", uid: "o", controller: true }]
})

type Pair = readonly [what: string, before: KubernetesObject, after: KubernetesObject]

const sameStates: ReadonlyArray<Pair> = [
  ["status", object("Deployment"), object("Deployment", { status: { readyReplicas: 1 } })],
  [
    "managedFields, versions and generations",
    object("Service"),
    object("Service", {}, { resourceVersion: "2", generation: 3, managedFields: [{ manager: "x" }] })
  ],
  [
    "last-applied",
    object("Service"),
    object("Service", {}, { annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" } })
  ],
  [
    "the revision of a Deployment",
    object("Deployment"),
    object("Deployment", {}, { annotations: { "deployment.kubernetes.io/revision": "4" } })
  ],
  [
    "our own notes",
    object("Deployment"),
    object("Deployment", {}, { annotations: { "kubernaut.dev/execution": "exe-1" } })
  ],
  [
    "condition taints and a heartbeat",
    object("Node", { spec: {} }),
    object("Node", {
      spec: { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoSchedule", timeAdded: "now" }] },
      status: { conditions: [] }
    })
  ],
  [
    "the taint of a cordon, beside the cordon",
    object("Node", { spec: { unschedulable: true } }),
    object("Node", {
      spec: { unschedulable: true, taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] }
    })
  ],
  [
    "the binding of a claim",
    object("PersistentVolumeClaim", { spec: { storageClassName: "a" } }),
    object("PersistentVolumeClaim", { spec: { storageClassName: "a", volumeName: "pv-1" } })
  ],
  ["tokens of a ServiceAccount", object("ServiceAccount"), object("ServiceAccount", { secrets: [{ name: "t" }] })],
  [
    "collected rules",
    object("ClusterRole", { aggregationRule: {} }),
    object("ClusterRole", { aggregationRule: {}, rules: [{}] })
  ],
  [
    "the content of a Helm release",
    object("Secret", { type: "helm.sh/release.v1", data: { release: "a" } }),
    object("Secret", { type: "helm.sh/release.v1", data: { release: "b" } }, { labels: { status: "superseded" } })
  ],
  ["the end of a namespace", object("Namespace", { spec: { finalizers: ["kubernetes"] } }), object("Namespace")]
]

const leftOut: ReadonlyArray<readonly [what: string, object: KubernetesObject]> = [
  ["a ReplicaSet of a Deployment", object("ReplicaSet", {}, owner("Deployment"))],
  ["a Job of a CronJob", object("Job", {}, owner("CronJob"))],
  [
    "an EndpointSlice of a Service",
    object(
      "EndpointSlice",
      {},
      { labels: { "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" } }
    )
  ],
  ["the CA of the cluster", object("ConfigMap", {}, { name: "kube-root-ca.crt" })],
  [
    "the lease of a leader",
    object("ConfigMap", {}, { annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } })
  ],
  ["a token", object("Secret", { type: "kubernetes.io/service-account-token" })]
]

const kept: ReadonlyArray<Pair> = [
  ["a cordon", object("Node", { spec: {} }), object("Node", { spec: { unschedulable: true } })],
  [
    "a taint that a person sets",
    object("Node", { spec: {} }),
    object("Node", { spec: { taints: [{ key: "team", effect: "NoExecute" }] } })
  ],
  ["a label", object("Namespace", {}, { labels: {} }), object("Namespace", {}, { labels: { a: "b" } })],
  [
    "an annotation of a person",
    object("Ingress", {}, { annotations: {} }),
    object("Ingress", {}, { annotations: { "nginx.ingress.kubernetes.io/rewrite-target": "/" } })
  ],
  ["replicas", object("Deployment", { spec: { replicas: 1 } }), object("Deployment", { spec: { replicas: 0 } })],
  ["the rules of a plain ClusterRole", object("ClusterRole", { rules: [{}] }), object("ClusterRole", { rules: [] })],
  ["a hand-made ReplicaSet", object("ReplicaSet", { spec: { replicas: 1 } }), object("ReplicaSet", { spec: {} })],
  [
    "a hand-made EndpointSlice",
    object("EndpointSlice", { endpoints: [] }),
    object("EndpointSlice", { endpoints: [1] })
  ],
  ["data", object("ConfigMap", { data: { a: "1" } }), object("ConfigMap", { data: { a: "2" } })]
]

describe("noise", () => {
  it.each(sameStates)("%s is no difference", (_, before, after) => {
    assert.deepStrictEqual(significant(after), significant(before))
  })

  it.each(leftOut)("%s is left out", (_, each) => {
    assert.isUndefined(significant(each))
  })

  it.each(kept)("%s counts", (_, before, after) => {
    assert.notDeepEqual(significant(after), significant(before))
  })

  it("every row has a test of its own, in which nothing but that row matters", () => {
    const pairs: ReadonlyArray<readonly [before: KubernetesObject | undefined, after: KubernetesObject]> = [
      ...sameStates.map(([, before, after]) => [before, after] as const),
      ...leftOut.map(([, each]) => [undefined, each] as const)
    ]
    const needed = (row: (typeof rows)[number]) =>
      pairs.some(([before, after]) => {
        const others = rows.filter((each) => each !== row)
        return JSON.stringify(before && significant(before, others)) !== JSON.stringify(significant(after, others))
      })
    assert.deepStrictEqual(
      rows.filter((row) => !needed(row)).map(({ what }) => what),
      []
    )
  })
})
