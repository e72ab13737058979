/** Every row of the table of the API server's errors has a fault, and the fault is what the service makes of the row. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { KubernetesError } from "../../../src/kubernetes/KubernetesClient.ts"
import { classify, type Outcome } from "../../../src/kubernetes/StatusClassifier.ts"
import type { ClusterFault, ClusterRequest } from "../../../src/simulation/farEnds/paths/ClusterPath.ts"
import type { FaultKind } from "../../../src/simulation/faults/FaultKind.ts"
import * as Faults from "../../../src/simulation/faults/Faults.ts"

const response = (status: number, reason?: string, message = "", details: object = {}): Outcome => ({
  _tag: "Response",
  status,
  body: { kind: "Status", message, details, ...(reason === undefined ? {} : { reason }) },
  retryAfter: undefined
})

const forbiddenPod = 'pods "app-1" is forbidden: '

/** The rows whose fault refuses requests, with the response that a real API server gives. */
const refusals: Readonly<Record<string, readonly [kind: string, outcome: Outcome]>> = {
  "401": ["kubernetes-unauthorized", response(401, "Unauthorized")],
  "403 by RBAC": [
    "kubernetes-forbidden",
    response(
      403,
      "Forbidden",
      'deployments.apps "app-1" is forbidden: User "kubernaut" cannot patch resource "deployments" in API group "apps" in the namespace "prod"'
    )
  ],
  "403 by a quota": [
    "kubernetes-quota-exceeded",
    response(
      403,
      "Forbidden",
      `${forbiddenPod}exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10`
    )
  ],
  "403 by a LimitRange": [
    "kubernetes-limit-range",
    response(403, "Forbidden", `${forbiddenPod}maximum memory usage per Container is 1Gi, but limit is 2Gi`)
  ],
  "403 by Pod Security": [
    "kubernetes-pod-security",
    response(403, "Forbidden", `${forbiddenPod}violates PodSecurity "restricted:latest": privileged`)
  ],
  "422 by a ValidatingAdmissionPolicy": [
    "kubernetes-policy-denial",
    response(
      422,
      "Invalid",
      `deployments.apps "app-1" is forbidden: ValidatingAdmissionPolicy 'no-changes' with binding 'no-changes' denied request: no`
    )
  ],
  "403 by an admission webhook": [
    "kubernetes-webhook-denial",
    response(403, "Forbidden", 'admission webhook "change-freeze.example" denied the request: no')
  ],
  "500, a webhook is unreachable": [
    "kubernetes-webhook-unreachable",
    response(500, "InternalError", 'Internal error occurred: failed calling webhook "absent.example": failed to call')
  ],
  "409, a create race": ["kubernetes-already-exists", response(409, "AlreadyExists")],
  "409, another manager": [
    "kubernetes-field-owned",
    response(409, "Conflict", "", {
      causes: [{ reason: "FieldManagerConflict", message: 'conflict with "argocd-controller"' }]
    })
  ],
  "422": ["kubernetes-invalid", response(422, "Invalid", "", { causes: [{ field: "spec.template" }] })],
  "400": ["kubernetes-bad-request", response(400, "BadRequest")],
  "429 by overload": [
    "kubernetes-overloaded",
    response(429, "TooManyRequests", "too many requests", { retryAfterSeconds: 1 })
  ],
  "500, two disruption budgets": [
    "kubernetes-several-budgets",
    response(500, undefined, "This pod has more than one PodDisruptionBudget, which the eviction does not support.")
  ],
  "500, asked to retry": ["kubernetes-server-timeout", response(500, "ServerTimeout", "", { retryAfterSeconds: 1 })],
  "504": ["kubernetes-server-timeout", response(504, "Timeout", "may still be processing the request")],
  "503": ["kubernetes-unavailable", response(503, "ServiceUnavailable")],
  "500, etcd is full": [
    "kubernetes-storage-full",
    response(500, undefined, "etcdserver: mvcc: database space exceeded")
  ],
  "507": ["kubernetes-insufficient-storage", response(507, "InternalError")],
  "413": ["kubernetes-too-large", response(413, "RequestEntityTooLarge")],
  "410": ["kubernetes-gone", response(410, "Expired")],
  "500, stored data cannot be read": ["kubernetes-storage-read-error", response(500, "StorageReadError")]
}

/** The rows that need more than a refusal. `ClusterEffects` shows their effects. */
const others: Readonly<Record<string, string>> = {
  "404": "kubernetes-deletion",
  "409, a conflict": "kubernetes-interference",
  "429 by a disruption budget": "kubernetes-disruption-budget",
  "504, and the write has taken effect": "kubernetes-lost-answer",
  "no response": "connection-reset"
}

const create = { _tag: "Create", ref: { namespace: "prod", kind: "Pod", name: "app-1" }, manifest: {} } as const

/** The error of the first request that the fault refuses. */
const errorOf = (kind: FaultKind): KubernetesError => {
  let fault: ClusterFault | undefined
  const heal = (): void => {}
  kind.disturb?.(
    { share: 1 },
    {
      nowMs: 0,
      cluster: {
        disturb: (each: ClusterFault) => {
          fault = each
          return heal
        }
      }
    } as never,
    { chance: () => true } as never
  )
  const verbs = ["patch", "list", "create", "evict"] as const
  for (const verb of verbs) {
    const { ref } = create
    const request: ClusterRequest = { verb, ...ref, dryRun: false, ...(verb === "list" ? {} : { change: create }) }
    const outcome = Effect.runSync(Effect.result(fault!(request, Effect.succeed("arrived"))))
    if (outcome._tag === "Failure") return outcome.failure
  }
  throw new Error(`${kind.name} refuses nothing`)
}

describe("a row of the API server's errors", () => {
  for (const [row, [name, outcome]] of Object.entries(refusals)) {
    it(`${row}: ${name} fails with what the response is classified as`, () => {
      const fault = errorOf(Faults.byName.get(name)!)
      const real = classify(
        { operation: "patch", writes: true, creates: name === "kubernetes-already-exists" },
        outcome
      )
      assert.strictEqual(fault.reason._tag, real.reason._tag)
      const because = (error: KubernetesError) =>
        error.reason._tag === "Unavailable"
          ? error.reason.because
          : error.reason._tag === "PolicyDenied"
            ? error.reason.by
            : error.reason._tag === "Invalid"
              ? error.reason.status
              : undefined
      assert.strictEqual(because(fault), because(real))
      // The fault of a list is a read, which never changes the cluster.
      if (name !== "kubernetes-gone" && name !== "kubernetes-unavailable") {
        assert.strictEqual(fault.applied, real.applied)
        assert.strictEqual(fault.retryable, real.retryable)
      }
    })
  }

  for (const [row, name] of Object.entries(others)) {
    it(`${row}: ${name} causes it`, () => assert.isTrue(Faults.byName.has(name)))
  }
})
