import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../../src/resilience/breaker/CircuitBreaker.ts"
import * as ResilienceEvent from "../../../src/resilience/ResilienceEvent.ts"

const repeat = <A>(times: number, value: A): ReadonlyArray<A> => Array.from({ length: times }, () => value)

const fail = Effect.fail("down" as const)

const trip = (breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.forEach(repeat(5, fail), (call) => Effect.exit(breaker.call(call)), { discard: true })

const tagOf = (breaker: CircuitBreaker.CircuitBreaker) => Effect.map(breaker.state, (state) => state._tag)

describe("CircuitBreaker", () => {
  it.effect("five failures stop all calls for 30 s, and then three successful probes close the circuit", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* trip(breaker)
      yield* TestClock.adjust(29_999)
      const rejected = yield* Effect.flip(breaker.call(Effect.die("must not run")))
      assert.strictEqual(rejected.retryAfterMs, 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
      yield* breaker.call(Effect.void)
      yield* breaker.call(Effect.void)
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
      yield* breaker.call(Effect.void)
      assert.strictEqual(yield* tagOf(breaker), "Closed")
    })
  )

  it.effect("one failed probe opens the circuit for another 30 s", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* trip(breaker)
      yield* TestClock.adjust("30 seconds")
      yield* breaker.call(Effect.void)
      yield* Effect.flip(breaker.call(fail))
      assert.deepInclude(yield* breaker.state, { _tag: "Open", retryAfterMs: 30_000 })
    })
  )

  it.effect("at most three probes run concurrently, and an interrupted probe releases its permit", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* trip(breaker)
      yield* TestClock.adjust("30 seconds")
      const probes = yield* Effect.forEach(repeat(3, Effect.never), (call) =>
        Effect.forkChild(breaker.call(call), { startImmediately: true })
      )
      assert.deepInclude(yield* breaker.state, { _tag: "HalfOpen", probesInFlight: 3 })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(breaker.call(Effect.void))))
      yield* Fiber.interrupt(probes[0]!)
      assert.deepInclude(yield* breaker.state, { _tag: "HalfOpen", probesInFlight: 2, successesInARow: 0 })
      yield* breaker.call(Effect.void)
      yield* Fiber.interruptAll(probes)
    })
  )

  it.effect("the outcome of a call admitted before the circuit opened has no effect", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      const gate = yield* Deferred.make<void>()
      const late = yield* Effect.forkChild(breaker.call(Deferred.await(gate)), { startImmediately: true })
      yield* trip(breaker)
      yield* TestClock.adjust("30 seconds")
      const before = yield* breaker.state
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(late)
      assert.deepStrictEqual(yield* breaker.state, before)
    })
  )

  it.effect("admitUnsafe, openForUnsafe and wouldRejectUnsafe agree with step", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      assert.deepStrictEqual(breaker.admitUnsafe(0), { generation: 0, probe: undefined })
      yield* trip(breaker)
      assert.strictEqual(breaker.admitUnsafe(10_000), 20_000)
      assert.strictEqual(breaker.openForUnsafe(10_000), 20_000)
      assert.isTrue(breaker.wouldRejectUnsafe(29_999))
      assert.isFalse(breaker.wouldRejectUnsafe(30_000))
      assert.isUndefined(breaker.openForUnsafe(30_000))
      assert.deepInclude(breaker.admitUnsafe(30_000), { generation: 2, probe: 0 })
    })
  )

  it.effect("an isolation rejects calls until it expires, and then probes decide", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      assert.deepInclude(yield* breaker.isolate("10 minutes", "upgrade"), { _tag: "Isolated", reason: "upgrade" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(breaker.call(Effect.void))))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    })
  )

  it.effect("a forced closing admits calls until it expires, and then the next failure counts with the window", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* breaker.call(Effect.void)
      assert.deepInclude(yield* breaker.forceClosed("20 seconds", "it lies"), { _tag: "ForcedClosed", requests: 1 })
      yield* trip(breaker)
      yield* trip(breaker)
      assert.deepInclude(yield* breaker.state, { _tag: "ForcedClosed", requests: 11, failures: 10 })
      yield* TestClock.adjust("20 seconds")
      assert.deepInclude(yield* breaker.state, { _tag: "Closed", requests: 11 })
      yield* Effect.flip(breaker.call(fail))
      assert.strictEqual(yield* tagOf(breaker), "Open")
    })
  )

  it.effect("an override without an end is rejected", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      assert.throws(() => breaker.isolate("Infinity", "for ever"), /above 0 and finite/)
    })
  )

  it.effect("new settings keep the state and the window, and apply to the next outcome", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* Effect.forEach(repeat(3, fail), (call) => Effect.exit(breaker.call(call)))
      yield* breaker.configure({ window: "2 minutes", consecutiveFailures: 4 })
      assert.deepInclude(yield* breaker.state, { _tag: "Closed", requests: 3, failuresInARow: 3 })
      yield* TestClock.adjust("90 seconds")
      assert.deepInclude(yield* breaker.state, { requests: 3 })
      yield* Effect.flip(breaker.call(fail))
      assert.deepInclude(yield* breaker.state, { _tag: "Open", retryAfterMs: 30_000 })
      yield* breaker.configure({ openDuration: "1 hour" })
      assert.deepInclude(breaker.settings, { windowMs: 120_000, consecutiveFailures: 4, openMs: 3_600_000 })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    })
  )

  it.effect("a defect counts as a failure and an interruption does not count", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* Effect.exit(breaker.call(Effect.die("bug")))
      assert.deepInclude(yield* breaker.state, { requests: 1, failures: 1 })
      yield* Effect.exit(breaker.call(Effect.interrupt))
      assert.deepInclude(yield* breaker.state, { requests: 1, failures: 1 })
    })
  )

  it.effect("probe runs its effect only while the circuit is half-open", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      let probes = 0
      const probe = Effect.sync(() => ++probes)
      assert.isTrue(Option.isNone(yield* breaker.probe(probe)))
      yield* trip(breaker)
      assert.isTrue(Option.isNone(yield* breaker.probe(probe)))
      yield* TestClock.adjust("30 seconds")
      assert.isTrue(Option.isSome(yield* breaker.probe(probe)))
      assert.strictEqual(probes, 1)
    })
  )

  it.effect(
    "keepProbing closes the circuit of a recovered peer without traffic, and does nothing while it is closed",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        let probes = 0
        let back = false
        const health = Effect.suspend(() => {
          probes++
          return back ? Effect.void : fail
        })
        let reads = 0
        const state = Effect.tap(breaker.state, () => Effect.sync(() => reads++))
        const fiber = yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(health))
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(reads, 1)
        assert.strictEqual(probes, 0)
        yield* trip(breaker)
        yield* TestClock.adjust("31 seconds")
        assert.strictEqual(probes, 1)
        assert.strictEqual(yield* tagOf(breaker), "Open")
        back = true
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual(probes, 4)
        assert.strictEqual(yield* tagOf(breaker), "Closed")
        yield* Fiber.interrupt(fiber)
      })
  )

  it.effect("keepProbing reads the state and probes at most 100 times a second, however short its interval is", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      let reads = 0
      let probes = 0
      const state = Effect.tap(breaker.state, () => Effect.sync(() => reads++))
      yield* trip(breaker)
      // An interruption does not count, so the circuit stays half-open.
      const inconclusive = Effect.andThen(
        Effect.sync(() => probes++),
        Effect.interrupt
      )
      yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(inconclusive, 0))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(probes, 0)
      assert.isAtMost(reads, 101)
      yield* TestClock.adjust("29 seconds")
      probes = 0
      yield* TestClock.adjust("1 second")
      assert.isAtMost(probes, 100)
      assert.isAtLeast(probes, 99)
    })
  )

  it.effect("keepProbing does not spin on an open circuit whose expiry has not been processed", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      let reads = 0
      const state = Effect.sync((): CircuitBreaker.Snapshot => {
        reads++
        return { name: "peer", _tag: "Open", generation: 1, retryAfterMs: 0 }
      })
      yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(Effect.void))
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(reads, 1)
      assert.isAtMost(reads, 101)
    })
  )

  it.effect("each transition is one event with its states and cause", () =>
    Effect.gen(function* () {
      const seen: Array<ResilienceEvent.ResilienceEvent> = []
      const hub = yield* ResilienceEvent.ResilienceEvents
      yield* hub.listen((event) => seen.push(event))
      const breaker = yield* CircuitBreaker.make("peer")
      yield* trip(breaker)
      yield* TestClock.adjust("30 seconds")
      yield* Effect.forEach([1, 2, 3], () => breaker.call(Effect.void))
      yield* breaker.isolate("1 minute", "drill")
      assert.deepStrictEqual(
        seen.map((event) =>
          event._tag === "BreakerTransition" ? [event.from, event.to, event.cause, event.reason] : event
        ),
        [
          ["Closed", "Open", "consecutive-failures", undefined],
          ["Open", "HalfOpen", "elapsed", undefined],
          ["HalfOpen", "Closed", "probes-succeeded", undefined],
          ["Closed", "Isolated", "operator", "drill"]
        ]
      )
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )

  it("the gauge is 0 while calls are admitted, 1 while they are rejected, and 2 while probes decide", () => {
    assert.deepStrictEqual(
      (["Closed", "Open", "HalfOpen", "Isolated", "ForcedClosed"] as const).map(CircuitBreaker.gaugeValue),
      [0, 1, 2, 1, 0]
    )
  })
})
