import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type * as Degradation from "../../src/health/Degradation.ts"
import { eitherWay } from "../resilience/WallClock.ts"
import { fail, settle, started, succeed, watched } from "./degrading.ts"

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
      yield* TestClock.adjust("30 seconds")
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
