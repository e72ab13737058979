import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Applied } from "../../src/domain/Execution.ts"
import { KubernetesError, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import { type Answer, type Asked, classify, type Status } from "../../src/kubernetes/StatusClassifier.ts"

const write: Asked = { operation: "patch Deployment shop/checkout", writes: true }
const read: Asked = { operation: "get Deployment shop/checkout", writes: false }
const creation: Asked = { operation: "create Pod shop/one", writes: true, creates: true }

const response = (status: number, body?: Omit<Status, "kind">, retryAfter?: string): Answer => ({
  _tag: "Response",
  status,
  body: body === undefined ? undefined : { kind: "Status", apiVersion: "v1", status: "Failure", code: status, ...body },
  retryAfter
})

interface Row {
  readonly what: string
  readonly asked?: Asked
  readonly answer: Answer
  readonly reason: KubernetesErrorReason
  /** Of a write. */
  readonly applied: Applied
  readonly retryable: boolean
}

const forbidden = (message: string): Answer => response(403, { reason: "Forbidden", message })
const internal = (message: string): Answer => response(500, { reason: "InternalError", message })

/** What API servers answer, word for word, and what it is. */
const rows: ReadonlyArray<Row> = [
  {
    what: "401",
    answer: response(401, { reason: "Unauthorized", message: "Unauthorized" }),
    reason: { _tag: "Unauthorized" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by RBAC",
    answer: forbidden(
      `deployments.apps "checkout" is forbidden: User "system:serviceaccount:shop:agent" cannot patch resource "deployments" in API group "apps" in the namespace "shop"`
    ),
    reason: { _tag: "Forbidden" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by RBAC's escalation check",
    answer: forbidden(
      `rolebindings.rbac.authorization.k8s.io "x" is forbidden: user "a" (groups=["b"]) is attempting to grant RBAC permissions not currently held`
    ),
    reason: { _tag: "Forbidden" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 of a proxy, without a status",
    answer: response(403),
    reason: { _tag: "Forbidden" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by an exceeded quota",
    answer: forbidden(
      `pods "one" is forbidden: exceeded quota: compute, requested: requests.cpu=2, used: requests.cpu=0, limited: requests.cpu=1`
    ),
    reason: { _tag: "QuotaExceeded", quota: "compute" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by a quota that wants a request",
    answer: forbidden(`pods "one" is forbidden: failed quota: compute: must specify requests.cpu for: main`),
    reason: { _tag: "QuotaExceeded", quota: "compute" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by a LimitRange",
    answer: forbidden(`pods "huge" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi`),
    reason: { _tag: "QuotaExceeded" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by Pod Security",
    answer: forbidden(
      `pods "priv" is forbidden: violates PodSecurity "restricted:latest": privileged (container "p" must not set securityContext.privileged=true)`
    ),
    reason: { _tag: "PolicyDenied", policy: `PodSecurity "restricted:latest"` },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by an admission plugin that nobody knows",
    answer: forbidden(
      `persistentvolumeclaims "data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize`
    ),
    reason: { _tag: "PolicyDenied" },
    applied: "no",
    retryable: false
  },
  {
    what: "422 by a ValidatingAdmissionPolicy",
    answer: response(422, {
      reason: "Invalid",
      message: `deployments.apps "web" is forbidden: ValidatingAdmissionPolicy 'max-replicas' with binding 'max-replicas' denied request: replicas 50 is above 5`,
      details: { causes: [{ message: "x" }] }
    }),
    reason: { _tag: "PolicyDenied", policy: "max-replicas" },
    applied: "no",
    retryable: false
  },
  {
    what: "413 that a ValidatingAdmissionPolicy chose",
    answer: response(413, {
      reason: "RequestEntityTooLarge",
      message: `ValidatingAdmissionPolicy 'size' with binding 'b' denied request: too many`
    }),
    reason: { _tag: "PolicyDenied", policy: "size" },
    applied: "no",
    retryable: false
  },
  {
    what: "403 by an admission webhook",
    answer: forbidden(
      `admission webhook "validate.kyverno.svc-fail" denied the request: resource Deployment/shop/checkout was blocked`
    ),
    reason: { _tag: "PolicyDenied", policy: "validate.kyverno.svc-fail" },
    applied: "no",
    retryable: false
  },
  {
    what: "400 that an admission webhook chose",
    answer: response(400, {
      reason: "BadRequest",
      message: `admission webhook "w.example.com" denied the request: no`
    }),
    reason: { _tag: "PolicyDenied", policy: "w.example.com" },
    applied: "no",
    retryable: false
  },
  {
    what: "500 by a webhook that can't be called",
    answer: internal(
      `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "https://w.x.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused`
    ),
    reason: { _tag: "Unavailable", status: 500 },
    applied: "no",
    retryable: true
  },
  {
    what: "404",
    answer: response(404, { reason: "NotFound", message: `deployments.apps "x" not found` }),
    reason: { _tag: "NotFound" },
    applied: "no",
    retryable: false
  },
  {
    what: "409 by the optimistic lock",
    answer: response(409, {
      reason: "Conflict",
      message: `Operation cannot be fulfilled on deployments.apps "x": the object has been modified; please apply your changes to the latest version and try again`
    }),
    reason: { _tag: "Conflict" },
    applied: "no",
    retryable: false
  },
  {
    what: "409 by another uid",
    answer: response(409, {
      reason: "Conflict",
      message: `Operation cannot be fulfilled on pods "x": Precondition failed: UID in precondition: a, UID in object meta: b`
    }),
    reason: { _tag: "Conflict" },
    applied: "no",
    retryable: false
  },
  {
    what: "409 of a create",
    asked: creation,
    answer: response(409, { reason: "AlreadyExists", message: `pods "one" already exists` }),
    reason: { _tag: "AlreadyExists" },
    applied: "no",
    retryable: false
  },
  {
    what: "409 by another field manager",
    answer: response(409, {
      reason: "Conflict",
      message: `Apply failed with 2 conflicts: conflicts with "argocd-controller" using apps/v1`,
      details: {
        causes: [
          {
            reason: "FieldManagerConflict",
            message: `conflict with "argocd-controller" using apps/v1`,
            field: ".spec.replicas"
          },
          {
            reason: "FieldManagerConflict",
            message: `conflict with "argocd-controller" using apps/v1`,
            field: ".spec.paused"
          },
          { reason: "FieldManagerConflict", message: `conflict with "helm" using apps/v1`, field: ".spec.template" }
        ]
      }
    }),
    reason: { _tag: "FieldManagerConflict", managers: ["argocd-controller", "helm"] },
    applied: "no",
    retryable: false
  },
  {
    what: "422 by validation",
    answer: response(422, {
      reason: "Invalid",
      message: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`,
      details: {
        causes: [{ reason: "FieldValueInvalid", message: "must be greater than or equal to 0", field: "spec.replicas" }]
      }
    }),
    reason: { _tag: "Invalid", fields: ["spec.replicas"] },
    applied: "no",
    retryable: false
  },
  {
    what: "400",
    answer: response(400, { reason: "BadRequest", message: "json: cannot unmarshal string" }),
    reason: { _tag: "Invalid", fields: [] },
    applied: "no",
    retryable: false
  },
  {
    what: "413",
    answer: response(413, { reason: "RequestEntityTooLarge", message: "limit is 3145728" }),
    reason: { _tag: "Invalid", fields: [] },
    applied: "no",
    retryable: false
  },
  {
    what: "410",
    asked: read,
    answer: response(410, { reason: "Expired", message: "The provided continue parameter is too old" }),
    reason: { _tag: "Expired" },
    applied: "no",
    retryable: true
  },
  {
    what: "429 by a disruption budget",
    answer: response(429, {
      reason: "TooManyRequests",
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        retryAfterSeconds: 10,
        causes: [
          { reason: "DisruptionBudget", message: "The disruption budget web needs 3 healthy pods and has 3 currently" }
        ]
      }
    }),
    reason: { _tag: "DisruptionBudget" },
    applied: "no",
    retryable: true
  },
  {
    what: "429 by priority and fairness",
    answer: response(
      429,
      { reason: "TooManyRequests", message: "The apiserver is currently unable to handle the request" },
      "1"
    ),
    reason: { _tag: "TooManyRequests", retryAfterMs: 1000 },
    applied: "no",
    retryable: true
  },
  {
    what: "429 without a body",
    answer: response(429),
    reason: { _tag: "TooManyRequests" },
    applied: "no",
    retryable: true
  },
  {
    what: "500 of an eviction with two budgets",
    answer: response(500, {
      message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    }),
    reason: { _tag: "Unavailable", status: 500 },
    applied: "no",
    retryable: false
  },
  {
    what: "500 that asks to try again",
    answer: response(500, {
      reason: "ServerTimeout",
      message: "The POST operation against Pod could not be completed at this time, please try again.",
      details: { retryAfterSeconds: 1 }
    }),
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "504",
    answer: response(504, {
      reason: "Timeout",
      message:
        "Timeout: request did not complete within requested timeout - context deadline exceeded; may still be processing the request"
    }),
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "504 of a load balancer",
    answer: response(504),
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "503",
    answer: response(
      503,
      { reason: "ServiceUnavailable", message: "the server is currently unable to handle the request" },
      "30"
    ),
    reason: { _tag: "Unavailable", status: 503, retryAfterMs: 30_000 },
    applied: "unknown",
    retryable: true
  },
  {
    what: "500 by a full etcd",
    answer: internal("etcdserver: mvcc: database space exceeded"),
    reason: { _tag: "StorageFull" },
    applied: "no",
    retryable: false
  },
  { what: "507", answer: response(507), reason: { _tag: "StorageFull" }, applied: "unknown", retryable: false },
  {
    what: "500 by a read of storage",
    answer: response(500, {
      reason: "StorageReadError",
      message: "failed to read one or more secrets from the storage"
    }),
    reason: { _tag: "Unavailable", status: 500 },
    applied: "unknown",
    retryable: false
  },
  {
    what: "500 of a proxy",
    answer: response(500),
    reason: { _tag: "Unavailable", status: 500 },
    applied: "unknown",
    retryable: true
  },
  {
    what: "no connection",
    answer: { _tag: "NoAnswer", sent: false, timeout: false },
    reason: { _tag: "Unavailable" },
    applied: "no",
    retryable: true
  },
  {
    what: "our own timeout",
    answer: { _tag: "NoAnswer", sent: true, timeout: true },
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "a connection that is reset after the request",
    answer: { _tag: "NoAnswer", sent: true, timeout: false },
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  }
]

describe("StatusClassifier", () => {
  it.each(rows)("$what of a write is $reason._tag", ({ asked = write, answer, reason, applied, retryable }) => {
    const error = classify(asked, answer)
    assert.deepStrictEqual(error.reason, reason)
    assert.strictEqual(error.applied, asked.writes ? applied : "no")
    // A write that may have happened is read back first, never just sent again.
    assert.strictEqual(error.retryable, retryable && error.applied !== "unknown")
  })

  it.each(rows)("$what of a read or dry run is never applied", ({ asked = write, answer, retryable }) => {
    const error = classify({ ...asked, writes: false }, answer)
    assert.strictEqual(error.applied, "no")
    assert.strictEqual(error.retryable, retryable)
  })

  it("a read whose connection breaks is Unavailable, not a timeout", () => {
    assert.deepStrictEqual(classify(read, { _tag: "NoAnswer", sent: true, timeout: false }).reason, {
      _tag: "Unavailable"
    })
  })

  it("of a body that is not a Status nothing is believed", () => {
    const error = classify(write, {
      _tag: "Response",
      status: 403,
      body: { message: `exceeded quota: compute, requested` },
      retryAfter: undefined
    })
    assert.deepStrictEqual(error.reason, { _tag: "Forbidden" })
  })

  it("the error has no word of the body but the names that its reason carries", () => {
    for (const { asked = write, answer } of rows) {
      if (answer._tag !== "Response" || answer.body === undefined) continue
      const body = answer.body as Status
      const planted = {
        ...body,
        message: `hunter2 ${body.message} hunter2`,
        details: { ...body.details, name: "hunter2", kind: "hunter2" }
      }
      const error = classify(asked, { ...answer, body: planted })
      assert.deepStrictEqual(error.reason, classify(asked, answer).reason)
      assert.notInclude(
        `${error.message} ${error.stack} ${JSON.stringify(Schema.encodeSync(KubernetesError)(error))}`,
        "hunter2"
      )
    }
  })
})
