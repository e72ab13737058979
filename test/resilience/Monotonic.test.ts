/** Setting the wall clock an hour forward or back affects no duration. */

import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Layer, Logger, Option, Schedule, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as Monotonic from "../../src/resilience/Monotonic.ts"
import * as Deadline from "../../src/resilience/pipeline/Deadline.ts"
import * as Pipeline from "../../src/resilience/pipeline/Pipeline.ts"
import * as RetryBudget from "../../src/resilience/pipeline/RetryBudget.ts"
import * as ResilienceEvent from "../../src/resilience/ResilienceEvent.ts"
import * as Supervisor from "../../src/resilience/supervision/Supervisor.ts"
import { eitherWay, hourMs, withWallClock } from "./WallClock.ts"

const fail = Effect.fail("down" as const)
const failTimes = (breaker: CircuitBreaker.CircuitBreaker, times: number) =>
  Effect.replicateEffect(Effect.exit(breaker.call(fail)), times, { discard: true })

const transient = (): Pipeline.Classification => ({ retry: true, breaker: "failure" })

const isPipelineError = Schema.is(Pipeline.PipelineError)

const reasonOf = <A, E>(exit: Exit.Exit<A, E>): unknown => {
  const error: unknown = Option.getOrUndefined(Exit.findErrorOption(exit))
  return isPipelineError(error) ? error.reason : error
}

describe("Monotonic", () => {
  it.effect("counts whole milliseconds, rounded down, and ignores changes of the wall clock", () =>
    withWallClock((setWallClock) =>
      Effect.gen(function* () {
        const beganMs = yield* Monotonic.nowMs
        yield* TestClock.adjust(Duration.micros(2999n))
        yield* setWallClock(hourMs)
        assert.strictEqual((yield* Monotonic.nowMs) - beganMs, 2)
        assert.strictEqual(Math.floor(yield* Clock.currentTimeMillis), hourMs + 2)
        yield* setWallClock(-2 * hourMs)
        assert.strictEqual((yield* Monotonic.nowMs) - beganMs, 2)
      })
    )
  )
})

describe("a circuit breaker while the wall clock is set by an hour", () => {
  it.effect("stays open for exactly 30 s before it admits probes", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        yield* failTimes(breaker, 5)
        yield* TestClock.adjust("10 seconds")
        yield* jump
        assert.deepInclude(yield* breaker.state, { _tag: "Open", retryAfterMs: 20_000 })
        assert.deepInclude(yield* Effect.flip(breaker.call(Effect.void)), { _tag: "CircuitOpen", retryAfterMs: 20_000 })
        yield* TestClock.adjust("20 seconds")
        assert.deepInclude(yield* breaker.state, { _tag: "HalfOpen" })
      })
    )
  )

  it.effect("keeps an override by an operator for its duration", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        for (const [override, state, next] of [
          ["isolate", "Isolated", "HalfOpen"],
          ["forceClosed", "ForcedClosed", "Closed"]
        ] as const) {
          yield* breaker[override]("10 minutes", "drill")
          yield* jump
          assert.deepInclude(yield* breaker.state, { _tag: state, retryAfterMs: 600_000 })
          yield* TestClock.adjust("10 minutes")
          assert.deepInclude(yield* breaker.state, { _tag: next })
        }
      })
    )
  )

  it.effect("a probe keeps its permit for its lease, and no longer", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        yield* failTimes(breaker, 5)
        yield* TestClock.adjust("30 seconds")
        yield* Effect.forkChild(breaker.call(Effect.never), { startImmediately: true })
        yield* jump
        assert.deepInclude(yield* breaker.state, { probesInFlight: 1 })
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(yield* breaker.state, { probesInFlight: 0 })
      })
    )
  )

  it.effect("keeps its window for a minute, and no longer", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        yield* failTimes(breaker, 3)
        yield* jump
        assert.deepInclude(yield* breaker.state, { requests: 3, failures: 3 })
        yield* TestClock.adjust("61 seconds")
        assert.deepInclude(yield* breaker.state, { requests: 0, failures: 0 })
      })
    )
  )

  it.effect("counts only calls that took long as slow", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        for (const [takes, state] of [
          ["10 millis", "Closed"],
          ["2 seconds", "Open"]
        ] as const) {
          const breaker = yield* CircuitBreaker.make("peer", {
            slowCallDuration: "1 second",
            slowCallRate: 1,
            minimumRequests: 1
          })
          yield* Effect.forkChild(breaker.call(Effect.sleep(takes)), { startImmediately: true })
          yield* jump
          yield* TestClock.adjust(takes)
          assert.deepInclude(yield* breaker.state, { _tag: state })
        }
      })
    )
  )

  it.effect("is probed only after its open time", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        let probes = 0
        const prober = yield* Effect.forkChild(breaker.keepProbing(Effect.sync(() => probes++)))
        yield* failTimes(breaker, 5)
        yield* TestClock.adjust("10 seconds")
        yield* jump
        yield* TestClock.adjust(19_999)
        assert.strictEqual(probes, 0)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(probes, 3)
        assert.deepInclude(yield* breaker.state, { _tag: "Closed" })
        yield* Fiber.interrupt(prober)
      })
    )
  )
})

describe("a retry budget while the wall clock is set by an hour", () => {
  it.effect("neither fills at once nor stays empty", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make()
        yield* Effect.replicateEffect(budget.withdraw, 10)
        yield* jump
        assert.isFalse(yield* budget.withdraw)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(yield* budget.available, 4)
      })
    )
  )
})

describe("a deadline while the wall clock is set by an hour", () => {
  it.effect("passes neither sooner nor later", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const left: Array<Duration.Duration | undefined> = []
        const record = Effect.map(Deadline.remaining, (remaining) => left.push(remaining))
        const work = Deadline.within("1 minute")(
          Effect.gen(function* () {
            yield* Effect.sleep("20 seconds")
            yield* jump
            yield* record
            // The nested work starts after the jump and gets only the remaining time.
            return yield* Deadline.within("50 seconds")(Effect.andThen(record, Effect.never))
          })
        )
        const fiber = yield* Effect.forkChild(Effect.flip(work), { startImmediately: true })
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(left, [Duration.seconds(40), Duration.seconds(40)])
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "DeadlineExceeded")
      })
    )
  )
})

describe("a pipeline while the wall clock is set by an hour", () => {
  it.effect("continues to retry until its deadline, and no longer", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", {
          deadline: "1 second",
          retry: { schedule: Schedule.spaced("100 millis") },
          retryBudget: false,
          circuitBreaker: false
        })
        let attempts = 0
        const call = Effect.andThen(
          Effect.suspend(() => (++attempts === 3 ? jump : Effect.void)),
          fail
        )
        const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)), {
          startImmediately: true
        })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "down")
        // At 0, 100, …, 900 ms.
        assert.strictEqual(attempts, 10)
      })
    )
  )

  it.effect("starts a call that waited for its permit, and ends it at its deadline", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", {
          deadline: "1 second",
          attemptTimeout: false,
          bulkhead: { limit: 1 },
          retry: false
        })
        const gate = yield* Deferred.make<void>()
        yield* Effect.forkChild(pipeline.execute(Deferred.await(gate)), { startImmediately: true })
        let began = false
        const waiting = Effect.exit(
          pipeline.execute(
            Effect.andThen(
              Effect.sync(() => (began = true)),
              Effect.never
            )
          )
        )
        const fiber = yield* Effect.forkChild(waiting, { startImmediately: true })
        yield* TestClock.adjust("300 millis")
        yield* jump
        yield* Deferred.succeed(gate, undefined)
        yield* TestClock.adjust("699 millis")
        assert.isTrue(began)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.deepInclude(reasonOf(yield* Fiber.join(fiber)), { _tag: "DeadlineExceeded", deadlineMs: 1000 })
      })
    )
  )

  it.effect("rejects calls for as long as its circuit is open, and reports the remaining time", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", { retry: false })
        yield* jump
        yield* Effect.replicateEffect(Effect.exit(pipeline.execute(fail)), 5)
        yield* TestClock.adjust("10 seconds")
        yield* jump
        assert.deepInclude(reasonOf(yield* Effect.exit(pipeline.execute(Effect.void))), {
          _tag: "CircuitOpen",
          retryAfterMs: 20_000
        })
        yield* TestClock.adjust("20 seconds")
        yield* pipeline.execute(Effect.void)
      })
    )
  )

  it.effect("reports the duration of a call", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer")
        const fiber = yield* Effect.forkChild(pipeline.executeCounted(Effect.sleep("500 millis")), {
          startImmediately: true
        })
        yield* jump
        yield* TestClock.adjust("500 millis")
        assert.deepStrictEqual(yield* Fiber.join(fiber), { exit: Exit.void, attempts: 1, durationMs: 500 })
      })
    )
  )
})

describe("a supervisor while the wall clock is set by an hour", () => {
  const quiet = Effect.provide(Layer.mergeAll(Logger.layer([]), ResilienceEvent.layer))

  /** A supervised child that a test can fail, with its status. */
  const supervised = Effect.fnUntraced(function* (options: Supervisor.Options) {
    let end = Effect.void
    const start = Effect.suspend(() => {
      const ending = Deferred.makeUnsafe<void, string>()
      end = Effect.andThen(Deferred.fail(ending, "down"), TestClock.adjust(0))
      return Deferred.await(ending)
    })
    const supervisor = yield* Supervisor.make(options, [{ name: "child", start }])
    yield* TestClock.adjust(0)
    return { end: Effect.suspend(() => end), status: Effect.map(supervisor.status, ([child]) => child?.status) }
  })

  it.effect("counts exactly the restarts of its period", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const child = yield* supervised({ backoff: Schedule.spaced("1 second"), maxRestarts: 1, period: "1 minute" })
        yield* child.end
        yield* jump
        yield* TestClock.adjust("1 minute")
        yield* child.end
        assert.strictEqual(yield* child.status, "backing-off", "the restart of a minute ago no longer counts")
        yield* TestClock.adjust("30 seconds")
        yield* jump
        yield* child.end
        assert.strictEqual(yield* child.status, "escalated", "the restart of half a minute ago still counts")
      }).pipe(quiet, Effect.scoped)
    )
  )

  it.effect("restarts its back-off after a whole period of running, and not before", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const delays: Array<number> = []
        const hub = yield* ResilienceEvent.ResilienceEvents
        yield* hub.listen((event) => event._tag === "ChildRestarted" && delays.push(event.delayMs))
        const child = yield* supervised({
          backoff: Schedule.exponential("1 second"),
          maxRestarts: 100,
          period: "1 minute"
        })
        for (const runs of ["30 seconds", "30 seconds", "2 minutes"] as const) {
          yield* child.end
          // Longer than the back-off, so that the clock is set while the child runs.
          yield* TestClock.adjust("4 seconds")
          yield* jump
          yield* TestClock.adjust(runs)
        }
        yield* child.end
        assert.deepStrictEqual(delays, [1000, 2000, 4000, 1000])
      }).pipe(quiet, Effect.scoped)
    )
  )
})
