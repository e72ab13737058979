/** The effects of faults of the database. */

import { assert } from "@effect/vitest"
import { effectsOn } from "../../fixtures/Effects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import type { Case, Cases, Parameters } from "../../fixtures/Witness.ts"

/** The database accepts nothing while the fault is active. */
const storesNothing = (parameters: Parameters): Case => ({
  parameters,
  claim: `${JSON.stringify(parameters)}: nothing is committed, new alerts are acknowledged as spooled, and pending work completes afterwards`,
  shows: (seen) => {
    assert.deepStrictEqual(seen.events("during"), [])
    assert.deepStrictEqual(
      seen.seen("AlertAnswered", "during").filter(({ spooled, status }) => status === "accepted" && spooled !== true),
      []
    )
    assert.isAbove(seen.seen("AlertAnswered", "after").length, undisturbed.seen("AlertAnswered", "after").length)
  }
})

const storageCases: Cases = {
  "storage-down": [storesNothing({ share: 1 })],
  "storage-locked": [storesNothing({ share: 1 })],
  "storage-full": [storesNothing({ share: 1, givesUp: true }), storesNothing({ share: 1, givesUp: false })],
  "storage-slow": [
    {
      parameters: { takesMs: 2_000 },
      claim: "commits are at least two seconds apart",
      shows: (seen) => {
        const at = seen.seen("Committed", "during").map(({ atMs }) => atMs)
        assert.isAbove(at.length, 5)
        assert.isTrue(at.every((ms, index) => index === 0 || ms - at[index - 1]! >= 2_000))
        const quick = seen.seen("Committed", "after").map(({ atMs }) => atMs)
        assert.isTrue(quick.some((ms, index) => index > 0 && ms - quick[index - 1]! < 1_000))
      }
    }
  ],
  "storage-commit-unknown": [
    {
      parameters: { share: 0.3, kept: true },
      claim: "the process ends in the moment of a commit that was kept",
      shows: (seen) => {
        const ended = seen.seen("ProcessEnded", "during")
        assert.isAbove(ended.length, 0)
        assert.isTrue(ended.some(({ atMs }) => seen.seen("Committed").some((commit) => commit.atMs === atMs)))
        assert.deepStrictEqual(seen.seen("ProcessEnded", "after"), [])
      }
    },
    storesNothing({ share: 1, kept: false })
  ],
  "storage-broken": [
    {
      parameters: { share: 1 },
      forMs: 30_000,
      claim: "the sweep fails until the fault has healed, and the process does not end",
      shows: (seen) => {
        assert.isAbove(seen.seen("SweepBroke", "during").length, 0)
        assert.deepStrictEqual(seen.seen("SweepBroke", "after"), [])
        assert.deepStrictEqual(seen.seen("ProcessEnded"), [])
      }
    }
  ]
}

effectsOn(["database"], storageCases)
