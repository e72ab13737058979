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
      { op: "add" as const, path: "/metadata/annotations/example.com~1token", value: "hunter2hunter2" }
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
  })
})
