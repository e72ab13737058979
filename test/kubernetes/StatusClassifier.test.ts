import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import { classify, type Outcome, type Status } from "../../src/kubernetes/StatusClassifier.ts"
import { create, internal, read, response, type Row, write } from "./classified.ts"
import { refusals } from "./refusalRows.ts"

/** Responses of real API servers, word for word, and their classification. */
const rows: ReadonlyArray<Row> = [
  ...refusals,
  {
    what: "500 by an unreachable webhook",
    outcome: internal(
      `Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: Post "https://w.x.svc:443/": dial tcp 10.0.0.1:443: connect: connection refused`
    ),
    reason: { _tag: "Unavailable", status: 500, because: "webhook", webhook: "w.example.com" },
    retryable: true
  },
  {
    what: "404",
    outcome: response(404, { reason: "NotFound", message: `deployments.apps "x" not found` }),
    reason: { _tag: "NotFound" }
  },
  {
    what: "409 by an outdated resourceVersion",
    outcome: response(409, {
      reason: "Conflict",
      message: `Operation cannot be fulfilled on deployments.apps "x": the object has been modified; please apply your changes to the latest version and try again`
    }),
    reason: { _tag: "Conflict" }
  },
  {
    what: "409 by a different uid",
    outcome: response(409, {
      reason: "Conflict",
      message: `Operation cannot be fulfilled on pods "x": Precondition failed: UID in precondition: a, UID in object meta: b`
    }),
    reason: { _tag: "Conflict" }
  },
  {
    what: "409 for a create",
    context: create,
    outcome: response(409, { reason: "AlreadyExists", message: `pods "one" already exists` }),
    reason: { _tag: "AlreadyExists" }
  },
  {
    what: "409 by another field manager",
    outcome: response(409, {
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
    reason: { _tag: "FieldManagerConflict", managers: ["argocd-controller", "helm"] }
  },
  {
    what: "422 by validation",
    outcome: response(422, {
      reason: "Invalid",
      message: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`,
      details: {
        causes: [{ reason: "FieldValueInvalid", message: "must be greater than or equal to 0", field: "spec.replicas" }]
      }
    }),
    reason: { _tag: "Invalid", fields: ["spec.replicas"] }
  },
  {
    what: "400",
    outcome: response(400, { reason: "BadRequest", message: "json: cannot unmarshal string" }),
    reason: { _tag: "Invalid", status: 400, fields: [] }
  },
  {
    what: "413",
    outcome: response(413, { reason: "RequestEntityTooLarge", message: "limit is 3145728" }),
    reason: { _tag: "Invalid", status: 413, fields: [] }
  },
  {
    what: "410",
    context: read,
    outcome: response(410, { reason: "Expired", message: "The provided continue parameter is too old" }),
    reason: { _tag: "Expired" },
    retryable: true
  },
  {
    what: "429 by a disruption budget",
    outcome: response(429, {
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
    retryable: true
  },
  {
    what: "429 by priority and fairness",
    outcome: response(
      429,
      { reason: "TooManyRequests", message: "The apiserver is currently unable to handle the request" },
      "1"
    ),
    reason: { _tag: "TooManyRequests", retryAfterMs: 1000 },
    retryable: true
  },
  {
    what: "429 with a date in Retry-After",
    outcome: {
      ...response(429, undefined, "Wed, 21 Oct 2026 07:28:00 GMT"),
      received: { date: "Wed, 21 Oct 2026 07:27:55 GMT" }
    } as Outcome,
    reason: { _tag: "TooManyRequests", retryAfterMs: 5000 },
    retryable: true
  },
  {
    what: "503 with an empty Retry-After and a wait in the status",
    outcome: response(503, { details: { retryAfterSeconds: 4 } }, ""),
    reason: { _tag: "Unavailable", status: 503, retryAfterMs: 4000 },
    applied: "unknown",
    retryable: true
  },
  { what: "429 without a body", outcome: response(429), reason: { _tag: "TooManyRequests" }, retryable: true },
  {
    what: "500 for a pod with two disruption budgets",
    outcome: response(500, {
      message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    }),
    reason: { _tag: "Unavailable", status: 500, because: "several-budgets" }
  },
  {
    what: "500 with reason ServerTimeout",
    outcome: response(500, {
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
    outcome: response(504, {
      reason: "Timeout",
      message:
        "Timeout: request did not complete within requested timeout - context deadline exceeded; may still be processing the request"
    }),
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "504 from a load balancer",
    outcome: response(504),
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "503",
    outcome: response(
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
    outcome: internal("etcdserver: mvcc: database space exceeded"),
    reason: { _tag: "StorageFull" }
  },
  { what: "507", outcome: response(507), reason: { _tag: "StorageFull" }, applied: "unknown" },
  {
    what: "500 by a failed read of storage",
    outcome: response(500, {
      reason: "StorageReadError",
      message: "failed to read one or more secrets from the storage"
    }),
    reason: { _tag: "Unavailable", status: 500, because: "storage-read" },
    applied: "unknown"
  },
  {
    what: "500 from a proxy",
    outcome: response(500),
    reason: { _tag: "Unavailable", status: 500 },
    applied: "unknown",
    retryable: true
  },
  {
    what: "no connection",
    outcome: { _tag: "NoResponse", sent: false, timeout: false },
    reason: { _tag: "Unavailable" },
    retryable: true
  },
  {
    what: "no response within the time limit, excused",
    outcome: { _tag: "NoResponse", sent: true, timeout: true, isExcused: true },
    reason: { _tag: "Timeout", isExcused: true },
    applied: "unknown",
    retryable: true
  },
  {
    what: "a timeout of the client",
    outcome: { _tag: "NoResponse", sent: true, timeout: true },
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  },
  {
    what: "a connection reset after the request",
    outcome: { _tag: "NoResponse", sent: true, timeout: false },
    reason: { _tag: "Timeout" },
    applied: "unknown",
    retryable: true
  }
]

describe("StatusClassifier", () => {
  it.each(rows)("classifies $what as $reason._tag", ({ context = write, outcome, reason, ...row }) => {
    const { applied = "no", retryable = false } = row
    const error = classify(context, outcome)
    assert.deepStrictEqual(error.reason, reason)
    assert.strictEqual(error.applied, context.writes ? applied : "no")
    // A write with an unknown outcome must be read back, not sent again.
    assert.strictEqual(error.retryable, retryable && error.applied !== "unknown")
  })

  it.each(rows)("reports $what of a read or dry run as not applied", (row) => {
    const error = classify({ ...(row.context ?? write), writes: false }, row.outcome)
    assert.strictEqual(error.applied, "no")
    assert.strictEqual(error.retryable, row.retryable ?? false)
  })

  it("classifies a read whose connection breaks as Unavailable, not as Timeout", () => {
    assert.deepStrictEqual(classify(read, { _tag: "NoResponse", sent: true, timeout: false }).reason, {
      _tag: "Unavailable"
    })
  })

  it("ignores a body that is not a Status", () => {
    const body = { message: `exceeded quota: compute, requested` }
    const error = classify(write, { _tag: "Response", status: 403, body, retryAfter: undefined })
    assert.deepStrictEqual(error.reason, { _tag: "Forbidden" })
  })

  it("copies no text of the body into the error except the names that its reason carries", () => {
    for (const { context = write, outcome } of rows) {
      if (outcome._tag !== "Response" || outcome.body === undefined) continue
      const body = outcome.body as Status
      const planted = {
        ...body,
        message: `hunter2 ${body.message} hunter2`,
        details: { ...body.details, name: "hunter2", kind: "hunter2" }
      }
      const error = classify(context, { ...outcome, body: planted })
      assert.deepStrictEqual(error.reason, classify(context, outcome).reason)
      assert.notInclude(
        `${error.message} ${error.stack} ${JSON.stringify(Schema.encodeSync(KubernetesError)(error))}`,
        "hunter2"
      )
    }
  })
})
