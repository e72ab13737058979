import { assert, describe, it } from "@effect/vitest"
import { type Observation, Observations, type PostState } from "../../../src/simulation/observation/Observation.ts"
import { add, type ByCause, CausesRecorder, none } from "../../../src/simulation/report/Causes.ts"
import { covered, without } from "../../../src/simulation/report/Spans.ts"

const waitsAfterMs = 10_000

const alert = { alert: { fingerprint: "a", startsAt: "2026-11-24T03:00:00.000Z" }, firing: true }
const sent: Observation = {
  _tag: "AlertSent",
  ...alert,
  about: { namespace: "prod", kind: "Deployment", name: "app-1" }
}
const posted: Observation = { _tag: "AlertPosted", ...alert }
const answered: Observation = { _tag: "AlertAnswered", ...alert, status: "accepted" }
const is = (state: PostState): Observation => ({ _tag: "PostIs", state, alerts: [alert] })
const booted: Observation = { _tag: "ProcessBooted", process: "service", number: 0 }
const ready: Observation = { _tag: "ProcessReady", process: "service", number: 0 }
const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }
const paused = (forMs: number): Observation => ({ _tag: "ProcessPaused", process: "service", number: 0, forMs })

/** The causes that took any time, after what is told with its times. */
const after = (endMs: number, ...told: ReadonlyArray<readonly [atMs: number, observation: Observation]>) => {
  let nowMs = 0
  const observations = new Observations(() => nowMs)
  const recorder = new CausesRecorder(waitsAfterMs)
  observations.subscribe(recorder.on)
  for (const [atMs, observation] of told) {
    nowMs = atMs
    observations.publish(observation)
  }
  const found: ByCause = recorder.at(endMs)
  return Object.fromEntries(Object.entries(found).filter(([, ms]) => ms > 0))
}

describe("the causes of unavailability", () => {
  it("tell the wait for the next process from its boot", () => {
    assert.deepStrictEqual(
      after(60_000, [0, booted], [1000, ready], [20_000, ended], [25_000, booted], [27_000, ready]),
      { restart: 5000, boot: 3000 }
    )
  })

  it("count nothing of an alert that is answered in time", () => {
    assert.deepStrictEqual(after(60_000, [0, ready], [0, sent], [0, posted], [0, is("tried")], [9_999, answered]), {})
  })

  it("say that the service has it, after ten seconds", () => {
    assert.deepStrictEqual(after(60_000, [0, ready], [0, sent], [0, posted], [0, is("tried")], [15_000, answered]), {
      answering: 5000
    })
  })

  it.each([
    ["unreachable", "sender"],
    ["not-stored", "not-stored"],
    ["shed", "shed"],
    ["broken", "broken"]
  ] as const)("say since when the sender waits after %s", (state, cause) => {
    assert.deepStrictEqual(
      after(
        60_000,
        [0, ready],
        [0, sent],
        [0, posted],
        [0, is("tried")],
        [5_000, is(state)],
        [25_000, is("tried")],
        [26_000, answered]
      ),
      { [cause]: 15_000, answering: 1000 }
    )
  })

  it("blame a fault for what could not be stored during it, and the sender for its wait after it", () => {
    const fault = { kind: "spool-full", forMs: 10_000, parameters: {} }
    const began: Observation = { _tag: "FaultBegan", fault }
    const healed: Observation = { _tag: "FaultHealed", fault }
    const told = [
      [0, ready],
      [0, began],
      [0, sent],
      [0, posted],
      [0, is("tried")],
      [1_000, is("not-stored")],
      [20_000, healed],
      [26_000, is("tried")]
    ] as const
    assert.deepStrictEqual(after(60_000, ...told, [26_000, answered]), { storage: 10_000, sender: 6000 })
    assert.deepStrictEqual(after(60_000, ...told, [26_500, is("not-stored")], [30_000, answered]), {
      storage: 10_000,
      sender: 6000,
      answering: 500,
      "not-stored": 3500
    })
  })

  it("excuse the service while it is paused, and count no wait while there is no process", () => {
    assert.deepStrictEqual(
      after(
        60_000,
        [0, ready],
        [0, sent],
        [0, posted],
        [0, is("tried")],
        [12_000, paused(5_000)],
        [20_000, ended],
        [20_000, is("unreachable")],
        [23_000, booted],
        [24_000, ready],
        [30_000, is("tried")],
        [30_000, answered]
      ),
      { answering: 5000, paused: 5000, restart: 3000, boot: 1000, sender: 6000 }
    )
  })

  it("end where healing begins, with what waits then", () => {
    assert.deepStrictEqual(
      after(90_000, [0, ready], [0, sent], [0, posted], [0, is("tried")], [30_000, { _tag: "HealingBegan" }]),
      { answering: 20_000 }
    )
  })

  it("add up over runs", () => {
    const one = { ...none, boot: 3, sender: 4 }
    assert.deepStrictEqual(add(add(none, one), one), { ...none, boot: 6, sender: 8 })
  })
})

describe("the time of one set that is not in another", () => {
  const span = (fromMs: number, toMs: number) => ({ fromMs, toMs })

  it("is cut at each of the others, and counted once where spans overlap", () => {
    const left = without([span(0, 10), span(5, 20), span(30, 40)], [span(2, 4), span(18, 33), span(39, 50)])
    assert.deepStrictEqual(left, [span(0, 2), span(4, 18), span(33, 39)])
    assert.strictEqual(covered(left), 22)
  })

  it("is all of it without others, and nothing within them", () => {
    assert.deepStrictEqual(without([span(1, 2)], []), [span(1, 2)])
    assert.deepStrictEqual(without([span(1, 2)], [span(0, 3)]), [])
  })
})
