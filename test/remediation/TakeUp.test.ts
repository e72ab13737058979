import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import { begin, RemediationId } from "../../src/domain/Remediation.ts"
import type { StandingOrder } from "../../src/domain/StandingOrder.ts"
import { TargetKey } from "../../src/domain/Target.ts"
import { Degradation } from "../../src/health/Degradation.ts"
import { RemediationActors } from "../../src/remediation/RemediationActors.ts"
import * as RemediationEvents from "../../src/remediation/RemediationEvents.ts"
import * as TakeUp from "../../src/remediation/TakeUp.ts"
import { HeldBack } from "../../src/storage/HeldBack.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import { alert, deployment, minute } from "../storage/Incident.ts"

const down = new StorageError({ reason: "unavailable", operation: "heldBack", retryable: true, committed: "no" })

/** The child with as many alerts as wait, and what it has fired. */
const start = Effect.fnUntraced(function* (count: number) {
  const waiting = Array.from({ length: count }, (_, index) => RemediationId.make(`rem-${index}`))
  const now: {
    level: DegradationLevel
    active: number
    fault: StorageError | undefined
    stop: Effect.Effect<boolean, StorageError>
  } = { level: 3, active: 0, fault: undefined, stop: Effect.succeed(false) }
  const fired: Array<string> = []
  const asked: Array<DegradationLevel> = []
  const failing = <A>(body: () => A) =>
    Effect.suspend(() => (now.fault === undefined ? Effect.succeed(body()) : Effect.fail(now.fault)))
  const context = yield* Layer.build(
    TakeUp.layer("prod").pipe(
      Layer.provide([
        RemediationEvents.layer,
        Layer.succeed(HeldBack, {
          waiting: ({ level }, limit) =>
            failing(() => {
              asked.push(level)
              return waiting.slice(0, limit)
            }),
          takeUp: (id) =>
            failing(() => {
              if (!waiting.includes(id)) return Option.none()
              waiting.splice(waiting.indexOf(id), 1)
              const accepted = {
                _tag: "Accepted",
                alert: alert("f"),
                target: deployment(id),
                provisional: false
              } as const
              const ended = { ...begin(id, accepted, minute(0)), handedOverTo: RemediationId.make(`${id}.2`) }
              return Option.some({ target: TargetKey.make(id), severity: "warning" as const, ended })
            })
        }),
        Layer.succeed(RemediationActors, {
          fire: (target) => Effect.sync(() => void fired.push(target)),
          sweep: Effect.never,
          turn: () => Effect.void,
          active: Effect.sync(() => now.active)
        }),
        Layer.mock(StandingOrders, {
          current: (name) =>
            Effect.map(
              name === "emergency-stop" ? Effect.suspend(() => now.stop) : Effect.succeed(false),
              (isSet): Option.Option<StandingOrder> =>
                isSet ? Option.some({ by: "ann", since: minute(0) }) : Option.none()
            )
        }),
        Layer.succeed(Degradation, {
          current: Effect.sync(() => ({ level: now.level }))
        } as unknown as Degradation["Service"])
      ])
    )
  )
  const fiber = yield* Effect.forkScoped(Effect.flatMap(TakeUp.TakeUp, ({ run }) => run).pipe(Effect.provide(context)))
  return { asked, fiber, fired, now, waiting }
})

describe("alerts that the level has held back", () => {
  it.effect("are checked again when it is their turn: one that has resolved meanwhile gets none", () =>
    Effect.gen(function* () {
      const { fired, now, waiting } = yield* start(10)
      now.level = 0
      yield* TestClock.adjust("3 seconds")
      waiting.splice(waiting.indexOf(RemediationId.make("rem-7")), 1)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        fired,
        [0, 1, 2, 3, 4, 5, 6, 8, 9].map((index) => `rem-${index}`)
      )
    })
  )

  it.effect("are left alone at level 3, and taken up in order and paced when it has risen", () =>
    Effect.gen(function* () {
      const { asked, fired, now } = yield* start(200)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual([fired, asked], [[], []])
      now.level = 0
      yield* TestClock.adjust("15 seconds")
      const first = fired.length
      assert.isAtMost(first, 16, "one a second")
      yield* TestClock.adjust("45 seconds")
      assert.isAtMost(fired.length - first, 106)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        fired,
        Array.from({ length: 200 }, (_, index) => `rem-${index}`)
      )
    })
  )

  it.effect("are left alone while the emergency stop is set or cannot be read, and taken up when it is lifted", () =>
    Effect.gen(function* () {
      const { fired, now } = yield* start(5)
      now.level = 0
      for (const stop of [Effect.succeed(true), Effect.fail(down)]) {
        now.stop = stop
        yield* TestClock.adjust("3 hours")
        assert.deepStrictEqual(fired, [])
      }
      now.stop = Effect.succeed(false)
      yield* TestClock.adjust("25 seconds")
      assert.lengthOf(fired, 5)
    })
  )

  it.effect("wait again when the emergency stop is set meanwhile", () =>
    Effect.gen(function* () {
      const { fired, now } = yield* start(20)
      now.level = 0
      yield* TestClock.adjust("20 seconds")
      const some = fired.length
      assert.isAbove(some, 0)
      now.stop = Effect.succeed(true)
      yield* TestClock.adjust("1 hour")
      assert.isAtMost(fired.length, some + 1)
      now.stop = Effect.succeed(false)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(fired, 20)
    })
  )

  it.effect("wait while many actors work, so that a new alert never stands behind them", () =>
    Effect.gen(function* () {
      const { fired, now } = yield* start(5)
      now.level = 0
      now.active = 64
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(fired, [])
      now.active = 63
      yield* TestClock.adjust("10 seconds")
      assert.lengthOf(fired, 5)
    })
  )

  it.effect("wait again when the level falls meanwhile, and are not lost by a fault of the database", () =>
    Effect.gen(function* () {
      const { fiber, fired, now } = yield* start(20)
      now.level = 1
      yield* TestClock.adjust("20 seconds")
      const some = fired.length
      assert.isAbove(some, 0)
      now.level = 3
      yield* TestClock.adjust("5 minutes")
      assert.isAtMost(fired.length, some + 1)
      now.level = 0
      now.fault = down
      yield* TestClock.adjust("5 minutes")
      assert.isAtMost(fired.length, some + 1)
      now.fault = undefined
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(fired, 20)
      assert.isUndefined(fiber.pollUnsafe())
      yield* Fiber.interrupt(fiber)
    })
  )
})
