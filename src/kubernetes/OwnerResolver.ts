/**
 * Finds the root owner of what an alert names: a pod's Deployment, StatefulSet, DaemonSet or CronJob.
 *
 *     Pod → ReplicaSet → Deployment        Pod → StatefulSet | DaemonSet        Pod → Job → CronJob
 *     HorizontalPodAutoscaler → its scale target (an alert about it concerns the workload that it scales)
 *
 * Everything else is its own root: nodes, claims, bare pods, static pods (which a Node owns), and workloads that an
 * operator's resource owns, because they are what can be acted on. Owners are read from the cluster and never guessed
 * from names, so two Deployments with a common prefix never become one.
 *
 * **Details**
 *
 * When ten thousand pods of one Deployment crash, each names itself in an alert. The first few of a kind and namespace
 * are read one by one; when more are asked for within an interval, their owners are listed at once, metadata only, and
 * the rest is answered from memory. What is neither known nor in a list of this interval is `NotFound`, and retryable,
 * as it may be newer than the list.
 */

import { Context, Deferred, Duration, Effect, Exit, Layer } from "effect"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import { controllerOf, type HorizontalPodAutoscaler } from "./ObjectModel.ts"

export interface OwnerResolverOptions {
  /** How long an answer is kept, and how often at most a namespace is listed. Default 10 seconds, at least 1 second. */
  readonly interval?: Duration.Input | undefined
  /** Single reads per kind, namespace and interval before a list is made. Default 4. */
  readonly singleReads?: number | undefined
  /** Kinds and namespaces kept in memory at once. Default 64; the one unused for longest goes first. */
  readonly namespaces?: number | undefined
}

/** The kinds that have an owner worth following. */
const followed: ReadonlySet<string> = new Set(["Pod", "ReplicaSet", "Job", "HorizontalPodAutoscaler"])

/** What an object leads to; `undefined` where it is its own root. */
export const ownerOf = (object: KubernetesObject): ResourceRef | undefined => {
  const namespace = object.metadata.namespace ?? ""
  if (object.kind === "HorizontalPodAutoscaler") {
    const { kind, name } = (object as HorizontalPodAutoscaler).spec.scaleTargetRef
    return { namespace, kind, name }
  }
  const owner = controllerOf(object)
  return owner === undefined || owner.kind === "Node" ? undefined : { namespace, kind: owner.kind, name: owner.name }
}

interface Known {
  readonly owner: ResourceRef | undefined
  readonly atMs: number
}

/** What is known of one kind in one namespace. */
interface Shelf {
  /** Reads under way by name, and the list under `everything`: whoever needs the same waits for it. */
  readonly inFlight: Map<string, Deferred.Deferred<void, KubernetesError>>
  readonly entries: Map<string, Known>
  /** Owners as they were first seen, so that ten thousand pods of one ReplicaSet share one object. */
  readonly owners: Map<string, ResourceRef>
  listedAtMs: number
  /** When the present interval of single reads began, and how many there were. */
  readsSinceMs: number
  reads: number
}

// A longer list would be most of the memory of a small pod; what is beyond it is read one by one.
const entriesPerShelf = 100_000

// No object has an empty name.
const everything = ""

export class OwnerResolver extends Context.Service<
  OwnerResolver,
  {
    /** The root owner. `NotFound` where the object, or one on the way, does not exist. */
    readonly resolve: (ref: ResourceRef) => Effect.Effect<ResourceRef, KubernetesError>
  }
>()("kubernaut/kubernetes/OwnerResolver") {}

const emptyShelf = (): Shelf => ({
  inFlight: new Map(),
  entries: new Map(),
  owners: new Map(),
  listedAtMs: -Infinity,
  readsSinceMs: -Infinity,
  reads: 0
})

const keep = (shelf: Shelf, object: KubernetesObject, atMs: number): void => {
  const found = ownerOf(object)
  const key = found === undefined ? "" : `${found.kind}\u0000${found.name}`
  const owner = shelf.owners.get(key) ?? found
  if (owner !== undefined) shelf.owners.set(key, owner)
  if (shelf.entries.size < entriesPerShelf) shelf.entries.set(object.metadata.name, { owner, atMs })
}

/**
 * Does something that others wait for. They share its failure; when it is interrupted they look again for themselves.
 */
const share = <A>(
  shelf: Shelf,
  key: string,
  effect: Effect.Effect<A, KubernetesError>
): Effect.Effect<void, KubernetesError> =>
  Effect.suspend(() => {
    const deferred = Deferred.makeUnsafe<void, KubernetesError>()
    shelf.inFlight.set(key, deferred)
    return Effect.asVoid(
      Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          shelf.inFlight.delete(key)
          Deferred.doneUnsafe(deferred, Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? Exit.void : exit)
        })
      )
    )
  })

const make = Effect.fnUntraced(function* (options: OwnerResolverOptions) {
  const kubernetes = yield* KubernetesClient
  const intervalMs = Math.max(1000, Duration.toMillis(options.interval ?? "10 seconds"))
  const singleReads = options.singleReads ?? 4
  const shelvesKept = options.namespaces ?? 64
  const shelves = new Map<string, Shelf>()

  /** The shelf of a kind and namespace, moved to the end of the line of those that are dropped. */
  const shelfOf = (kind: string, namespace: string): Shelf => {
    const key = `${kind}\u0000${namespace}`
    const shelf = shelves.get(key) ?? emptyShelf()
    shelves.delete(key)
    shelves.set(key, shelf)
    if (shelves.size > shelvesKept) shelves.delete(shelves.keys().next().value!)
    return shelf
  }

  /**
   * Begins a new interval of single reads. What is out of date would otherwise stay until a list that may never be
   * needed.
   */
  const turnInterval = (shelf: Shelf, nowMs: number): void => {
    if (nowMs - shelf.readsSinceMs < intervalMs) return
    shelf.readsSinceMs = nowMs
    shelf.reads = 0
    for (const [name, entry] of shelf.entries) if (nowMs - entry.atMs >= intervalMs) shelf.entries.delete(name)
  }

  const read = (shelf: Shelf, ref: ResourceRef, nowMs: number) => {
    shelf.reads++
    return share(
      shelf,
      ref.name,
      Effect.map(kubernetes.get(ref), (object) => keep(shelf, object, nowMs))
    )
  }

  const list = (shelf: Shelf, { kind, namespace }: ResourceRef, nowMs: number) =>
    share(
      shelf,
      everything,
      Effect.map(kubernetes.list(kind, { namespace, metadataOnly: kind !== "HorizontalPodAutoscaler" }), (objects) => {
        shelf.entries.clear()
        shelf.owners.clear()
        for (const object of objects) keep(shelf, object, nowMs)
        shelf.listedAtMs = nowMs
      })
    )

  /** What one object leads to. */
  const step = Effect.fnUntraced(function* (ref: ResourceRef) {
    const shelf = shelfOf(ref.kind, ref.namespace)
    while (true) {
      const nowMs = yield* Monotonic.nowMs
      const entry = shelf.entries.get(ref.name)
      if (entry !== undefined && nowMs - entry.atMs < intervalMs) return entry.owner
      turnInterval(shelf, nowMs)
      const underWay =
        shelf.inFlight.get(ref.name) ?? (shelf.reads < singleReads ? undefined : shelf.inFlight.get(everything))
      if (underWay !== undefined) yield* Deferred.await(underWay)
      else if (shelf.reads < singleReads) yield* read(shelf, ref, nowMs)
      else if (nowMs - shelf.listedAtMs >= intervalMs) yield* list(shelf, ref, nowMs)
      // The list did not fit, so that it says nothing about what is missing.
      else if (shelf.entries.size >= entriesPerShelf) return ownerOf(yield* kubernetes.get(ref))
      else
        return yield* new KubernetesError({
          reason: { _tag: "NotFound" },
          operation: `get ${displayName(ref)}`,
          applied: "no",
          retryable: true
        })
    }
  })

  const resolve = Effect.fnUntraced(function* (ref: ResourceRef) {
    let root = ref
    while (followed.has(root.kind)) {
      const owner: ResourceRef | undefined = yield* step(root)
      if (owner === undefined) return root
      root = owner
    }
    return root
  })

  return OwnerResolver.of({ resolve })
})

/** The resolver on the cluster that `KubernetesClient` reaches. */
export const layer = (options: OwnerResolverOptions = {}): Layer.Layer<OwnerResolver, never, KubernetesClient> =>
  Layer.effect(OwnerResolver, make(options))
