/** The effects of faults of the receivers of notifications. */

import { assert } from "@effect/vitest"
import { delayMs } from "../../fixtures/Alerts.ts"
import { effectsOn } from "../../fixtures/Effects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import type { Case, Cases, Parameters, Phase, Witness } from "../../fixtures/Witness.ts"

const arrivals = (seen: Witness, phase?: Phase) => seen.seen("NotificationArrived", phase)
const keysOf = (seen: Witness, phase?: Phase) => arrivals(seen, phase).map(({ key }) => key)
/** How many messages arrived again. */
const repeats = (seen: Witness): number => keysOf(seen).length - new Set(keysOf(seen)).size

/** The fault has its effect at the receiver, none on the work of the service, and nothing is lost by it. */
const notifying = (parameters: Parameters, claim: string, shows: (seen: Witness) => void): Case => ({
  parameters,
  claim,
  scenario: { notifications: true },
  shows: (seen) => {
    assert.isNotEmpty(arrivals(seen, "before"))
    shows(seen)
    assert.isNotEmpty(arrivals(seen, "after"))
    assert.isBelow(delayMs(seen, "during"), 1_000)
    assert.isAbove(seen.events("during").length, 0.5 * undisturbed.events("during").length)
  }
})

const nothingArrives = (seen: Witness) => {
  // What was sent before the fault may be under way.
  assert.deepStrictEqual(keysOf(seen, "during").length, 0)
  assert.strictEqual(repeats(seen), 0)
}

const cases: Cases = {
  "sink-down": [
    notifying({ sink: "hook" }, "nothing arrives until it is back, and then everything once", nothingArrives),
    notifying({ sink: "chat" }, "the other receivers get everything meanwhile", (seen) => {
      assert.isNotEmpty(arrivals(seen, "during"))
      assert.strictEqual(repeats(seen), 0)
    })
  ],
  "sink-slow": [
    notifying({ sink: "hook", byMs: 4_000 }, "a slow receiver is awaited", (seen) => {
      assert.isNotEmpty(arrivals(seen, "during"))
      assert.strictEqual(repeats(seen), 0)
    }),
    notifying({ sink: "hook", byMs: 30_000 }, "a receiver is not awaited for 30 s", nothingArrives)
  ],
  "sink-overloaded": [
    notifying(
      { sink: "hook", status: 429, retryAfter: "30", share: 1 },
      "nothing is taken until it may be",
      nothingArrives
    )
  ],
  "sink-refusing": [
    notifying({ sink: "hook", status: 400 }, "what it refuses is sent again later", nothingArrives),
    notifying({ sink: "hook", status: 401 }, "what it does not let in is sent again later", nothingArrives)
  ],
  "sink-response-lost": [
    notifying({ sink: "hook", share: 1 }, "what has arrived arrives again with the same key", (seen) =>
      assert.isAbove(repeats(seen), 0)
    )
  ],
  "crash-at-notification": [
    {
      parameters: { afterSteps: 0 },
      claim: "what has arrived arrives again with the same key, from the next process",
      scenario: { notifications: true },
      shows: (seen) => {
        assert.strictEqual(seen.result.boots, 2)
        assert.strictEqual(repeats(seen), 1)
      }
    }
  ]
}

effectsOn(["notificationSinks"], cases)
