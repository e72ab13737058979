import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Degradation from "../../src/health/Degradation.ts"
import * as CircuitBreaker from "../../src/resilience/breaker/CircuitBreaker.ts"
import { make as makeEventHub } from "../../src/resilience/EventHub.ts"

describe("the recovery of a tier that is restored gradually", () => {
  it.effect("is published when the tier is in full use, and not when its circuit closes", () =>
    Effect.gen(function* () {
      const circuitBreaker = yield* CircuitBreaker.make("holmesgpt")
      const holmes = { name: "holmesgpt", service: "holmesgpt", circuitBreaker, ramp: Effect.succeed({}) } as const
      const restored = makeEventHub<Degradation.Recovered>()
      const degradation = yield* Degradation.make({ tiers: [holmes], restored })
      yield* Effect.forkScoped(degradation.run)
      const recoveries: Array<Degradation.Recovered> = []
      yield* degradation.recoveries.listen((recovered) => recoveries.push(recovered))
      for (let calls = 0; calls < 5; calls++) yield* Effect.exit(circuitBreaker.call(Effect.fail("down")))
      yield* TestClock.adjust("30 seconds")
      for (let calls = 0; calls < 3; calls++) yield* circuitBreaker.call(Effect.void)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* circuitBreaker.state)._tag, "Closed")
      assert.deepStrictEqual(recoveries, [])
      restored.publish({ service: "holmesgpt", durationMs: 90_000 })
      assert.deepStrictEqual(recoveries, [{ service: "holmesgpt", durationMs: 90_000 }])
    })
  )

  it.effect("is told when the level keeps calls from the tier, and when it does not any more", () =>
    Effect.gen(function* () {
      const circuitBreaker = yield* CircuitBreaker.make("holmesgpt")
      const told: Array<boolean> = []
      const holmes = {
        name: "holmesgpt",
        service: "holmesgpt",
        circuitBreaker,
        hold: (isHeld: boolean) => Effect.sync(() => void told.push(isHeld))
      } as const
      const degradation = yield* Degradation.make({ tiers: [holmes], dwell: "30 seconds" })
      yield* Effect.forkScoped(degradation.run)
      for (let calls = 0; calls < 5; calls++) yield* Effect.exit(circuitBreaker.call(Effect.fail("down")))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(told, [])
      for (let calls = 0; calls < 3; calls++) yield* circuitBreaker.call(Effect.void)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* degradation.current).held, ["holmesgpt"])
      assert.deepStrictEqual(told, [true])
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(told, [true, false])
    })
  )
})
