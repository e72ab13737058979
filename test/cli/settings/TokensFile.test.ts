import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { parse } from "../../../src/cli/settings/TokensFile.ts"

const token = "0123456789abcdef"
const entry = (fields: string) => `- { name: alice, role: operator, token: ${token}${fields} }`

describe("TokensFile", () => {
  it("reads the name, role and token of an entry", () => {
    const result = parse(entry(""))
    assert.isTrue(Result.isSuccess(result))
    const [alice] = Result.isSuccess(result) ? result.success : []
    assert.deepInclude(alice, { name: "alice", role: "operator" })
    assert.strictEqual(alice === undefined ? "" : Redacted.value(alice.token), token)
  })

  const wrong: ReadonlyArray<readonly [string, string, RegExp]> = [
    [
      "an unknown role",
      `- { name: a, role: admin, token: ${token} }`,
      /entry 1, role: expected source, viewer or operator/
    ],
    ["a short token", "- { name: a, role: viewer, token: short }", /entry 1, token: expected 16 or more/],
    ["an unknown field", entry(", groups: [x]"), /entry 1, groups: unknown field/],
    [
      "a duplicate name",
      `${entry("")}\n- { name: alice, role: viewer, token: ${token}x }`,
      /entry 2, name: already used/
    ],
    [
      "a duplicate token",
      `${entry("")}\n- { name: bob, role: viewer, token: ${token} }`,
      /entry 2, token: already used/
    ],
    ["an empty list", "[]", /expected a list/],
    ["invalid YAML", "- [", /not valid YAML/]
  ]
  for (const [name, text, expected] of wrong) {
    it(`refuses ${name}, and quotes no token`, () => {
      const result = parse(text)
      assert.isTrue(Result.isFailure(result))
      const message = Result.isFailure(result) ? result.failure.join("\n") : ""
      assert.match(message, expected)
      assert.notInclude(message, token)
    })
  }
})
