/** A rollback without a revision to restore is known before anything is planned. */

import { assert, describe, it } from "@effect/vitest"
import { decide } from "../../src/decision/Decider.ts"
import { findings } from "../../src/decision/Guardrails.ts"
import { actions, input, investigation, observed } from "./situations.ts"

const rollbackOf = (toRevision?: number) =>
  toRevision === undefined ? actions.RollbackDeployment : { ...actions.RollbackDeployment, toRevision }

const situation = (earlierRevisions: ReadonlyArray<number> | null, toRevision?: number) => {
  const proposal = investigation({ action: rollbackOf(toRevision) })
  return { ...input({ observed: observed({ earlierRevisions }) }), investigation: proposal }
}

const table: ReadonlyArray<readonly [claim: string, found: ReadonlyArray<string>, ReturnType<typeof situation>]> = [
  ["of a workload that is known to have no earlier revision blocks", ["block no-earlier-revision"], situation([])],
  ["to a revision that is known not to exist blocks", ["block no-such-revision"], situation([2, 1], 7)],
  ["to an earlier revision of a workload that has none blocks", ["block no-such-revision"], situation([], 2)],
  ["to an earlier revision that exists passes", [], situation([2, 1], 2)],
  ["to the present revision passes, and then has nothing to do", [], situation([2, 1], 3)],
  ["of a workload whose revisions could not be read passes: not known is not none", [], situation(null)]
]

describe("a rollback", () => {
  for (const [claim, expected, given] of table) {
    it(`${claim}`, () => {
      assert.deepStrictEqual(
        findings(given).map(({ effect, reason }) => `${effect} ${reason.rule}`),
        expected
      )
    })
  }

  it("of a workload that was created again since the investigation is investigated again, not refused", () => {
    const given = situation([])
    const recreated = { ...given, observed: { ...given.observed!, uid: "another" } }
    assert.strictEqual(decide(recreated).outcome, "investigate")
  })

  it("without an earlier revision escalates, and the decision names it", () => {
    const { outcome, reasons } = decide(situation([]))
    assert.strictEqual(outcome, "escalate")
    assert.include(reasons.map(({ message }) => message).join(" "), "has no earlier revision to roll back to")
  })
})
