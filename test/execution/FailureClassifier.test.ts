import { assert, describe, it } from "@effect/vitest"
import { classify, FailureCode, fenced, nodesOut, otherMode, stale } from "../../src/execution/FailureClassifier.ts"
import { KubernetesError, KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"

const table: ReadonlyArray<readonly [KubernetesErrorReason, code: FailureCode, category: string, recovery: string]> = [
  [{ _tag: "Unauthorized" }, "unauthorized", "api", "refresh-identity"],
  [{ _tag: "Forbidden" }, "forbidden", "policy", "escalate"],
  [{ _tag: "QuotaExceeded", quota: "team-a" }, "quota-exceeded", "resource", "alternative"],
  [{ _tag: "PolicyDenied", policy: "no-latest" }, "policy-denied", "policy", "escalate"],
  [{ _tag: "NotFound" }, "not-found", "gone", "plan-again"],
  [{ _tag: "Conflict" }, "conflict", "conflict", "plan-again"],
  [{ _tag: "AlreadyExists" }, "already-exists", "conflict", "compare"],
  [{ _tag: "FieldManagerConflict", managers: ["argocd-controller"] }, "field-owned", "policy", "escalate"],
  [{ _tag: "Invalid", fields: ["spec.replicas"] }, "invalid", "api", "alternative"],
  [{ _tag: "Expired" }, "expired", "api", "read-again"],
  [{ _tag: "DisruptionBudget" }, "disruption-budget", "policy", "slow-retry"],
  [{ _tag: "TooManyRequests" }, "rate-limited", "api", "back-off"],
  [{ _tag: "Unavailable", status: 503 }, "unavailable", "api", "back-off"],
  [{ _tag: "Timeout" }, "timeout", "timeout", "read-back"],
  [{ _tag: "StorageFull" }, "storage-full", "resource", "stop-writing"],
  [{ _tag: "WrongCluster", why: "other-cluster" }, "wrong-cluster", "policy", "escalate"],
  [{ _tag: "NotNow", limit: "bulkhead" }, "own-limit", "api", "back-off"]
]

const error = (reason: KubernetesErrorReason) =>
  new KubernetesError({ reason, operation: "patch Deployment shop/checkout", applied: "no", retryable: false })

describe("FailureClassifier", () => {
  it.each(table)("%j is %s (%s), which calls for %s", (reason, code, category, recovery) => {
    const failure = classify(error(reason))
    assert.deepStrictEqual([failure.code, failure.category, failure.recovery], [code, category, recovery])
    assert.match(failure.message, /^patch Deployment shop\/checkout: /)
  })

  it("covers every reason of the cluster port and every code", () => {
    assert.sameMembers(
      table.map(([reason]) => reason._tag),
      KubernetesErrorReason.members.map((member) => member.fields._tag.schema.literal)
    )
    assert.sameMembers(
      [...table.map(([, code]) => code), fenced.code, nodesOut("").code, otherMode.code, stale.code],
      [...FailureCode.literals]
    )
  })

  it("names the quota, policy, field managers or fields of a refusal", () => {
    assert.include(classify(error({ _tag: "QuotaExceeded", quota: "team-a" })).message, "team-a")
    assert.include(classify(error({ _tag: "PolicyDenied", policy: "no-latest" })).message, "no-latest")
    assert.include(
      classify(error({ _tag: "FieldManagerConflict", managers: ["argocd-controller"] })).message,
      "argocd-controller"
    )
    assert.include(classify(error({ _tag: "Invalid", fields: ["spec.replicas"] })).message, "spec.replicas")
  })

  it("escalates an RBAC refusal instead of retrying it with another identity", () => {
    assert.strictEqual(classify(error({ _tag: "Forbidden" })).recovery, "escalate")
  })
})
