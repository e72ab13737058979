/**
 * Finds the root owner of what an alert names: a pod's Deployment, StatefulSet, DaemonSet or CronJob.
 *
 *     Pod → ReplicaSet → Deployment        Pod → StatefulSet | DaemonSet        Pod → Job → CronJob
 *     HorizontalPodAutoscaler → its scale target (an alert about it concerns the workload that it scales)
 *
 * Everything else is its own root: nodes, claims, bare pods, static pods (which a Node owns), and workloads that an operator's resource
 * owns, because they are what can be acted on. Owners are read from the cluster and never guessed from names, so two Deployments with
 * a common prefix never become one.
 *
 * **Details**
 *
 * When ten thousand pods of one Deployment crash, each names itself in an alert. The first few of a kind and namespace are read one by one;
 * when more are asked for within an interval, their owners are listed at once, metadata only, and the rest is answered from memory.
 * What is neither known nor in a list of this interval is `NotFound`, and retryable, as it may be newer than the list.
 */
import { Clock, Context, Duration, Effect, Layer, Semaphore } from "effect"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import { controllerOf, type HorizontalPodAutoscaler } from "./ObjectModel.ts"

export interface OwnerResolverOptions {
  /** How long an answer is kept, and how often at most a namespace is listed. Default 10 seconds. */
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
  readonly lock: Semaphore.Semaphore
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

export class OwnerResolver extends Context.Service<OwnerResolver, {
  /** The root owner. `NotFound` where the object, or one on the way, does not exist. */
  readonly resolve: (ref: ResourceRef) => Effect.Effect<ResourceRef, KubernetesError>
}>()("kubernaut/kubernetes/OwnerResolver") {
  static readonly layer = (options: OwnerResolverOptions = {}): Layer.Layer<OwnerResolver, never, KubernetesClient> =>
    Layer.effect(OwnerResolver, make(options))
}

const make = Effect.fnUntraced(function*(options: OwnerResolverOptions) {
  const kubernetes = yield* KubernetesClient
  const intervalMs = Duration.toMillis(options.interval ?? "10 seconds")
  const singleReads = options.singleReads ?? 4
  const shelvesKept = options.namespaces ?? 64
  const shelves = new Map<string, Shelf>()

  /** The shelf of a kind and namespace, moved to the end of the line of those that are dropped. */
  const shelfOf = (kind: string, namespace: string): Shelf => {
    const key = `${kind}\u0000${namespace}`
    const shelf = shelves.get(key) ??
      { lock: Semaphore.makeUnsafe(1), entries: new Map(), owners: new Map(), listedAtMs: -Infinity, readsSinceMs: -Infinity, reads: 0 }
    shelves.delete(key)
    shelves.set(key, shelf)
    if (shelves.size > shelvesKept) shelves.delete(shelves.keys().next().value!)
    return shelf
  }

  const keep = (shelf: Shelf, object: KubernetesObject, atMs: number): ResourceRef | undefined => {
    const found = ownerOf(object)
    const key = found === undefined ? "" : `${found.kind}\u0000${found.name}`
    const owner = shelf.owners.get(key) ?? found
    if (owner !== undefined) shelf.owners.set(key, owner)
    if (shelf.entries.size < entriesPerShelf) shelf.entries.set(object.metadata.name, { owner, atMs })
    return owner
  }

  const relist = Effect.fnUntraced(function*(shelf: Shelf, kind: string, namespace: string, nowMs: number) {
    const objects = yield* kubernetes.list(kind, { namespace, metadataOnly: kind !== "HorizontalPodAutoscaler" })
    shelf.entries.clear()
    shelf.owners.clear()
    for (const object of objects) keep(shelf, object, nowMs)
    shelf.listedAtMs = nowMs
  })

  /** What one object leads to. Requests for one kind and namespace wait for each other, so that a burst shares one list. */
  const step = Effect.fnUntraced(function*(ref: ResourceRef) {
    const shelf = shelfOf(ref.kind, ref.namespace)
    const fresh = (nowMs: number) => {
      const entry = shelf.entries.get(ref.name)
      return entry !== undefined && nowMs - entry.atMs < intervalMs ? entry : undefined
    }
    const known = fresh(yield* Clock.currentTimeMillis)
    if (known !== undefined) return known.owner
    return yield* shelf.lock.withPermits(1)(Effect.gen(function*() {
      const nowMs = yield* Clock.currentTimeMillis
      const meanwhile = fresh(nowMs)
      if (meanwhile !== undefined) return meanwhile.owner
      if (nowMs - shelf.readsSinceMs >= intervalMs) {
        shelf.readsSinceMs = nowMs
        shelf.reads = 0
        // What is out of date would otherwise stay until the next list, which may never be needed.
        for (const [name, entry] of shelf.entries) if (nowMs - entry.atMs >= intervalMs) shelf.entries.delete(name)
      }
      if (shelf.reads < singleReads) {
        shelf.reads++
        return keep(shelf, yield* kubernetes.get(ref), nowMs)
      }
      if (nowMs - shelf.listedAtMs >= intervalMs) {
        yield* relist(shelf, ref.kind, ref.namespace, nowMs)
        const entry = shelf.entries.get(ref.name)
        if (entry !== undefined) return entry.owner
      }
      // The list did not fit, so that it says nothing about what is missing.
      if (shelf.entries.size >= entriesPerShelf) return ownerOf(yield* kubernetes.get(ref))
      return yield* new KubernetesError({ reason: { _tag: "NotFound" }, operation: `get ${displayName(ref)}`, applied: "no", retryable: true })
    }))
  })

  const resolve = Effect.fn("OwnerResolver.resolve")(function*(ref: ResourceRef) {
    let root = ref
    while (followed.has(root.kind)) {
      const owner = yield* step(root)
      if (owner === undefined) return root
      root = owner
    }
    return root
  })

  return OwnerResolver.of({ resolve })
})
