import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Change, Inverse } from "../../src/domain/Change.ts"
import { plan } from "../../src/execution/ActionPlan.ts"
import { templateOf } from "../../src/execution/actions/Rollouts.ts"
import { sameJson, valueAt } from "../../src/execution/ObjectPatch.ts"
import { type Plan, type PlanContext, RefusalRule } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { ReplicaSet } from "../../src/kubernetes/ObjectModel.ts"
import { observed } from "../decision/situations.ts"
import {
  autoscaler,
  claim,
  context,
  cronJob,
  daemonSet,
  deployment,
  node,
  owner,
  patched,
  pod,
  replicaSet,
  service,
  statefulSet,
  storageClass,
  unsigned
} from "./objects.ts"

interface Case {
  readonly claim: string
  readonly action: Action
  readonly subject: KubernetesObject | undefined
  readonly related?: ReadonlyArray<KubernetesObject>
  readonly context?: Partial<PlanContext>
}

const made = ({ action, context: change, related = [], subject }: Omit<Case, "claim">) =>
  plan(action, { subject, related }, context(change))

const accepted = (one: Omit<Case, "claim">): Plan => {
  const result = made(one)
  if (result._tag === "PlanRefusal") throw new Error(`${result.rule}: ${result.message}`)
  return result
}

const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })
const rollback = (toRevision?: number): Action => ({
  type: "RollbackDeployment",
  target: on("Deployment", "checkout"),
  ...(toRevision === undefined ? {} : { toRevision })
})
const restart: Action = { type: "RestartWorkload", target: on("Deployment", "checkout") }
const scale = (replicas: number): Action => ({ type: "ScaleWorkload", target: on("Deployment", "checkout"), replicas })
const adjust = (change: Partial<Extract<Action, { type: "AdjustResources" }>>): Action => ({
  type: "AdjustResources",
  target: on("Deployment", "checkout"),
  container: "app",
  ...change
})
const hpa = (change: Partial<Extract<Action, { type: "PatchHpa" }>>): Action => ({
  type: "PatchHpa",
  target: on("HorizontalPodAutoscaler", "checkout"),
  ...change
})
const evict: Action = { type: "EvictPod", target: on("Pod", "p1") }
const quarantine: Action = { type: "QuarantinePod", target: on("Pod", "p1") }
const cordon: Action = { type: "CordonNode", target: on("Node", "node-1", "") }
const uncordon: Action = { type: "UncordonNode", target: on("Node", "node-1", "") }
const drain: Action = { type: "DrainNode", target: on("Node", "node-1", "") }
const expand = (size: string): Action => ({ type: "ExpandVolume", target: on("PersistentVolumeClaim", "data"), size })
const suspend: Action = { type: "SuspendCronJob", target: on("CronJob", "report") }
const revisions = [replicaSet(1), replicaSet(2), replicaSet(3)]

const at =
  (...path: ReadonlyArray<string | number>) =>
  (object: KubernetesObject) =>
    valueAt(object, path)
const resources = at("spec", "template", "spec", "containers", 0, "resources")

/** What the first write makes of the subject. */
const writes: ReadonlyArray<
  Case & { readonly read: (object: KubernetesObject) => unknown; readonly expected: unknown }
> = [
  {
    claim: "a restart writes the time of the intent",
    action: restart,
    subject: deployment(),
    read: at("spec", "template", "metadata", "annotations"),
    expected: { "kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00.000Z" }
  },
  {
    claim: "a DaemonSet is restarted the same way",
    action: { ...restart, target: on("DaemonSet", "agent") },
    subject: daemonSet(),
    read: at("spec", "template", "metadata", "annotations"),
    expected: { "kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00.000Z" }
  },
  {
    claim: "a scale writes the absolute number",
    action: scale(5),
    subject: deployment(),
    read: at("spec", "replicas"),
    expected: 5
  },
  {
    claim: "a scale of a StatefulSet too",
    action: { ...scale(1), target: on("StatefulSet", "db") },
    subject: statefulSet(),
    read: at("spec", "replicas"),
    expected: 1
  },
  {
    claim: "a rollback takes the newest revision before the current one",
    action: rollback(),
    subject: deployment(),
    related: revisions,
    read: at("spec", "template", "spec", "containers", 0, "image"),
    expected: "app:2"
  },
  {
    claim: "the template comes without the ReplicaSet's hash",
    action: rollback(),
    subject: deployment(),
    related: revisions,
    read: at("spec", "template", "metadata", "labels"),
    expected: { app: "checkout" }
  },
  {
    claim: "a rollback takes the revision that was asked for",
    action: rollback(1),
    subject: deployment(),
    related: revisions,
    read: at("spec", "template", "spec", "containers", 0, "image"),
    expected: "app:1"
  },
  {
    claim: "another Deployment's ReplicaSet with the same labels is left out",
    action: rollback(),
    subject: deployment(),
    related: [
      replicaSet(1),
      replicaSet(2, "other:2", { ownerReferences: owner("Deployment", "canary") }),
      replicaSet(3)
    ],
    read: at("spec", "template", "spec", "containers", 0, "image"),
    expected: "app:1"
  },
  {
    claim: "a revision with the very template that fails is no way back",
    action: rollback(),
    subject: deployment(),
    related: [replicaSet(1), replicaSet(2, "app:3"), replicaSet(3)],
    read: at("spec", "template", "spec", "containers", 0, "image"),
    expected: "app:1"
  },
  {
    claim: "a revision after the current one is no earlier one",
    action: rollback(),
    subject: deployment(),
    related: [replicaSet(1), replicaSet(2), replicaSet(3), replicaSet(4)],
    read: at("spec", "template", "spec", "containers", 0, "image"),
    expected: "app:2"
  },
  {
    claim: "limits are raised and the rest of the resources stay",
    action: adjust({ limits: { memory: "512Mi" } }),
    subject: deployment(),
    read: resources,
    expected: { requests: { memory: "128Mi", cpu: "100m" }, limits: { memory: "512Mi" } }
  },
  {
    claim: "requests and limits are changed together",
    action: adjust({ requests: { memory: "256Mi" }, limits: { memory: "512Mi", cpu: "1" } }),
    subject: deployment(),
    read: resources,
    expected: { requests: { memory: "256Mi", cpu: "100m" }, limits: { memory: "512Mi", cpu: "1" } }
  },
  {
    claim: "a container without resources gets them",
    action: adjust({ container: "proxy", limits: { memory: "64Mi" } }),
    subject: deployment(),
    read: at("spec", "template", "spec", "containers", 1, "resources"),
    expected: { limits: { memory: "64Mi" } }
  },
  {
    claim: "an autoscaler's maximum is raised",
    action: hpa({ maxReplicas: 8 }),
    subject: autoscaler(),
    read: at("spec", "maxReplicas"),
    expected: 8
  },
  {
    claim: "an autoscaler's absent minimum is set",
    action: hpa({ minReplicas: 3 }),
    subject: autoscaler(),
    read: at("spec", "minReplicas"),
    expected: 3
  },
  { claim: "a node is cordoned", action: cordon, subject: node(), read: at("spec", "unschedulable"), expected: true },
  {
    claim: "a node is uncordoned by taking the mark away",
    action: uncordon,
    subject: node({ unschedulable: true }),
    read: at("spec", "unschedulable"),
    expected: undefined
  },
  {
    claim: "a claim asks for more",
    action: expand("20Gi"),
    subject: claim("10Gi"),
    related: [storageClass(true)],
    read: at("spec", "resources", "requests", "storage"),
    expected: "20Gi"
  },
  {
    claim: "a CronJob is suspended",
    action: suspend,
    subject: cronJob(false),
    read: at("spec", "suspend"),
    expected: true
  },
  {
    claim: "a quarantined pod loses every label by which its owner or a Service selects it, and no other",
    action: quarantine,
    subject: pod("p1"),
    related: [
      replicaSet(3),
      service("web", { tier: "web" }),
      service("other", { tier: "db" }),
      service("headless", undefined)
    ],
    read: at("metadata", "labels"),
    expected: { "kubernaut.dev/quarantine": "true" }
  },
  {
    claim: "a label that selects nothing stays on a quarantined pod",
    action: quarantine,
    subject: pod("p1"),
    related: [replicaSet(3), service("other", { tier: "db" })],
    read: at("metadata", "labels"),
    expected: { tier: "web", "kubernaut.dev/quarantine": "true" }
  }
]

describe("a plan's write", () => {
  it.each(writes)("$claim", ({ expected, read, subject, ...rest }) => {
    const { changes } = accepted({ subject, ...rest })
    assert.strictEqual(changes.length, 1)
    assert.deepStrictEqual(read(patched(subject!, changes[0])), expected)
  })

  it("is the same whenever the same intent is planned on the same object", () => {
    for (const one of writes) assert.deepStrictEqual(made(one), made(one))
  })
})

const sameSpec = (left: KubernetesObject, right: KubernetesObject): boolean => sameJson(unsigned(left), unsigned(right))

describe("an inverse", () => {
  it.each(writes)("puts back what was there: $claim", ({ subject, ...rest }) => {
    const { changes, inverse } = accepted({ subject, ...rest })
    if (inverse._tag !== "Exact" && inverse._tag !== "Partial") return
    assert.strictEqual(inverse.changes.length, 1)
    assert.isFalse(sameSpec(patched(subject!, changes[0]), subject!))
    assert.deepStrictEqual(unsigned(patched(patched(subject!, changes[0]), inverse.changes[0])), subject)
  })

  const tags: ReadonlyArray<readonly [Action["type"], Inverse["_tag"], Plan]> = [
    ["RestartWorkload", "NotNeeded", accepted({ action: restart, subject: deployment() })],
    ["ScaleWorkload", "Exact", accepted({ action: scale(5), subject: deployment() })],
    ["RollbackDeployment", "Exact", accepted({ action: rollback(), subject: deployment(), related: revisions })],
    ["AdjustResources", "Exact", accepted({ action: adjust({ limits: { memory: "512Mi" } }), subject: deployment() })],
    ["PatchHpa", "Exact", accepted({ action: hpa({ maxReplicas: 8 }), subject: autoscaler() })],
    ["EvictPod", "NotNeeded", accepted({ action: evict, subject: pod("p1") })],
    ["CordonNode", "Exact", accepted({ action: cordon, subject: node() })],
    ["UncordonNode", "Exact", accepted({ action: uncordon, subject: node({ unschedulable: true }) })],
    ["DrainNode", "Partial", accepted({ action: drain, subject: node(), related: [pod("p1")] })],
    [
      "ExpandVolume",
      "Irreversible",
      accepted({ action: expand("20Gi"), subject: claim("10Gi"), related: [storageClass(true)] })
    ],
    ["SuspendCronJob", "Exact", accepted({ action: suspend, subject: cronJob() })],
    ["QuarantinePod", "Partial", accepted({ action: quarantine, subject: pod("p1"), related: [replicaSet(3)] })]
  ]
  it.each(tags)("of %s is %s", (_type, tag, { changes, inverse }) => {
    assert.strictEqual(inverse._tag, tag)
    assert.isTrue(Schema.is(Inverse)(inverse))
    for (const change of changes) assert.isTrue(Schema.is(Change)(change))
  })

  const Memory = Schema.Literals(["64Mi", "128Mi", "256Mi"])
  const Resources = Schema.Struct({
    requests: Schema.optionalKey(
      Schema.Struct({ memory: Schema.optionalKey(Memory), cpu: Schema.optionalKey(Schema.Literal("100m")) })
    ),
    limits: Schema.optionalKey(Schema.Struct({ memory: Schema.optionalKey(Memory) }))
  })
  it.prop(
    "of resources restores absent and empty fields as they were",
    [Schema.Union([Resources, Schema.Null]), Resources],
    ([before, asked]) => {
      const container = { name: "app", ...(before === null ? {} : { resources: before }) }
      const subject = deployment({ template: { metadata: {}, spec: { containers: [container] } } })
      const result = made({ action: adjust(asked), subject, context: { approved: true } })
      if (result._tag === "PlanRefusal") return result.rule === "nothing-asked" || result.rule === "request-above-limit"
      if (result.inverse._tag !== "Exact") return result.changes.length === 0
      return (
        sameJson(unsigned(patched(patched(subject, result.changes[0]), result.inverse.changes[0])), unsigned(subject))
        && sameJson(
          at(
            "spec",
            "template",
            "spec",
            "containers",
            0
          )(patched(patched(subject, result.changes[0]), result.inverse.changes[0])),
          container
        )
      )
    },
    { arbitrary: { runs: 500 } }
  )
})

const alreadySo: ReadonlyArray<Case> = [
  { claim: "as many replicas as asked for", action: scale(3), subject: deployment() },
  {
    claim: "one replica asked for and the number absent, which means one",
    action: scale(1),
    subject: deployment({ replicas: undefined })
  },
  {
    claim: "the template of the revision that was asked for",
    action: rollback(3),
    subject: deployment(),
    related: revisions
  },
  {
    claim: "that template but for a null creation time",
    action: rollback(3),
    subject: deployment({
      template: {
        ...templateOf(replicaSet(3) as ReplicaSet),
        metadata: { creationTimestamp: null, labels: { app: "checkout" } }
      }
    }),
    related: revisions
  },
  {
    claim: "the same quantity in other words",
    action: adjust({ limits: { memory: "0.25Gi" } }),
    subject: deployment()
  },
  { claim: "the bounds of an autoscaler", action: hpa({ maxReplicas: 5 }), subject: autoscaler() },
  { claim: "a node that somebody else cordoned", action: cordon, subject: node({ unschedulable: true }) },
  { claim: "a node that is schedulable", action: uncordon, subject: node({ unschedulable: false }) },
  { claim: "a cordoned node with nothing to move", action: drain, subject: node({ unschedulable: true }), related: [] },
  { claim: "a pod that is gone", action: evict, subject: undefined },
  { claim: "a pod on its way out", action: evict, subject: pod("p1", { deletionTimestamp: "2026-11-24T02:59:59Z" }) },
  { claim: "a claim of that size", action: expand("10Gi"), subject: claim("10Gi"), related: [storageClass(true)] },
  { claim: "a suspended CronJob", action: suspend, subject: cronJob(true) },
  {
    claim: "a quarantined pod",
    action: quarantine,
    subject: pod("p1", { labels: { "kubernaut.dev/quarantine": "true" } })
  }
]

describe("where the cluster already is as the action wants it", () => {
  it.each(alreadySo)("nothing is written, and nothing is ever undone: $claim", (one) => {
    const { changes, inverse } = accepted(one)
    assert.deepStrictEqual(changes, [])
    assert.strictEqual(inverse._tag, "NotNeeded")
  })
})

describe("actions that change nothing", () => {
  it.each(["CollectDiagnostics", "Notify"] as const)("%s has no writes, whatever is there", (type) => {
    const action: Action =
      type === "Notify"
        ? { type, target: on("Deployment", "checkout"), reason: "why" }
        : { type, target: on("Deployment", "checkout") }
    assert.deepStrictEqual(accepted({ action, subject: undefined }).changes, [])
  })
})

const refusals: ReadonlyArray<Case & { readonly rule: RefusalRule; readonly approvable?: true }> = [
  { rule: "not-found", claim: "a Deployment that is gone", action: restart, subject: undefined },
  {
    rule: "being-deleted",
    claim: "a Deployment on its way out",
    action: restart,
    subject: deployment({}, { deletionTimestamp: "2026-11-24T02:59:59Z" })
  },
  { rule: "wrong-kind", claim: "a StatefulSet's rollout", action: rollback(), subject: statefulSet() },
  {
    rule: "changed-since-decision",
    claim: "an undo after another rollout",
    action: rollback(),
    subject: deployment(),
    related: revisions,
    context: { decidedOn: observed({ revision: 2 }) }
  },
  {
    rule: "paused",
    claim: "an undo of paused rollouts",
    action: rollback(),
    subject: deployment({ paused: true }),
    related: revisions
  },
  { rule: "paused", claim: "a restart of paused rollouts", action: restart, subject: deployment({ paused: true }) },
  {
    rule: "restart-on-delete",
    claim: "a restart of what is replaced by hand only",
    action: { ...restart, target: on("DaemonSet", "agent") },
    subject: daemonSet({ updateStrategy: { type: "OnDelete" } })
  },
  {
    rule: "autoscaler-owned",
    claim: "a scale against an autoscaler",
    action: scale(5),
    subject: deployment(),
    related: [autoscaler()]
  },
  {
    rule: "no-earlier-revision",
    claim: "an undo of the first rollout",
    action: rollback(),
    subject: deployment(),
    related: [replicaSet(3)]
  },
  {
    rule: "no-such-revision",
    claim: "an undo to a revision that is cleaned up",
    action: rollback(9),
    subject: deployment(),
    related: revisions
  },
  {
    rule: "no-such-container",
    claim: "resources of no container",
    action: adjust({ container: "sidecar", limits: { memory: "1Gi" } }),
    subject: deployment()
  },
  { rule: "nothing-asked", claim: "resources without a figure", action: adjust({}), subject: deployment() },
  { rule: "nothing-asked", claim: "an autoscaler without a figure", action: hpa({}), subject: autoscaler() },
  {
    rule: "request-above-limit",
    claim: "a request above the limit",
    action: adjust({ requests: { memory: "300Mi" } }),
    subject: deployment()
  },
  {
    rule: "lowers-resources",
    claim: "a lower limit",
    approvable: true,
    action: adjust({ limits: { memory: "200Mi" } }),
    subject: deployment()
  },
  {
    rule: "raises-resources-far",
    claim: "more than four times the limit",
    approvable: true,
    action: adjust({ limits: { memory: "1025Mi" } }),
    subject: deployment()
  },
  {
    rule: "minimum-above-maximum",
    claim: "a minimum above the maximum",
    action: hpa({ minReplicas: 6 }),
    subject: autoscaler()
  },
  {
    rule: "lowers-maximum",
    claim: "a lower maximum",
    approvable: true,
    action: hpa({ maxReplicas: 4 }),
    subject: autoscaler()
  },
  {
    rule: "mirror-pod",
    claim: "an eviction of a static pod",
    action: evict,
    subject: pod("p1", { annotations: { "kubernetes.io/config.mirror": "x" } })
  },
  {
    rule: "unmanaged-pod",
    claim: "an eviction of a pod that nobody makes anew",
    action: evict,
    subject: pod("p1", { ownerReferences: [] })
  },
  {
    rule: "unmanaged-pod",
    claim: "a drain that would lose a pod",
    approvable: true,
    action: drain,
    subject: node(),
    related: [pod("p1", { ownerReferences: [] })]
  },
  {
    rule: "local-data",
    claim: "a drain that would lose data",
    approvable: true,
    action: drain,
    subject: node(),
    related: [pod("p1", {}, { volumes: [{ name: "tmp", emptyDir: {} }] })]
  },
  {
    rule: "owner-kind",
    claim: "a quarantine of a StatefulSet's pod",
    action: quarantine,
    subject: pod("p1", { ownerReferences: owner("StatefulSet", "db") })
  },
  {
    rule: "volume-not-bound",
    claim: "a claim without a volume",
    action: expand("20Gi"),
    subject: claim("10Gi", { status: { phase: "Pending" } }),
    related: [storageClass(true)]
  },
  {
    rule: "volume-shrinks",
    claim: "a smaller volume",
    action: expand("5Gi"),
    subject: claim("10Gi"),
    related: [storageClass(true)]
  },
  {
    rule: "volume-not-expandable",
    claim: "a class that does not let its volumes grow",
    action: expand("20Gi"),
    subject: claim("10Gi"),
    related: [storageClass(undefined)]
  },
  { rule: "volume-not-expandable", claim: "a class that is not there", action: expand("20Gi"), subject: claim("10Gi") }
]

describe("a plan is refused", () => {
  it.each(refusals)("$rule: $claim", ({ approvable, rule, ...one }) => {
    const result = made(one)
    assert.strictEqual(result._tag, "PlanRefusal")
    assert.deepStrictEqual(result._tag === "PlanRefusal" ? [result.rule, result.approvable] : [], [
      rule,
      approvable === true
    ])
  })

  it.each(refusals)(
    "a person's approval lifts $rule exactly where it says so: $claim",
    ({ approvable, rule: _rule, ...one }) => {
      const result = made({ ...one, context: { ...one.context, approved: true } })
      assert.strictEqual(result._tag, approvable === true ? "Plan" : "PlanRefusal")
    }
  )

  it("by every rule of the list at least once", () => {
    assert.sameMembers([...new Set(refusals.map(({ rule }) => rule))], [...RefusalRule.literals])
  })
})

describe("what is not refused", () => {
  it("an undo on the revision that it was proposed for", () => {
    assert.strictEqual(
      accepted({
        action: rollback(),
        subject: deployment(),
        related: revisions,
        context: { decidedOn: observed({ revision: 3 }) }
      }).changes.length,
      1
    )
  })

  it("exactly four times a limit", () => {
    assert.strictEqual(
      accepted({ action: adjust({ limits: { memory: "1Gi" } }), subject: deployment() }).changes.length,
      1
    )
  })

  it("a drain past memory-backed volumes", () => {
    const related = [pod("p1", {}, { volumes: [{ name: "cache", emptyDir: { medium: "Memory" } }] })]
    assert.strictEqual(accepted({ action: drain, subject: node(), related }).changes.length, 2)
  })
})

describe("a drain", () => {
  const related = [
    pod("p1"),
    pod("agent", { ownerReferences: owner("DaemonSet", "agent") }),
    pod("static", { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [] }),
    pod("done", { ownerReferences: [] }, {}, { phase: "Succeeded" }),
    pod("leaving", { deletionTimestamp: "2026-11-24T02:59:59Z" }),
    pod("elsewhere", {}, { nodeName: "node-2" }),
    pod("p2")
  ]

  it("cordons first and evicts what can be moved, each by its uid", () => {
    const { changes } = accepted({ action: drain, subject: node(), related })
    assert.deepStrictEqual(
      changes.map((change) => [change._tag, change.ref.name]),
      [
        ["Patch", "node-1"],
        ["Evict", "p1"],
        ["Evict", "p2"]
      ]
    )
    assert.deepStrictEqual(changes[1], { _tag: "Evict", ref: on("Pod", "p1"), uid: "uid-p1" })
  })

  it("does not uncordon what it did not cordon", () => {
    const { changes, inverse } = accepted({ action: drain, subject: node({ unschedulable: true }), related })
    assert.deepStrictEqual(
      changes.map((change) => change._tag),
      ["Evict", "Evict"]
    )
    assert.deepStrictEqual(inverse, { _tag: "Partial", changes: [], remains: "Evicted pods are not moved back." })
  })
})
