/**
 * Finds the root owner of the object that an alert names: a pod's Deployment, StatefulSet, DaemonSet or CronJob.
 *
 *     Pod → ReplicaSet → Deployment        Pod → StatefulSet | DaemonSet        Pod → Job → CronJob
 *     HorizontalPodAutoscaler → its scale target (an alert about it concerns the workload that it scales)
 *
 * Every other object is its own root: nodes, claims, bare pods, static pods (which a Node owns), and pods and workloads
 * that a custom resource owns, because Kubernaut cannot act on the custom resource. Owners are read from the cluster
 * and never guessed from names, so two Deployments with a common prefix are never confused. An owner is followed only
 * if both its kind and its API group are those of Kubernetes.
 *
 * **Details**
 *
 * When ten thousand pods of one Deployment crash, each has its own alert. The first few objects of a kind and namespace
 * are read one by one. When more are needed within an interval, all objects of that kind and namespace are listed
 * (metadata only) and the others are resolved from memory. An object that is neither in memory nor in a list of this
 * interval is `NotFound`; that error is retryable, because the object may be newer than the list.
 */

import { Context, Deferred, Duration, Effect, Exit, Layer, Result } from "effect"
import type { ResourceRef } from "../domain/Target.ts"
import * as Due from "../resilience/Due.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "./KubernetesClient.ts"
import { controllerOf, type HorizontalPodAutoscaler } from "./ObjectModel.ts"
import * as OperationName from "./OperationName.ts"
import { follow, isFollowed } from "./Ownership.ts"

/** The size and the lifetime of the resolver's cache. */
export interface OwnerResolverOptions {
  /** How long an owner is cached, and the minimum time between two lists of one namespace. Default 10 s, at least 1 s. */
  readonly interval?: Duration.Input | undefined
  /** Single reads per kind, namespace and interval before a list replaces them. Default 4. */
  readonly singleReads?: number | undefined
  /** The maximum number of cached pairs of kind and namespace; the least recently used pair is dropped. Default 64. */
  readonly namespaces?: number | undefined
}

interface Settings {
  readonly intervalMs: number
  readonly singleReads: number
  readonly namespaces: number
}

/** The next object towards the root; `undefined` for an object that is its own root. */
export const ownerOf = (object: KubernetesObject): ResourceRef | undefined =>
  follow(
    object,
    object.kind === "HorizontalPodAutoscaler"
      ? (object as HorizontalPodAutoscaler).spec.scaleTargetRef
      : controllerOf(object)
  )

interface Known {
  readonly owner: ResourceRef | undefined
  readonly atMs: number
}

/** The cache of one kind in one namespace. */
interface Cache {
  /** Reads in progress by name, and the list under `everything`. Callers that need the same request share it. */
  readonly inFlight: Map<string, Deferred.Deferred<void, KubernetesError>>
  readonly entries: Map<string, Known>
  /** One object per owner, so that ten thousand pods of one ReplicaSet share it. */
  readonly owners: Map<string, ResourceRef>
  listedAtMs: number
  /** The start of the current interval of single reads, and the number of reads in it. */
  readsSinceMs: number
  reads: number
}

// A longer list would fill most of the memory of a small pod. Objects beyond it are read one by one.
const entriesPerCache = 100_000

// No object has an empty name.
const everything = ""

const emptyCache = (): Cache => ({
  inFlight: new Map(),
  entries: new Map(),
  owners: new Map(),
  listedAtMs: -Infinity,
  readsSinceMs: -Infinity,
  reads: 0
})

const remember = (cache: Cache, object: KubernetesObject, atMs: number): void => {
  const found = ownerOf(object)
  const key = found === undefined ? "" : `${found.kind}\u0000${found.name}`
  const owner = cache.owners.get(key) ?? found
  if (owner !== undefined) cache.owners.set(key, owner)
  if (cache.entries.size < entriesPerCache) cache.entries.set(object.metadata.name, { owner, atMs })
}

/** Begins a new interval of single reads, and drops what is old, which only a list would drop otherwise. */
const turnInterval = (cache: Cache, intervalMs: number, nowMs: number): void => {
  if (nowMs - cache.readsSinceMs < intervalMs) return
  cache.readsSinceMs = nowMs
  cache.reads = 0
  cache.owners.clear()
  for (const [name, entry] of cache.entries) if (nowMs - entry.atMs >= intervalMs) cache.entries.delete(name)
}

type Step =
  | { readonly _tag: "Known"; readonly owner: ResourceRef | undefined }
  | { readonly _tag: "Wait"; readonly request: Deferred.Deferred<void, KubernetesError> }
  | { readonly _tag: "Read" | "List" | "Missing" }
  /** The list did not fit into the cache, so the absence of a name means nothing. */
  | { readonly _tag: "ReadUncached" }

/** The next step to resolve a name. Call `turnInterval` at the same time first. */
const nextStep = (cache: Cache, name: string, settings: Settings, nowMs: number): Step => {
  const entry = cache.entries.get(name)
  if (entry !== undefined && nowMs - entry.atMs < settings.intervalMs) return { _tag: "Known", owner: entry.owner }
  const mayRead = cache.reads < settings.singleReads
  const request = cache.inFlight.get(name) ?? (mayRead ? undefined : cache.inFlight.get(everything))
  if (request !== undefined) return { _tag: "Wait", request }
  if (mayRead) return { _tag: "Read" }
  if (nowMs - cache.listedAtMs >= settings.intervalMs) return { _tag: "List" }
  return { _tag: cache.entries.size >= entriesPerCache ? "ReadUncached" : "Missing" }
}

/**
 * Runs a request that other callers can wait for. They share its failure; if it is interrupted they continue, and one
 * of them makes the request again.
 */
const share = <A>(
  cache: Cache,
  key: string,
  effect: Effect.Effect<A, KubernetesError>
): Effect.Effect<void, KubernetesError> =>
  Effect.suspend(() => {
    const deferred = Deferred.makeUnsafe<void, KubernetesError>()
    cache.inFlight.set(key, deferred)
    return Effect.asVoid(
      Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          cache.inFlight.delete(key)
          Deferred.doneUnsafe(deferred, Exit.isSuccess(exit) || Exit.hasInterrupts(exit) ? Exit.void : exit)
        })
      )
    )
  })

/**
 * The caches of the kinds and namespaces in use. The returned function finds the cache of an object and marks it as the
 * most recently used.
 */
const makeCaches = (most: number): ((ref: ResourceRef) => Cache) => {
  const caches = new Map<string, Cache>()
  return ({ kind, namespace }) => {
    const key = `${kind}\u0000${namespace}`
    const cache = caches.get(key) ?? emptyCache()
    caches.delete(key)
    caches.set(key, cache)
    if (caches.size > most) caches.delete(caches.keys().next().value!)
    return cache
  }
}

/** Resolves the root owner of an object. */
export class OwnerResolver extends Context.Service<
  OwnerResolver,
  {
    /**
     * The root owner. Fails with `NotFound` when the object, or an owner on the way, does not exist, and like
     * `KubernetesClient.get` and `list` otherwise.
     */
    readonly resolve: (ref: ResourceRef) => Effect.Effect<ResourceRef, KubernetesError>
    /**
     * The root owner of the first of these objects that exists. Fails like `resolve` of the last object when none does.
     */
    readonly resolveFirst: (refs: ReadonlyArray<ResourceRef>) => Effect.Effect<ResourceRef, KubernetesError>
  }
>()("kubernaut/kubernetes/OwnerResolver") {}

/** Both methods of the service, from the step of one object towards its root. */
const makeResolve = (next: (ref: ResourceRef) => Effect.Effect<ResourceRef | undefined, KubernetesError>) => {
  const resolve = Effect.fnUntraced(function* (ref: ResourceRef) {
    let root = ref
    while (isFollowed(root.kind)) {
      const owner: ResourceRef | undefined = yield* next(root)
      if (owner === undefined) return root
      root = owner
    }
    return root
  })

  const resolveFirst = Effect.fnUntraced(function* (refs: ReadonlyArray<ResourceRef>) {
    for (const [index, ref] of refs.entries()) {
      const found = yield* Effect.result(next(ref))
      if (Result.isSuccess(found)) return yield* resolve(ref)
      if (found.failure.reason._tag !== "NotFound" || index === refs.length - 1) return yield* found.failure
    }
    return yield* Effect.die(new Error("resolveFirst needs an object"))
  })

  return { resolve, resolveFirst }
}

const make = Effect.fnUntraced(function* (options: OwnerResolverOptions) {
  const kubernetes = yield* KubernetesClient
  const settings: Settings = {
    intervalMs: Math.max(1000, Duration.toMillis(options.interval ?? "10 seconds")),
    singleReads: options.singleReads ?? 4,
    namespaces: options.namespaces ?? 64
  }
  const cacheOf = makeCaches(settings.namespaces)

  const read = (cache: Cache, ref: ResourceRef, nowMs: number) => {
    cache.reads++
    return share(
      cache,
      ref.name,
      Effect.map(kubernetes.get(ref), (object) => remember(cache, object, nowMs))
    )
  }

  const list = (cache: Cache, { kind, namespace }: ResourceRef, nowMs: number) =>
    share(
      cache,
      everything,
      kubernetes.list(kind, { namespace, metadataOnly: kind !== "HorizontalPodAutoscaler" }).pipe(
        // The list serves urgent callers as well as the one that happens to make it.
        Due.at(nowMs),
        Effect.map((objects) => {
          cache.entries.clear()
          cache.owners.clear()
          for (const object of objects) remember(cache, object, nowMs)
          cache.listedAtMs = nowMs
        })
      )
    )

  const missing = (ref: ResourceRef) =>
    new KubernetesError({
      reason: { _tag: "NotFound" },
      operation: OperationName.ofObject("get", ref),
      applied: "no",
      retryable: true
    })

  /** The next object towards the root. */
  const next = Effect.fnUntraced(function* (ref: ResourceRef) {
    const cache = cacheOf(ref)
    while (true) {
      const nowMs = yield* Monotonic.nowMs
      turnInterval(cache, settings.intervalMs, nowMs)
      const step = nextStep(cache, ref.name, settings, nowMs)
      if (step._tag === "Known") return step.owner
      else if (step._tag === "Wait") yield* Deferred.await(step.request)
      else if (step._tag === "Read") yield* read(cache, ref, nowMs)
      else if (step._tag === "List") yield* list(cache, ref, nowMs)
      else if (step._tag === "ReadUncached") return ownerOf(yield* kubernetes.get(ref))
      else return yield* missing(ref)
    }
  })

  return OwnerResolver.of(makeResolve(next))
})

/** The resolver for the cluster that `KubernetesClient` connects to. */
export const layer = (options: OwnerResolverOptions = {}): Layer.Layer<OwnerResolver, never, KubernetesClient> =>
  Layer.effect(OwnerResolver, make(options))
