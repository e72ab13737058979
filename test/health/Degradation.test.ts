import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Degradation from "../../src/health/Degradation.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import * as ResilienceEvent from "../../src/resilience/ResilienceEvent.ts"
import { fail, settle, started, succeed, watched } from "./degrading.ts"

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
        assert.strictEqual(reasons[1], "4 services are out at once: holmesgpt, llm:a, llm:b, kubernetes")
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

describe("an operator", () => {
  it.effect("dismisses an emergency that was found, until its causes are gone", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = yield* watched("holmesgpt", "holmesgpt")
        const degradation = yield* Degradation.make({ tiers: [holmes], allAiDown: "emergency" })
        yield* Effect.forkScoped(degradation.run)
        const level = Effect.andThen(
          settle,
          Effect.map(degradation.current, (status) => status.level)
        )
        yield* holmes.circuitBreaker.isolate("10 minutes", "maintenance")
        assert.strictEqual(yield* level, 3)
        assert.deepStrictEqual(yield* degradation.dismiss("ada"), ["all AI services are down"])
        assert.strictEqual(yield* level, 2)
        yield* TestClock.adjust("11 minutes")
        for (const _ of [1, 2, 3]) yield* succeed(holmes.circuitBreaker)
        yield* TestClock.adjust("6 minutes")
        assert.strictEqual(yield* level, 0)
        yield* holmes.circuitBreaker.isolate("10 minutes", "maintenance again")
        assert.strictEqual(yield* level, 3, "the cause was gone, so it counts again")
      })
    )
  )
})

describe("services that are out at once", () => {
  it.effect("and were dismissed are an emergency again when one more goes out, and not when one is back", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const others = yield* Effect.forEach(["a", "b", "c", "d", "e"], (service) =>
          Effect.map(CircuitBreaker.make(service), (circuitBreaker) => ({ service, circuitBreaker }))
        )
        const degradation = yield* Degradation.make({ tiers: [], others })
        yield* Effect.forkScoped(degradation.run)
        const isolate = (index: number) => others[index]!.circuitBreaker.isolate("10 hours", "maintenance")
        const level = Effect.andThen(
          settle,
          Effect.map(degradation.current, (status) => status.level)
        )
        for (const index of [0, 1, 2, 3]) yield* isolate(index)
        assert.strictEqual(yield* level, 3)
        yield* degradation.dismiss("ada")
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(yield* level, 0)
        yield* isolate(4)
        assert.strictEqual(yield* level, 3)
        yield* TestClock.adjust("30 minutes")
        yield* degradation.dismiss("ada")
        assert.strictEqual(yield* level, 0)
        yield* others[4]!.circuitBreaker.forceClosed("10 hours", "it works")
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(yield* level, 0)
      })
    )
  )
})

describe("an exhausted chain", () => {
  it.effect("is an emergency for 30 seconds", () =>
    Effect.gen(function* () {
      const degradation = yield* started(yield* watched("holmesgpt", "holmesgpt"))
      yield* degradation.exhausted
      assert.strictEqual((yield* degradation.current).level, 3)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* degradation.current).level, 3)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* degradation.current).level, 0)
    })
  )
})

describe("when every peer is out at once", () => {
  it.effect("the reason is that we are cut off", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = yield* watched("holmesgpt", "holmesgpt")
        const kubernetes = yield* watched("custom", "kubernetes")
        const degradation = yield* Degradation.make({ tiers: [holmes], others: [kubernetes] })
        yield* Effect.forkScoped(degradation.run)
        yield* fail(holmes.circuitBreaker)
        yield* settle
        assert.isFalse((yield* degradation.current).isCutOff)
        yield* fail(kubernetes.circuitBreaker)
        yield* settle
        const { isCutOff, level, reasons } = yield* degradation.current
        assert.deepStrictEqual([isCutOff, level], [true, 2])
        assert.strictEqual(reasons[0], "We are cut off: none of the 2 peers answers")
      })
    )
  )
})

describe("the level follows the breakers", () => {
  it.effect("falls to 1 and 2 as they open, and rises when they have been closed for 30 seconds", () =>
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
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* level, 2)
      assert.deepStrictEqual((yield* degradation.current).held, ["llm:a"], "it is back, and nobody asks it yet")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* level, 1)
      assert.deepStrictEqual((yield* degradation.current).held, [])
      for (const _ of [1, 2]) yield* succeed(holmes.circuitBreaker)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* level, 1, "a half-open breaker counts as out")
      yield* succeed(holmes.circuitBreaker)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* level, 0)
      assert.deepStrictEqual((yield* degradation.current).reasons, [])
    })
  )

  it.effect("falls when an operator isolates a service", () =>
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
