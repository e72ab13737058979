/** The effects of faults of the spool's disk, while the database is away and while it is not. */

import { assert } from "@effect/vitest"
import { answers, delayMs } from "../../fixtures/Alerts.ts"
import { effectsOn } from "../../fixtures/Effects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import { type Case, type Cases, fromMs, type Parameters, toMs, type Witness } from "../../fixtures/Witness.ts"

const spooled = (seen: Witness) => answers(seen, "during").filter((answer) => answer.spooled === true)

/** A post that arrives in the millisecond in which the fault begins may come before it. */
const acknowledged = (seen: Witness) => answers(seen, "during").filter(({ atMs }) => atMs > fromMs)

/** Neither the database nor the spool takes anything: nothing is acknowledged, and everything is sent again. */
const takesNothing = (parameters: Parameters): Case => ({
  parameters: { ...parameters, database: true },
  claim: `${JSON.stringify(parameters)}: nothing is acknowledged, and everything is when it has healed`,
  shows: (seen) => {
    assert.deepStrictEqual(acknowledged(seen), [])
    assert.isAbove(answers(seen, "after").length, undisturbed.seen("AlertAnswered", "after").length)
  }
})

/** With a database that works, a broken spool is not noticed by any sender. */
const isNotNoticed = (parameters: Parameters): Case => ({
  parameters: { ...parameters, database: false },
  claim: `${JSON.stringify(parameters)}: with a database that works, nobody notices`,
  shows: (seen) => {
    assert.deepStrictEqual(spooled(seen), [])
    assert.isBelow(delayMs(seen, "during"), 1_000)
  }
})

const cases: Cases = {
  "spool-full": [
    takesNothing({ copies: true }),
    isNotNoticed({ copies: true }),
    {
      parameters: { copies: false, database: true },
      claim: "the space that was reserved takes alerts all the same",
      shows: (seen) => assert.isAbove(spooled(seen).length, 5)
    }
  ],
  "spool-sync-fails": [takesNothing({ share: 1 }), isNotNoticed({ share: 1 })],
  "spool-slow": [
    {
      parameters: { takesMs: 2_000, database: true },
      claim: "alerts are acknowledged when they are on the disk, two seconds later",
      shows: (seen) => {
        assert.isAbove(spooled(seen).length, 5)
        assert.isAtLeast(delayMs(seen, "during"), 2_000)
        assert.isBelow(delayMs(seen, "after"), 1_000)
      }
    },
    {
      parameters: { takesMs: 10_000, database: true },
      claim: "a post is not kept waiting for ten seconds, and what was written too late is taken back",
      shows: (seen) => {
        assert.deepStrictEqual(acknowledged(seen), [])
        assert.isAbove(seen.seen("SpoolStored", "during").length, 0)
        assert.isAbove(seen.seen("SpoolErased", "during").length, 0)
        assert.deepStrictEqual(seen.seen("SpoolReplayed", "during"), [])
      }
    },
    isNotNoticed({ takesMs: 10_000 })
  ],
  "spool-torn": [0, 0.5, 1].map((kept): Case => ({
    parameters: { kept, database: true },
    claim: `the process ends before the first sync, and the next one takes alerts behind the ${kept} of the entry that is left`,
    shows: (seen) => {
      assert.deepStrictEqual(
        seen.seen("ProcessEnded").map(({ how, phase }) => `${how} ${phase}`),
        ["crashed during"]
      )
      assert.isAbove(spooled(seen).length, 5)
      // What is whole is replayed, although nobody was told that it is there.
      const replayed = seen.seen("SpoolReplayed").map(({ sequence, spool }) => `${spool} ${sequence}`)
      const stored = new Set(seen.seen("SpoolStored").map(({ sequence, spool }) => `${spool} ${sequence}`))
      const left = replayed.filter((entry) => !stored.has(entry)).length
      if (kept === 0) assert.strictEqual(left, 0)
      if (kept === 1) assert.isAbove(left, 0)
    }
  })),
  "spool-replay-crash": [
    {
      parameters: { afterSteps: 0, database: true },
      claim: "the process ends after the first entry has been replayed, and the next one replays the others",
      shows: (seen) => {
        assert.isAbove(spooled(seen).length, 5)
        const [first, second] = seen.seen("SpoolReplayed")
        const ended = seen.seen("ProcessEnded")
        assert.strictEqual(ended.length, 1)
        assert.isAtLeast(first!.atMs, toMs)
        assert.isAtMost(first!.atMs, ended[0]!.atMs)
        assert.isAbove(second!.atMs, ended[0]!.atMs)
      }
    }
  ],
  "spool-emptying-crash": [0, 1].map((operations): Case => ({
    parameters: { operations, database: true },
    claim: `the process ends after ${operations} of the operations that empty the spool, and the next one replays nothing twice`,
    shows: (seen) => {
      assert.isAbove(spooled(seen).length, 5)
      const ended = seen.seen("ProcessEnded")
      assert.strictEqual(ended.length, 1)
      const entries = seen.seen("SpoolReplayed").map(({ sequence, spool }) => `${spool} ${sequence}`)
      assert.isAtLeast(seen.seen("SpoolReplayed")[0]!.atMs, toMs)
      assert.isAtMost(seen.seen("SpoolReplayed").at(-1)!.atMs, ended[0]!.atMs)
      assert.strictEqual(new Set(entries).size, entries.length)
    }
  }))
}

effectsOn(["spoolFolder"], cases)
