import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })

describe("the settings of the spool", () => {
  it("turn it on beside the database, unless they are asked not to", () => {
    const { spool, spoolDirectory, spoolMaxSize } = Result.getOrThrow(read({}))
    assert.deepStrictEqual([spool, spoolDirectory, spoolMaxSize], ["on", undefined, 67_108_864])
    assert.strictEqual(Result.getOrThrow(read({ KUBERNAUT_SPOOL: "off" })).spool, "off")
  })

  it.each([
    ["KUBERNAUT_SPOOL", "yes"],
    ["KUBERNAUT_SPOOL_MAX_SIZE", "65535"],
    ["KUBERNAUT_SPOOL_MAX_SIZE", "a lot"]
  ])("%s is not %j, and the message names the setting", (name, value) => {
    const result = read({ [name]: value })
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.include(result.failure.message, name)
  })
})
