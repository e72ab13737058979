import { assert, describe, it } from "@effect/vitest"
import type { Remediation, RemediationEvent } from "../../src/domain/Remediation.ts"
import { detail } from "../../src/http/routes/RemediationHandlers.ts"
import { accepted, decided, intent, investigated, journalOf, observed, remediationOf } from "../remediation/journals.ts"

const secret = "ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"
const template = (tag: string) => ({
  metadata: { annotations: { "example.com/api-token": "letmein42" }, labels: { app: "checkout" } },
  spec: {
    containers: [
      {
        name: "app",
        image: `app:${tag}`,
        args: [`--token=${secret}`],
        env: [
          { name: "DB_PASSWORD", value: "hunter2hunter2" },
          { name: "LOG_LEVEL", value: "debug" }
        ]
      }
    ]
  }
})
const patchOf = (tag: string) => ({
  _tag: "Patch" as const,
  ref: intent.action.target,
  patch: [{ op: "replace" as const, path: "/spec/template", value: template(tag) }]
})

const events: ReadonlyArray<RemediationEvent> = [
  accepted(),
  investigated,
  decided("execute"),
  {
    _tag: "Intended",
    intent: { ...intent, changes: [patchOf("1")], inverse: { _tag: "Exact", changes: [patchOf("2")] } }
  },
  {
    _tag: "Executed",
    outcome: { executionId: "rem-1-1", applied: "yes", finishedAt: "1970-01-01T00:00:00.000Z" }
  },
  {
    _tag: "RollbackRequested",
    request: { trigger: "operator", undoes: "rem-1-1", by: "ann", at: "1970-01-01T00:00:00.000Z" }
  },
  {
    _tag: "RollbackIntended",
    intent: {
      undoes: "rem-1-1",
      executionId: "rem-1-1-rollback-1",
      attempt: 1,
      trigger: "operator",
      changes: [patchOf("2")],
      before: observed,
      restores: [],
      plannedAt: "1970-01-01T00:00:00.000Z"
    }
  }
]

describe("a remediation that the API shows", () => {
  const self: Remediation = remediationOf(...events)
  const shown = JSON.stringify(detail(self, journalOf(...events)))

  it("has no secret of a pod template, neither in the action, its inverse nor the rollback", () => {
    for (const hidden of ["hunter2", secret, "letmein42"]) {
      assert.include(JSON.stringify(self), hidden)
      assert.notInclude(shown, hidden)
    }
  })

  it("has the rest of the template", () => {
    for (const kept of ["app:1", "app:2", "DB_PASSWORD", '"value":"debug"', '"app":"checkout"'])
      assert.include(shown, kept)
  })

  it("has no secret of a restored field or object, whose name is in the path of its patch or beside it", () => {
    const patches = [
      { op: "replace" as const, path: "/spec/template/spec/containers/0/env/3/value", value: "hunter2hunter2" },
      { op: "replace" as const, path: "/data/db_password", value: "hunter2hunter2" },
      { op: "add" as const, path: "/spec/template/spec/containers/0/args", value: ["--password", "hunter2hunter2"] },
      { op: "add" as const, path: "/metadata/annotations/example.com~1token", value: "hunter2hunter2" },
      { op: "replace" as const, path: "/spec/template/spec/containers/0/args/1", value: "hunter2hunter2" },
      ...[
        "credentials/alice",
        "passwords/0",
        "adminPassword/inline/x",
        "apiKeys/svc1",
        "basicAuth/bob",
        "tokens/bob"
      ].map((path) => ({ op: "replace" as const, path: `/spec/${path}`, value: "hunter2hunter2" })),
      { op: "add" as const, path: "/spec/secret", value: { a: "hunter2hunter2" } },
      { op: "add" as const, path: "/spec/volumes/0/secret", value: { secretName: "web-tls" } }
    ]
    const ref = { namespace: "shop", kind: "ConfigMap", name: "settings" }
    const changes = [
      { _tag: "Patch" as const, ref, patch: patches },
      { _tag: "Create" as const, ref, manifest: { data: { DB_PASSWORD: "hunter2hunter2", "a.conf": "port=80" } } }
    ]
    const journal: ReadonlyArray<RemediationEvent> = [
      accepted(),
      investigated,
      decided("execute"),
      { _tag: "Intended", intent: { ...intent, changes, inverse: { _tag: "Exact", changes } } }
    ]
    const text = JSON.stringify(detail(remediationOf(...journal), journalOf(...journal)))
    assert.notInclude(text, "hunter2")
    assert.include(text, "port=80")
    assert.include(text, "web-tls")
  })
})

describe("a restoration that the API shows", () => {
  const target = { namespace: "shop", kind: "ConfigMap", name: "settings" }
  const container = (password: string) => ({
    name: "app",
    args: ["--db-password", password, "--verbose"],
    env: [{ name: "DB_PASSWORD", value: password }]
  })
  const manifest = (password: string) => ({
    kind: "ConfigMap",
    metadata: { name: "settings", annotations: { "example.com/api-token": password } },
    data: { DB_PASSWORD: password, "token.txt": password, "app.properties": `mode=fast\npassword=${password}` },
    binaryData: { blob: password },
    spec: { template: { spec: { containers: [container(password)] } } }
  })
  const env = ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "env"]
  const variable = { by: "name", value: "DB_PASSWORD" }
  const differenceAt = (...path: ReadonlyArray<string | { readonly by: string; readonly value: string }>) => ({
    path,
    before: "hunter2-before",
    after: "hunter2-after"
  })
  const fields = [
    differenceAt("data", "DB_PASSWORD"),
    differenceAt("binaryData", "blob"),
    differenceAt(...env, variable, "value"),
    { path: [...env, variable], before: { name: "DB_PASSWORD", value: "hunter2-before" } },
    { path: ["data"], after: { DB_PASSWORD: "hunter2-after", LOG_LEVEL: "debug" } },
    { path: ["data", "LOG_LEVEL"], before: "info", after: "debug" }
  ]
  const replaced = (path: string) => ({ op: "replace" as const, path, value: "hunter2-patch" })
  const changes = [
    { _tag: "Create" as const, ref: target, manifest: manifest("hunter2-created") },
    {
      _tag: "Patch" as const,
      ref: target,
      patch: [
        replaced("/data/DB_PASSWORD"),
        replaced("/binaryData/blob"),
        replaced("/spec/template/spec/containers/0/env/3/value"),
        { op: "replace" as const, path: "/data/LOG_LEVEL", value: "debug" }
      ]
    }
  ]
  const action = { type: "RestoreObject" as const, target, change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV" }
  const written: ReadonlyArray<RemediationEvent> = [
    accepted(),
    investigated,
    decided("execute"),
    {
      _tag: "Intended",
      intent: {
        ...intent,
        action,
        changes,
        fields: [{ ref: target, fields }],
        inverse: { _tag: "Partial", changes, remains: "It has another uid than before." }
      }
    }
  ]
  const self: Remediation = remediationOf(...written)
  const shown = JSON.stringify(detail(self, journalOf(...written)))

  it("has no secret of an object that it creates, nor of a field that it takes back", () => {
    assert.include(JSON.stringify(self), "hunter2")
    assert.deepStrictEqual(shown.match(/.{60}hunter2[\w-]*/g) ?? [], [])
  })

  it("has the values that are no secrets", () => {
    for (const kept of ['"info"', '"debug"', "mode=fast", "--verbose", '"DB_PASSWORD"', '"settings"'])
      assert.include(shown, kept)
  })
})

describe("a restoration of a custom kind like a Secret that the API shows", () => {
  const ref = { namespace: "shop", kind: "AppSecret", name: "greetings" }
  const path = ["spec", "values", "greeting"]
  const manifest = {
    apiVersion: "example.com/v1",
    kind: "AppSecret",
    metadata: { name: "greetings", annotations: { applied: "hunter2-annotated" } },
    spec: { values: { greeting: "hunter2-created" } }
  }
  const changes = [
    {
      _tag: "Patch" as const,
      ref,
      patch: [{ op: "replace" as const, path: "/spec/values/greeting", value: "hunter2-before" }]
    },
    { _tag: "Create" as const, ref, manifest }
  ]
  const fields = [{ ref, fields: [{ path, before: "hunter2-before", after: "hunter2-after" }] }]
  const written: ReadonlyArray<RemediationEvent> = [
    accepted(),
    investigated,
    decided("execute"),
    { _tag: "Intended", intent: { ...intent, changes, fields, inverse: { _tag: "Exact", changes } } }
  ]
  const shown = JSON.stringify(detail(remediationOf(...written), journalOf(...written)))

  it("has the names of its fields, and no value of them", () => {
    assert.deepStrictEqual(shown.match(/.{60}hunter2[\w-]*/g) ?? [], [])
    for (const kept of ['"greetings"', '"example.com/v1"', "/spec/values/greeting", '["spec","values","greeting"]'])
      assert.include(shown, kept)
  })
})
