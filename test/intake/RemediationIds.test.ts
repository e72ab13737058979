import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import * as RemediationIds from "../../src/intake/RemediationIds.ts"

describe("remediation ids", () => {
  it.effect("consist of rem- and a ULID that starts with the time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.UTC(2016, 6, 30, 23, 54, 10, 259))
      const [id] = yield* RemediationIds.make()(1)
      // The example of the ULID specification.
      assert.match(id ?? "", /^rem-01ARZ3NDEK[0-9A-HJKMNP-TV-Z]{16}$/)
    })
  )

  it.effect("sort in the order of generation, even within a millisecond and when the clock moves backwards", () =>
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

  it.effect("are equal for equal seeds and differ for different seeds", () =>
    Effect.gen(function* () {
      const of = (seed: string) => RemediationIds.make()(3).pipe(Random.withSeed(seed))
      assert.deepStrictEqual(yield* of("a"), yield* of("a"))
      assert.notDeepEqual(yield* of("a"), yield* of("b"))
    })
  )
})
