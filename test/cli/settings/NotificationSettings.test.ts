import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"
import { shown } from "../../../src/cli/settings/Settings.ts"

const address = "https://hooks.slack.com/services/T000/B000/XXXXsecretXXXX"
const ops = { name: "ops", kind: "slack", url: address, minimumSeverity: "warning" }

const read = (sinks: unknown, file = "") =>
  parse({
    environment: sinks === undefined ? {} : { KUBERNAUT_NOTIFICATION_SINKS: JSON.stringify(sinks) },
    terminal: false,
    ...(file === "" ? {} : { file: { path: "kubernaut.yaml", text: file } })
  })

const problems = (sinks: unknown) =>
  Result.match(read(sinks), { onSuccess: () => "", onFailure: ({ message }) => message })

describe("the sinks of notifications", () => {
  it("are none by default", () => {
    assert.deepStrictEqual(Result.getOrThrow(read(undefined)).notificationSinks, [])
  })

  it("are read from the environment and from the file alike", () => {
    const file = [
      "public_url: https://kubernaut.example.com",
      "notification_sinks:",
      "  - name: ops",
      "    kind: slack",
      `    url: ${address}`,
      "    minimumSeverity: warning"
    ].join("\n")
    const [fromFile, fromEnvironment] = [Result.getOrThrow(read(undefined, file)), Result.getOrThrow(read([ops]))]
    assert.deepStrictEqual(fromFile.notificationSinks, fromEnvironment.notificationSinks)
    assert.strictEqual(Redacted.value(fromFile.notificationSinks[0]!.url), address)
    assert.strictEqual(fromFile.publicUrl, "https://kubernaut.example.com")
  })

  it("are shown without their addresses, secrets and headers", () => {
    const { notificationSinks } = Result.getOrThrow(
      read([
        ops,
        {
          name: "hook",
          kind: "webhook",
          url: address,
          secret: "whsec_c2VjcmV0",
          headers: { authorization: "Bearer t" }
        }
      ])
    )
    assert.deepStrictEqual(shown(notificationSinks), [
      { name: "ops", kind: "slack", url: "<redacted>", minimumSeverity: "warning" },
      { name: "hook", kind: "webhook", url: "<redacted>", secret: "<redacted>", headers: "<1 header, redacted>" }
    ])
    assert.notInclude(JSON.stringify(notificationSinks), "secret/")
  })

  for (const [wrong, sinks, expected] of [
    ["two of one name", [ops, ops], "Expected each sink to have a unique name"],
    ["a secret of a chat", [{ ...ops, secret: "s3cr3t" }], "Expected each secret to belong to a sink of kind webhook"],
    [
      "an address without a scheme",
      [{ ...ops, url: "hooks.slack.com/XXXXsecretXXXX" }],
      "Expected an http:// or https://"
    ],
    ["an address with a password", [{ ...ops, url: "https://u:XXXXsecretXXXX@h/" }], "without user and password"],
    ["a name with spaces", [{ ...ops, name: "Our Ops" }], "Expected a short lower-case name"],
    ["an unknown kind of sink", [{ ...ops, kind: "email" }], "invalid at 0.kind"],
    ["an unknown kind of notification", [{ ...ops, kinds: ["party"] }], "invalid at 0.kinds.0"],
    ["no kinds at all", [{ ...ops, kinds: [] }], "invalid at 0.kinds"],
    ["no message a minute", [{ ...ops, perMinute: 0 }], "invalid at 0.perMinute"],
    ["a misspelt field", [{ ...ops, minimumSeverty: "info" }], "invalid at 0.unknown field"],
    ["no address", [{ name: "ops", kind: "slack" }], "invalid at 0.url"]
  ] as const)
    it(`refuse ${wrong}, name the setting, and quote no secret`, () => {
      const message = problems(sinks)
      assert.include(message, "KUBERNAUT_NOTIFICATION_SINKS")
      assert.include(message, expected)
      assert.notInclude(message, "secretXXXX")
      assert.notInclude(message, "s3cr3t")
    })
})
