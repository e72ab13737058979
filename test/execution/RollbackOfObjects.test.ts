/** The undo of a creation: only what nobody else has touched is removed. */

import { assert, describe, it } from "@effect/vitest"
import type { Intent } from "../../src/domain/Execution.ts"
import { leavesOf } from "../../src/execution/Leaves.ts"
import { planRollback } from "../../src/execution/Rollback.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { observed } from "../remediation/journals.ts"
import { changeId, made } from "./restoring.ts"

const signature = { executionId: "r1-1-rollback-1", remediationId: "r1", epoch: 2 }
const annotations = { "kubernaut.dev/execution": "r1-1" }

/** What the undo of its creation does, given the object as it was created and as it is now. */
const undoOf = (created: KubernetesObject, now: KubernetesObject) => {
  const ref = { namespace: "shop", kind: created.kind, name: "x" }
  const intent: Intent = {
    executionId: "r1-1",
    action: { type: "RestoreObject", target: ref, change: changeId },
    changes: [{ _tag: "Create", ref, manifest: {} }],
    inverse: { _tag: "Exact", changes: [], removesCreated: [ref] },
    baseline: observed,
    leaves: leavesOf(observed, [{ ref, object: created, created: true }]),
    plannedAt: "1970-01-01T00:00:00.000Z"
  }
  const plan = planRollback({ intent, trigger: "operator", signature, objects: [now] })
  return plan._tag === "RollbackRefusal" ? `${plan.code} ${plan.fields?.join()}` : plan.changes.map(({ _tag }) => _tag)
}
const kind = (kind: string, rest: object) => made(kind, rest, { annotations })

describe("the undo of a creation", () => {
  const same: ReadonlyArray<KubernetesObject> = [
    kind("ServiceAccount", {}),
    kind("ConfigMap", {}),
    kind("ConfigMap", { data: { a: "1" } }),
    kind("Service", { spec: { selector: { app: "x" } } })
  ]
  it.each(same)("removes what is as it was created: $kind", (object) => {
    assert.deepStrictEqual(undoOf(object, object), ["Delete"])
  })

  const edited: ReadonlyArray<readonly [string, KubernetesObject, KubernetesObject]> = [
    ["imagePullSecrets", kind("ServiceAccount", {}), kind("ServiceAccount", { imagePullSecrets: [{ name: "pull" }] })],
    ["data.a", kind("ConfigMap", {}), kind("ConfigMap", { data: { a: "1" } })],
    ["rules", kind("Role", {}), kind("Role", { rules: [{ verbs: ["get"], resources: ["pods"] }] })],
    ["data.b", kind("ConfigMap", { data: { a: "1" } }), kind("ConfigMap", { data: { a: "1", b: "2" } })]
  ]
  it.each(edited)("keeps what somebody else has filled in since: %s", (field, created, now) => {
    assert.include(undoOf(created, now), `changed-by-another ${field}`)
  })

  it("removes a ServiceAccount to which its controller has added tokens", () => {
    const now = kind("ServiceAccount", { secrets: [{ name: "x-token" }] })
    assert.deepStrictEqual(undoOf(kind("ServiceAccount", {}), now), ["Delete"])
  })
})
