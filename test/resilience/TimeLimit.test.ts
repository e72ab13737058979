import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as TimeLimit from "../../src/resilience/TimeLimit.ts"
import { withStandstill } from "./StoodStill.ts"

describe("a time limit", () => {
  /** Whether each limit in turn is excused, where the process stands still for so many milliseconds in each. */
  const excused = (...latenesses: ReadonlyArray<number | "succeeds">) =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const limit = TimeLimit.within(new TimeLimit.Excuses(), "5 seconds", Effect.succeed)
        const said: Array<boolean> = []
        for (const lateMs of latenesses) {
          if (lateMs === "succeeds") {
            yield* limit(Effect.void)
            continue
          }
          const fiber = yield* Effect.forkChild(limit(Effect.never), { startImmediately: true })
          yield* standStill(lateMs)
          yield* TestClock.adjust("5 seconds")
          said.push((yield* Fiber.join(fiber)) === true)
        }
        return said
      })
    )

  it.effect("that ends in time counts, and a few milliseconds are not late", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* excused(0, 100), [false, false])
    })
  )

  it.effect("that ends late is excused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* excused(101, 137_000), [true, true])
    })
  )

  it.effect("counts after five excuses in a row, however late it ends", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* excused(450, 450, 450, 450, 450, 450, 137_000), [
        true,
        true,
        true,
        true,
        true,
        false,
        false
      ])
    })
  )

  it.effect("is excused with all that are under way in the same standstill, which count once", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const limit = TimeLimit.within(new TimeLimit.Excuses(), "5 seconds", Effect.succeed)
        for (const expected of [true, true, true, true, true, false]) {
          const calls = Array.from({ length: 16 }, () => limit(Effect.never))
          const fiber = yield* Effect.forkChild(Effect.all(calls, { concurrency: "unbounded" }), {
            startImmediately: true
          })
          yield* standStill(2500)
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual([...new Set<unknown>(yield* Fiber.join(fiber))], [expected])
          yield* TestClock.adjust("1 second")
        }
      })
    )
  )

  it.effect.each([10, 30, 120])(
    "of %d s counts from the sixth call on, where every timer of the process is late",
    (limit) =>
      withStandstill((standStill) =>
        Effect.gen(function* () {
          const call = TimeLimit.within(new TimeLimit.Excuses(), `${limit} seconds`, Effect.succeed)
          const said: Array<boolean> = []
          // All are under way when the first limit ends.
          for (let number = 0; number < 10; number++) {
            yield* Effect.forkChild(
              Effect.map(call(Effect.never), (isExcused) => said.push(isExcused)),
              { startImmediately: true }
            )
            yield* TestClock.adjust("500 millis")
          }
          while (said.length < 10) {
            yield* standStill(150)
            yield* TestClock.adjust("500 millis")
            yield* standStill(-150)
          }
          assert.deepStrictEqual(
            said,
            Array.from({ length: 10 }, (_, index) => index < 5)
          )
        })
      )
  )

  it.effect("is excused again once a call has succeeded", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* excused(450, 450, 450, 450, 450, 450, "succeeds", 450), [
        true,
        true,
        true,
        true,
        true,
        false,
        true
      ])
    })
  )
})
