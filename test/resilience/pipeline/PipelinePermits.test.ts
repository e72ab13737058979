/** A pipeline with its breaker and bulkhead together: which calls receive permits, wait for them and release them. */

import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Checkpoint from "../../../src/resilience/pipeline/Checkpoint.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import * as ResilienceEvent from "../../../src/resilience/ResilienceEvent.ts"
import { between, down, noJitter, now, peer, reasonOf, settle, transient } from "../Peer.ts"

describe("circuit breaker and bulkhead in the pipeline", () => {
  it.effect("an interrupted probe releases its permit", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { circuitBreaker: { halfOpenPermits: 1 } })
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      yield* TestClock.adjust("30 seconds")
      const probe = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(Effect.void))), "CircuitOpen")
      yield* Fiber.interrupt(probe)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { _tag: "HalfOpen", probesInFlight: 0 })
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(Effect.void))), "success")
    })
  )

  it.effect("a probe that is interrupted while it waits for the bulkhead releases its permit too", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { circuitBreaker: { halfOpenPermits: 2 }, bulkhead: { limit: 1 } })
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      yield* TestClock.adjust("30 seconds")
      const holder = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      const waiter = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { probesInFlight: 2 })
      yield* Fiber.interrupt(waiter)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { probesInFlight: 1 })
      assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 1, waiting: 0 })
      yield* Fiber.interrupt(holder)
      assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 0 })
    })
  )

  it.effect("a call that records something first does not reach its peer if the circuit has opened meanwhile", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { circuitBreaker: {} })
      const recorded = yield* Deferred.make<void>()
      let reached = 0
      const call = Effect.andThen(
        Effect.andThen(Deferred.await(recorded), Checkpoint.current),
        Effect.sync(() => ++reached)
      )
      const waiting = yield* Effect.forkChild(Effect.exit(pipeline.execute(call)), { startImmediately: true })
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      yield* Deferred.succeed(recorded, undefined)
      assert.strictEqual(reasonOf(yield* Fiber.join(waiting)), "CircuitOpen")
      assert.strictEqual(reached, 0)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(call))), "success")
      assert.strictEqual(reached, 1)
    })
  )

  it.effect("a call that has sent a request when the circuit opens sends no second one, and is not called unmade", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", { circuitBreaker: {} })
        const events: Array<ResilienceEvent.ResilienceEvent> = []
        const hub = yield* ResilienceEvent.ResilienceEvents
        yield* hub.listen((event) => void (event._tag === "BreakerTransition" ? undefined : events.push(event)))
        let reached = 0
        const send = Effect.andThen(
          Checkpoint.current,
          Effect.sync(() => ++reached)
        )
        const call = Effect.andThen(Effect.andThen(send, pipeline.circuitBreaker!.trip("of-no-use")), send)
        const { attempts, exit } = yield* pipeline.executeCounted(call, transient)
        assert.strictEqual(reasonOf(exit), "CircuitOpen")
        assert.deepStrictEqual([reached, attempts], [1, 1])
        assert.deepStrictEqual(events, [
          { _tag: "CallIgnored", pipeline: "peer", attempts: 1, durationMs: 0, reason: "error" }
        ])
      }).pipe(Effect.provide(ResilienceEvent.layer))
    )
  )

  it.effect("when the circuit opens, all waiting calls are rejected and none reaches the peer", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        bulkhead: { limit: 1 },
        circuitBreaker: { consecutiveFailures: 2 },
        retry: false
      })
      const { call, seen } = peer(() => Effect.andThen(Effect.sleep("1 second"), Effect.fail("down" as const)))
      const fibers = yield* Effect.replicateEffect(
        Effect.forkChild(Effect.exit(pipeline.execute(call, transient)), { startImmediately: true }),
        5
      )
      yield* TestClock.adjust("2 seconds")
      const reasons = (yield* Fiber.joinAll(fibers)).map(reasonOf)
      assert.deepStrictEqual(reasons, ["down", "down", "CircuitOpen", "CircuitOpen", "CircuitOpen"])
      assert.deepStrictEqual(seen, [0, 1000])
      assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 0, waiting: 0 })
      assert.strictEqual((yield* pipeline.circuitBreaker!.state)._tag, "Open")
    })
  )

  it.effect(
    "a retry that waits for a permit while the circuit opens fails with the error of the previous attempt",
    () =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", { bulkhead: { limit: 1 }, retry: noJitter })
        const { call, seen } = peer(() => Effect.fail("down" as const))
        const waiter = yield* Effect.forkChild(Effect.exit(pipeline.execute(call, transient)), {
          startImmediately: true
        })
        const holder = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
        yield* TestClock.adjust("100 millis")
        assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 1, waiting: 1 })
        yield* pipeline.circuitBreaker!.isolate("1 minute", "maintenance")
        yield* Fiber.interrupt(holder)
        assert.strictEqual(reasonOf(yield* Fiber.join(waiter)), "down")
        assert.strictEqual(seen.length, 1)
      })
  )

  it.effect("a call that waits for a permit while the circuit opens and becomes half-open runs as a probe", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { bulkhead: { limit: 1 } })
      const holder = yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      const waiter = yield* Effect.forkChild(pipeline.execute(Effect.sleep("1 second")), { startImmediately: true })
      yield* pipeline.circuitBreaker!.isolate("1 second", "maintenance")
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(holder)
      yield* TestClock.adjust(1)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, {
        _tag: "HalfOpen",
        probesInFlight: 1,
        successesInARow: 0
      })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(waiter)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, {
        _tag: "HalfOpen",
        probesInFlight: 0,
        successesInARow: 1
      })
    })
  )

  it.effect("a probe that waits for the bulkhead holds one probe permit, and releases it", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { circuitBreaker: { halfOpenPermits: 2 }, bulkhead: { limit: 1 } })
      yield* settle(pipeline.execute(down.call, transient), "3 seconds")
      yield* TestClock.adjust("30 seconds")
      const holder = yield* Effect.forkChild(pipeline.execute(Effect.sleep("1 second")), { startImmediately: true })
      const waiter = yield* Effect.forkChild(pipeline.execute(Effect.sleep("1 second")), { startImmediately: true })
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.joinAll([holder, waiter])
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, {
        _tag: "HalfOpen",
        successesInARow: 2,
        probesInFlight: 0
      })
    })
  )

  it.effect("a full bulkhead rejects without a call, counts as no outcome and is not retried", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { bulkhead: { limit: 1, maxWaiting: 0 } })
      yield* Effect.forkChild(pipeline.execute(Effect.never), { startImmediately: true })
      const { call, seen } = peer(() => Effect.void)
      assert.strictEqual(reasonOf(yield* Effect.exit(pipeline.execute(call))), "BulkheadFull")
      assert.strictEqual(seen.length, 0)
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { requests: 0 })
    })
  )

  it.effect("ten thousand waiting calls run one after the other without nesting", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { bulkhead: { limit: 1, maxWaiting: 10_000 } })
      const gate = yield* Deferred.make<void>()
      let ran = 0
      yield* Effect.forkChild(pipeline.execute(Deferred.await(gate)), { startImmediately: true })
      const call = pipeline.execute(Effect.sync(() => ran++))
      const fibers = yield* Effect.replicateEffect(Effect.forkChild(call, { startImmediately: true }), 10_000)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(fibers)
      assert.strictEqual(ran, 10_000)
    })
  )

  it.effect.prop(
    "never exceeds the bulkhead, leaks nothing, and starts no work after its deadline",
    [
      Schema.Array(
        Schema.Struct({
          startMs: between(0, 400),
          workMs: between(0, 600),
          ends: Schema.Literals(["succeeds", "fails", "dies", "hangs"]),
          interruptMs: between(1, 3000)
        })
      ).check(Schema.isMaxLength(25))
    ],
    ([load]) =>
      Effect.gen(function* () {
        const pipeline = yield* Pipeline.make("peer", {
          bulkhead: { limit: 3, maxWaiting: 8, maxWait: "300 millis" },
          circuitBreaker: { consecutiveFailures: 1000, minimumRequests: 1000 },
          attemptTimeout: "250 millis",
          deadline: "1 second"
        })
        let inFlight = 0
        const call = (one: (typeof load)[number], begunMs: number) =>
          Effect.acquireUseRelease(
            Effect.map(now, (ms) => {
              assert.isBelow(ms, begunMs + 1000)
              assert.isAtMost(++inFlight, 3)
            }),
            () =>
              Effect.andThen(
                Effect.sleep(one.workMs),
                one.ends === "succeeds"
                  ? Effect.void
                  : one.ends === "fails"
                    ? Effect.fail("down")
                    : one.ends === "dies"
                      ? Effect.die("bug")
                      : Effect.never
              ),
            () =>
              Effect.map(now, (ms) => {
                inFlight--
                // Waits can have fractions of a millisecond, deadlines cannot.
                assert.isAtMost(Math.floor(ms), begunMs + 1000)
              })
          )
        const fibers = yield* Effect.forEach(load, (one) =>
          Effect.forkChild(
            Effect.sleep(one.startMs).pipe(
              Effect.andThen(now),
              Effect.flatMap((begunMs) => pipeline.execute(call(one, begunMs), transient)),
              Effect.timeoutOption(one.startMs + one.interruptMs),
              Effect.exit
            )
          )
        )
        yield* TestClock.adjust("5 seconds")
        const exits = yield* Fiber.awaitAll(fibers)
        for (const exit of exits) {
          if (Exit.isSuccess(exit) && Exit.isFailure(exit.value)) {
            for (const reason of exit.value.cause.reasons)
              assert.isFalse(reason._tag === "Die" && reason.defect !== "bug", String(reason))
          }
        }
        assert.strictEqual(inFlight, 0)
        assert.deepInclude(yield* pipeline.bulkhead!.state, { inUse: 0, waiting: 0 })
      })
  )

  it.effect("a call that our own queue has left little time says nothing about the peer when its deadline passes", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", {
        deadline: "30 seconds",
        attemptTimeout: false,
        circuitBreaker: { consecutiveFailures: 2 },
        bulkhead: { limit: 1, maxWait: "30 seconds" }
      })
      const slow = pipeline.execute(Effect.sleep("20 seconds"))
      const calls = yield* Effect.forEach([1, 2], () => Effect.forkChild(Effect.exit(slow), { startImmediately: true }))
      yield* TestClock.adjust("31 seconds")
      const [first, second] = yield* Fiber.joinAll(calls)
      assert.deepStrictEqual([reasonOf(first!), reasonOf(second!)], ["success", "DeadlineExceeded"])
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { _tag: "Closed", failuresInARow: 0 })
      const alone = yield* Effect.forkChild(Effect.exit(pipeline.execute(Effect.never)), { startImmediately: true })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(reasonOf(yield* Fiber.join(alone)), "DeadlineExceeded")
      assert.deepInclude(yield* pipeline.circuitBreaker!.state, { failuresInARow: 1 })
    })
  )
})
