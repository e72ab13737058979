import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Degradation, type Recovered } from "../../src/health/Degradation.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import * as Supervised from "../../src/remediation/Supervised.ts"
import * as EventHub from "../../src/resilience/EventHub.ts"

describe("Supervised", () => {
  it.effect("restarts an escalated sweep after 30 seconds, and the sweep runs again once the cause is gone", () => {
    let isBroken = true
    let sweeps = 0
    const sweep = Effect.suspend(() => {
      if (isBroken) return Effect.die(new Error("the database is down"))
      sweeps++
      return Effect.never
    })
    const parts = Layer.mergeAll(
      Layer.succeed(RemediationActors, {
        fire: () => Effect.void,
        sweep,
        turn: () => Effect.void,
        active: Effect.succeed(0)
      }),
      Layer.mock(Degradation, {
        changes: Stream.empty,
        recoveries: EventHub.make<Recovered>(),
        run: Effect.never
      })
    )
    return Effect.gen(function* () {
      const supervised = yield* Supervised.Supervised
      const statusOf = Effect.map(
        supervised.status,
        (children) => children.find(({ name }) => name === "sweep")?.status
      )
      for (let second = 0; second < 20; second++) yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* statusOf, "escalated")
      isBroken = false
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* statusOf, "running")
      assert.strictEqual(sweeps, 1)
    }).pipe(Effect.provide(Supervised.layer.pipe(Layer.provide(parts))))
  })
})
