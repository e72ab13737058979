/** The effects of a full container, and of an Alertmanager that cannot be asked. */

import { assert } from "@effect/vitest"
import { effectsOn } from "../../fixtures/Effects.ts"
import { fromMs, toMs, type Case, type Cases, type Phase, type Witness } from "../../fixtures/Witness.ts"

/** The levels of a phase, each once in a row: the service says it again when the reasons change. */
const levels = (seen: Witness, phase: Phase) =>
  seen
    .seen("LevelIs", phase)
    .map(({ level }) => level)
    .filter((level, index, all) => level !== all[index - 1])
const states = (seen: Witness, check: string, phase: Phase) =>
  seen.seen("HealthIs", phase).flatMap((found) => (found.check === check ? [found.status] : []))

const scenario = { pressure: true, watchdog: true } as const

const cases: Cases = {
  "container-pressure": [
    {
      parameters: { cpu: 0.97, memory: 0.4, waits: true },
      claim: "CPU that tasks wait for is an emergency, and nothing starts meanwhile",
      scenario,
      shows: (seen) => {
        assert.deepStrictEqual(levels(seen, "during"), [3])
        assert.deepStrictEqual(levels(seen, "after").at(-1), 0)
        assert.deepStrictEqual(
          seen.events("during").filter(({ atMs, kind }) => kind === "Intended" && atMs > fromMs + 25_000),
          []
        )
        assert.isAbove(seen.events("after").filter(({ kind }) => kind === "Intended").length, 0)
      }
    },
    {
      parameters: { cpu: 1, memory: 0.9, waits: false },
      claim: "CPU that nothing waits for, and memory below the limit, are none",
      scenario,
      shows: (seen) => assert.notInclude([...levels(seen, "during"), ...levels(seen, "after")], 3)
    }
  ],
  "alertmanager-away": ["refused", "hangs", "unavailable"].map((how): Case => ({
    parameters: { how },
    claim: `${how}: its circuit opens, which alone is no lesser level, and closes again`,
    scenario,
    shows: (seen) => {
      const moved = seen.seen("BreakerMoved").filter(({ breaker }) => breaker === "alertmanager")
      assert.include(
        moved.filter(({ atMs }) => atMs < toMs).map(({ to }) => to),
        "Open"
      )
      assert.strictEqual(moved.at(-1)?.to, "Closed")
      assert.include(states(seen, "alertmanager", "during"), "unhealthy")
      assert.deepStrictEqual(levels(seen, "during"), [0])
    }
  })),
  "prometheus-silent": [
    {
      parameters: {},
      atMs: fromMs,
      forMs: 200_000,
      claim: "the pipeline is silent two minutes later, and is heard when the alert is listed again",
      scenario,
      shows: (seen) => {
        const found = seen.seen("HealthIs").filter(({ check }) => check === "watchdog")
        const silent = found.find(({ status }) => status === "unhealthy")
        assert.isAtLeast(silent?.atMs ?? 0, fromMs + 80_000)
        assert.isAtMost(silent?.atMs ?? Infinity, fromMs + 200_000)
        assert.strictEqual(found.at(-1)?.status, "healthy")
      }
    }
  ]
}

effectsOn(["container", "alertList"], cases)
