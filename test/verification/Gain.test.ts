import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { gainOf } from "../../src/verification/Gain.ts"
import { bare, healthy, intent, on, pod } from "./evidence.ts"

const target = healthy().ref
const scale: Action = { type: "ScaleWorkload", target, replicas: 5 }
const rollback: Action = { type: "RollbackDeployment", target }
const cordon: Action = { type: "CordonNode", target: on("Node") }
const uncordon: Action = { type: "UncordonNode", target: on("Node") }
const sick = bare("Node", { conditions: [{ type: "Ready", status: "False", reason: "KubeletNotReady" }] })

interface Row {
  readonly claim: string
  readonly action: Action
  readonly before: WorkloadState
  readonly now: WorkloadState | null
  readonly reasons?: ReadonlyArray<string>
}

const five = { desiredReplicas: 5, readyReplicas: 5, updatedReplicas: 5, availableReplicas: 5 }
const four = { desiredReplicas: 5, readyReplicas: 4, updatedReplicas: 5, availableReplicas: 4 }
const stuck = healthy({ updatedReplicas: 1, pods: [pod("a"), pod("b"), pod("c")] })
const old = [pod("a", { current: false }), pod("b", { current: false }), pod("d", { ready: false, current: true })]

const lost: ReadonlyArray<Row> = [
  { claim: "replicas that were added and are ready", action: scale, before: healthy(), now: healthy(five) },
  { claim: "those of the added replicas that are ready", action: scale, before: healthy(), now: healthy(four) },
  { claim: "the health of a rollout that was stuck", action: rollback, before: stuck, now: healthy() },
  { claim: "the cordon of a node that is not well", action: cordon, before: sick, now: sick }
]

const free: ReadonlyArray<Row> = [
  { claim: "of a target that was not read", action: scale, before: healthy(), now: null },
  { claim: "of another object of this name", action: scale, before: healthy(), now: healthy({ ...five, uid: "new" }) },
  {
    claim: "of replicas that are not ready",
    action: scale,
    before: healthy({ readyReplicas: 0 }),
    now: healthy({ ...five, readyReplicas: 0, availableReplicas: 0 })
  },
  {
    claim: "of pods that restart",
    action: rollback,
    before: healthy({ readyReplicas: 1, availableReplicas: 1 }),
    now: healthy({ readyReplicas: 2, availableReplicas: 2 }),
    reasons: ["restarting: checkout-a"]
  },
  {
    claim: "where only pods of the template before are ready",
    action: rollback,
    before: healthy({ readyReplicas: 1, availableReplicas: 1 }),
    now: healthy({ readyReplicas: 2, availableReplicas: 2, updatedReplicas: 1, pods: old })
  },
  { claim: "where nothing was wrong before", action: rollback, before: healthy(), now: healthy() },
  { claim: "of the cordon of a node that is well", action: cordon, before: bare("Node"), now: bare("Node") },
  { claim: "of an uncordoned node that is not well", action: uncordon, before: sick, now: sick }
]

describe("the undo of an action that did not help", () => {
  it.each(lost)("would cost $claim", ({ action, before, now, reasons = ["alert-firing"] }) => {
    assert.isDefined(gainOf(intent({ action, baseline: before }), { observed: now, reasons }))
  })

  it.each(free)("costs nothing, $claim", ({ action, before, now, reasons = ["alert-firing"] }) => {
    assert.isUndefined(gainOf(intent({ action, baseline: before }), { observed: now, reasons }))
  })
})

describe("the undo of a creation", () => {
  const gone = healthy({ exists: false, uid: null, readyReplicas: null, desiredReplicas: null, pods: [] })
  const restores: Action = { type: "RestoreObject", target, change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV" }
  const created = intent({
    action: restores,
    baseline: gone,
    changes: [{ _tag: "Create", ref: target, manifest: {} }],
    inverse: { _tag: "Exact", changes: [], removesCreated: [target] }
  })
  const gain = (change: Parameters<typeof healthy>[0]) =>
    gainOf(created, { observed: healthy({ uid: "new", ...change }), reasons: ["alert-firing"] })

  it("would cost the target that did not exist before, once a pod of it is ready", () => {
    assert.isDefined(gain({}))
    assert.isDefined(gain({ readyReplicas: 1, availableReplicas: 1 }))
  })

  it("costs nothing while no pod of it is ready", () => {
    assert.isUndefined(gain({ readyReplicas: 0, availableReplicas: 0 }))
  })

  it("costs nothing where the target was made by somebody else", () => {
    const other = { ...created, changes: [] }
    assert.isUndefined(gainOf(other, { observed: healthy({ uid: "new" }), reasons: ["alert-firing"] }))
  })
})
