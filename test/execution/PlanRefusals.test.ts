import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { SeenObject } from "../../src/domain/Seen.ts"
import { type PlanContext, RefusalRule } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind } from "../../src/kubernetes/ObjectModel.ts"
import { observed } from "../decision/situations.ts"
import {
  autoscaler,
  budget,
  claim,
  daemonSet,
  deployment,
  namespace,
  node,
  owner,
  pod,
  readyNode,
  readyNodes,
  replicaSet,
  serving,
  statefulSet,
  storageClass,
  template
} from "./objects.ts"
import {
  adjust,
  cordon,
  drain,
  evict,
  expand,
  patchHpa,
  planOf,
  quarantine,
  restart,
  restartAgent,
  restartDb,
  revisions,
  rollback,
  scale,
  uncordon,
  withoutToken
} from "./plans.ts"
import { ofRestorations } from "./restoring.ts"

interface More {
  readonly related?: ReadonlyArray<KubernetesObject>
  readonly context?: Partial<PlanContext>
  readonly unread?: ReadonlyArray<Kind>
  /** Whether it is an ask, which an approval lifts. Default false. */
  readonly approvable?: true
}

const approvable: More = { approvable: true }
const history: More = { related: revisions }
const { metadata: shipped } = deployment()
const earlier: SeenObject = {
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  uid: shipped.uid,
  generation: null,
  revision: 2,
  resourceVersion: null,
  spec: null
}
const sawEarlier: More = {
  ...history,
  context: { seen: { observedAt: "2026-11-24T02:55:00.000Z", autoscaled: false, objects: [earlier] } }
}
const expandable: More = { related: [storageClass(true)] }
const notExpandable: More = { related: [storageClass(undefined)] }
const memory = (memory: string) => ({ limits: { memory } })
const terminating = deployment({}, { deletionTimestamp: "2026-11-24T02:59:59Z" })
const staticPod = pod("p1", { annotations: { "kubernetes.io/config.mirror": "x" } })
const unmanaged = pod("p1", { ownerReferences: [] })
const withLocalData = pod("p1", {}, { volumes: [{ name: "tmp", emptyDir: {} }] })
const ofStatefulSet = pod("p1", { ownerReferences: owner("StatefulSet", "db") })
const onDelete = daemonSet({ updateStrategy: { type: "OnDelete" } })
const limited = (limit: string) =>
  deployment({
    template: template("app:3", { containers: [{ name: "app", resources: { limits: { memory: limit } } }] })
  })
const withoutRequest = limited("256Mi")
const unreadable = limited("1Qi")
const onDeletion = { updateStrategy: { type: "OnDelete" } }
const partition = { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } } }
const stuck = { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } }
const onNoNode = { ...daemonSet(), status: { desiredNumberScheduled: 0 } }
const adjustDb: Action = { ...adjust(memory("512Mi")), target: restartDb.target }
const halfReady = { ...statefulSet(), status: { readyReplicas: 1 } }
const readyPod = pod("p1", {}, {}, { phase: "Running", conditions: [{ type: "Ready", status: "True" }] })
const annotated = (annotation: string, value: string) => pod("p1", { annotations: { [annotation]: value } })
const inEnding = (related: ReadonlyArray<KubernetesObject>): More => ({
  related: [...related, namespace("Terminating")]
})
const withBudget = (disruptionsAllowed: number | undefined, related: ReadonlyArray<KubernetesObject> = []): More => ({
  ...approvable,
  related: [...related, budget(disruptionsAllowed)]
})
const notPermitted = (kind: Kind): More => ({ ...approvable, unread: [kind] })
const nodes = (...others: ReadonlyArray<object | "NotReady">): More => ({
  ...approvable,
  related: [
    readyNode("node-1"),
    ...others.map((each, index) =>
      each === "NotReady"
        ? readyNode(`node-${index + 2}`, {}, "Unknown")
        : readyNode(`node-${index + 2}`, each as object)
    )
  ]
})
const unbound = claim("10Gi", { status: { phase: "Pending" } })

const refusals: ReadonlyArray<
  readonly [rule: RefusalRule, claim: string, action: Action, subject: KubernetesObject | undefined, more?: More]
> = [
  ["not-found", "a Deployment that does not exist", restart, undefined],
  ["being-deleted", "a terminating Deployment", restart, terminating],
  ["wrong-kind", "a rollback of a node", rollback(), node()],
  ["owner-kind", "a ReplicaSet of a Deployment", scale(5), replicaSet(1)],
  ["changed-since-investigation", "a rollback after another rollout", rollback(), deployment(), sawEarlier],
  ["paused", "a rollback of a paused rollout", rollback(), deployment({ paused: true }), history],
  ["paused", "a restart of a paused rollout", restart, deployment({ paused: true })],
  ["on-delete", "a restart with the update strategy OnDelete", restartAgent, onDelete],
  ["on-delete", "more memory for a StatefulSet with OnDelete", adjustDb, statefulSet(onDeletion)],
  ["partitioned", "a restart of a StatefulSet with a partition", restartDb, statefulSet(partition)],
  ["partitioned", "more memory for a StatefulSet with a partition", adjustDb, statefulSet(partition)],
  ["paused", "more memory for a paused rollout", adjust(memory("512Mi")), deployment({ paused: true })],
  ["scaled-to-zero", "a restart of a Deployment without pods", restart, deployment({ replicas: 0 })],
  ["scaled-to-zero", "a rollback of a Deployment without pods", rollback(), deployment({ replicas: 0 }), history],
  ["scaled-to-zero", "a restart of a DaemonSet that fits no node", restartAgent, onNoNode],
  ["rollout-stuck", "a restart where no pod may be replaced", restart, deployment({ strategy: stuck })],
  [
    "namespace-terminating",
    "a rollback in a namespace that is being deleted",
    rollback(),
    deployment(),
    inEnding(revisions)
  ],
  ["namespace-terminating", "a scale in a namespace that is being deleted", scale(5), deployment(), inEnding([])],
  ["namespace-terminating", "an eviction in a namespace that is being deleted", evict, pod("p1"), inEnding([])],
  ["disruption-budget", "a restart while a budget allows no disruption", restart, serving(), withBudget(0)],
  ["disruption-budget", "a rollback at a budget of zero", rollback(), serving(), withBudget(0, revisions)],
  [
    "disruption-budget",
    "more memory while a budget allows no disruption",
    adjust(memory("512Mi")),
    serving(),
    withBudget(0)
  ],
  [
    "disruption-budget",
    "a restart while the status of a budget is not current",
    restart,
    serving(),
    withBudget(undefined)
  ],
  [
    "disruption-budget",
    "a quarantine of a ready pod under a budget of 0",
    quarantine,
    readyPod,
    withBudget(0, [replicaSet(3)])
  ],
  [
    "unread",
    "a restart without the permission to read budgets",
    restart,
    serving(),
    notPermitted("PodDisruptionBudget")
  ],
  ["unread", "a scale without the permission to read the namespace", scale(5), deployment(), notPermitted("Namespace")],
  ["unread", "a cordon without the permission to list nodes", cordon, node(), notPermitted("Node")],
  ["weakens-isolation", "a rollback to pods with a token", rollback(2), withoutToken, { ...history, ...approvable }],
  [
    "all-pods-at-once",
    "a restart of ready pods with the strategy Recreate",
    restart,
    serving({ strategy: { type: "Recreate" } }),
    approvable
  ],
  ["not-fully-ready", "a restart of a StatefulSet with one of two pods ready", restartDb, halfReady, approvable],
  [
    "too-many-nodes-out",
    "a cordon while another of three nodes is cordoned",
    cordon,
    node(),
    nodes({ unschedulable: true }, {})
  ],
  ["too-many-nodes-out", "a cordon while another of three nodes is not ready", cordon, node(), nodes("NotReady", {})],
  [
    "too-many-nodes-out",
    "a cordon while another node is reserved",
    cordon,
    node(),
    { ...nodes({}, {}), context: { reservedNodes: new Set(["node-2"]) } }
  ],
  ...[
    ["ToBeDeletedByClusterAutoscaler", "NoSchedule"],
    ["karpenter.sh/disrupted", "NoSchedule"],
    ["node.kubernetes.io/disk-pressure", "NoSchedule"],
    ["node.kubernetes.io/out-of-service", "NoExecute"]
  ].map(
    ([key, effect]) =>
      [
        "too-many-nodes-out",
        `a cordon while another of three nodes has the taint ${key}`,
        cordon,
        node(),
        nodes({ taints: [{ key, effect }] }, {})
      ] as const
  ),
  ["last-node", "a cordon of the only node", cordon, node(), nodes()],
  [
    "last-node",
    "a cordon of the only node without the taint of a control plane",
    cordon,
    node(),
    nodes({ taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] })
  ],
  [
    "last-node",
    "a cordon of the last node of two that takes pods",
    cordon,
    node(),
    { ...nodes("NotReady"), context: { maximumNodesOut: 1 } }
  ],
  [
    "lowers-minimum",
    "a lower minimum of an autoscaler",
    patchHpa({ minReplicas: 1 }),
    autoscaler({ minReplicas: 4 }),
    approvable
  ],
  ["raises-replicas-far", "more than four times the maximum", patchHpa({ maxReplicas: 21 }), autoscaler(), approvable],
  ["raises-replicas-far", "more than four times the minimum", patchHpa({ minReplicas: 5 }), autoscaler(), approvable],
  ["raises-replicas-far", "more than four times the replicas", scale(13), deployment(), approvable],
  [
    "lowers-replicas",
    "fewer replicas than now, when the guardrail saw fewer still",
    scale(5),
    deployment({ replicas: 30 }),
    { ...approvable, context: { decidedOn: observed({ desiredReplicas: 3 }) } }
  ],
  [
    "job-pod",
    "an eviction of a Job's pod that runs once",
    evict,
    pod("p1", { ownerReferences: owner("Job", "report") }, { restartPolicy: "Never" })
  ],
  [
    "job-pod",
    "an eviction of an operator's pod that runs once",
    evict,
    pod("p1", { ownerReferences: owner("Workflow", "train") }, { restartPolicy: "Never" })
  ],
  [
    "job-pod",
    "an eviction of a Job's pod that is restarted on failure",
    evict,
    pod("p1", { ownerReferences: owner("Job", "report") }, { restartPolicy: "OnFailure" }),
    approvable
  ],
  [
    "job-pod",
    "a drain of a Job's pod",
    drain,
    node(),
    {
      ...approvable,
      related: [pod("p1", { ownerReferences: owner("Job", "report") }, { restartPolicy: "Never" }), ...readyNodes]
    }
  ],
  ["local-data", "an eviction of a pod with an emptyDir", evict, withLocalData, approvable],
  [
    "local-data",
    "an eviction of a pod with a writable hostPath",
    evict,
    pod("p1", {}, { volumes: [{ name: "data", hostPath: { path: "/data" } }] }),
    approvable
  ],
  [
    "local-data",
    "an eviction of a pod with an ephemeral volume",
    evict,
    pod("p1", {}, { volumes: [{ name: "scratch", ephemeral: {} }] }),
    approvable
  ],
  [
    "do-not-disrupt",
    "an eviction that the cluster autoscaler may not make",
    evict,
    annotated("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
    approvable
  ],
  ["do-not-disrupt", "an eviction by Karpenter", evict, annotated("karpenter.sh/do-not-disrupt", "true"), approvable],
  [
    "do-not-disrupt",
    "a drain of a node that Karpenter may not disrupt",
    drain,
    { ...node(), metadata: { ...node().metadata, annotations: { "karpenter.sh/do-not-disrupt": "true" } } },
    { ...approvable, related: [pod("p1"), ...readyNodes] }
  ],
  [
    "protected-pods",
    "a drain that evicts pods of a protected namespace",
    drain,
    node(),
    { ...approvable, related: [pod("p1"), ...readyNodes], context: { isProtectedNamespace: (name) => name === "shop" } }
  ],
  [
    "cordoned-by-another",
    "an uncordon of a node that a person cordoned",
    uncordon,
    readyNode("node-1", { unschedulable: true }),
    approvable
  ],
  [
    "node-not-ready",
    "an uncordon of a node that is not ready, although Kubernaut cordoned it",
    uncordon,
    {
      ...readyNode("node-1", { unschedulable: true }, "False"),
      metadata: { ...node().metadata, annotations: { "kubernaut.dev/execution": "rem-1-1" } }
    },
    approvable
  ],
  ["autoscaler-owned", "a scale of an autoscaled workload", scale(5), deployment(), { related: [autoscaler()] }],
  ["no-earlier-revision", "a rollback of the first revision", rollback(), deployment(), { related: [replicaSet(3)] }],
  ["no-such-revision", "a rollback to a revision that was cleaned up", rollback(9), deployment(), history],
  [
    "no-such-container",
    "resources of a missing container",
    adjust({ container: "sidecar", ...memory("1Gi") }),
    deployment()
  ],
  ["nothing-asked", "resources without a value", adjust({}), deployment()],
  ["nothing-asked", "autoscaler bounds without a value", patchHpa({}), autoscaler()],
  ["request-above-limit", "a request above the limit", adjust({ requests: { memory: "300Mi" } }), deployment()],
  ["lowers-resources", "a lower limit", adjust(memory("200Mi")), deployment(), approvable],
  ["raises-resources-far", "more than four times the limit", adjust(memory("1025Mi")), deployment(), approvable],
  ["raises-resources-far", "more than four times a limit, as 2e9", adjust(memory("2e9")), deployment(), approvable],
  ["lowers-resources", "100m of memory, a tenth of a byte", adjust(memory("100m")), withoutRequest, approvable],
  ["lowers-resources", "a limit of 1Ki", adjust(memory("1Ki")), withoutRequest, approvable],
  ["adds-resources", "a CPU limit where there was none", adjust({ limits: { cpu: "1" } }), deployment(), approvable],
  [
    "adds-resources",
    "a memory request where there was none",
    adjust({ requests: { memory: "64Mi" } }),
    withoutRequest,
    approvable
  ],
  ["unreadable-quantity", "a limit that was no quantity before", adjust(memory("1Gi")), unreadable, approvable],
  ["minimum-above-maximum", "a minimum above the maximum", patchHpa({ minReplicas: 6 }), autoscaler()],
  ["lowers-maximum", "a lower maximum", patchHpa({ maxReplicas: 4 }), autoscaler(), approvable],
  ["mirror-pod", "an eviction of a static pod", evict, staticPod],
  ["unmanaged-pod", "an eviction of a pod without a controller", evict, unmanaged],
  [
    "unmanaged-pod",
    "a drain that would lose a pod",
    drain,
    node(),
    { ...approvable, related: [unmanaged, ...readyNodes] }
  ],
  [
    "local-data",
    "a drain that would lose data",
    drain,
    node(),
    { ...approvable, related: [withLocalData, ...readyNodes] }
  ],
  ["owner-kind", "a quarantine of a StatefulSet's pod", quarantine, ofStatefulSet],
  ["held-back-template", "an eviction whose owner does not exist", evict, ofStatefulSet, approvable],
  ["volume-not-bound", "a claim without a volume", expand("20Gi"), unbound, expandable],
  ["volume-shrinks", "a smaller volume", expand("5Gi"), claim("10Gi"), expandable],
  ["volume-not-expandable", "a class without volume expansion", expand("20Gi"), claim("10Gi"), notExpandable],
  ["volume-not-expandable", "a class that does not exist", expand("20Gi"), claim("10Gi")]
]

describe("a plan is refused, or asks for an approval", () => {
  for (const [rule, claim, action, subject, { approvable = false, context, related, unread } = {}] of refusals) {
    it(`${rule}: ${claim}`, () => {
      const result = planOf(action, subject, related, context, unread)
      assert.deepStrictEqual(
        [result._tag, result._tag === "Plan" ? result.asks.map((ask) => ask.rule) : result.rule],
        approvable ? ["Plan", [rule]] : ["PlanRefusal", rule]
      )
    })
  }

  it("by every rule at least once in this table", () => {
    // What the API server says about a pod and about our rights is not a part of a pure plan.
    const ofTheServer: ReadonlyArray<RefusalRule> = ["pods-refused", "beyond-quota", "not-permitted", "cannot-verify"]
    const covered = [...new Set(refusals.map(([rule]) => rule)), ...ofTheServer, ...ofRestorations]
    assert.sameMembers(covered, [...RefusalRule.literals])
  })
})
