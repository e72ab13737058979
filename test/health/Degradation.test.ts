import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import * as Degradation from "../../src/health/Degradation.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as ResilienceEvent from "../../src/resilience/ResilienceEvent.ts"
import { eitherWay } from "../resilience/WallClock.ts"

const fail = (breaker: CircuitBreaker.CircuitBreaker, times = 5) =>
  Effect.forEach(Array.from({ length: times }), () => Effect.exit(breaker.call(Effect.fail("down"))), { discard: true })

const succeed = (breaker: CircuitBreaker.CircuitBreaker) => Effect.exit(breaker.call(Effect.void))

const watched = Effect.fnUntraced(function* (
  name: Degradation.Watched["name"],
  service: string,
  probe?: Degradation.Watched["probe"]
) {
  return {
    name,
    service,
    circuitBreaker: yield* CircuitBreaker.make(service),
    ...(probe === undefined ? {} : { probe })
  }
})

const started = Effect.fnUntraced(function* (...tiers: ReadonlyArray<Degradation.Watched>) {
  const degradation = yield* Degradation.make({ tiers })
  yield* Effect.forkScoped(degradation.run)
  yield* settle
  return degradation
})

/** Lets the fiber take up what happened. */
const settle = TestClock.adjust(0)

describe("Degradation.levelOf", () => {
  const tier = (
    name: Degradation.TierState["name"],
    circuit: Degradation.TierState["circuit"],
    provider = ""
  ): Degradation.TierState => ({
    name,
    service: `${name}${provider}`,
    circuit
  })
  const holmes = (circuit: Degradation.TierState["circuit"]) => tier("holmesgpt", circuit)
  const llm = (circuit: Degradation.TierState["circuit"], provider = "") => tier("llm", circuit, provider)

  it.each<readonly [string, ReadonlyArray<Degradation.TierState>, DegradationLevel]>([
    ["everything is in", [holmes("Closed"), llm("Closed")], 0],
    ["nothing is configured", [], 0],
    ["only rules are configured", [tier("rules", "Closed")], 0],
    ["HolmesGPT is out and an LLM is in", [holmes("Open"), llm("Closed")], 1],
    ["HolmesGPT is half-open", [holmes("HalfOpen"), llm("Closed")], 1],
    ["an operator isolated HolmesGPT", [holmes("Isolated"), llm("Closed")], 1],
    ["an operator forced HolmesGPT closed", [holmes("ForcedClosed"), llm("Closed")], 0],
    ["HolmesGPT and one of two LLMs are out", [holmes("Open"), llm("Open", "a"), llm("Closed", "b")], 1],
    ["HolmesGPT and all LLMs are out", [holmes("Open"), llm("Open", "a"), llm("HalfOpen", "b")], 2],
    ["all LLMs are out and HolmesGPT is in", [holmes("Closed"), llm("Open")], 0],
    ["HolmesGPT is out and no LLM is configured", [holmes("Open")], 2],
    ["no HolmesGPT is configured and one of two LLMs is out", [llm("Open", "a"), llm("Closed", "b")], 0],
    ["no HolmesGPT is configured and all LLMs are out", [llm("Open", "a"), llm("Open", "b")], 2],
    ["an embedder's own investigator is out and an LLM is in", [tier("custom", "Open"), llm("Closed")], 1]
  ])("when %s the level is %3$i", (_situation, tiers, level) => {
    assert.strictEqual(Degradation.levelOf({ tiers }).level, level)
  })

  it("says of each service that is out how it stands", () => {
    assert.deepStrictEqual(
      Degradation.levelOf({
        tiers: [holmes("Open"), llm("HalfOpen", ":a"), llm("Isolated", ":b"), llm("Closed", ":c")]
      }).reasons,
      ["holmesgpt is out", "llm:a is being probed", "llm:b is isolated by an operator"]
    )
  })
})

describe("the level follows the breakers", () => {
  it.effect("down to 1 and 2 as they open, and back as they close", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const llm = yield* watched("llm", "llm:a")
      const degradation = yield* started(holmes, llm)
      const level = Effect.andThen(
        settle,
        Effect.map(degradation.current, (status) => status.level)
      )
      assert.strictEqual(yield* level, 0)
      yield* fail(holmes.circuitBreaker, 4)
      assert.strictEqual(yield* level, 0)
      yield* fail(holmes.circuitBreaker, 1)
      assert.strictEqual(yield* level, 1)
      yield* fail(llm.circuitBreaker)
      assert.strictEqual(yield* level, 2)
      yield* TestClock.adjust("30 seconds")
      for (const _ of [1, 2, 3]) yield* succeed(llm.circuitBreaker)
      assert.strictEqual(yield* level, 1)
      for (const _ of [1, 2]) yield* succeed(holmes.circuitBreaker)
      assert.strictEqual(yield* level, 1, "half-open is still out")
      yield* succeed(holmes.circuitBreaker)
      assert.strictEqual(yield* level, 0)
      assert.deepStrictEqual((yield* degradation.current).reasons, [])
    })
  )

  it.effect("an operator's isolation moves it as well", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* started(holmes, yield* watched("llm", "llm:a"))
      yield* holmes.circuitBreaker.isolate("10 minutes", "maintenance")
      yield* settle
      assert.deepInclude(yield* degradation.current, { level: 1, reasons: ["holmesgpt is isolated by an operator"] })
    })
  )

  it.effect("since is when the level moved, not when its reasons did", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* started(holmes, yield* watched("llm", "llm:a"))
      yield* TestClock.adjust("10 seconds")
      yield* fail(holmes.circuitBreaker)
      yield* settle
      const { since } = yield* degradation.current
      assert.strictEqual(since, "1970-01-01T00:00:10.000Z")
      yield* TestClock.adjust("30 seconds")
      yield* holmes.circuitBreaker.state
      yield* settle
      assert.deepInclude(yield* degradation.current, { level: 1, since, reasons: ["holmesgpt is being probed"] })
    })
  )

  it.effect("changes begins with the status now and has each that follows", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* started(holmes, yield* watched("llm", "llm:a"))
      const fiber = yield* degradation.changes.pipe(
        Stream.map((status) => status.level),
        Stream.take(2),
        Stream.runCollect,
        Effect.forkChild
      )
      yield* settle
      yield* fail(holmes.circuitBreaker)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 1])
    })
  )

  it.effect("breakers of anything else move nothing", () =>
    Effect.gen(function* () {
      const degradation = yield* started(yield* watched("holmesgpt", "holmesgpt"))
      yield* fail(yield* CircuitBreaker.make("kubernetes"))
      yield* settle
      assert.strictEqual((yield* degradation.current).level, 0)
    })
  )

  it.effect("a fiber that was started anew reads the breakers as they are", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* Degradation.make({ tiers: [holmes, yield* watched("llm", "llm:a")] })
      yield* fail(holmes.circuitBreaker)
      assert.strictEqual((yield* degradation.current).level, 0)
      yield* Effect.forkScoped(degradation.run)
      yield* settle
      assert.strictEqual((yield* degradation.current).level, 1)
    })
  )

  it.effect("as a layer it listens to the hub that its breakers publish to", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const context = yield* Layer.build(Degradation.layer({ tiers: [holmes] }))
      const degradation = yield* Effect.provideContext(Degradation.Degradation, context)
      yield* Effect.forkScoped(degradation.run)
      yield* settle
      yield* fail(holmes.circuitBreaker)
      yield* settle
      assert.strictEqual((yield* degradation.current).level, 2)
    }).pipe(Effect.provide(ResilienceEvent.layer))
  )
})

describe("recovery", () => {
  it.effect("is published with how long the service was out, from the first opening on", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* started(holmes)
      const recoveries: Array<Degradation.Recovered> = []
      yield* degradation.recoveries.listen((recovered) => recoveries.push(recovered))
      yield* fail(holmes.circuitBreaker)
      yield* TestClock.adjust("30 seconds")
      yield* fail(holmes.circuitBreaker, 1)
      yield* TestClock.adjust("30 seconds")
      for (const _ of [1, 2, 3]) yield* succeed(holmes.circuitBreaker)
      yield* settle
      assert.deepStrictEqual(recoveries, [{ service: "holmesgpt", durationMs: 60_000 }])
    })
  )

  it.effect("took as long as it took, also where the wall clock is set meanwhile", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const holmes = yield* watched("holmesgpt", "holmesgpt")
        const degradation = yield* started(holmes)
        const recoveries: Array<Degradation.Recovered> = []
        yield* degradation.recoveries.listen((recovered) => recoveries.push(recovered))
        yield* fail(holmes.circuitBreaker)
        yield* settle
        yield* jump
        yield* TestClock.adjust("30 seconds")
        for (const _ of [1, 2, 3]) yield* succeed(holmes.circuitBreaker)
        yield* settle
        assert.deepStrictEqual(recoveries, [{ service: "holmesgpt", durationMs: 30_000 }])
      }).pipe(Effect.scoped)
    )
  )
})

describe("probing", () => {
  const answering = { at: [] as Array<number>, well: true }
  const probe = Effect.clockWith((clock) =>
    Effect.suspend(() => {
      answering.at.push(clock.currentTimeMillisUnsafe())
      return answering.well ? Effect.void : Effect.fail({ countsAsFailure: true })
    })
  )

  it.effect("brings a service back without any traffic: three probes after 30 s, a second apart", () =>
    Effect.gen(function* () {
      Object.assign(answering, { at: [], well: true })
      const holmes = yield* watched("holmesgpt", "holmesgpt", probe)
      const degradation = yield* started(holmes)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(answering.at, [], "a closed circuit is not probed")
      yield* fail(holmes.circuitBreaker)
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(answering.at, [], "no call while the circuit is open")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(answering.at.length, 3)
      assert.isAtLeast(answering.at[0]!, 90_000)
      assert.strictEqual((yield* holmes.circuitBreaker.state)._tag, "Closed")
      assert.strictEqual((yield* degradation.current).level, 0)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(answering.at.length, 3)
    })
  )

  it.effect("of a service that is still out opens its circuit for another 30 s each time", () =>
    Effect.gen(function* () {
      Object.assign(answering, { at: [], well: false })
      const holmes = yield* watched("holmesgpt", "holmesgpt", probe)
      const degradation = yield* started(holmes)
      yield* fail(holmes.circuitBreaker)
      for (let second = 0; second < 300; second++) yield* TestClock.adjust("1 second")
      assert.isAtLeast(answering.at.length, 9)
      assert.isAtMost(answering.at.length, 10)
      answering.at.slice(1).forEach((at, index) => assert.isAtLeast(at - answering.at[index]!, 30_000))
      assert.strictEqual((yield* degradation.current).level, 2)
    })
  )

  it.effect("that finds out nothing neither closes nor opens the circuit, and leaves its places to traffic", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt", Effect.fail({ countsAsFailure: false }))
      yield* started(holmes)
      yield* fail(holmes.circuitBreaker)
      yield* TestClock.adjust("40 seconds")
      assert.deepInclude(yield* holmes.circuitBreaker.state, {
        _tag: "HalfOpen",
        successesInARow: 0,
        probesInFlight: 0
      })
      for (const _ of [1, 2, 3]) yield* succeed(holmes.circuitBreaker)
      assert.strictEqual((yield* holmes.circuitBreaker.state)._tag, "Closed")
    })
  )

  it.effect("a service without a probe waits for traffic", () =>
    Effect.gen(function* () {
      const custom = yield* watched("custom", "custom")
      yield* started(custom)
      yield* fail(custom.circuitBreaker)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* custom.circuitBreaker.state)._tag, "HalfOpen")
    })
  )
})
