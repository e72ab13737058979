import { assert, describe, it } from "@effect/vitest"
import { catalog, entryOf, exceeds, isAllowedAt } from "../../src/decision/ActionCatalog.ts"
import { Action, isReadOnly } from "../../src/domain/Action.ts"
import type { ActionType } from "../../src/domain/Action.ts"
import { actions, actionTypes } from "./situations.ts"

// The table of the module comment, so that neither changes without the other.
const table: ReadonlyArray<readonly [ActionType, risk: string, reversibility: string, levels: ReadonlyArray<number>]> =
  [
    ["RestartWorkload", "low", "not-needed", [0, 1, 2]],
    ["ScaleWorkload", "low", "exact", [0, 1, 2]],
    ["RollbackDeployment", "medium", "exact", [0, 1, 2]],
    ["AdjustResources", "medium", "exact", [0, 1, 2]],
    ["PatchHpa", "low", "exact", [0, 1, 2]],
    ["EvictPod", "low", "not-needed", [0, 1, 2]],
    ["CordonNode", "low", "exact", [0, 1, 2]],
    ["UncordonNode", "medium", "exact", [0, 1]],
    ["DrainNode", "high", "partial", [0]],
    ["ExpandVolume", "high", "irreversible", [0]],
    ["SuspendCronJob", "medium", "exact", [0]],
    ["QuarantinePod", "medium", "partial", [0]],
    ["RestoreObject", "medium", "exact", [0, 1, 2]],
    ["CollectDiagnostics", "none", "read-only", [0, 1, 2]],
    ["Notify", "none", "read-only", [0, 1, 2]]
  ]

describe("ActionCatalog", () => {
  it("has an entry for exactly the action types of the domain", () => {
    const known = Action.members.map((member) => member.fields.type.literal)
    assert.sameMembers(
      catalog.map((entry) => entry.type),
      known
    )
    assert.sameMembers(
      table.map(([type]) => type),
      known
    )
    assert.sameMembers([...actionTypes], known)
  })

  it.each(table)(
    "%s has risk %s, reversibility %s, and runs automatically at levels %j",
    (type, risk, reversibility, levels) => {
      const entry = entryOf(type)
      assert.strictEqual(entry.risk, risk)
      assert.strictEqual(entry.reversibility, reversibility)
      assert.deepStrictEqual(
        ([0, 1, 2, 3] as const).filter((level) => isAllowedAt(type, level)),
        levels
      )
    }
  )

  it("lets no action run in emergency mode", () => {
    for (const { type } of catalog) assert.isFalse(isAllowedAt(type, 3))
  })

  it("marks an action as safe only if it is a priority, is not of high risk, and leaves nothing behind that can't be undone", () => {
    for (const entry of catalog.filter(({ safe }) => safe)) {
      assert.isTrue(entry.priority, entry.type)
      assert.notStrictEqual(entry.risk, "high", entry.type)
      assert.include(["exact", "not-needed", "read-only"], entry.reversibility, entry.type)
    }
  })

  it("marks exactly the read-only actions of the domain as read-only", () => {
    for (const { reversibility, type } of catalog)
      assert.strictEqual(reversibility === "read-only", isReadOnly(actions[type]), type)
  })

  it("ranks risks none, low, medium, high", () => {
    assert.isTrue(exceeds("high", "medium"))
    assert.isTrue(exceeds("low", "none"))
    assert.isFalse(exceeds("medium", "medium"))
    assert.isFalse(exceeds("low", "high"))
  })
})
