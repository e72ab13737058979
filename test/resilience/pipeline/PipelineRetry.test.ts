/** A pipeline with its retry policy and retry budget: which failures are retried, and when. */

import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../../src/resilience/breaker/CircuitBreaker.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import * as RetryBudget from "../../../src/resilience/pipeline/RetryBudget.ts"
import * as ResilienceEvent from "../../../src/resilience/ResilienceEvent.ts"
import { between, down, ignored, listen, noJitter, peer, permanent, reasonOf, settle, transient } from "../Peer.ts"

describe("retry", () => {
  it.effect("a failing peer gets five attempts after 0, 100, 300, 700 and 1500 ms plus up to 10 % jitter", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const { call, seen } = peer(() => Effect.fail("down" as const))
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(call, transient))), "down")
      assert.strictEqual(seen.length, 5)
      for (const [index, plain] of [0, 100, 300, 700, 1500].entries()) {
        assert.isAtLeast(seen[index]!, plain)
        assert.isAtMost(seen[index]!, plain * 1.1 + 1)
      }
    })
  )

  it.effect("the fifth failure opens the circuit for 30 s, and then three successful probes close it", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const { call, seen } = peer((attempt) => (attempt <= 5 ? Effect.fail("down" as const) : Effect.succeed(attempt)))
      const first = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)))
      yield* TestClock.adjust(1500)
      assert.strictEqual(reasonOf(yield* Fiber.join(first)), "down")
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(call, transient))), "CircuitOpen")
      yield* TestClock.adjust(29_999)
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(call, transient))), "CircuitOpen")
      assert.strictEqual(seen.length, 5)
      yield* TestClock.adjust(1)
      for (const expected of ["HalfOpen", "HalfOpen", "Closed"]) {
        yield* pipeline.execute(call, transient)
        assert.strictEqual((yield* pipeline.circuitBreaker!.state)._tag, expected)
      }
      assert.deepStrictEqual(seen, [0, 100, 300, 700, 1500, 31_500, 31_500, 31_500])
    })
  )

  it.effect("a permanent error is not retried, and an invalid request does not count for the breaker", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      yield* Effect.exit(pipeline.execute(down.call, ignored))
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
      const { attempts, exit } = yield* pipeline.executeCounted(down.call, permanent)
      assert.strictEqual(reasonOf(exit), "down")
      assert.strictEqual(attempts, 1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 1, failures: 1 })
    })
  )

  it.effect("Retry-After lengthens the wait up to its cap", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: { ...noJitter, retryAfterCap: "2 seconds" } })
      const waits = [Duration.millis(1500), Duration.minutes(5)]
      const { call, seen } = peer((attempt) => (attempt <= 2 ? Effect.fail(waits[attempt - 1]!) : Effect.void))
      yield* settle(pipeline.execute(call, (retryAfter) => ({ retry: true, breaker: "failure", retryAfter })))
      assert.deepStrictEqual(seen, [0, 1500, 3500])
    })
  )

  it.effect("a Retry-After beyond the cap fails at once with the peer's error where the policy says so", () =>
    Effect.gen(function* () {
      const retry = { ...noJitter, retryAfterCap: "2 seconds", beyondRetryAfterCap: "fail" } as const
      const pipeline = yield* Pipeline.make("peer", { retry })
      const { call, seen } = peer(() => Effect.fail("limited" as const))
      const exit = yield* settle(
        pipeline.execute(call, () => ({ retry: true, breaker: "failure", retryAfter: Duration.hours(1) }))
      )
      assert.strictEqual(reasonOf(exit), "limited")
      assert.deepStrictEqual(seen, [0])
    })
  )

  it.effect("a classifier may allow fewer attempts than the policy", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const { call, seen } = peer(() => Effect.fail("limited" as const))
      yield* settle(pipeline.execute(call, () => ({ retry: true, breaker: "failure", attempts: 3 })))
      assert.deepStrictEqual(seen, [0, 100, 300])
    })
  )

  it.effect("a custom schedule replaces the waits", () =>
    Effect.gen(function* () {
      const schedule = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))
      const pipeline = yield* Pipeline.make("peer", { retry: { schedule } })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(call, transient))), "down")
      assert.deepStrictEqual(seen, [0, 1000, 2000])
    })
  )

  it.effect("the number of attempts bounds a schedule that never ends", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        retry: { schedule: Schedule.spaced("1 second"), attempts: 3 },
        circuitBreaker: false
      })
      const { attempts } = yield* Effect.flatten(settle(pipeline.executeCounted(down.call, transient)))
      assert.strictEqual(attempts, 3)
    })
  )

  it.effect("when the circuit opens during a back-off, the caller gets its own last error", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      const pipeline = yield* Pipeline.make("peer", { circuitBreaker: breaker })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)), { startImmediately: true })
      yield* breaker.isolate("1 minute", "drill")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "down")
      assert.strictEqual(seen.length, 1)
    })
  )

  it.effect("a call whose own failure opens the circuit fails with that error without another back-off", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter, circuitBreaker: { consecutiveFailures: 2 } })
      const { call } = peer(() => Effect.fail("down" as const))
      const fiber = yield* Effect.forkChild(pipeline.executeCounted(call, transient))
      yield* TestClock.adjust("1 second")
      const { attempts, durationMs, exit } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([reasonOf(exit), attempts, durationMs], ["down", 2, 100])
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 3, cause: "circuit-open" })
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it.effect("a defect counts as a failure, is not retried and stays a defect", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const { call, seen } = peer(() => Effect.die("bug"))
      const exit = yield* settle(pipeline.execute(call, transient), "5 seconds")
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual(seen.length, 1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failures: 1 })
    })
  )

  it.effect("a classifier that throws causes a defect and leaks nothing", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const exit = yield* Effect.exit(
        pipeline.execute(down.call, () => {
          throw new Error("bug")
        })
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 0 })
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
    })
  )
})

describe("retry budget", () => {
  it.effect("an empty budget prevents the retry, and the caller gets its last error", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const retryBudget = yield* RetryBudget.make({ ratio: 0, burst: 1, perSecond: 0 })
      const pipeline = yield* Pipeline.make("peer", { retryBudget })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(call, transient))), "down")
      assert.strictEqual(seen.length, 2)
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 3, cause: "budget" })
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it.effect("each request adds its ratio of an extra attempt", () =>
    Effect.gen(function* () {
      const retryBudget = yield* RetryBudget.make({ ratio: 0.5, burst: 1, perSecond: 0 })
      const pipeline = yield* Pipeline.make("peer", { retryBudget, circuitBreaker: false })
      const attempts: Array<number> = []
      for (let request = 0; request < 5; request++) {
        const fiber = yield* Effect.forkChild(pipeline.executeCounted(down.call, transient))
        yield* TestClock.adjust("5 seconds")
        attempts.push((yield* Fiber.join(fiber)).attempts)
      }
      assert.deepStrictEqual(attempts, [2, 1, 2, 1, 2])
    })
  )

  it.effect.prop(
    "in any storm attempts ≤ requests × (1 + ratio) + burst",
    [
      Schema.Array(
        Schema.Struct({ requests: between(0, 12), waitMs: between(0, 3000), failing: Schema.Boolean })
      ).check(Schema.isMaxLength(12))
    ],
    ([waves]) =>
      Effect.gen(function* () {
        const retryBudget = yield* RetryBudget.make({ ratio: 0.2, burst: 3, perSecond: 0 })
        const pipeline = yield* Pipeline.make("peer", { retryBudget, circuitBreaker: false, bulkhead: { limit: 1000 } })
        let requests = 0
        let attempts = 0
        for (const wave of waves) {
          requests += wave.requests
          const call = Effect.suspend(() => {
            attempts++
            return wave.failing ? Effect.fail("down") : Effect.void
          })
          yield* Effect.replicateEffect(Effect.forkChild(Effect.exit(pipeline.execute(call, transient))), wave.requests)
          yield* TestClock.adjust(wave.waitMs)
          assert.isAtMost(attempts, requests * 1.2 + 3 + 1e-6)
        }
      })
  )
})
