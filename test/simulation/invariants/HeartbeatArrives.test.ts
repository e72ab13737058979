import { assert, describe, it } from "@effect/vitest"
import { heartbeatArrives } from "../../../src/simulation/invariants/HeartbeatArrives.ts"
import type { Observation, ObservedFault } from "../../../src/simulation/observation/Observation.ts"
import { notifications } from "../../../src/simulation/scenarios/Notifications.ts"
import { steady } from "../../../src/simulation/scenarios/Scenario.ts"
import { paused, watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000
const heartbeat: Observation = { _tag: "HeartbeatArrived" }
const ready: Observation = { _tag: "ProcessReady", process: "service", number: 0 }

const fault = (kind: string, sink?: string): ObservedFault => ({
  kind,
  forMs: minuteMs,
  parameters: sink === undefined ? {} : { sink }
})
const begins = (of: ObservedFault): Observation => ({ _tag: "FaultBegan", fault: of })
const heals = (of: ObservedFault): Observation => ({ _tag: "FaultHealed", fault: of })

/** A service that was ready at once and sent its heartbeat. */
const running = (scenario = notifications) => {
  const seen = watch(heartbeatArrives, scenario)
  seen.at(0, ready)
  seen.at(minuteMs, heartbeat)
  return seen
}

describe("heartbeat-arrives", () => {
  it("accepts one a minute, and one that is late by less than it lasts", () => {
    const seen = running()
    seen.at(2 * minuteMs, heartbeat)
    seen.at(5 * minuteMs, heartbeat)
    seen.at(8 * minuteMs)
    seen.end()
    assert.deepStrictEqual(seen.reports, [])
  })

  it("reports the first that comes too late, and that none has come in the end", () => {
    const late = running()
    late.at(5 * minuteMs, heartbeat)
    assert.deepStrictEqual(late.reports, ["no heartbeat reached Alertmanager for 240 s"])
    const silent = running()
    silent.at(6 * minuteMs)
    silent.end()
    assert.deepStrictEqual(silent.reports, ["no heartbeat reached Alertmanager for 300 s"])
  })

  it("reports one that was missing before the process ended, and expects none while there is no process", () => {
    const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" } as never
    const seen = running()
    seen.at(5 * minuteMs, ended)
    assert.strictEqual(seen.reports.length, 1)
    seen.at(60 * minuteMs, ready)
    seen.at(62 * minuteMs, heartbeat)
    assert.strictEqual(seen.reports.length, 1)
  })

  it.each([fault("sink-down", "alertmanager"), fault("total-isolation"), fault("storage-full"), fault("spool-full")])(
    "expects none during $kind and for some minutes after it, and then one",
    (disturbing) => {
      const seen = running()
      seen.at(2 * minuteMs, begins(disturbing))
      seen.at(20 * minuteMs, heals(disturbing))
      seen.at(26 * minuteMs)
      seen.end()
      assert.deepStrictEqual(seen.reports, [])
      seen.at(27 * minuteMs)
      seen.end()
      assert.strictEqual(seen.reports.length, 1)
    }
  )

  it("has no excuse in another sink that is down, and one in a pause of the process", () => {
    const other = running()
    other.at(2 * minuteMs, begins(fault("sink-down", "hook")))
    other.at(6 * minuteMs, heartbeat)
    assert.strictEqual(other.reports.length, 1)
    const pausing = running()
    pausing.at(2 * minuteMs, paused(10 * minuteMs))
    pausing.at(15 * minuteMs, heartbeat)
    assert.deepStrictEqual(pausing.reports, [])
  })

  it("expects nothing in a scenario without notifications", () => {
    const seen = running(steady)
    seen.at(60 * minuteMs)
    seen.end()
    assert.deepStrictEqual(seen.reports, [])
  })
})
