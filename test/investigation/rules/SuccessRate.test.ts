import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isClearlyBetter, keepsFailing, successRate } from "../../../src/investigation/rules/SuccessRate.ts"

const rounded = (fixed: number, verified: number) => {
  const { atLeast, atMost } = successRate({ fixed, verified })
  return [atLeast, atMost].map((bound) => Math.round(bound * 100) / 100)
}

describe("the share of uses that helped", () => {
  it("is an interval that is wide after a few uses, and narrow after many", () => {
    assert.deepStrictEqual(
      (
        [
          [0, 0],
          [0, 3],
          [0, 4],
          [1, 6],
          [5, 6],
          [33, 100]
        ] as const
      ).map(([fixed, verified]) => rounded(fixed, verified)),
      [
        [0, 1],
        [0, 0.35],
        [0, 0.29],
        [0.05, 0.43],
        [0.57, 0.95],
        [0.27, 0.39]
      ]
    )
  })

  it("keeps failing after four failures and no fix, and not after three", () => {
    assert.isFalse(keepsFailing(successRate({ fixed: 0, verified: 3 })))
    assert.isTrue(keepsFailing(successRate({ fixed: 0, verified: 4 })))
    assert.isFalse(keepsFailing(successRate({ fixed: 1, verified: 5 })))
    assert.isTrue(keepsFailing(successRate({ fixed: 20, verified: 100 })))
  })

  it("is clearly better only where the intervals are apart", () => {
    const often = successRate({ fixed: 9, verified: 10 })
    assert.isTrue(isClearlyBetter(often, successRate({ fixed: 2, verified: 10 })))
    assert.isFalse(isClearlyBetter(often, successRate({ fixed: 7, verified: 10 })))
    assert.isFalse(isClearlyBetter(often, successRate({ fixed: 0, verified: 0 })))
  })

  const counts = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
  it.prop(
    "contains the share, lies between 0 and 1, and is narrower after ten times as many uses",
    [counts, counts],
    ([a, b]) => {
      const [fixed, verified] = [Math.min(a, b), Math.max(a, b, 1)]
      const { atLeast, atMost } = successRate({ fixed, verified })
      const more = successRate({ fixed: 10 * fixed, verified: 10 * verified })
      const share = fixed / verified
      return (
        atLeast >= 0
        && atLeast <= share + 1e-9
        && share <= atMost + 1e-9
        && atMost <= 1
        && more.atMost - more.atLeast < atMost - atLeast
      )
    }
  )
})
