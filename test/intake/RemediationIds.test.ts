import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import * as RemediationIds from "../../src/intake/RemediationIds.ts"

describe("ids of remediations", () => {
  it.effect("are a ULID behind rem-, and begin with the time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2016, 6, 30, 23, 54, 10, 259))
      const [id] = yield* RemediationIds.make()(1)
      // The time of the example in the specification of ULIDs.
      assert.match(id ?? "", /^rem-01ARZ3NDEK[0-9A-HJKMNP-TV-Z]{16}$/)
    })
  )

  it.effect("sort as they are given out, within a millisecond, over time, and when the clock goes back", () =>
    Effect.gen(function* () {
      const next = RemediationIds.make()
      const given: Array<string> = []
      for (const millis of [1000, 1000, 1001, 500, 1001, 2000]) {
        yield* TestClock.setTime(millis)
        given.push(...(yield* next(500)))
      }
      assert.deepStrictEqual(given, given.toSorted())
      assert.strictEqual(new Set(given).size, given.length)
    })
  )

  it.effect("are the same for the same seed, and differ for another", () =>
    Effect.gen(function* () {
      const of = (seed: string) => RemediationIds.make()(3).pipe(Random.withSeed(seed))
      assert.deepStrictEqual(yield* of("a"), yield* of("a"))
      assert.notDeepEqual(yield* of("a"), yield* of("b"))
    })
  )
})
