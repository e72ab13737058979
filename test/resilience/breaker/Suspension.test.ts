import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import type * as CircuitBreaker from "../../../src/resilience/breaker/CircuitBreaker.ts"
import { defaults } from "../../../src/resilience/breaker/CircuitSettings.ts"
import { suspensionMs } from "../../../src/resilience/breaker/Suspension.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"

const minuteMs = 60_000

describe("how long a circuit is suspended", () => {
  it.each([1, 2, 4, 8, 16, 32, 60, 60].map((minutes, index) => [index + 1, minutes] as const))(
    "time %i in a row: %i minutes",
    (times, minutes) => {
      assert.strictEqual(suspensionMs(times, {}, defaults), minutes * minuteMs)
    }
  )

  it("is what the peer says, from a minute to a day, however often it was suspended", () => {
    for (const times of [1, 9]) {
      assert.strictEqual(suspensionMs(times, { statedMs: 5 * minuteMs }, defaults), 5 * minuteMs)
      assert.strictEqual(suspensionMs(times, { statedMs: 0 }, defaults), minuteMs)
      assert.strictEqual(suspensionMs(times, { statedMs: Infinity }, defaults), 24 * 60 * minuteMs)
    }
    assert.strictEqual(suspensionMs(1, { statedMs: Number.NaN }, defaults), minuteMs)
  })
})

/** A peer behind a pipeline: its account has money or not. */
const account = Effect.gen(function* () {
  const peer = { hasMoney: false, calls: 0, probes: 0 }
  const pipeline = yield* Pipeline.make("llm")
  const call = pipeline.executeCounted(
    Effect.suspend(() => {
      peer.calls++
      return peer.hasMoney ? Effect.void : Effect.fail("no money")
    }),
    () => ({ retry: false, breaker: "failure", suspension: { reason: "out-of-money" } })
  )
  const breaker = pipeline.circuitBreaker!
  return { peer, call, breaker, tag: Effect.map(breaker.state, ({ _tag }) => _tag) }
})

describe("a suspended circuit", () => {
  it.effect("follows one failure, and gets one call in each suspension", () =>
    Effect.gen(function* () {
      const { breaker, call, peer } = yield* account
      for (let minute = 0; minute < 16; minute++) {
        yield* call
        yield* call
        yield* TestClock.adjust("1 minute")
      }
      // After 0, 1, 3 and 7 minutes; the next is due after 15.
      assert.strictEqual(peer.calls, 5)
      assert.deepInclude(yield* breaker.state, { _tag: "Suspended", reason: "out-of-money", suspensions: 5 })
    })
  )

  it.effect("admits one trial at a time, and closes by the first that succeeds", () =>
    Effect.gen(function* () {
      const { breaker, call, peer, tag } = yield* account
      yield* call
      yield* TestClock.adjust("1 minute")
      const trial = breaker.admitUnsafe(minuteMs)
      assert.isObject(trial)
      assert.isNumber(breaker.admitUnsafe(minuteMs))
      assert.isTrue(Exit.isFailure((yield* call).exit))
      assert.strictEqual(peer.calls, 1)
      breaker.recordUnsafe(trial as CircuitBreaker.Admission, "success", 5, minuteMs)
      assert.strictEqual(yield* tag, "Closed")
    })
  )

  it.effect("says why to a call that it rejects", () =>
    Effect.gen(function* () {
      const { call } = yield* account
      yield* call
      const { exit } = yield* call
      assert.include(JSON.stringify(exit), "out-of-money")
    })
  )

  it.effect("is suspended for as long again by a trial that fails for another reason", () =>
    Effect.gen(function* () {
      const { breaker, call } = yield* account
      yield* call
      yield* TestClock.adjust("1 minute")
      yield* Effect.exit(breaker.call(Effect.fail("500")))
      assert.deepInclude(yield* breaker.state, { _tag: "Suspended", suspensions: 1, retryAfterMs: minuteMs })
    })
  )

  it.effect("gives the trial to the next call if one was interrupted", () =>
    Effect.gen(function* () {
      const { breaker, call, peer, tag } = yield* account
      yield* call
      yield* TestClock.adjust("1 minute")
      yield* Effect.exit(breaker.call(Effect.interrupt))
      peer.hasMoney = true
      yield* call
      assert.strictEqual(yield* tag, "Closed")
    })
  )

  it.effect("is not probed by cheap requests, which succeed without money", () =>
    Effect.gen(function* () {
      const { breaker, call, peer, tag } = yield* account
      yield* call
      const probe = Effect.sync(() => void peer.probes++)
      yield* Effect.forkChild(breaker.keepProbing(probe))
      yield* TestClock.adjust("3 hours")
      assert.strictEqual(peer.probes, 0)
      assert.strictEqual(yield* tag, "Suspended")
    })
  )

  it.effect("is ended by an operator, and then probes decide", () =>
    Effect.gen(function* () {
      const { breaker, call, peer, tag } = yield* account
      yield* call
      yield* breaker.auto("paid")
      assert.strictEqual(yield* tag, "HalfOpen")
      yield* call
      assert.strictEqual(peer.calls, 2)
      assert.deepInclude(yield* breaker.state, { _tag: "Suspended", suspensions: 1 })
    })
  )

  it.effect("does not override what an operator has set", () =>
    Effect.gen(function* () {
      const { breaker, tag } = yield* account
      for (const operate of [breaker.forceClosed("1 hour", "it lies"), breaker.isolate("1 hour", "upgrade")]) {
        yield* operate
        const before = yield* tag
        yield* breaker.suspend({ forMs: minuteMs, reason: "out-of-money", times: 1 })
        assert.strictEqual(yield* tag, before)
      }
    })
  )
})
