import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Option, Stream } from "effect"
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

  it("gives one reason for each service that is out", () => {
    assert.deepStrictEqual(
      Degradation.levelOf({
        tiers: [holmes("Open"), llm("HalfOpen", ":a"), llm("Isolated", ":b"), llm("Closed", ":c")]
      }).reasons,
      ["holmesgpt is out", "llm:a is being probed", "llm:b is isolated by an operator"]
    )
  })
})

describe("an emergency", () => {
  const order = { by: "ada", since: "2026-11-24T03:00:00.000Z" }
  const peers = Effect.all([
    watched("holmesgpt", "holmesgpt"),
    watched("llm", "llm:a"),
    watched("llm", "llm:b"),
    watched("custom", "kubernetes")
  ])

  // "All_AI_Services_Down → emergency mode" of docs/requirements.md, and the default beside it.
  it.effect.each([
    ["emergency", 3],
    ["rules", 2]
  ] as const)("All_AI_Services_Down: with KUBERNAUT_ALL_AI_DOWN=%s the level is %i", ([allAiDown, level]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const [holmes, a] = yield* peers
        const degradation = yield* Degradation.make({ tiers: [holmes, a], allAiDown })
        yield* Effect.forkScoped(degradation.run)
        yield* fail(holmes.circuitBreaker)
        yield* fail(a.circuitBreaker)
        yield* settle
        assert.strictEqual((yield* degradation.current).level, level)
      })
    )
  )

  it.effect("comes at once when a fourth service is out, and goes 30 seconds after one is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [holmes, a, b, kubernetes] = yield* peers
        const degradation = yield* Degradation.make({ tiers: [holmes, a, b], others: [kubernetes] })
        yield* Effect.forkScoped(degradation.run)
        const all = [holmes, a, b, kubernetes]
        for (const { circuitBreaker } of all) yield* fail(circuitBreaker)
        yield* settle
        const { level, reasons } = yield* degradation.current
        assert.strictEqual(level, 3)
        assert.strictEqual(reasons[0], "4 services are out at once: holmesgpt, llm:a, llm:b, kubernetes")
        yield* kubernetes.circuitBreaker.forceClosed("1 hour", "it is back")
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual((yield* degradation.current).level, 3)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* degradation.current).level, 2)
      })
    )
  )

  it.effect("that another process declares is seen within five seconds, and goes on while it cannot be read", () =>
    Effect.scoped(
      Effect.gen(function* () {
        let stands: Effect.Effect<Option.Option<typeof order> | undefined> = Effect.succeedNone
        const degradation = yield* Degradation.make({ tiers: [], declared: Effect.suspend(() => stands) })
        yield* Effect.forkScoped(degradation.run)
        yield* settle
        stands = Effect.succeedSome(order)
        assert.strictEqual((yield* degradation.current).level, 0)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* degradation.current).level, 3)
        stands = Effect.undefined
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* degradation.current).level, 3)
        stands = Effect.succeedNone
        yield* degradation.refresh
        assert.strictEqual((yield* degradation.current).level, 0)
      })
    )
  )
})

describe("the level follows the breakers", () => {
  it.effect("rises to 1 and 2 as they open, and falls again as they close", () =>
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
      assert.strictEqual(yield* level, 1, "a half-open breaker counts as out")
      yield* succeed(holmes.circuitBreaker)
      assert.strictEqual(yield* level, 0)
      assert.deepStrictEqual((yield* degradation.current).reasons, [])
    })
  )

  it.effect("rises when an operator isolates a service", () =>
    Effect.gen(function* () {
      const holmes = yield* watched("holmesgpt", "holmesgpt")
      const degradation = yield* started(holmes, yield* watched("llm", "llm:a"))
      yield* holmes.circuitBreaker.isolate("10 minutes", "maintenance")
      yield* settle
      assert.deepInclude(yield* degradation.current, { level: 1, reasons: ["holmesgpt is isolated by an operator"] })
    })
  )

  it.effect("updates since when the level changes, and keeps it when only the reasons change", () =>
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

  it.effect("changes starts with the current status and emits every later one", () =>
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

  it.effect("ignores breakers of other services", () =>
    Effect.gen(function* () {
      const degradation = yield* started(yield* watched("holmesgpt", "holmesgpt"))
      yield* fail(yield* CircuitBreaker.make("kubernetes"))
      yield* settle
      assert.strictEqual((yield* degradation.current).level, 0)
    })
  )

  it.effect("reads the current state of the breakers when run starts", () =>
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

  it.effect("as a layer, it listens to the ResilienceEvents of the context", () =>
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
  it.effect("is published with the time since the breaker first opened", () =>
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

  it.effect("has a duration that does not depend on jumps of the wall clock", () =>
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

  it.effect("closes the circuit without traffic after three probes, which start after 30 s and are 1 s apart", () =>
    Effect.gen(function* () {
      Object.assign(answering, { at: [], well: true })
      const holmes = yield* watched("holmesgpt", "holmesgpt", probe)
      const degradation = yield* started(holmes)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(answering.at, [], "a closed circuit is not probed")
      yield* fail(holmes.circuitBreaker)
      yield* TestClock.adjust("29999 millis")
      assert.deepStrictEqual(answering.at, [], "an open circuit is not probed")
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(answering.at.length, 3)
      assert.isAtLeast(answering.at[0]!, 90_000)
      assert.strictEqual((yield* holmes.circuitBreaker.state)._tag, "Closed")
      assert.strictEqual((yield* degradation.current).level, 0)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(answering.at.length, 3)
    })
  )

  it.effect("opens the circuit for another 30 s after each failed probe", () =>
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

  it.effect("neither closes nor opens the circuit when a probe is inconclusive, and releases the permit", () =>
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

  it.effect("leaves a service without a probe half-open until a regular call", () =>
    Effect.gen(function* () {
      const custom = yield* watched("custom", "custom")
      yield* started(custom)
      yield* fail(custom.circuitBreaker)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* custom.circuitBreaker.state)._tag, "HalfOpen")
    })
  )
})
