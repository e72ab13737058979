import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { compare, latencyCheck, outcomeOf, type Sample } from "../../src/health/LatencyCheck.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"
import type { ResilienceEvent } from "../../src/resilience/ResilienceEvent.ts"

const nowMs = 100 * 60_000

/** As many calls, which ended so many minutes ago. */
const calls = (count: number, minutesAgo: number, durationMs: number): ReadonlyArray<Sample> =>
  Array.from({ length: count }, () => ({ atMs: nowMs - minutesAgo * 60_000, durationMs }))

const slow = [...calls(30, 20, 1000), ...calls(10, 1, 4000)]

describe("the latency of a service", () => {
  it("is not compared with fewer than 10 calls now, or 30 in the hour before", () => {
    assert.isUndefined(compare([], nowMs))
    assert.isUndefined(compare([...calls(30, 20, 1000), ...calls(9, 1, 9000)], nowMs))
    assert.isUndefined(compare([...calls(29, 20, 1000), ...calls(10, 1, 9000)], nowMs))
    assert.isUndefined(compare([...calls(30, 66, 1000), ...calls(10, 1, 9000)], nowMs), "that is too long ago")
  })

  it("is slow from more than three times what it was, and half a second more", () => {
    assert.isTrue(compare(slow, nowMs)?.isSlow)
    assert.isFalse(compare([...calls(30, 20, 1000), ...calls(10, 1, 3000)], nowMs)?.isSlow)
    assert.isFalse(compare([...calls(30, 20, 5), ...calls(10, 1, 400)], nowMs)?.isSlow, "nobody notices that")
    assert.isFalse(compare([...calls(30, 20, 60_000), ...calls(10, 1, 61_000)], nowMs)?.isSlow, "it always needs that")
  })

  it("is that of the median, so that a single call decides nothing", () => {
    assert.isFalse(compare([...calls(30, 20, 1000), ...calls(9, 1, 1000), ...calls(1, 1, 600_000)], nowMs)?.isSlow)
  })

  it("is a warning that names the service and both times, and never an emergency", () => {
    const found = outcomeOf(
      new Map([
        ["holmesgpt", slow],
        ["kubernetes", calls(40, 1, 10)]
      ]),
      nowMs
    )
    assert.deepStrictEqual(found, { _tag: "Unhealthy", message: "holmesgpt takes 4.0 s, and took 1.0 s" })
    assert.strictEqual(outcomeOf(new Map(), nowMs)._tag, "Unknown")
  })
})

describe("the check of the latency", () => {
  it.effect("follows the calls of pipelines, and forgets that they were slow", () =>
    Effect.gen(function* () {
      const hub = EventHub.make<ResilienceEvent>()
      const { run } = yield* latencyCheck(hub)
      const called = (count: number, durationMs: number) => {
        for (let call = 0; call < count; call++)
          hub.publish({ _tag: "CallSucceeded", pipeline: "llm:openai", attempts: 1, durationMs })
      }
      assert.strictEqual((yield* run)._tag, "Unknown")
      yield* TestClock.adjust("10 minutes")
      called(30, 1000)
      yield* TestClock.adjust("10 minutes")
      called(10, 9000)
      assert.strictEqual((yield* run)._tag, "Unhealthy")
      hub.publish({ _tag: "CallRejected", pipeline: "llm:openai", attempts: 0, durationMs: 0, reason: "circuit-open" })
      yield* TestClock.adjust("6 minutes")
      assert.strictEqual((yield* run)._tag, "Unknown", "there was no call in the last 5 minutes")
      called(10, 1000)
      assert.strictEqual((yield* run)._tag, "Healthy")
    })
  )
})
