/**
 * The port to a Kubernetes API server: six requests over plain Kubernetes objects.
 *
 * Two implementations pass one contract suite: `ClientNode` for a real API server and `Sandbox` for a cluster in
 * memory. `ResilientClient` adds retries, a circuit breaker and deadlines to either.
 *
 * The port is deliberately low-level. Plans, inverses and verdicts are pure functions over the JSON that the API server
 * itself uses, so they behave the same on both implementations.
 *
 * **Example** (reading an object)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { KubernetesClient, Sandbox } from "kubernaut"
 *
 * const read = Effect.gen(function* () {
 *   const kubernetes = yield* KubernetesClient.KubernetesClient
 *   const checkout = yield* kubernetes.get({ namespace: "shop", kind: "Deployment", name: "checkout" })
 *   return checkout.apiVersion
 * }).pipe(Effect.provide(Sandbox.layer()))
 *
 * await Effect.runPromise(read) // => "apps/v1"
 * ```
 */

import { Context, Effect, Schema, type Stream } from "effect"
import type { Change } from "../domain/Change.ts"
import { Applied } from "../domain/Execution.ts"
import { Shortage } from "../domain/Failure.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Access, GrantedRules } from "./Access.ts"
import { ConnectionFault, describeFault } from "./ConnectionFault.ts"

/**
 * A Kubernetes object as JSON. `metadata` is always present; the other fields depend on the kind. `ObjectModel` has a
 * typed view of each kind that this project reads.
 */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    /** Absent for cluster-scoped kinds. */
    readonly namespace?: string
    /** Unique in the cluster's history: an object that is deleted and created again has a new one. */
    readonly uid: string
    /** Changes with every write to the object. Opaque: compare it for equality only. */
    readonly resourceVersion: string
    /** Increases with every change of `spec`. */
    readonly generation?: number
    /** UTC, whole seconds, such as `2026-11-24T03:00:00Z`; `deletionTimestamp` likewise. */
    readonly creationTimestamp?: string
    /** Present while the object terminates. */
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
    readonly managedFields?: ReadonlyArray<{
      readonly manager?: string
      readonly subresource?: string
      readonly time?: string
      readonly fieldsV1?: Readonly<Record<string, unknown>>
    }>
  }
  readonly [field: string]: unknown
}

/** Which objects `KubernetesClient.list` returns. Without options: all objects of the kind. */
export interface ListOptions {
  /** Default: all namespaces. Ignored for cluster-scoped kinds. */
  readonly namespace?: string
  /** Labels that an object must all have, by equality. Default: any labels. */
  readonly labelSelector?: Readonly<Record<string, string>>
  /** For events only: those about this object. Another kind is refused as `Invalid`. */
  readonly involvedObject?: { readonly kind: string; readonly name: string }
  /** The largest number of objects to return. Default: all of them. */
  readonly limit?: number
  /**
   * The caller needs `metadata` only. The objects may then lack every other field, which makes the response of a real
   * API server much smaller. Default `false`.
   */
  readonly metadataOnly?: boolean
}

/** How `KubernetesClient.apply` sends a change. */
export interface ApplyOptions {
  /** Run admission and validation, but store nothing. Default `false`. */
  readonly dryRun?: boolean
}

/** Which part of a log `KubernetesClient.logs` returns. */
export interface LogOptions {
  /** Default: the only container of the pod. Required by a real API server when a pod has several. */
  readonly container?: string
  /** Read the log of the container's previous run, the one before its last restart. Default `false`. */
  readonly previous?: boolean
  /** The number of lines to return, counted from the end. At most 1 MiB is returned. */
  readonly tailLines: number
}

/** What `KubernetesClient.watch` watches, and from where. */
export interface WatchOptions extends Pick<ListOptions, "namespace" | "labelSelector"> {
  /**
   * The `resourceVersion` after which the changes begin: that of the last event of an earlier watch. `Expired` if the
   * server no longer has all changes since then. Default: begin with what exists.
   */
  readonly from?: string
  /** Also report bookmarks. The first follows what exists, or has changed since `from`. Default `false`. */
  readonly bookmarks?: boolean
}

/**
 * One change that `KubernetesClient.watch` reports. For `DELETED`, `object` is the last known state, with the version
 * of the deletion. The object of a `BOOKMARK` has nothing but a `resourceVersion`: the watch can be continued from it.
 */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"
  readonly object: KubernetesObject
}

const reason = <const Tag extends string, const Fields extends Schema.Struct.Fields>(tag: Tag, fields: Fields) =>
  Schema.TaggedStruct(tag, fields)

/**
 * Why a request failed.
 *
 * Each implementation derives the reason in one place from the `metav1.Status` (code, reason, causes); callers branch
 * on the tag and never match error text. `execution/FailureClassifier` states what is done about each reason.
 */
export const KubernetesErrorReason = Schema.Union([
  /** 401: the API server rejects our credentials. */
  reason("Unauthorized", {}),
  /** 403 by RBAC. `missing` is what it does not grant. */
  reason("Forbidden", {
    missing: Schema.optionalKey(
      Schema.Struct({
        user: Schema.String,
        verb: Schema.String,
        /** With the subresource, such as `pods/eviction`. */
        resource: Schema.String,
        /** Empty for the core group. */
        group: Schema.String,
        /** Absent at the cluster scope. */
        namespace: Schema.optionalKey(Schema.String)
      })
    )
  }),
  /** 403 by a ResourceQuota, which `quota` names, or by a LimitRange, which has no name here. */
  reason("QuotaExceeded", {
    quota: Schema.optionalKey(Schema.String),
    /** The lines of the quota that have no room, if the API server says so. */
    shortages: Schema.optionalKey(Schema.Array(Shortage))
  }),
  /** Admission denied the request. `by` is absent for a plugin that is not known. */
  reason("PolicyDenied", {
    policy: Schema.optionalKey(Schema.String),
    by: Schema.optionalKey(Schema.Literals(["admission-policy", "webhook", "pod-security"])),
    /** The binding of a ValidatingAdmissionPolicy. */
    binding: Schema.optionalKey(Schema.String)
  }),
  /** 404: the object does not exist; for a create, its namespace does not exist. */
  reason("NotFound", {}),
  /** 409: the object has changed since the `resourceVersion` or `uid` that the request names. */
  reason("Conflict", {}),
  /** 409 for a create. */
  reason("AlreadyExists", {}),
  /** 409 for a server-side apply: another manager owns a field. */
  reason("FieldManagerConflict", { managers: Schema.Array(Schema.String) }),
  /** 422, or as `status` says 400 or 413: the request is wrong, and sending it again does not help. */
  reason("Invalid", {
    fields: Schema.Array(Schema.String),
    status: Schema.optionalKey(Schema.Literals([400, 413]))
  }),
  /** 410: the continue token of a list or the version of a watch is too old. Start over. */
  reason("Expired", {}),
  /** 429 by a PodDisruptionBudget. Says nothing about the health of the API server. */
  reason("DisruptionBudget", {}),
  /** 429 by API priority and fairness: the API server is overloaded. */
  reason("TooManyRequests", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  /** 500 or 503, or no connection. */
  reason("Unavailable", {
    status: Schema.optionalKey(Schema.Int),
    retryAfterMs: Schema.optionalKey(Schema.Finite),
    /** Why there is no connection, if that is known. */
    fault: Schema.optionalKey(ConnectionFault),
    /**
     * What failed inside the API server, if it says so. `several-budgets`: the pod of an eviction has more than one
     * PodDisruptionBudget, which no retry changes. `storage-read`: stored data cannot be read.
     */
    because: Schema.optionalKey(Schema.Literals(["webhook", "several-budgets", "storage-read"])),
    /** The webhook that the API server could not reach. */
    webhook: Schema.optionalKey(Schema.String)
  }),
  /** 408, 504, or a time limit of ours. The outcome of a write is unknown. `isExcused`: see `TimeLimit`. */
  reason("Timeout", { isExcused: Schema.optionalKey(Schema.Literal(true)) }),
  /** 507, or etcd is out of space. Stop writing. */
  reason("StorageFull", {}),
  /**
   * It is not certain that this is the cluster of the service. `server-changed`: the kubeconfig now names another
   * server. `other-cluster`: the namespace `kube-system` has another uid than the cluster of the database.
   * `unconfirmed`: that uid could not be read yet.
   */
  reason("WrongCluster", { why: Schema.Literals(["server-changed", "other-cluster", "unconfirmed"]) }),
  /**
   * A limit of Kubernaut turned the request away, so the API server did not get it. It says nothing about the cluster:
   * wait and send it again. Only `ResilientClient` fails with it.
   */
  reason("NotNow", {
    limit: Schema.Literals(["circuit-breaker", "bulkhead"]),
    retryAfterMs: Schema.optionalKey(Schema.Finite)
  })
])
export type KubernetesErrorReason = typeof KubernetesErrorReason.Type

/** Why nothing is written, as a clause for people. */
export const describeWrongCluster = (why: Extract<KubernetesErrorReason, { _tag: "WrongCluster" }>["why"]): string => {
  switch (why) {
    case "server-changed":
      return "the context of the kubeconfig now leads to another server; restart the service"
    case "other-cluster":
      return "this is not the cluster that the database belongs to"
    case "unconfirmed":
      return "the uid of namespace kube-system, which identifies the cluster, could not be read"
  }
}

/** What is unavailable, as a clause for people. */
export const describeUnavailable = ({
  because,
  fault,
  webhook
}: Omit<Extract<KubernetesErrorReason, { _tag: "Unavailable" }>, "_tag">): string => {
  switch (because) {
    case "webhook":
      return `the API server cannot reach ${webhook === undefined ? "an admission webhook" : `the admission webhook ${webhook}`}`
    case "several-budgets":
      return "the pod has more than one PodDisruptionBudget, which evictions do not support"
    case "storage-read":
      return "the API server cannot read what it has stored"
    default:
      return fault === undefined
        ? "the API server is unreachable or failing"
        : `the API server is unreachable: ${describeFault(fault)}`
  }
}

/** The reason as a clause for people, who may read it in a log without the code at hand. */
const describe = (reason: KubernetesErrorReason): string => {
  switch (reason._tag) {
    case "Unauthorized":
      return "the API server rejected the credentials"
    case "Forbidden":
      return "RBAC does not allow it"
    case "QuotaExceeded":
      return reason.quota === undefined ? "a LimitRange does not allow it" : `it exceeds the quota ${reason.quota}`
    case "PolicyDenied":
      return `admission denied it${reason.policy === undefined ? "" : ` by ${reason.policy}`}`
    case "NotFound":
      return "the object or its namespace does not exist"
    case "Conflict":
      return "the object has changed since it was read"
    case "AlreadyExists":
      return "an object of that name already exists"
    case "FieldManagerConflict":
      return `another manager owns a field${reason.managers.length === 0 ? "" : ` (${reason.managers.join(", ")})`}`
    case "Invalid":
      return `the request is invalid${reason.fields.length === 0 ? "" : ` (${reason.fields.join(", ")})`}`
    case "Expired":
      return "the resource version or continue token is too old"
    case "DisruptionBudget":
      return "a PodDisruptionBudget does not allow it now"
    case "TooManyRequests":
      return "the API server is overloaded"
    case "Unavailable":
      return describeUnavailable(reason)
    case "Timeout":
      return "no response arrived in time"
    case "StorageFull":
      return "the storage of the API server is full"
    case "WrongCluster":
      return describeWrongCluster(reason.why)
    case "NotNow":
      return reason.limit === "bulkhead"
        ? "too many of Kubernaut's own requests were waiting"
        : "Kubernaut's circuit breaker for the API server is open"
  }
}

/**
 * A failed request. `message` explains it to a person; code branches on `reason`, `applied` and `retryable`.
 *
 * **Example** (what a person reads)
 *
 * ```ts
 * import { KubernetesClient } from "kubernaut"
 *
 * const error = new KubernetesClient.KubernetesError({
 *   reason: { _tag: "Timeout" },
 *   operation: "patch Deployment shop/checkout",
 *   applied: "unknown",
 *   retryable: false
 * })
 *
 * error.message.startsWith("patch Deployment shop/checkout failed: no response arrived in time") // => true
 * ```
 */
export class KubernetesError extends Schema.TaggedError<KubernetesError>()("KubernetesError", {
  reason: KubernetesErrorReason,
  /** The request as `verb Kind namespace/name`, such as `patch Deployment shop/checkout`. */
  operation: Schema.String,
  /**
   * Whether the cluster may have changed. `no` for reads, dry runs and refused writes; `unknown` for a write that got
   * no conclusive response: read the object back before anything else.
   */
  applied: Applied,
  /** Whether the same request, sent again unchanged, may succeed. */
  retryable: Schema.Boolean
}) {
  override get message(): string {
    const outcome = this.applied === "unknown" ? " The write may have taken effect." : ""
    return `${this.operation} failed: ${describe(this.reason)} (${this.reason._tag}).${outcome}`
  }
}

/** Asks the API server about the own rights. Both are reads. */
export interface Rights {
  /** Whether a request is allowed (SelfSubjectAccessReview). Authoritative, for one request. */
  readonly may: (access: Access) => Effect.Effect<boolean, KubernetesError>
  /** The rules in a namespace (SelfSubjectRulesReview): one request for all, but perhaps not all that is allowed. */
  readonly rules: (namespace: string) => Effect.Effect<GrantedRules, KubernetesError>
  /** A number that changes with the credentials. What was allowed before says nothing then. Default: they stay. */
  readonly generation?: (() => number) | undefined
}

/**
 * A Kubernetes cluster: reads, one write at a time, logs, watches and a health probe.
 *
 * Every kind that `ApiResource` does not list is refused as `Invalid` before any request is sent. A Secret can only be
 * watched, and only its keys leave the client (`SealedSecret`).
 */
export class KubernetesClient extends Context.Service<
  KubernetesClient,
  {
    /** Reads one object. Fails with `NotFound` when it does not exist. */
    readonly get: (ref: ResourceRef) => Effect.Effect<KubernetesObject, KubernetesError>

    /** Reads the objects of one kind, from one consistent snapshot. */
    readonly list: (
      kind: string,
      options: ListOptions
    ) => Effect.Effect<ReadonlyArray<KubernetesObject>, KubernetesError>

    /**
     * Makes one write. Returns the object after a `Patch` or `Create`, and `undefined` after an `Evict` or `Delete`.
     *
     * A patch that replaces `/metadata/resourceVersion` fails with `Conflict` when the object has changed since.
     * `Evict` and `Delete` carry a `uid` and never affect another object of the same name.
     */
    readonly apply: (
      change: Change,
      options?: ApplyOptions
    ) => Effect.Effect<KubernetesObject | undefined, KubernetesError>

    /** Reads the last lines of a container's log. Fails with `Invalid` when the container or its run does not exist. */
    readonly logs: (pod: ResourceRef, options: LogOptions) => Effect.Effect<string, KubernetesError>

    /**
     * Watches one kind: first an `ADDED` event for every object that exists, then every later change in order.
     *
     * Use it to keep a local view of many objects current without listing them again. To read state once, use `list`.
     *
     * - An object that starts to match the label selector is `ADDED`; one that stops matching is `DELETED`.
     * - The stream never ends by itself. A lost connection is resumed from the last event without gaps or repeats.
     * - It fails with `Expired` when events were lost. Discard the local view and start a new watch: it begins with
     *   `ADDED` events for everything that exists then. Objects deleted in between are simply absent.
     * - It fails like `list` when a connection cannot be opened. Nothing retries that: `ResilientClient` passes watches
     *   through unchanged.
     */
    readonly watch: (kind: string, options: WatchOptions) => Stream.Stream<WatchEvent, KubernetesError>

    /** Succeeds if the API server responds. Cheap and without side effects. */
    readonly probe: Effect.Effect<void, KubernetesError>

    /** What this identity may do. Absent where nobody can tell; its rights are then unknown. */
    readonly rights?: Rights
  }
>()("kubernaut/kubernetes/KubernetesClient") {}

/** The object, or `undefined` if it does not exist. Fails like `get` otherwise. */
export const find = (
  client: KubernetesClient["Service"],
  ref: ResourceRef
): Effect.Effect<KubernetesObject | undefined, KubernetesError> =>
  Effect.catchReason(client.get(ref), "KubernetesError", "NotFound", () => Effect.undefined)
