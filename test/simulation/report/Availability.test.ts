import { assert, describe, it } from "@effect/vitest"
import { type CommittedEvent, type Observation, Observations } from "../../../src/simulation/observation/Observation.ts"
import {
  type Availability,
  AvailabilityRecorder,
  answerWithinMs,
  none,
  ratio,
  takeUpWithinMs
} from "../../../src/simulation/report/Availability.ts"
import { covered } from "../../../src/simulation/report/Spans.ts"

const ready: Observation = { _tag: "ProcessReady", process: "service", number: 0 }
const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }
const alert = { fingerprint: "a", startsAt: "2026-11-24T03:00:00.000Z" }
const sent: Observation = {
  _tag: "AlertSent",
  alert,
  firing: true,
  about: { namespace: "prod", kind: "Deployment", name: "app-1" }
}
const posted: Observation = { _tag: "AlertPosted", alert, firing: true }
const answered: Observation = { _tag: "AlertAnswered", alert, firing: true, status: "accepted", remediationId: "r" }
const healing: Observation = { _tag: "HealingBegan" }
const committed = (kind: CommittedEvent["kind"]): Observation => ({
  _tag: "Committed",
  events: [{ remediationId: "r", sequence: 0, epoch: null, kind, at: alert.startsAt, event: { _tag: kind } as never }]
})

/** Each observation at its moment, and the end. */
const after = (
  endMs: number,
  ...told: ReadonlyArray<readonly [atMs: number, observation: Observation]>
): Availability => {
  let nowMs = 0
  const observations = new Observations(() => nowMs)
  const recorder = new AvailabilityRecorder()
  observations.subscribe(recorder.on)
  for (const [atMs, observation] of told) {
    nowMs = atMs
    observations.publish(observation)
  }
  return recorder.at(endMs)
}

describe("Availability", () => {
  it("counts the time until a process is ready as down, at the first start and after the end of the previous one", () => {
    assert.deepStrictEqual(after(100_000, [1000, ready], [50_000, ended], [53_000, ready]), {
      ...none,
      observedMs: 100_000,
      unavailableMs: 4000,
      byReasonMs: { down: 4000, deaf: 0, idle: 0 }
    })
    assert.strictEqual(after(100_000, [0, ready], [90_000, ended]).byReasonMs.down, 10_000)
  })

  it("counts an unacknowledged alert from the sender's timeout on", () => {
    const told = (answeredMs: number) =>
      after(100_000, [0, ready], [10_000, sent], [10_000, posted], [answeredMs, answered])
    assert.strictEqual(told(10_000 + answerWithinMs).unavailableMs, 0)
    assert.strictEqual(told(15_000 + answerWithinMs).byReasonMs.deaf, 5000)
    assert.strictEqual(
      after(100_000, [0, ready], [10_000, sent], [10_000, posted]).byReasonMs.deaf,
      90_000 - answerWithinMs
    )
  })

  it("does not count what holds an alert up before it is posted", () => {
    assert.strictEqual(after(100_000, [0, ready], [10_000, sent]).byReasonMs.deaf, 0)
    assert.strictEqual(
      after(100_000, [0, ready], [10_000, sent], [60_000, posted], [65_000 + answerWithinMs, answered]).byReasonMs.deaf,
      5000
    )
  })

  it("counts an accepted alert that no actor starts, from a minute on", () => {
    const late = takeUpWithinMs + 7000
    assert.strictEqual(
      after(200_000, [0, ready], [0, committed("Accepted")], [takeUpWithinMs, committed("Started")]).unavailableMs,
      0
    )
    assert.strictEqual(
      after(200_000, [0, ready], [0, committed("Accepted")], [late, committed("Started")]).byReasonMs.idle,
      7000
    )
    assert.strictEqual(
      after(200_000, [0, ready], [0, committed("Accepted")], [late, committed("Joined")]).byReasonMs.idle,
      7000
    )
    assert.strictEqual(after(200_000, [0, ready], [0, committed("Accepted")]).byReasonMs.idle, 200_000 - takeUpWithinMs)
  })

  it("counts no moment twice, and nothing after healing has begun", () => {
    const { byReasonMs, observedMs, unavailableMs } = after(
      500_000,
      [0, ready],
      [10_000, sent],
      [10_000, posted],
      [10_000, ended],
      [100_000, healing],
      [200_000, ready]
    )
    assert.deepStrictEqual(
      { observedMs, unavailableMs, byReasonMs },
      {
        observedMs: 100_000,
        unavailableMs: 90_000,
        byReasonMs: { down: 90_000, deaf: 90_000 - answerWithinMs, idle: 0 }
      }
    )
  })

  it("covers overlapping, touching and separate spans once each", () => {
    assert.strictEqual(
      covered([
        { fromMs: 5, toMs: 10 },
        { fromMs: 0, toMs: 6 },
        { fromMs: 10, toMs: 12 },
        { fromMs: 20, toMs: 21 },
        { fromMs: 0, toMs: 1 }
      ]),
      13
    )
  })

  it("is the share of the observed time in which the service was available, and 1 if nothing was observed", () => {
    assert.strictEqual(ratio(none), 1)
    assert.strictEqual(ratio(after(100_000, [1000, ready])), 0.99)
  })
})
