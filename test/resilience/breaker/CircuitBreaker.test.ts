import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as CircuitBreaker from "../../../src/resilience/breaker/CircuitBreaker.ts"
import { type ResilienceEvent, ResilienceEvents } from "../../../src/resilience/ResilienceEvent.ts"

const repeat = <A>(times: number, value: A): ReadonlyArray<A> => Array.from({ length: times }, () => value)

const fail = Effect.fail("down" as const)

const trip = (breaker: CircuitBreaker.CircuitBreaker) =>
  Effect.forEach(repeat(5, fail), (call) => Effect.exit(breaker.call(call)), { discard: true })

const tagOf = (breaker: CircuitBreaker.CircuitBreaker) => Effect.map(breaker.state, (state) => state._tag)

describe("CircuitBreaker", () => {
  it.effect("after five failures the peer sees no call for 30 s, then probes; three successes close", () =>
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

  it.effect("three probes run at once, a fourth call is rejected, and an interrupted probe releases its permit", () =>
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

  it.effect("a call that was admitted before the circuit opened changes nothing when it ends", () =>
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

  it.effect("admits and rejects exactly as step does", () =>
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

  it.effect("an isolation rejects calls, ends by itself, and then probes decide", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      assert.deepInclude(yield* breaker.isolate("10 minutes", "upgrade"), { _tag: "Isolated", reason: "upgrade" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(breaker.call(Effect.void))))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* tagOf(breaker), "HalfOpen")
    })
  )

  it.effect(
    "a forced closing lets failures through, ends by itself, and the next failure is judged by the window it kept",
    () =>
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

  it.effect("an operator's word without an end is refused", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      assert.throws(() => breaker.isolate("Infinity", "for ever"), /above 0 and finite/)
    })
  )

  it.effect("new settings keep the state and the window, and judge the next outcome", () =>
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

  it.effect("a defect counts as a failure, an interruption as nothing", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      yield* Effect.exit(breaker.call(Effect.die("bug")))
      assert.deepInclude(yield* breaker.state, { requests: 1, failures: 1 })
      yield* Effect.exit(breaker.call(Effect.interrupt))
      assert.deepInclude(yield* breaker.state, { requests: 1, failures: 1 })
    })
  )

  it.effect("probe runs nothing while the circuit is closed or open, and one probe while it is half-open", () =>
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
    "keepProbing closes the circuit of a peer that is back without any traffic, and rests while it is closed",
    () =>
      Effect.gen(function* () {
        const breaker = yield* CircuitBreaker.make("peer")
        let probes = 0
        let back = false
        const health = Effect.suspend(() => {
          probes++
          return back ? Effect.void : fail
        })
        let looks = 0
        const state = Effect.tap(breaker.state, () => Effect.sync(() => looks++))
        const fiber = yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(health))
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(looks, 1)
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

  it.effect("keepProbing looks and probes at most 100 times a second, however short an interval it is given", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      let looks = 0
      let probes = 0
      const state = Effect.tap(breaker.state, () => Effect.sync(() => looks++))
      yield* trip(breaker)
      // Its outcome says nothing, so the circuit stays half-open.
      const inconclusive = Effect.andThen(
        Effect.sync(() => probes++),
        Effect.interrupt
      )
      yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(inconclusive, 0))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(probes, 0)
      assert.isAtMost(looks, 101)
      yield* TestClock.adjust("29 seconds")
      probes = 0
      yield* TestClock.adjust("1 second")
      assert.isAtMost(probes, 100)
      assert.isAtLeast(probes, 99)
    })
  )

  it.effect("keepProbing does not spin on a circuit whose end is due and that is still open", () =>
    Effect.gen(function* () {
      const breaker = yield* CircuitBreaker.make("peer")
      let looks = 0
      const state = Effect.sync((): CircuitBreaker.Snapshot => {
        looks++
        return { name: "peer", _tag: "Open", generation: 1, retryAfterMs: 0 }
      })
      yield* Effect.forkChild(Object.assign(breaker, { state }).keepProbing(Effect.void))
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(looks, 1)
      assert.isAtMost(looks, 101)
    })
  )

  it.effect("each transition is one event that says from, to and why", () =>
    Effect.gen(function* () {
      const seen: Array<ResilienceEvent> = []
      const hub = yield* ResilienceEvents
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
    }).pipe(Effect.provide(ResilienceEvents.layer))
  )

  it("the gauge is 0 closed, 1 open, 2 half-open; isolated counts as open, forced closed as closed", () => {
    assert.deepStrictEqual(
      (["Closed", "Open", "HalfOpen", "Isolated", "ForcedClosed"] as const).map(CircuitBreaker.gaugeValue),
      [0, 1, 2, 1, 0]
    )
  })
})
