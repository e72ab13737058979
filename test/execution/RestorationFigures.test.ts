import { assert, describe, it } from "@effect/vitest"
import { deployment, template } from "./objects.ts"
import { accepted, made, planBack, recorded } from "./restoring.ts"

const config = (data: object) => made("ConfigMap", { data })

describe("what people see of a restoration", () => {
  it("shows neither the values of a ConfigMap nor those of variables in its figures or in a refusal", () => {
    const change = recorded(config({ password: "hunter2" }), config({ password: "hunter3" }))
    const now = config({ password: "hunter3" })
    assert.notInclude(JSON.stringify(accepted(change, now).figures), "hunter")
    assert.notInclude(JSON.stringify(planBack(change, config({ password: "hunter4" }))), "hunter")
  })

  it("shows no value of a field with the name of a secret", () => {
    const names = ["password", "apiKey", "access_token", "clientSecret", "dsn"]
    const custom = (value: string) => made("Database", { spec: Object.fromEntries(names.map((name) => [name, value])) })
    const { figures } = accepted(recorded(custom("hunter2"), custom("hunter3")), custom("hunter3"))
    assert.deepStrictEqual(
      Object.keys(figures),
      names.map((name) => `spec.${name}`)
    )
    assert.notInclude(JSON.stringify(figures), "hunter")
  })

  const custom = (spec: object) => made("Database", { spec })
  const sidecar = (container?: object) =>
    deployment({ template: template("app:3", container === undefined ? {} : { initContainers: [container] }) })
  const hidden: ReadonlyArray<
    readonly [what: string, value: ReturnType<typeof made>, without: ReturnType<typeof made>]
  > = [
    ["an argument of a whole container", sidecar({ name: "r", args: ["-a", "hunter2"] }), sidecar()],
    ["a header of a whole probe", custom({ probe: { httpHeaders: [{ name: "X", value: "hunter2" }] } }), custom({})],
    ["the user of an address", custom({ url: "redis://:hunter2@redis:6379" }), custom({ url: "redis://redis:6379" })],
    ["a value with a short name", custom({ adminPass: "hunter2", pw: "hunter2", auth: "hunter2" }), custom({})],
    ["what is beneath a secret name", custom({ adminPassword: { value: "hunter2" } }), custom({ adminPassword: {} })],
    ["a user of a map of credentials", custom({ basicAuth: { ann: "hunter2" } }), custom({ basicAuth: {} })],
    ["an item of a list of passwords", custom({ passwords: ["hunter2"] }), custom({ passwords: ["none"] })],
    ["a value within a map", custom({ login: { user: "a", pass: "hunter2" } }), custom({})],
    ["a token in a list", custom({ keys: ["ghp_hunter2"] }), custom({ keys: ["none"] })],
    ["a value with a joined name", custom({ DBPASS: "hunter2", rootpw: "hunter2", creds: "hunter2" }), custom({})],
    ["what is beneath a secret", custom({ secret: { a: "hunter2" } }), custom({ secret: { a: "none" } })],
    ["a map that is a secret", custom({ secret: { a: "hunter2" } }), custom({})],
    ["whose password it is", custom({ dbPasswordBilling: "hunter2", pwds: "hunter2" }), custom({})],
    ["an assignment in a text", custom({ options: "dbpass=hunter2" }), custom({ options: "none" })],
    ["any value of a kind like a Secret", made("AppSecret", { spec: { greeting: "hunter2" } }), made("AppSecret", {})],
    ["a header with credentials", custom({ header: "Basic hunter2" }), custom({ header: "none" })]
  ]
  it.each(hidden)("does not show %s, wherever it is", (_what, value, without) => {
    assert.notInclude(JSON.stringify(accepted(recorded(value, without), without).figures), "hunter")
    assert.notInclude(JSON.stringify(accepted(recorded(without, value), value).figures), "hunter")
  })

  it("shows no digest of a number with a secret name, because all numbers can be tried", () => {
    const { figures } = accepted(recorded(custom({ pin: 4711 }), custom({ pin: 4712 })), custom({ pin: 4712 }))
    assert.deepStrictEqual(figures, { "spec.pin": "a number -> a number" })
  })

  it("shows the names of objects that it refers to", () => {
    const volume = (secretName: string) =>
      deployment({ template: template("app:3", { volumes: [{ name: "v", secret: { secretName } }] }) })
    assert.include(
      JSON.stringify(accepted(recorded(volume("a-tls"), volume("b-tls")), volume("b-tls")).figures),
      "a-tls"
    )
  })

  it("has figures of every field", () => {
    const change = recorded(deployment({ replicas: 3 }), deployment({ replicas: 0 }))
    assert.deepStrictEqual(accepted(change, deployment({ replicas: 0 })).figures, { "spec.replicas": "0 -> 3" })
  })
})
