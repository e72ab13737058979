import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { failureCodes } from "../../src/domain/Failure.ts"
import {
  approvalExpired,
  defective,
  emergencyStopped,
  classify,
  levelFell,
  fenced,
  nodesOut,
  otherMode,
  podsRemain,
  stale
} from "../../src/execution/FailureClassifier.ts"
import { strategyOf } from "../../src/execution/RecoveryStrategy.ts"
import { KubernetesError, KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"

type Denial = "admission-policy" | "webhook" | "pod-security"
const denied = (policy: string, by: Denial): KubernetesErrorReason => ({ _tag: "PolicyDenied", policy, by })
const failing = (because: "webhook" | "several-budgets" | "storage-read"): KubernetesErrorReason => ({
  _tag: "Unavailable",
  status: 500,
  because
})

const table: ReadonlyArray<readonly [KubernetesErrorReason, code: string, category: string, strategy: string]> = [
  [{ _tag: "Unauthorized" }, "unauthorized", "api", "refresh-identity"],
  [{ _tag: "Forbidden" }, "forbidden", "policy", "review"],
  [{ _tag: "QuotaExceeded", quota: "team-a" }, "quota-exceeded", "resource", "alternative"],
  [{ _tag: "QuotaExceeded" }, "limit-range", "resource", "alternative"],
  [denied("no-latest", "admission-policy"), "policy-denied", "policy", "review"],
  [denied("freeze.example.com", "webhook"), "webhook-denied", "policy", "review"],
  [denied(`PodSecurity "baseline:latest"`, "pod-security"), "pod-security", "policy", "review"],
  [{ _tag: "PolicyDenied" }, "admission-denied", "policy", "review"],
  [{ _tag: "NotFound" }, "not-found", "api", "plan-again"],
  [{ _tag: "Conflict" }, "conflict", "api", "plan-again"],
  [{ _tag: "AlreadyExists" }, "already-exists", "api", "plan-again"],
  [{ _tag: "FieldManagerConflict", managers: ["argocd-controller"] }, "field-owned", "api", "review"],
  [{ _tag: "Invalid", fields: ["spec.replicas"] }, "invalid", "api", "review"],
  [{ _tag: "Invalid", fields: [], status: 400 }, "bad-request", "api", "review"],
  [{ _tag: "Invalid", fields: [], status: 413 }, "too-large", "api", "review"],
  [{ _tag: "Expired" }, "expired", "api", "send-again"],
  [{ _tag: "DisruptionBudget" }, "disruption-budget", "policy", "wait-for-budget"],
  [failing("several-budgets"), "several-budgets", "policy", "review"],
  [{ _tag: "TooManyRequests" }, "rate-limited", "api", "send-again"],
  [{ _tag: "Unavailable", status: 503 }, "unavailable", "api", "send-again"],
  [failing("webhook"), "webhook-unreachable", "api", "send-again"],
  [failing("storage-read"), "storage-read-error", "api", "review"],
  [{ _tag: "Timeout" }, "timeout", "timeout", "read-back"],
  [{ _tag: "StorageFull" }, "storage-full", "resource", "review"],
  [{ _tag: "WrongCluster", why: "other-cluster" }, "wrong-cluster", "policy", "review"],
  [{ _tag: "NotNow", limit: "bulkhead" }, "own-limit", "api", "send-again"]
]

const error = (reason: KubernetesErrorReason) =>
  new KubernetesError({ reason, operation: "patch Deployment shop/checkout", applied: "no", retryable: false })

describe("FailureClassifier", () => {
  it.each(table)("%j is %s (%s), which calls for %s", (reason, code, category, strategy) => {
    const failure = classify(error(reason))
    assert.deepStrictEqual([failure.code, failure.category, strategyOf(failure.code)], [code, category, strategy])
    assert.match(failure.message, /^patch Deployment shop\/checkout: /)
  })

  it("covers every reason of the cluster port and every code", () => {
    assert.sameMembers(
      [...new Set(table.map(([reason]) => reason._tag))],
      KubernetesErrorReason.members.map((member) => member.fields._tag.schema.literal)
    )
    assert.sameMembers(
      [
        ...table.map(([, code]) => code),
        fenced.code,
        nodesOut("").code,
        podsRemain("").code,
        otherMode.code,
        approvalExpired("ada", "").code,
        emergencyStopped("").code,
        levelFell(3, "Notify").code,
        stale.code,
        defective.code
      ],
      [...failureCodes]
    )
  })

  it("documents every code with its category", () => {
    const documentation = readFileSync("src/execution/FailureClassifier.ts", "utf8").split("*/")[0] ?? ""
    const rows = [...documentation.matchAll(/^ \* \| `([a-z-]+)` +\|[^|]*\| (\w+) +\|/gm)]
    const own = [
      fenced,
      nodesOut(""),
      podsRemain(""),
      otherMode,
      approvalExpired("ada", ""),
      emergencyStopped(""),
      levelFell(3, "Notify"),
      stale,
      defective
    ].map(({ category, code }) => `${code} ${category}`)
    assert.sameMembers(
      rows.map(([, code, category]) => `${code} ${category}`),
      [...table.map(([, code, category]) => `${code} ${category}`), ...own]
    )
  })

  it("names the quota, policy, field managers or fields of a refusal", () => {
    assert.include(classify(error({ _tag: "QuotaExceeded", quota: "team-a" })).message, "team-a")
    assert.include(classify(error(denied("no-latest", "admission-policy"))).message, "no-latest")
    assert.include(classify(error(denied("freeze.example.com", "webhook"))).message, "freeze.example.com")
    assert.include(
      classify(error({ _tag: "FieldManagerConflict", managers: ["argocd-controller"] })).message,
      "argocd-controller"
    )
    assert.include(classify(error({ _tag: "Invalid", fields: ["spec.replicas"] })).message, "spec.replicas")
  })

  it("writes down the RBAC rule that is missing, in its namespace or for the whole cluster", () => {
    const missing = { user: "system:serviceaccount:k:k", verb: "create", resource: "pods/eviction", group: "" }
    const remedyFor = (more: { readonly namespace?: string }) =>
      classify(error({ _tag: "Forbidden", missing: { ...missing, ...more } })).remedy ?? ""
    assert.strictEqual(
      remedyFor({ namespace: "shop" }),
      `Add the rule {apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"]} to a Role in namespace shop that is bound to system:serviceaccount:k:k.`
    )
    assert.include(remedyFor({}), "to a ClusterRole that is bound to system:serviceaccount:k:k.")
  })

  it("says what would allow every refusal that a person can lift", () => {
    const without = table.filter(([reason]) => classify(error(reason)).remedy === undefined).map(([, code]) => code)
    assert.sameMembers(without, [
      "not-found",
      "conflict",
      "already-exists",
      "invalid",
      "bad-request",
      "too-large",
      "expired",
      "disruption-budget",
      "rate-limited",
      "unavailable",
      "timeout",
      "wrong-cluster",
      "own-limit"
    ])
  })

  it("reports how much of a quota was requested, is used and is allowed", () => {
    const shortages = [{ quota: "q", resource: "requests.cpu", requested: "2", used: "3", hard: "4" }]
    const failure = classify(error({ _tag: "QuotaExceeded", quota: "q", shortages }))
    assert.deepStrictEqual(failure.shortages, shortages)
    assert.include(failure.message, "requests.cpu: requested 2, used 3 of 4")
  })
})
