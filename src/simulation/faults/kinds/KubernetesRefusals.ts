/**
 * The API server refuses a share of the requests, with each error that it has. No refused request takes effect, but
 * after a 500 the client cannot know that of a write.
 *
 * Other faults cause what needs more than a refusal: a conflict (`kubernetes-interference`), an object that does not
 * exist (`kubernetes-deletion`), a budget that lets no pod go (`kubernetes-disruption-budget`), and a timeout after
 * which the write has taken effect (`kubernetes-lost-answer`).
 */

import { Effect, Schema } from "effect"
import { KubernetesError, type KubernetesErrorReason } from "../../../kubernetes/KubernetesClient.ts"
import type { ClusterRequest } from "../../farEnds/paths/ClusterPath.ts"
import { type FaultKind, onWire } from "../FaultKind.ts"

interface Refusal {
  readonly name: string
  readonly description: string
  readonly reason: KubernetesErrorReason
  readonly retryable: boolean
  /** Which requests it may refuse. */
  readonly about: (request: ClusterRequest) => boolean
  /** The server may have stored the write before it failed. */
  readonly unknown?: true
}

const any = (): boolean => true
const writes = ({ change }: ClusterRequest): boolean => change !== undefined
const creates = ({ verb }: ClusterRequest): boolean => verb === "create"
const evictions = ({ verb }: ClusterRequest): boolean => verb === "evict"
const lists = ({ verb }: ClusterRequest): boolean => verb === "list"

const refusals: ReadonlyArray<Refusal> = [
  {
    name: "kubernetes-unauthorized",
    description: "The API server responds 401: the token has expired.",
    reason: { _tag: "Unauthorized" },
    retryable: false,
    about: any
  },
  {
    name: "kubernetes-forbidden",
    description: "The API server responds 403 to writes: somebody has revoked the permission.",
    reason: { _tag: "Forbidden" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-gone",
    description: "The API server responds 410 to lists: the requested version is too old.",
    reason: { _tag: "Expired" },
    retryable: true,
    about: lists
  },
  {
    name: "kubernetes-invalid",
    description: "The API server responds 422 to writes.",
    reason: { _tag: "Invalid", fields: ["spec.template"] },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-bad-request",
    description: "The API server responds 400 to writes.",
    reason: { _tag: "Invalid", fields: [], status: 400 },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-already-exists",
    description: "The API server responds 409 to creates: the object exists already.",
    reason: { _tag: "AlreadyExists" },
    retryable: false,
    about: creates
  },
  {
    name: "kubernetes-overloaded",
    description: "The API server responds 429 with a plausible Retry-After.",
    reason: { _tag: "TooManyRequests", retryAfterMs: 1000 },
    retryable: true,
    about: any
  },
  {
    name: "kubernetes-overloaded-absurd",
    description: "The API server responds 429 with a Retry-After of a day.",
    reason: { _tag: "TooManyRequests", retryAfterMs: 86_400_000 },
    retryable: true,
    about: any
  },
  {
    name: "kubernetes-internal-error",
    description: "The API server responds 500.",
    reason: { _tag: "Unavailable", status: 500 },
    retryable: true,
    about: any,
    unknown: true
  },
  {
    name: "kubernetes-webhook-denial",
    description: "An admission webhook denies every write.",
    reason: { _tag: "PolicyDenied", policy: "change-freeze.example", by: "webhook" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-policy-denial",
    description: "A ValidatingAdmissionPolicy denies every write, with 422.",
    reason: { _tag: "PolicyDenied", policy: "no-changes", by: "admission-policy", binding: "no-changes" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-pod-security",
    description: "Pod Security denies every write.",
    reason: { _tag: "PolicyDenied", policy: "restricted:latest", by: "pod-security" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-webhook-unreachable",
    description: "The API server responds 500 to writes: it cannot reach an admission webhook.",
    reason: { _tag: "Unavailable", status: 500, because: "webhook", webhook: "absent.example" },
    retryable: true,
    about: writes
  },
  {
    name: "kubernetes-quota-exceeded",
    description: "The API server responds 403 to writes: a quota has no room.",
    reason: {
      _tag: "QuotaExceeded",
      quota: "compute",
      shortages: [{ quota: "compute", resource: "pods", requested: "1", used: "10", hard: "10" }]
    },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-limit-range",
    description: "The API server responds 403 to writes: a LimitRange does not allow the resources.",
    reason: { _tag: "QuotaExceeded" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-several-budgets",
    description: "The API server responds 500 to evictions: the pod has more than one disruption budget.",
    reason: { _tag: "Unavailable", status: 500, because: "several-budgets" },
    retryable: false,
    about: evictions
  },
  {
    name: "kubernetes-field-owned",
    description: "The API server responds 409 to writes: another manager owns a field.",
    reason: { _tag: "FieldManagerConflict", managers: ["argocd-controller"] },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-too-large",
    description: "The API server responds 413 to writes.",
    reason: { _tag: "Invalid", fields: [], status: 413 },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-storage-read-error",
    description: "The API server responds 500: it cannot read what it has stored.",
    reason: { _tag: "Unavailable", status: 500, because: "storage-read" },
    retryable: false,
    about: any,
    unknown: true
  },
  {
    name: "kubernetes-server-timeout",
    description: "The API server responds 500 with the reason ServerTimeout, or 504.",
    reason: { _tag: "Timeout" },
    retryable: true,
    about: any,
    unknown: true
  },
  {
    name: "kubernetes-storage-full",
    description: "The cluster's storage is full: no write succeeds.",
    reason: { _tag: "StorageFull" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-insufficient-storage",
    description: "A proxy responds 507 to writes: it does not say whether they took effect.",
    reason: { _tag: "StorageFull" },
    retryable: false,
    about: writes,
    unknown: true
  }
]

const faultOf = ({ about, description, name, reason, retryable, unknown }: Refusal): FaultKind =>
  onWire({
    name,
    target: "cluster",
    description,
    parameters: Schema.Struct({
      /** Of the requests that it may refuse, from 0 to 1. */
      share: Schema.Finite
    }),
    lasts: [5_000, 300_000],
    draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
    disturb: ({ share }, wire, random) =>
      wire.cluster.disturb((request, server) =>
        Effect.suspend(() => {
          if (!about(request) || !random.chance(share)) return server
          const applied = unknown === true && request.change !== undefined && !request.dryRun ? "unknown" : "no"
          return Effect.fail(
            new KubernetesError({
              reason,
              operation: `${request.verb} ${request.kind} ${request.namespace}/${request.name}`,
              applied,
              retryable: retryable && applied === "no"
            })
          )
        })
      )
  })

export const kubernetesRefusals: ReadonlyArray<FaultKind> = refusals.map(faultOf)
