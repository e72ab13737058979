/**
 * The API server refuses a share of the requests, in each of the ways that `reference/kubernetes_errors` of the design
 * knows: not one of them takes effect, but after a 500 nobody can know that of a write.
 *
 * A real conflict (somebody has changed the object) is a fault of its own, `kubernetes-interference`.
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
  /** Of the requests, which it is about. */
  readonly about: (request: ClusterRequest) => boolean
  /** Whether the server may have got as far as storing. */
  readonly unknown?: true
}

const any = (): boolean => true
const writes = ({ change }: ClusterRequest): boolean => change !== undefined
const lists = ({ verb }: ClusterRequest): boolean => verb === "list"

const refusals: ReadonlyArray<Refusal> = [
  {
    name: "kubernetes-unauthorized",
    description: "The API server answers 401: the token has expired.",
    reason: { _tag: "Unauthorized" },
    retryable: false,
    about: any
  },
  {
    name: "kubernetes-forbidden",
    description: "The API server answers 403: somebody has taken the right to write away.",
    reason: { _tag: "Forbidden" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-gone",
    description: "The API server answers lists with 410: the version that was asked for is too old.",
    reason: { _tag: "Expired" },
    retryable: true,
    about: lists
  },
  {
    name: "kubernetes-invalid",
    description: "The API server answers writes with 422.",
    reason: { _tag: "Invalid", fields: ["spec.template"] },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-overloaded",
    description: "The API server answers 429 and says when to come again.",
    reason: { _tag: "TooManyRequests", retryAfterMs: 1000 },
    retryable: true,
    about: any
  },
  {
    name: "kubernetes-overloaded-absurd",
    description: "The API server answers 429 and says to come again in a day.",
    reason: { _tag: "TooManyRequests", retryAfterMs: 86_400_000 },
    retryable: true,
    about: any
  },
  {
    name: "kubernetes-internal-error",
    description: "The API server answers 500.",
    reason: { _tag: "Unavailable", status: 500 },
    retryable: true,
    about: any,
    unknown: true
  },
  {
    name: "kubernetes-webhook-denial",
    description: "An admission webhook denies every write.",
    reason: { _tag: "PolicyDenied", policy: "change-freeze.example" },
    retryable: false,
    about: writes
  },
  {
    name: "kubernetes-storage-full",
    description: "The cluster's storage is full: no write is taken.",
    reason: { _tag: "StorageFull" },
    retryable: false,
    about: writes
  }
]

const faultOf = ({ about, description, name, reason, retryable, unknown }: Refusal): FaultKind =>
  onWire({
    name,
    target: "cluster",
    description,
    parameters: Schema.Struct({
      /** Of the requests that it is about, from 0 to 1. */
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
