/** The effects of faults of the receiver of traces. */

import { assert } from "@effect/vitest"
import { queueCapacity } from "../../../../src/simulation/farEnds/TelemetrySink.ts"
import { delayMs } from "../../fixtures/Alerts.ts"
import { effectsOn } from "../../fixtures/Effects.ts"
import { undisturbed } from "../../fixtures/Undisturbed.ts"
import type { Case, Cases, Parameters, Phase, Witness } from "../../fixtures/Witness.ts"

const count = (seen: Witness, phase: Phase): number => seen.events(phase).length

const exporting = { telemetry: true }

/** The fault has its effect at the receiver of traces, and none on the service's own work. */
const telemetry = (
  parameters: Parameters,
  claim: string,
  shows: (endings: ReadonlyArray<string>, seen: Witness) => void
): Case => ({
  parameters,
  claim,
  scenario: exporting,
  shows: (seen) => {
    const endings = (phase: Phase) => seen.seen("ExportEnded", phase).map(({ ending }) => ending)
    shows(endings("during"), seen)
    assert.deepStrictEqual([...new Set(endings("before"))], ["taken"])
    assert.strictEqual(endings("after").at(-1), "taken")
    assert.isBelow(delayMs(seen, "during"), 1_000)
    // Another order of events makes another run: the amount of work is similar, not equal.
    assert.isAbove(count(seen, "during"), 0.5 * count(undisturbed, "during"))
    assert.strictEqual(seen.result.boots, 1)
    for (const { dropped, made, received } of seen.seen("ExportEnded"))
      assert.isTrue(made - received - dropped >= 0 && made - received - dropped <= queueCapacity)
  }
})

const allAre = (ending: string) => (endings: ReadonlyArray<string>) =>
  assert.deepStrictEqual([...new Set(endings)], [ending])
const lastDropped = (seen: Witness) => seen.seen("ExportEnded").at(-1)!.dropped

const telemetryCases: Cases = {
  "telemetry-down": [
    telemetry({}, "no export is accepted, the waits grow, and no span is dropped", (endings, seen) => {
      allAre("not-now")(endings)
      // In two minutes, the waits are 1, 2, 4, 8, 16, 30 s and so on.
      assert.isBelow(endings.length, 12)
      assert.strictEqual(lastDropped(seen), 0)
    })
  ],
  "telemetry-hang": [
    telemetry({}, "each export is given up after ten seconds", (endings, seen) => {
      allAre("given-up")(endings)
      for (const { atMs, number } of seen.seen("ExportEnded", "during"))
        assert.strictEqual(atMs - seen.seen("ExportBegan").find((began) => began.number === number)!.atMs, 10_000)
    })
  ],
  "telemetry-slow": [
    telemetry({ byMs: 8_000 }, "a slow receiver is awaited", (endings) =>
      assert.deepStrictEqual([...new Set(endings)], ["taken"])
    ),
    telemetry({ byMs: 20_000 }, "a receiver is not awaited for 20 s", allAre("given-up"))
  ],
  "telemetry-overloaded": [
    telemetry({ status: 429, retryAfter: "20", share: 1 }, "Retry-After is respected", (endings) => {
      allAre("not-now")(endings)
      assert.isBelow(endings.length, 8)
    }),
    telemetry({ status: 503, retryAfter: "0", share: 1 }, "a Retry-After of 0 makes no storm", (endings) =>
      assert.isBelow(endings.length, 12)
    )
  ],
  "telemetry-refusing": [
    telemetry(
      { status: 400 },
      "permanently rejected spans are dropped and counted, and not sent again",
      (endings, seen) => {
        allAre("refused")(endings)
        assert.strictEqual(
          lastDropped(seen),
          seen.seen("ExportEnded", "during").reduce((sum, { spans }) => sum + spans, 0)
        )
      }
    )
  ]
}

effectsOn(["telemetrySink"], telemetryCases)
