import { assert, describe, it } from "@effect/vitest"
import type { Change } from "../../../src/domain/Change.ts"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import type { RollbackTrigger } from "../../../src/domain/Rollback.ts"
import { takesOver } from "../../../src/storage/sqlite/Handover.ts"
import {
  accepted,
  decided,
  executed,
  intent,
  investigated,
  remediationOf,
  verified
} from "../../remediation/journals.ts"

const at = "1970-01-01T00:00:00.000Z"
const patch = [{ op: "replace", path: "/spec/replicas", value: 3 }] as const
const change: Change = { _tag: "Patch", ref: intent.action.target, patch: [...patch] }

/** A remediation whose action was written, and whose rollback has ended in a state. */
const after = (trigger: RollbackTrigger, state: "RolledBack" | "Escalated") => {
  const events: ReadonlyArray<RemediationEvent> = [
    accepted(),
    investigated,
    decided("execute"),
    { _tag: "Intended", intent: { ...intent, changes: [change] } },
    executed({}),
    verified("not-fixed"),
    { _tag: "RollbackRequested", request: { trigger, undoes: intent.executionId, at } },
    { _tag: "Concluded", state, reason: "test" }
  ]
  return takesOver(remediationOf(...events))
}

describe("after a rollback", () => {
  it("a joined alert that is worse or of another name takes over: nothing of the action is left", () => {
    assert.strictEqual(after("failed-health-check", "RolledBack"), "better")
  })

  it("a person has decided about the alerts until then, and about none that joined later", () => {
    assert.strictEqual(after("operator", "RolledBack"), "later")
    assert.strictEqual(after("operator", "Escalated"), "later")
  })

  it("no joined alert takes over where the change is still there", () => {
    assert.strictEqual(after("failed-health-check", "Escalated"), "none")
  })
})
