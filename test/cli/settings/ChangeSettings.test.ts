import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })

describe("the settings of the change journal", () => {
  it("record changes, unless they are asked not to", () => {
    assert.strictEqual(Result.getOrThrow(read({})).changes, "on")
    assert.strictEqual(Result.getOrThrow(read({ KUBERNAUT_CHANGES: "off" })).changes, "off")
  })

  it("name custom kinds, and how long a change is kept", () => {
    const { changesKinds, changesRetention } = Result.getOrThrow(
      read({
        KUBERNAUT_CHANGES_KINDS: "security.istio.io/v1/AuthorizationPolicy",
        KUBERNAUT_CHANGES_RETENTION: "2 days"
      })
    )
    assert.deepStrictEqual(changesKinds, ["security.istio.io/v1/AuthorizationPolicy"])
    assert.strictEqual(Duration.toDays(changesRetention), 2)
  })

  it.each([
    ["KUBERNAUT_CHANGES", "yes"],
    ["KUBERNAUT_CHANGES_KINDS", "AuthorizationPolicy"],
    ["KUBERNAUT_CHANGES_RETENTION", "0 seconds"],
    ["KUBERNAUT_CHANGES_RETENTION", "366 days"]
  ])("%s is not %s, and the message names the setting", (name, value) => {
    const result = read({ [name]: value })
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.include(result.failure.message, name)
  })
})
