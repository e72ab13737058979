import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import { foreign, permits, type Role, verifier } from "../../src/http/Authentication.ts"

const roles: ReadonlyArray<Role> = ["source", "viewer", "operator"]

describe("Authentication", () => {
  it("finds the principal of a known token, and none for an unknown one", () => {
    const verify = verifier([
      { name: "am", role: "source", token: Redacted.make("source-token-000") },
      { name: "alice", role: "operator", token: Redacted.make("operator-token-0") }
    ])
    assert.deepStrictEqual(verify("operator-token-0"), { name: "alice", role: "operator" })
    assert.deepStrictEqual(verify("source-token-000"), { name: "am", role: "source" })
    assert.isUndefined(verify("source-token-001"))
    assert.isUndefined(verify(""))
  })

  it("permits everything to an operator, and to other roles only their own requests", () => {
    const table = roles.flatMap((role) => roles.map((required) => [role, required, permits(role, required)] as const))
    assert.deepStrictEqual(table, [
      ["source", "source", true],
      ["source", "viewer", false],
      ["source", "operator", false],
      ["viewer", "source", false],
      ["viewer", "viewer", true],
      ["viewer", "operator", false],
      ["operator", "source", true],
      ["operator", "viewer", true],
      ["operator", "operator", true]
    ])
  })

  it("refuses requests from other origins and with other host names than loopback", () => {
    assert.isUndefined(foreign({ host: "127.0.0.1:8080" }))
    assert.isUndefined(
      foreign({ host: "localhost:8080", origin: "http://localhost:8080", "sec-fetch-site": "same-origin" })
    )
    assert.isUndefined(foreign({ host: "[::1]:8080" }))
    assert.isString(foreign({ host: "rebound.example:8080" }))
    assert.isString(foreign({ host: "127.0.0.1.example:8080" }))
    assert.isString(foreign({ host: "127.0.0.1:8080", origin: "https://evil.example" }))
    assert.isString(foreign({ host: "127.0.0.1:8080", origin: "null" }))
    assert.isString(foreign({ host: "127.0.0.1:8080", "sec-fetch-site": "cross-site" }))
  })
})
