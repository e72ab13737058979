import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { Change, Inverse } from "../../src/domain/Change.ts"
import type { Plan } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { ReplicaSet } from "../../src/kubernetes/ObjectModel.ts"
import { withoutHash } from "../../src/kubernetes/Revision.ts"
import { sameJson } from "../../src/kubernetes/SameJson.ts"
import {
  autoscaler,
  claim,
  controllerRevision,
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
  template,
  unsigned
} from "./objects.ts"
import {
  acceptedPlan,
  adjust,
  at,
  cordon,
  drain,
  evict,
  expand,
  on,
  patchHpa,
  planOf,
  quarantine,
  restart,
  restartAgent,
  restartDb,
  revisions,
  rollback,
  scale,
  suspend,
  uncordon
} from "./plans.ts"

const replicas = at("spec", "replicas")
const image = at("spec", "template", "spec", "containers", 0, "image")
const templateLabels = at("spec", "template", "metadata", "labels")
const templateAnnotations = at("spec", "template", "metadata", "annotations")
const resources = at("spec", "template", "spec", "containers", 0, "resources")
const proxyResources = at("spec", "template", "spec", "containers", 1, "resources")
const unschedulable = at("spec", "unschedulable")
const storage = at("spec", "resources", "requests", "storage")
const labels = at("metadata", "labels")

const restarted = { "kubectl.kubernetes.io/restartedAt": "2026-11-24T03:00:00.000Z" }
const canary = replicaSet(2, "other:2", { ownerReferences: owner("Deployment", "canary") })
const failing = replicaSet(2, "app:3")
const services = [service("web", { tier: "web" }), service("other", { tier: "db" }), service("headless", undefined)]

const rolledBack = (expected: string, related: ReadonlyArray<KubernetesObject>, toRevision?: number) =>
  [expected, image, rollback(toRevision), deployment(), related] as const
const db = (image: string) => statefulSet({ template: template(image) })
const agent = (image: string) => daemonSet({ template: template(image) })
const rolledBackTo = (
  expected: string,
  subject: KubernetesObject,
  images: ReadonlyArray<string>,
  toRevision?: number
) => {
  const history = images.map((image, index) => controllerRevision(subject, index + 1, image))
  return [expected, image, rollback(toRevision, on(subject.kind, subject.metadata.name)), subject, history] as const
}
const labelsOfRevision = () => {
  const [, , action, subject, history] = rolledBackTo("db:1", db("db:2"), ["db:1", "db:2"])
  return [{ labels: { app: "checkout" } }, at("spec", "template", "metadata"), action, subject, history] as const
}
const quarantined = (remaining: object, services: ReadonlyArray<KubernetesObject>) =>
  [
    { ...remaining, "kubernaut.dev/quarantine": "true" },
    labels,
    quarantine,
    pod("p1"),
    [replicaSet(3), ...services]
  ] as const

const raise = adjust({ limits: { memory: "512Mi" } })
const raised = { requests: { memory: "128Mi", cpu: "100m" }, limits: { memory: "512Mi" } }
const raiseBoth = adjust({ requests: { memory: "256Mi" }, limits: { memory: "512Mi", cpu: "1" } })
const raisedBoth = { requests: { memory: "256Mi", cpu: "100m" }, limits: { memory: "512Mi", cpu: "1" } }
const proxy = adjust({ container: "proxy", limits: { memory: "64Mi" } })

/** The effect of the only write on the subject. */
const writes: ReadonlyArray<
  readonly [
    claim: string,
    expected: unknown,
    read: (object: KubernetesObject) => unknown,
    action: Action,
    subject: KubernetesObject,
    related?: ReadonlyArray<KubernetesObject>
  ]
> = [
  ["a restart writes the time of the intent", restarted, templateAnnotations, restart, deployment()],
  ["a restart of a DaemonSet writes the same annotation", restarted, templateAnnotations, restartAgent, daemonSet()],
  ["a restart of a StatefulSet writes the same annotation", restarted, templateAnnotations, restartDb, statefulSet()],
  ["a StatefulSet's limit is raised", raised, resources, { ...raise, target: on("StatefulSet", "db") }, statefulSet()],
  ["a DaemonSet's limit is raised", raised, resources, { ...raise, target: on("DaemonSet", "agent") }, daemonSet()],
  ["a scale writes the absolute number", 5, replicas, scale(5), deployment()],
  [
    "a scale of a StatefulSet writes the absolute number",
    1,
    replicas,
    scale(1, on("StatefulSet", "db")),
    statefulSet()
  ],
  ["a rollback restores the newest revision before the current one", ...rolledBack("app:2", revisions)],
  ["a rollback restores the requested revision", ...rolledBack("app:1", revisions, 1)],
  [
    "a rollback ignores a ReplicaSet of another Deployment",
    ...rolledBack("app:1", [replicaSet(1), canary, replicaSet(3)])
  ],
  [
    "a rollback skips a revision with the failing template",
    ...rolledBack("app:1", [replicaSet(1), failing, replicaSet(3)])
  ],
  ["a rollback ignores a revision after the current one", ...rolledBack("app:2", [...revisions, replicaSet(4)])],
  ["a rollback omits the hash label", { app: "checkout" }, templateLabels, rollback(), deployment(), revisions],
  ["a rollback of a StatefulSet restores the revision before", ...rolledBackTo("db:1", db("db:2"), ["db:1", "db:2"])],
  [
    "a rollback of a StatefulSet restores the requested revision",
    ...rolledBackTo("db:1", db("db:3"), ["db:1", "db:2", "db:3"], 1)
  ],
  ["a rollback of a StatefulSet restores no null creation time and no patch strategy", ...labelsOfRevision()],
  [
    "a rollback of a StatefulSet whose newest template has no revision yet restores the newest revision",
    ...rolledBackTo("db:2", db("db:3"), ["db:1", "db:2"])
  ],
  [
    "a rollback of a DaemonSet restores the revision before",
    ...rolledBackTo("agent:2", agent("agent:3"), ["agent:1", "agent:2", "agent:3"])
  ],
  [
    "a rollback of a DaemonSet restores the requested revision",
    ...rolledBackTo("agent:1", agent("agent:3"), ["agent:1", "agent:2", "agent:3"], 1)
  ],
  ["a raised limit leaves the other resources unchanged", raised, resources, raise, deployment()],
  ["requests and limits change together", raisedBoth, resources, raiseBoth, deployment()],
  ["a container without resources gets them", { limits: { memory: "64Mi" } }, proxyResources, proxy, deployment()],
  ["an autoscaler's maximum is raised", 8, at("spec", "maxReplicas"), patchHpa({ maxReplicas: 8 }), autoscaler()],
  ["an autoscaler's absent minimum is set", 3, at("spec", "minReplicas"), patchHpa({ minReplicas: 3 }), autoscaler()],
  ["a node is cordoned", true, unschedulable, cordon, node()],
  ["a node is uncordoned by removing the field", undefined, unschedulable, uncordon, node({ unschedulable: true })],
  ["a claim requests more storage", "20Gi", storage, expand("20Gi"), claim("10Gi"), [storageClass(true)]],
  ["a CronJob is suspended", true, at("spec", "suspend"), suspend, cronJob(false)],
  ["a quarantined pod loses every label that its owner or a Service selects", ...quarantined({}, services)],
  [
    "a quarantined pod keeps a label that nothing selects",
    ...quarantined({ tier: "web" }, [service("other", { tier: "db" })])
  ]
]

describe("a plan's write", () => {
  for (const [claim, expected, read, action, subject, related] of writes) {
    it(`${claim}`, () => {
      const { changes } = acceptedPlan(action, subject, related)
      assert.strictEqual(changes.length, 1)
      assert.deepStrictEqual(read(patched(subject, changes[0])), expected)
    })
  }

  it("is the same each time that the same action is planned on the same object", () => {
    for (const [, , , action, subject, related] of writes)
      assert.deepStrictEqual(planOf(action, subject, related), planOf(action, subject, related))
  })
})

const sameSpec = (left: KubernetesObject, right: KubernetesObject): boolean => sameJson(unsigned(left), unsigned(right))

describe("an inverse", () => {
  const withoutChanges = new Set<Action["type"]>(["RestartWorkload", "ExpandVolume"])
  for (const [claim, , , action, subject, related] of writes.filter(([, , , { type }]) => withoutChanges.has(type))) {
    it(`has no changes: ${claim}`, () => {
      assert.notProperty(acceptedPlan(action, subject, related).inverse, "changes")
    })
  }

  for (const [claim, , , action, subject, related] of writes.filter(([, , , { type }]) => !withoutChanges.has(type))) {
    it(`restores the object: ${claim}`, () => {
      const { changes, inverse } = acceptedPlan(action, subject, related)
      if (inverse._tag !== "Exact" && inverse._tag !== "Partial") return assert.fail(inverse._tag)
      assert.strictEqual(inverse.changes.length, 1)
      assert.isFalse(sameSpec(patched(subject, changes[0]), subject))
      assert.deepStrictEqual(unsigned(patched(patched(subject, changes[0]), inverse.changes[0])), subject)
    })
  }

  const tags: ReadonlyArray<readonly [Action["type"], Inverse["_tag"], Plan]> = [
    ["RestartWorkload", "NotNeeded", acceptedPlan(restart, deployment())],
    ["ScaleWorkload", "Exact", acceptedPlan(scale(5), deployment())],
    ["RollbackDeployment", "Exact", acceptedPlan(rollback(), deployment(), revisions)],
    ["AdjustResources", "Exact", acceptedPlan(adjust({ limits: { memory: "512Mi" } }), deployment())],
    ["PatchHpa", "Exact", acceptedPlan(patchHpa({ maxReplicas: 8 }), autoscaler())],
    ["EvictPod", "NotNeeded", acceptedPlan(evict, pod("p1"))],
    ["CordonNode", "Exact", acceptedPlan(cordon, node())],
    ["UncordonNode", "Exact", acceptedPlan(uncordon, node({ unschedulable: true }))],
    ["DrainNode", "Partial", acceptedPlan(drain, node(), [pod("p1")])],
    ["ExpandVolume", "Irreversible", acceptedPlan(expand("20Gi"), claim("10Gi"), [storageClass(true)])],
    ["SuspendCronJob", "Exact", acceptedPlan(suspend, cronJob())],
    ["QuarantinePod", "Partial", acceptedPlan(quarantine, pod("p1"), [replicaSet(3)])]
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
    "of a resource change restores absent and empty fields exactly",
    [Schema.Union([Resources, Schema.Null]), Resources],
    ([before, requested]) => {
      const container = { name: "app", ...(before === null ? {} : { resources: before }) }
      const subject = deployment({ template: { metadata: {}, spec: { containers: [container] } } })
      const result = planOf(adjust(requested), subject)
      if (result._tag === "PlanRefusal") return result.rule === "nothing-asked" || result.rule === "request-above-limit"
      if (result.inverse._tag !== "Exact") return result.changes.length === 0
      const restored = patched(patched(subject, result.changes[0]), result.inverse.changes[0])
      return (
        sameJson(unsigned(restored), unsigned(subject))
        && sameJson(at("spec", "template", "spec", "containers", 0)(restored), container)
      )
    },
    { arbitrary: { runs: 500 } }
  )
})

const nullCreationTime = {
  ...withoutHash((replicaSet(3) as ReplicaSet).spec.template),
  metadata: { creationTimestamp: null, labels: { app: "checkout" } }
}

const inRevision = (subject: KubernetesObject) =>
  [
    rollback(1, on(subject.kind, subject.metadata.name)),
    subject,
    [controllerRevision(subject, 1, `${subject.metadata.name}:2`)]
  ] as const

const inRequestedState: ReadonlyArray<
  readonly [
    claim: string,
    action: Action,
    subject: KubernetesObject | undefined,
    related?: ReadonlyArray<KubernetesObject>
  ]
> = [
  ["the requested replica count", scale(3), deployment()],
  ["one requested replica and an absent count, which means one", scale(1), deployment({ replicas: undefined })],
  ["the template of the requested revision", rollback(3), deployment(), revisions],
  ["the template of the requested revision of a StatefulSet", ...inRevision(db("db:2"))],
  ["the template of the requested revision of a DaemonSet", ...inRevision(agent("agent:2"))],
  ["that template with a null creation time", rollback(3), deployment({ template: nullCreationTime }), revisions],
  ["the requested quantity in another form", adjust({ limits: { memory: "0.25Gi" } }), deployment()],
  ["the requested bounds of an autoscaler", patchHpa({ maxReplicas: 5 }), autoscaler()],
  ["a node that somebody else cordoned", cordon, node({ unschedulable: true })],
  ["a schedulable node", uncordon, node({ unschedulable: false })],
  ["a cordoned node with no pods to evict", drain, node({ unschedulable: true })],
  ["a pod that is gone", evict, undefined],
  ["a terminating pod", evict, pod("p1", { deletionTimestamp: "2026-11-24T02:59:59Z" })],
  ["a claim of the requested size", expand("10Gi"), claim("10Gi"), [storageClass(true)]],
  ["a suspended CronJob", suspend, cronJob(true)],
  ["a quarantined pod", quarantine, pod("p1", { labels: { "kubernaut.dev/quarantine": "true" } })]
]

describe("a plan writes and undoes nothing if the cluster is already in the requested state", () => {
  for (const [claim, ...given] of inRequestedState) {
    it(`${claim}`, () => {
      const { changes, inverse } = acceptedPlan(...given)
      assert.deepStrictEqual(changes, [])
      assert.strictEqual(inverse._tag, "NotNeeded")
    })
  }
})
