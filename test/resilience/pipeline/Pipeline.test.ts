import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Tracer } from "effect"
import { TestClock } from "effect/testing"
import * as Deadline from "../../../src/resilience/pipeline/Deadline.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import * as ResilienceEvent from "../../../src/resilience/ResilienceEvent.ts"
import { down, ignored, listen, noJitter, peer, reasonOf, settle, transient } from "../Peer.ts"
import { withStandstill } from "../StoodStill.ts"

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

  it.effect(
    "an attempt that is cut after this process stood still does not count against the peer, and is retried",
    () =>
      withStandstill((standStill) =>
        Effect.gen(function* () {
          const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second", retry: noJitter })
          const { call } = peer((attempt) => (attempt === 1 ? Effect.never : Effect.succeed("there")))
          const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(call)), { startImmediately: true })
          yield* standStill(2300)
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual(yield* Fiber.join(fiber), Exit.succeed("there"))
          assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 1, failures: 0 })
        })
      )
  )

  it.effect("a peer that is down is found out by a process that always stands still", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second", retry: false })
        for (const failures of [0, 0, 0, 0, 0, 1, 2, 3, 4]) {
          const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(Effect.never)), { startImmediately: true })
          yield* standStill(450)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "AttemptTimeout")
          assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failures })
        }
      })
    )
  )

  it.effect("when every attempt takes too long, the caller gets AttemptTimeout", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "1 second" })
      const { call, seen } = peer(() => Effect.never)
      const exit = yield* settle(pipeline.execute(call, transient))
      assert.strictEqual(reasonOf(exit), "AttemptTimeout")
      assert.strictEqual(seen.length, 5)
      assert.strictEqual((yield* pipeline.circuitBreaker!.state)._tag, "HalfOpen")
    })
  )

  it.effect("the pipeline waits for an uninterruptible attempt, so nothing continues in the background", () =>
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

  it.effect("interrupting the caller interrupts the call and waits until it has stopped", () =>
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
  it.effect("the pipeline's own deadline ends a hanging call and counts as a failure", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { deadline: "2 seconds", attemptTimeout: false })
      assert.strictEqual(reasonOf(yield* settle(pipeline.execute(Effect.never), "2 seconds")), "DeadlineExceeded")
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failures: 1 })
    })
  )

  it.effect("an earlier outer deadline ends the call and does not count for the breaker", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: false })
      const call = Effect.provideService(pipeline.execute(Effect.never), Deadline.CurrentDeadline, 500)
      assert.strictEqual(reasonOf(yield* settle(call, 500)), "DeadlineExceeded")
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
    })
  )

  it.effect("a nested pipeline sees the remaining time", () =>
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

  it.effect("a back-off that would end after the deadline does not start, and the caller gets its error at once", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { deadline: 400, retry: noJitter })
      const { call, seen } = peer(() => Effect.fail("down" as const))
      const fiber = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)))
      yield* TestClock.adjust(300)
      assert.strictEqual(reasonOf(yield* Fiber.join(fiber)), "down")
      assert.deepStrictEqual(seen, [0, 100, 300])
      assert.deepInclude(events, { _tag: "RetryRefused", pipeline: "peer", attempt: 4, cause: "deadline" })
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it.effect("a deadline that has passed rejects the call before it starts, even while the circuit is open", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      const late = Effect.provideService(pipeline.execute(Effect.die("must not run")), Deadline.CurrentDeadline, 1)
      assert.strictEqual(reasonOf(yield* Effect.exit(late)), "DeadlineExceeded")
    })
  )

  it.effect("the wait for the bulkhead ends at the deadline", () =>
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

describe("observing a call", () => {
  it.effect("each call is one event with its attempts and duration, and each retry one with its delay", () =>
    Effect.gen(function* () {
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter, attemptTimeout: "1 second" })
      const { call } = peer((attempt) => (attempt < 3 ? Effect.fail("down" as const) : Effect.void))
      yield* settle(pipeline.execute(call, transient))
      yield* Effect.exit(pipeline.execute(down.call, ignored))
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
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it.effect("a listener that throws neither fails the call nor hides the event from other listeners", () =>
    Effect.gen(function* () {
      const hub = yield* ResilienceEvent.ResilienceEvents
      yield* hub.listen(() => {
        throw new Error("bug")
      })
      const events = yield* listen
      const pipeline = yield* Pipeline.make("peer")
      yield* pipeline.execute(Effect.void)
      assert.strictEqual(events.length, 1)
      assert.strictEqual(hub.listenerFailures, 1)
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it.effect("executeCounted reports the attempts and the duration of a failed call", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const fiber = yield* Effect.forkChild(pipeline.executeCounted(down.call, transient))
      yield* TestClock.adjust("3 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { attempts: 5, durationMs: 1500 })
    })
  )

  it.effect("inside a span each attempt has a child span with its error, and so has a rejected call", () =>
    Effect.gen(function* () {
      const spans: Array<readonly [string, unknown, unknown, unknown]> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          const end = span.end.bind(span)
          span.end = (endTime, exit) => {
            end(endTime, exit)
            const [attempt, state, type] = ["retry.attempt", "circuitbreaker.state", "error.type"].map((name) =>
              span.attributes.get(name)
            )
            spans.push([span.name, attempt, state, type])
          }
          return span
        }
      })
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      const { call } = peer(() => Effect.fail({ _tag: "PeerError", reason: { _tag: "Unavailable" } }))
      const traced = <A, E>(effect: Effect.Effect<A, E>) =>
        effect.pipe(Effect.withSpan("hop"), Effect.withTracer(tracer), Effect.exit)
      yield* settle(traced(pipeline.execute(call, transient)), "3 seconds")
      yield* traced(pipeline.execute(call, transient))
      assert.deepStrictEqual(spans, [
        ["attempt", 1, "closed", "Unavailable"],
        ["attempt", 2, "closed", "Unavailable"],
        ["attempt", 3, "closed", "Unavailable"],
        ["attempt", 4, "closed", "Unavailable"],
        ["attempt", 5, "closed", "Unavailable"],
        ["hop", undefined, undefined, undefined],
        ["attempt", 1, "open", "CircuitOpen"],
        ["hop", undefined, undefined, undefined]
      ])
    })
  )

  it.effect("its error messages name the reason and the time, and nothing that the peer said", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("holmesgpt")
      yield* settle(pipeline.execute(Effect.fail("secret")), "3 seconds")
      const error = yield* Effect.flip(pipeline.execute(Effect.fail("secret")))
      assert.match(String((error as Error).message), /^holmesgpt: the circuit is open for another \d+ ms$/)
    })
  )
})

describe("a pipeline without parts", () => {
  it.effect("neither retries nor limits", () =>
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
