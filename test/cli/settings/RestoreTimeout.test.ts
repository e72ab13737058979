import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })

describe("the time that a rollback waits for the pods", () => {
  it("is five minutes, unless another one is set", () => {
    const timeMs = (environment: Record<string, string>) =>
      Duration.toMillis(Result.getOrThrow(read(environment)).restoreTimeout)
    assert.strictEqual(timeMs({}), 300_000)
    assert.strictEqual(timeMs({ KUBERNAUT_RESTORE_TIMEOUT: "20 minutes" }), 1_200_000)
  })

  it.each(["0 seconds", "soon", "-1 hours", "2 days"])("is not %s, and the message names the setting", (time) => {
    const result = read({ KUBERNAUT_RESTORE_TIMEOUT: time })
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.include(result.failure.message, "KUBERNAUT_RESTORE_TIMEOUT")
  })
})
