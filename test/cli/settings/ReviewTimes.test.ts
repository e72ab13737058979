import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })
const values = (environment: Record<string, string>) => Result.getOrThrow(read(environment))

describe("the times of a review", () => {
  it("a review times out after a day and an approval expires after an hour, unless other times are set", () => {
    const timesMs = (environment: Record<string, string>) => {
      const { approvalLifetime, reviewTimeout } = values(environment)
      return [reviewTimeout, approvalLifetime].map((time) => Duration.toMillis(time))
    }
    assert.deepStrictEqual(timesMs({}), [86_400_000, 3_600_000])
    assert.deepStrictEqual(
      timesMs({ KUBERNAUT_REVIEW_TIMEOUT: "8 hours", KUBERNAUT_APPROVAL_LIFETIME: "10 minutes" }),
      [28_800_000, 600_000]
    )
  })

  it.each(["0 seconds", "soon", "-1 hours"])("refuses %s, and names the setting", (time) => {
    for (const key of ["KUBERNAUT_REVIEW_TIMEOUT", "KUBERNAUT_APPROVAL_LIFETIME"]) {
      const result = read({ [key]: time })
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) assert.include(result.failure.message, key)
    }
  })
})
