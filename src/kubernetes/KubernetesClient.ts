/**
 * The port to a Kubernetes API server: a few verbs over plain Kubernetes objects.
 *
 * Two implementations pass one contract suite: `ClientNode` (a real API server) and `Sandbox` (a cluster in memory).
 * The port is low on purpose: plans, inverses and verdicts are pure functions over the same JSON that the API server
 * speaks, so they behave the same on both.
 */

import { Context, type Effect, Schema, type Stream } from "effect"
import type { Change } from "../domain/Change.ts"
import { Applied } from "../domain/Execution.ts"
import type { ResourceRef } from "../domain/Target.ts"

/** A Kubernetes object as JSON. `metadata` is always there; the rest depends on the kind. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly generation?: number
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: ReadonlyArray<{
      readonly apiVersion: string
      readonly kind: string
      readonly name: string
      readonly uid: string
      readonly controller?: boolean
    }>
    readonly managedFields?: ReadonlyArray<{ readonly manager?: string }>
  }
  readonly [field: string]: unknown
}

export interface ListOptions {
  /** Absent: all namespaces, or a cluster-scoped kind. */
  readonly namespace?: string
  /** `key=value` pairs that all must match. */
  readonly labelSelector?: Readonly<Record<string, string>>
  /** For events: only those about this object. */
  readonly involvedObject?: { readonly kind: string; readonly name: string }
  readonly limit?: number
  /**
   * Only `metadata` is needed. The objects may then lack everything else, and the answer is a small part of the size.
   */
  readonly metadataOnly?: boolean
}

export interface ApplyOptions {
  /** Run admission and validation and store nothing. */
  readonly dryRun?: boolean
}

export interface LogOptions {
  readonly container?: string
  /** Of the container that ended last. */
  readonly previous?: boolean
  readonly tailLines: number
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly object: KubernetesObject
}

const reason = <const Tag extends string, const Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.TaggedStruct(tag, fields)

/**
 * Why a request failed, told apart by `metav1.Status` (code, reason, causes) in one place per implementation, never by
 * matching error text further up. See `execution/FailureClassifier` for what is done about each.
 */
export const KubernetesErrorReason = Schema.Union([
  /** 401: our token is not valid (any more). */
  reason("Unauthorized", {}),
  /** 403 by RBAC. */
  reason("Forbidden", {}),
  /** 403 by ResourceQuota or LimitRange. */
  reason("QuotaExceeded", { quota: Schema.optionalKey(Schema.String) }),
  /** An admission webhook, ValidatingAdmissionPolicy or Pod Security said no. */
  reason("PolicyDenied", { policy: Schema.optionalKey(Schema.String) }),
  reason("NotFound", {}),
  /** 409: the object has changed since the version that the patch names. */
  reason("Conflict", {}),
  /** 409 on create. */
  reason("AlreadyExists", {}),
  /** 409 of server-side apply: another manager owns a field. */
  reason("FieldManagerConflict", { managers: Schema.Array(Schema.String) }),
  /** 400, 413, 422: the request is wrong and will stay so. */
  reason("Invalid", { fields: Schema.Array(Schema.String) }),
  /** 410: a list token or watch version is too old. */
  reason("Expired", {}),
  /** 429 by a PodDisruptionBudget. Says nothing about the health of the API server. */
  reason("DisruptionBudget", {}),
  /** 429 by priority and fairness. */
  reason("TooManyRequests", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  /** 500, 503, or no connection. */
  reason("Unavailable", { status: Schema.optionalKey(Schema.Int), retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  /** 504, server timeout, or our own: for a write the outcome is unknown. */
  reason("Timeout", {}),
  /** 507 or etcd out of space: stop writing. */
  reason("StorageFull", {})
])
export type KubernetesErrorReason = typeof KubernetesErrorReason.Type

export class KubernetesError extends Schema.TaggedError<KubernetesError>()("KubernetesError", {
  reason: KubernetesErrorReason,
  /** `verb Kind namespace/name`, e.g. `patch Deployment shop/checkout`. */
  operation: Schema.String,
  /**
   * Whether the cluster may have changed: `no` for reads, dry runs and refused writes, `unknown` for a write without an
   * answer.
   */
  applied: Applied,
  /** Trying the very same again may help. */
  retryable: Schema.Boolean
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason._tag}`
  }
}

export class KubernetesClient extends Context.Service<
  KubernetesClient,
  {
    readonly get: (ref: ResourceRef) => Effect.Effect<KubernetesObject, KubernetesError>
    readonly list: (
      kind: string,
      options: ListOptions
    ) => Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError>
    /** One write. Answers the object as it then is; for `Evict` and `Delete` nothing. */
    readonly apply: (
      change: Change,
      options?: ApplyOptions
    ) => Effect.Effect<KubernetesObject | undefined, KubernetesError>
    readonly logs: (pod: ResourceRef, options: LogOptions) => Effect.Effect<string, KubernetesError>
    /**
     * Changes of one kind in one namespace, beginning with what is there now as `ADDED`. Ends with `Expired` when it
     * must be begun anew.
     */
    readonly watch: (
      kind: string,
      options: Pick<ListOptions, "namespace" | "labelSelector">
    ) => Stream.Stream<WatchEvent, KubernetesError>
    /** Does the API server answer? A cheap request without side effects. */
    readonly probe: Effect.Effect<void, KubernetesError>
  }
>()("kubernaut/kubernetes/KubernetesClient") {}
