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
