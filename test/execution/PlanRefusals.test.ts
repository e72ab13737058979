import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import { type PlanContext, RefusalRule } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { observed } from "../decision/situations.ts"
import {
  autoscaler,
  claim,
  daemonSet,
  deployment,
  node,
  owner,
  pod,
  replicaSet,
  statefulSet,
  storageClass,
  template
} from "./objects.ts"
import {
  acceptedPlan,
  adjust,
  drain,
  evict,
  expand,
  patchHpa,
  planOf,
  quarantine,
  restart,
  restartAgent,
  revisions,
  rollback,
  scale
} from "./plans.ts"

interface More {
  readonly related?: ReadonlyArray<KubernetesObject>
  readonly context?: Partial<PlanContext>
  /** Whether it is an ask, which an approval lifts. Default false. */
  readonly approvable?: true
}

const approvable: More = { approvable: true }
const history: More = { related: revisions }
const decidedEarlier: More = { ...history, context: { decidedOn: observed({ revision: 2 }) } }
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
const unbound = claim("10Gi", { status: { phase: "Pending" } })

const refusals: ReadonlyArray<
  readonly [rule: RefusalRule, claim: string, action: Action, subject: KubernetesObject | undefined, more?: More]
> = [
  ["not-found", "a Deployment that does not exist", restart, undefined],
  ["being-deleted", "a terminating Deployment", restart, terminating],
  ["wrong-kind", "a rollback of a StatefulSet", rollback(), statefulSet()],
  ["changed-since-decision", "a rollback after another rollout", rollback(), deployment(), decidedEarlier],
  ["paused", "a rollback of a paused rollout", rollback(), deployment({ paused: true }), history],
  ["paused", "a restart of a paused rollout", restart, deployment({ paused: true })],
  ["restart-on-delete", "a restart with the update strategy OnDelete", restartAgent, onDelete],
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
  ["unmanaged-pod", "a drain that would lose a pod", drain, node(), { ...approvable, related: [unmanaged] }],
  ["local-data", "a drain that would lose data", drain, node(), { ...approvable, related: [withLocalData] }],
  ["owner-kind", "a quarantine of a StatefulSet's pod", quarantine, ofStatefulSet],
  ["volume-not-bound", "a claim without a volume", expand("20Gi"), unbound, expandable],
  ["volume-shrinks", "a smaller volume", expand("5Gi"), claim("10Gi"), expandable],
  ["volume-not-expandable", "a class without volume expansion", expand("20Gi"), claim("10Gi"), notExpandable],
  ["volume-not-expandable", "a class that does not exist", expand("20Gi"), claim("10Gi")]
]

describe("a plan is refused, or asks for an approval", () => {
  for (const [rule, claim, action, subject, { approvable = false, context, related } = {}] of refusals) {
    it(`${rule}: ${claim}`, () => {
      const result = planOf(action, subject, related, context)
      assert.deepStrictEqual(
        [result._tag, result._tag === "Plan" ? result.asks.map((ask) => ask.rule) : result.rule],
        approvable ? ["Plan", [rule]] : ["PlanRefusal", rule]
      )
    })
  }

  it("by every rule at least once in this table", () => {
    assert.sameMembers([...new Set(refusals.map(([rule]) => rule))], [...RefusalRule.literals])
  })
})

describe("a plan is accepted", () => {
  it("for a rollback of the revision that it was proposed for", () => {
    const context = { decidedOn: observed({ revision: 3 }) }
    assert.strictEqual(acceptedPlan(rollback(), deployment(), revisions, context).changes.length, 1)
  })

  it("for exactly four times a limit", () => {
    assert.strictEqual(acceptedPlan(adjust({ limits: { memory: "1Gi" } }), deployment()).changes.length, 1)
  })

  it("for a fractional quantity within four times the limit", () => {
    assert.strictEqual(acceptedPlan(adjust({ limits: { memory: "0.5Gi" } }), deployment()).changes.length, 1)
  })

  it("without a write for the same limit in another form", () => {
    for (const memory of ["262144Ki", "0.25Gi", "268435456", "268435456e0"])
      assert.deepStrictEqual(acceptedPlan(adjust({ limits: { memory } }), deployment()).changes, [], memory)
  })

  it("for a drain of pods with memory-backed volumes", () => {
    const related = [pod("p1", {}, { volumes: [{ name: "cache", emptyDir: { medium: "Memory" } }] })]
    assert.strictEqual(acceptedPlan(drain, node(), related).changes.length, 2)
  })
})
