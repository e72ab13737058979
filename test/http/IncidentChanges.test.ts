import { assert, describe, it } from "@effect/vitest"
import { ChangeId } from "../../src/domain/ObjectChange.ts"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import type { Suspects } from "../../src/domain/Suspects.ts"
import { remediationEvent } from "../../src/http/routes/EventHandlers.ts"
import { detail } from "../../src/http/routes/RemediationHandlers.ts"
import { at, container, modified, ref } from "../changes/scenes.ts"
import { accepted, decided, intent, investigated, journalOf, remediationOf } from "../remediation/journals.ts"

const secret = "hunter2-hunter2"
const workload = ref("Deployment", "checkout")
const image = modified(workload, -12, container("image"), { before: "app:1", after: "app:2" })
const port = modified(ref("Service", "checkout"), -60, ["spec", "ports", { by: "name", value: "http" }, "targetPort"], {
  before: 8080,
  after: 9090
})
const password = modified(workload, -30, container("env", { by: "name", value: "DB_PASSWORD" }, "value"), {
  before: secret,
  after: `${secret}2`
})

const suspects: Suspects = {
  finding: "one",
  ranked: [image, port, password].map((change, index) => ({
    change,
    score: index === 0 ? 0.9 : 0.2,
    distance: index,
    relation: "is the target",
    reasons: ["It was made 12 s before the first symptom."]
  })),
  symptomAt: at(0),
  since: at(-3600),
  gaps: [{ kind: "Secret", from: null, to: null, reason: "forbidden" }],
  unread: []
}

const withSuspects = { ...investigated, suspects } as RemediationEvent
const finished = "1970-01-01T00:00:01.000Z"

const shown = (...events: ReadonlyArray<RemediationEvent>) => {
  const all = [accepted(), ...events]
  return detail(remediationOf(...all), journalOf(...all))
}

const executed = (
  action: (typeof intent)["action"],
  changes: (typeof intent)["changes"]
): ReadonlyArray<RemediationEvent> => [
  withSuspects,
  decided("execute"),
  { _tag: "Intended", intent: { ...intent, action, changes } },
  { _tag: "Executed", outcome: { executionId: intent.executionId, applied: "yes", finishedAt: finished } }
]

const restore = (change: string) =>
  ({ type: "RestoreObject", target: { cluster: "dev", ...port.ref }, change: ChangeId.make(change) }) as never

describe("the record of an incident", () => {
  it("has the finding, the ranked list with its reasons, and the diff of the suspect, who and when", () => {
    const found = shown(withSuspects).suspects
    assert.strictEqual(found?.finding, "one")
    assert.include(found?.summary ?? "", "1 suspect: Deployment shop/checkout")
    assert.deepStrictEqual(
      found?.ranked.map(({ suspected }) => suspected),
      [true, false, false]
    )
    assert.deepStrictEqual(found?.ranked[0]?.change.fields, [
      { path: "spec.template.spec.containers[app].image", before: "app:1", after: "app:2" }
    ])
    assert.deepInclude(found?.ranked[0]?.change, { at: at(-12), by: image.by })
    assert.deepStrictEqual(found?.ranked[0]?.reasons, suspects.ranked[0]?.reasons)
    assert.strictEqual(found?.watched, "partly")
    assert.include(found?.gaps[0]?.why ?? "", "RBAC")
  })

  it("keeps the list when the alert could not be acted on: escalated, or only observed", () => {
    for (const outcome of ["escalate", "observe"] as const) {
      const found = shown(withSuspects, decided(outcome), {
        _tag: "Concluded",
        state: outcome === "escalate" ? "Escalated" : "Observed",
        reason: "Nothing is done."
      })
      assert.strictEqual(found.suspects?.ranked.length, 3)
    }
  })

  it("says nothing of changes where they were not recorded", () => {
    assert.notProperty(shown(investigated), "suspects")
    assert.notProperty(shown(investigated), "undone")
  })

  it("has no secret in the list, nor in the events of a version that journaled one", () => {
    assert.notInclude(JSON.stringify(shown(withSuspects)), secret)
  })

  it("shows the diff that a RestoreObject has undone", () => {
    const events = executed(restore(port.id), intent.changes)
    const undone = shown(...events).undone
    assert.deepStrictEqual(undone?.[0]?.change?.fields, [
      { path: "spec.ports[http].targetPort", before: 8080, after: 9090 }
    ])
    assert.deepInclude(undone?.[0], { changeId: port.id, state: "undone", at: finished })
  })

  it("shows it for a RollbackDeployment that puts back every field of a suspect, and not for one that does not", () => {
    const template = (tag: string) => ({ spec: { containers: [{ name: "app", image: tag }] } })
    const patch = (tag: string) => [
      {
        _tag: "Patch" as const,
        ref: workload,
        patch: [{ op: "replace" as const, path: "/spec/template", value: template(tag) }]
      }
    ]
    const rollback = { type: "RollbackDeployment", target: { cluster: "dev", ...workload } } as never
    assert.strictEqual(shown(...executed(rollback, patch("app:1"))).undone?.[0]?.changeId, image.id)
    assert.notProperty(shown(...executed(rollback, patch("app:0"))), "undone")
  })

  it("is told in short by the events of the remediation", () => {
    const remediation = remediationOf(accepted(), withSuspects)
    const { data } = remediationEvent({ event: "Investigated", remediation } as never)
    assert.include(String(data["suspects"]), "1 suspect: Deployment shop/checkout")
  })
})
