import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Schedule, Schema, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../../src/resilience/breaker/CircuitBreaker.ts"
import * as Deadline from "../../../src/resilience/pipeline/Deadline.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import * as RetryBudget from "../../../src/resilience/pipeline/RetryBudget.ts"
import { type ResilienceEvent, ResilienceEvents } from "../../../src/resilience/ResilienceEvent.ts"
import { down, peer, reasonOf, settle, transient } from "../Peer.ts"

const permanent = (): Pipeline.Classification => ({ retry: false, breaker: "failure" })
const ours = (): Pipeline.Classification => ({ retry: false, breaker: "ignored" })

const noJitter = { jitter: 0 } as const
const at = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const listen = Effect.gen(function* () {
  const events: Array<ResilienceEvent> = []
  const hub = yield* ResilienceEvents
  yield* hub.listen((event) => events.push(event))
  return events
})

describe("retry", () => {
  it.effect("a failing peer sees five attempts, after 0, 100, 300, 700 and 1500 ms and at most a tenth more", () =>
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

  it.effect("the fifth failure opens the circuit: no call for 30 s, then probes, and three successes close it", () =>
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

  it.effect("what is not transient is not retried, and a bad request of ours counts as neither", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      yield* Effect.exit(pipeline.execute(down.call, ours))
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
      const { attempts, exit } = yield* pipeline.executeCounted(down.call, permanent)
      assert.strictEqual(reasonOf(exit), "down")
      assert.strictEqual(attempts, 1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 1, failures: 1 })
    })
  )

  it.effect("Retry-After is waited for, up to its cap", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: { ...noJitter, retryAfterCap: "2 seconds" } })
      const waits = [Duration.millis(1500), Duration.minutes(5)]
      const { call, seen } = peer((attempt) => (attempt <= 2 ? Effect.fail(waits[attempt - 1]!) : Effect.void))
      yield* settle(pipeline.execute(call, (retryAfter) => ({ retry: true, breaker: "failure", retryAfter })))
      assert.deepStrictEqual(seen, [0, 1500, 3500])
    })
  )

  it.effect("a schedule of one's own takes the place of the waits", () =>
    Effect.gen(function* () {
      const schedule = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))
      const pipeline = yield* Pipeline.make("peer", { retry: { schedule } })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(call, transient))), "down")
      assert.deepStrictEqual(seen, [0, 1000, 2000])
    })
  )

  it.effect("a schedule that never ends is bounded by the number of attempts, where one is given", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        retry: { schedule: Schedule.spaced("1 second"), attempts: 3 },
        circuitBreaker: false
      })
      const { attempts } = yield* Effect.flatten(settle(pipeline.executeCounted(down.call, transient)))
      assert.strictEqual(attempts, 3)
    })
  )

  it.effect("when others open the circuit during a back-off the caller hears its own last error", () =>
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

  it.effect("a call whose own failure opens the circuit hears that error at once, without another back-off", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter, circuitBreaker: { consecutiveFailures: 2 } })
      const { call } = peer(() => Effect.fail("down" as const))
      const fiber = yield* Effect.forkChild(pipeline.executeCounted(call, transient))
      yield* TestClock.adjust("1 second")
      const { attempts, durationMs, exit } = yield* Fiber.join(fiber)
      assert.deepStrictEqual([reasonOf(exit), attempts, durationMs], ["down", 2, 100])
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 3, cause: "circuit-open" })
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it.effect("a defect is a failure, is not retried and stays a defect", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const { call, seen } = peer(() => Effect.die("bug"))
      const exit = yield* settle(pipeline.execute(call, transient), "5 seconds")
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.strictEqual(seen.length, 1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failures: 1 })
    })
  )

  it.effect("a classifier that throws is a defect, and gives everything back", () =>
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
  it.effect("an empty budget refuses the retry, and the caller hears its last error", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const retryBudget = yield* RetryBudget.make({ ratio: 0, burst: 1, perSecond: 0 })
      const pipeline = yield* Pipeline.make("peer", { retryBudget })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(call, transient))), "down")
      assert.strictEqual(seen.length, 2)
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 3, cause: "budget" })
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it.effect("each request earns its part of an extra attempt", () =>
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
      Schema.Array(Schema.Struct({ requests: at(0, 12), waitMs: at(0, 3000), failing: Schema.Boolean })).check(
        Schema.isMaxLength(12)
      )
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

describe("attempt timeout", () => {
  it.effect("an attempt that takes too long is interrupted, counts as a failure and is retried", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second", retry: noJitter })
      let interrupted = 0
      const { call, seen } = peer((attempt) =>
        attempt === 1
          ? Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
          : Effect.succeed("there")
      )
      assert.deepStrictEqual(yield* settle(pipeline.execute(call, transient), "5 seconds"), Exit.succeed("there"))
      assert.deepStrictEqual(seen, [0, 1100])
      assert.strictEqual(interrupted, 1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 2, failures: 1 })
    })
  )

  it.effect("when every attempt takes too long the caller hears AttemptTimeout", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second" })
      const { call, seen } = peer(() => Effect.never)
      const exit = yield* settle(pipeline.execute(call, transient))
      assert.strictEqual(reasonOf(exit), "AttemptTimeout")
      assert.strictEqual(seen.length, 5)
      assert.strictEqual((yield* pipeline.circuitBreaker!.state)._tag, "HalfOpen")
    })
  )

  it.effect(
    "an attempt that cannot be interrupted is waited for, so that nothing goes on behind the caller's back",
    () =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second", retry: false })
        const call = Effect.uninterruptible(Effect.sleep("1500 millis"))
        const fiber = yield* Effect.forkChild(pipeline.executeCounted(call, transient), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("500 millis")
        const { durationMs, exit } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([reasonOf(exit), durationMs], ["AttemptTimeout", 1500])
      })
  )

  it.effect("interrupting the caller interrupts the call and waits for it to let go", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const letGo = yield* Deferred.make<void>()
      const call = Effect.onInterrupt(Effect.never, () => Deferred.succeed(letGo, undefined))
      const fiber = yield* Effect.forkChild(pipeline.execute(call), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.isTrue(yield* Deferred.isDone(letGo))
      assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 0 })
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
    })
  )
})

describe("deadline", () => {
  it.effect("the pipeline's own deadline ends a hanging call and counts against the peer", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { deadline: "2 seconds", attemptTimeout: false })
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(Effect.never), "2 seconds")), "DeadlineExceeded")
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failures: 1 })
    })
  )

  it.effect("a nearer deadline from further out ends it, and says nothing of the peer", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: false })
      const call = Effect.provideService(pipeline.execute(Effect.never), Deadline.CurrentDeadline, 500)
      assert.strictEqual(reasonOf(yield* settle(call, 500)), "DeadlineExceeded")
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
    })
  )

  it.effect("a pipeline inside a pipeline sees what is left", () =>
    Effect.gen(function* () {
      const outer = yield* Pipeline.make("outer", { deadline: "3 seconds" })
      const inner = yield* Pipeline.make("inner", { deadline: "1 hour" })
      const left = yield* outer.execute(
        Effect.flatMap(Deadline.remaining, (before) =>
          Effect.map(inner.execute(Deadline.remaining), (after) => [before, after])
        )
      )
      assert.deepStrictEqual(left, [Duration.seconds(3), Duration.seconds(3)])
    })
  )

  it.effect("a back-off that would end after the deadline is not begun: the caller hears its error at once", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { deadline: 400, retry: noJitter })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)))
      yield* TestClock.adjust(300)
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "down")
      assert.deepStrictEqual(seen, [0, 100, 300])
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 4, cause: "deadline" })
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it.effect("a deadline that has passed rejects the call before it begins, even where the circuit is open", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      const late = Effect.provideService(pipeline.execute(Effect.die("must not run")), Deadline.CurrentDeadline, 1)
      assert.strictEqual(reasonOf(yield* Effect.exit(late)), "DeadlineExceeded")
    })
  )

  it.effect("waiting for the bulkhead ends at the deadline", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        bulkhead: { limit: 1 },
        deadline: "1 second",
        attemptTimeout: false
      })
      yield* Effect.forkChild(
        Effect.provideService(pipeline.bulkhead!.withPermit(Effect.never), Deadline.CurrentDeadline, undefined),
        {
          startImmediately: true
        }
      )
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(Effect.void), "1 second")), "DeadlineExceeded")
    })
  )
})

describe("what others see of a call", () => {
  it.effect("each call is one event with its attempts and its duration, each retry one with its delay", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter, attemptTimeout: "1 second" })
      const { call } = peer((attempt) => (attempt < 3 ? Effect.fail("down" as const) : Effect.void))
      yield* settle(pipeline.execute(call, transient))
      yield* Effect.exit(pipeline.execute(down.call, ours))
      const fiber = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* pipeline.circuitBreaker!.isolate("1 minute", "drill")
      yield* Effect.exit(pipeline.execute(Effect.void))
      assert.deepStrictEqual(
        events.filter((event) => event._tag !== "BreakerTransition"),
        [
          { _tag: "AttemptRetried", pipeline: "peer", attempt: 2, delayMs: 100 },
          { _tag: "AttemptRetried", pipeline: "peer", attempt: 3, delayMs: 200 },
          { _tag: "CallSucceeded", pipeline: "peer", attempts: 3, durationMs: 300 },
          { _tag: "CallIgnored", reason: "error", pipeline: "peer", attempts: 1, durationMs: 0 },
          { _tag: "CallIgnored", reason: "interrupted", pipeline: "peer", attempts: 1, durationMs: 0 },
          { _tag: "CallRejected", reason: "circuit-open", pipeline: "peer", attempts: 0, durationMs: 0 }
        ]
      )
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it.effect("a listener that throws neither fails the call nor hides the event from others", () =>
    Effect.gen(function* () {
      const hub = yield* ResilienceEvents
      yield* hub.listen(() => {
        throw new Error("bug")
      })
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer")
      yield* pipeline.execute(Effect.void)
      assert.strictEqual(events.length, 1)
      assert.strictEqual(hub.listenerFailures, 1)
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it.effect("executeCounted tells attempts and duration of a success and of a failure alike", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const fiber = yield* Effect.forkChild(pipeline.executeCounted(down.call, transient))
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { attempts: 5, durationMs: 1500 })
    })
  )

  it.effect("below a span each attempt has one of its own, and so has a rejected call", () =>
    Effect.gen(function* () {
      const spans: Array<readonly [string, unknown, unknown]> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (endTime, exit) => {
            end(endTime, exit)
            spans.push([span.name, span.attributes.get("retry.attempt"), span.attributes.get("circuitbreaker.state")])
          }
          return span
        }
      })
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const { call } = peer(() => Effect.fail("down" as const))
      const traced = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(Effect.withSpan("hop"), Effect.withTracer(tracer), Effect.exit)
      yield* settle(traced(pipeline.execute(call, transient)), "3 seconds")
      yield* traced(pipeline.execute(call, transient))
      assert.deepStrictEqual(spans, [
        ["attempt", 1, "closed"],
        ["attempt", 2, "closed"],
        ["attempt", 3, "closed"],
        ["attempt", 4, "closed"],
        ["attempt", 5, "closed"],
        ["hop", undefined, undefined],
        ["attempt", 1, "open"],
        ["hop", undefined, undefined]
      ])
    })
  )

  it.effect("its errors say what happened, for how long, and nothing of the peer's words", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("holmesgpt")
      yield* settle(pipeline.execute(Effect.fail("secret")), "3 seconds")
      const error = yield* Effect.flip(pipeline.execute(Effect.fail("secret")))
      assert.match(String((error as Error).message), /^holmesgpt: the circuit is open for another \d+ ms$/)
    })
  )
})

describe("parts that are left out", () => {
  it.effect("a pipeline of nothing but the call neither retries nor limits", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        deadline: false,
        retryBudget: false,
        retry: false,
        circuitBreaker: false,
        bulkhead: false,
        attemptTimeout: false
      })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      for (let index = 0; index < 20; index++) yield* Effect.exit(pipeline.execute(call, transient))
      assert.strictEqual(seen.length, 20)
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(Effect.sleep("1 hour")), "1 hour")), "success")
    })
  )
})
