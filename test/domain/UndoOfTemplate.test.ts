import { assert, describe, it } from "@effect/vitest"
import { fromMillis, toMillis } from "../../src/domain/Timestamp.ts"
import { undoOf } from "../../src/domain/UndoOfTemplate.ts"
import { observed, recorded } from "../decision/situations.ts"

const ref = { namespace: "shop", kind: "Deployment", name: "checkout" }
const inTemplate = { path: ["spec", "template", "spec", "dnsPolicy"], before: "ClusterFirst", after: "None" }
const replicas = { path: ["spec", "replicas"], before: 3, after: 0 }
const change = recorded({ ref, fields: [inTemplate] })
const minuteBefore = fromMillis(toMillis(change.at) - 60_000)
const state = observed({ earlierRevisions: [1, 2] })

describe("the undo of a change", () => {
  it("is a rollback where the whole revision was the change and an earlier revision exists", () => {
    assert.deepStrictEqual(undoOf(change, state), { type: "RollbackDeployment", target: ref })
  })

  it.each([
    ["of other fields", recorded({ ref, fields: [replicas] }), state, []],
    ["of the template and of other fields", recorded({ ref, fields: [inTemplate, replicas] }), state, []],
    ["without an earlier revision", change, observed({ earlierRevisions: [] }), []],
    ["whose earlier revisions are not known", change, observed({ earlierRevisions: null }), []],
    ["of a target that could not be read", change, null, []],
    ["of another workload than the target", recorded({ ...change, ref: { ...ref, name: "cart" } }), state, []],
    ["of a kind without revisions", recorded({ ref: { ...ref, kind: "CronJob" }, fields: [inTemplate] }), state, []],
    ["of a workload that was deleted", recorded({ ref, operation: "deleted", fields: [] }), state, []],
    [
      "after which somebody has changed the template again",
      change,
      state,
      [{ ...change, id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAW" }]
    ]
  ] as const)("is a restoration of the fields for a change %s", (_, each, seen, others) => {
    assert.deepStrictEqual(undoOf(each, seen, others), { type: "RestoreObject", target: each.ref, change: each.id })
  })

  it("stays a rollback after a later change of other fields, and after an earlier one of the template", () => {
    const later = { ...recorded({ ref, fields: [replicas] }), id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAW" }
    const earlier = { ...change, id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAA", at: minuteBefore }
    assert.strictEqual(undoOf(change, state, [later, earlier, change]).type, "RollbackDeployment")
  })

  it("is a restoration where one revision holds an earlier change, too: a rollback would take both back", () => {
    const earlier = { ...change, id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAA" }
    assert.strictEqual(undoOf(change, state, [earlier, change]).type, "RestoreObject")
    const paused = { path: ["spec", "paused"], before: true, after: false }
    const resumed = { ...recorded({ ref, fields: [paused] }), id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAW" }
    const long = { ...earlier, at: minuteBefore }
    assert.strictEqual(undoOf(change, state, [resumed, long, change]).type, "RestoreObject")
  })

  it("is a restoration where the template is known to have been changed again, such as by a restart", () => {
    assert.strictEqual(undoOf(change, state, [], true).type, "RestoreObject")
  })
})
