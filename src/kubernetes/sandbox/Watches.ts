/** Watches of the sandbox: each buffers the events that its reader has not taken yet. */

import { Clock, Duration, Effect, Stream } from "effect"
import { findWatched, unknownKind } from "../ApiResource.ts"
import { bookmark } from "../Bookmark.ts"
import { type KubernetesClient, KubernetesError, type WatchEvent, type WatchOptions } from "../KubernetesClient.ts"
import { hasLabels, type Labels } from "../ObjectModel.ts"
import * as OperationName from "../OperationName.ts"
import { seal } from "../SealedSecret.ts"
import type { Cluster } from "./Cluster.ts"
import type { Mutation } from "./Store.ts"
import { WatchHistory } from "./WatchHistory.ts"

/** The maximum number of events that a reader may be behind before its watch is `Expired`. */
const watchBuffer = 10_000

/** The time between two bookmarks, as on a real API server. */
const bookmarkMs = 60_000

/** The shortest time between two looks at what has become due in the cluster, for a watch with bookmarks. */
const patientMs = 1000

/** One watch: what it selects, and the events that its reader has not taken yet. */
interface Watcher {
  readonly kind: string
  readonly apiVersion: string
  readonly namespace: string | undefined
  readonly labels: Labels
  /**
   * It gets bookmarks. A watch without them wakes up for everything that becomes due in the cluster; those with them
   * leave that to one of them, which does so at most once a second.
   */
  readonly bookmarks: boolean
  buffer: Array<WatchEvent>
  expired: boolean
  /** When the reader wakes up by itself; `-Infinity` while it is awake. */
  sleepsUntilMs: number
  wake: () => void
}

/** The event that a watch reports for a mutation; `undefined` if it does not select the object. */
const watchEvent = (watcher: Watcher, mutation: Mutation): WatchEvent | undefined => {
  const object = seal(mutation.object)
  if (watcher.namespace !== undefined && object.metadata.namespace !== watcher.namespace) return undefined
  const matches = hasLabels(object.metadata.labels, watcher.labels)
  if (mutation.type !== "MODIFIED") return matches ? { type: mutation.type, object } : undefined
  // As on a real API server, an object that starts or stops matching is added or deleted for this watch.
  const matched = hasLabels(mutation.previous.metadata.labels, watcher.labels)
  if (matches) return { type: matched ? "MODIFIED" : "ADDED", object }
  return matched ? { type: "DELETED", object } : undefined
}

/** The open watches of a cluster. */
export class Watchers {
  private readonly kinds = new Map<string, Set<Watcher>>()
  private readonly history: WatchHistory
  private readonly cluster: Cluster
  /** The watch with bookmarks that wakes up for what becomes due in the cluster. */
  private lookout: Watcher | undefined
  private bookmarkedMs = -Infinity

  constructor(cluster: Cluster) {
    this.cluster = cluster
    this.history = new WatchHistory(cluster.store.version)
  }

  private *all(): Iterable<Watcher> {
    for (const watchers of this.kinds.values()) yield* watchers
  }

  add(watcher: Watcher): void {
    const watchers = this.kinds.get(watcher.kind) ?? new Set()
    this.kinds.set(watcher.kind, watchers.add(watcher))
  }

  remove(watcher: Watcher): void {
    this.kinds.get(watcher.kind)?.delete(watcher)
    if (this.lookout !== watcher) return
    this.lookout = undefined
    for (const other of this.all())
      if (other.bookmarks) {
        other.wake()
        return
      }
  }

  /** Until when an idle watch sleeps if nothing happens before. */
  sleepUntil(watcher: Watcher, nowMs: number): number {
    const { nextMs } = this.cluster.timeline
    if (!watcher.bookmarks) return nextMs
    this.lookout ??= watcher
    return this.lookout === watcher
      ? Math.min(Math.max(nextMs, nowMs + patientMs), Math.max(nowMs, this.bookmarkedMs + bookmarkMs))
      : Infinity
  }

  /** Reports how far the watches have come, once in a while. */
  bookmark(nowMs: number): void {
    if (nowMs - this.bookmarkedMs < bookmarkMs && nowMs >= this.bookmarkedMs) return
    const isFirst = this.bookmarkedMs === -Infinity
    this.bookmarkedMs = nowMs
    if (isFirst) return
    for (const watcher of this.all()) {
      if (!watcher.bookmarks) continue
      watcher.buffer.push(bookmark(watcher, String(this.cluster.store.version)))
      watcher.wake()
    }
  }

  /** The changes that a watch from an earlier version has missed; `undefined` if they are not all known. */
  missed(watcher: Watcher, from: string): ReadonlyArray<WatchEvent> | undefined {
    const version = Number(from)
    // A version that this cluster has not had yet is one of another cluster, or of one that was restored.
    if (!(version <= this.cluster.store.version)) return undefined
    return this.history.since(watcher.kind, version)?.flatMap((mutation) => watchEvent(watcher, mutation) ?? [])
  }

  /** Forgets which changes there were, as a compaction does: a watch from an earlier version is `Expired`. */
  compact(): void {
    this.history.forget(this.cluster.store.version)
  }

  notify(mutation: Mutation): void {
    this.history.add(mutation)
    for (const watcher of this.kinds.get(mutation.object.kind) ?? []) {
      const event = watchEvent(watcher, mutation)
      if (event === undefined) continue
      if (watcher.buffer.length >= watchBuffer) watcher.expired = true
      else watcher.buffer.push(event)
      watcher.wake()
    }
  }

  /** Wakes the readers that would sleep past the next due event of the cluster. */
  wakeBefore(nextMs: number): void {
    for (const watcher of this.all())
      if (watcher.sleepsUntilMs > nextMs && (!watcher.bookmarks || this.lookout === watcher)) watcher.wake()
  }
}

const expired = (kind: string): KubernetesError =>
  new KubernetesError({
    reason: { _tag: "Expired" },
    operation: OperationName.ofKind("watch", kind, undefined),
    applied: "no",
    retryable: true
  })

/** Waits until the watch has been notified, or until something is due in the cluster. */
const idle = (watchers: Watchers, clock: Clock.Clock, watcher: Watcher): Effect.Effect<void> => {
  const woken = Effect.callback<void>((resume) => {
    watcher.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      watcher.wake = () => {}
    })
  })
  return Effect.suspend(() => {
    const nowMs = clock.currentTimeMillisUnsafe()
    watcher.sleepsUntilMs = watchers.sleepUntil(watcher, nowMs)
    const waiting = Number.isFinite(watcher.sleepsUntilMs)
      ? Effect.raceFirst(woken, clock.sleep(Duration.millis(Math.max(0, watcher.sleepsUntilMs - nowMs))))
      : woken
    return Effect.ensuring(
      waiting,
      Effect.sync(() => {
        watcher.sleepsUntilMs = -Infinity
      })
    )
  })
}

/** The next events of a watch, as soon as there are any. */
const take = (
  cluster: Cluster,
  watchers: Watchers,
  clock: Clock.Clock,
  watcher: Watcher
): Effect.Effect<ReadonlyArray<WatchEvent>, KubernetesError> =>
  Effect.suspend(() => {
    const nowMs = clock.currentTimeMillisUnsafe()
    cluster.advance(nowMs)
    watchers.bookmark(nowMs)
    if (watcher.expired) return Effect.fail(expired(watcher.kind))
    if (watcher.buffer.length === 0)
      return Effect.flatMap(idle(watchers, clock, watcher), () => take(cluster, watchers, clock, watcher))
    const events = watcher.buffer
    watcher.buffer = []
    return Effect.succeed(events)
  })

/** The events with which a watch begins; `undefined` if it is `Expired`. */
const beginning = (
  cluster: Cluster,
  watchers: Watchers,
  watcher: Watcher,
  { bookmarks, from }: WatchOptions
): ReadonlyArray<WatchEvent> | undefined => {
  const first =
    from === undefined
      ? cluster.store
          .select(watcher.kind, watcher.namespace, watcher.labels)
          .map((object): WatchEvent => ({ type: "ADDED", object: seal(object) }))
      : watchers.missed(watcher, from)
  return first === undefined || bookmarks !== true
    ? first
    : [...first, bookmark(watcher, String(cluster.store.version))]
}

/** `KubernetesClient.watch` for a cluster that notifies `watchers` of its mutations. */
export const make =
  (cluster: Cluster, watchers: Watchers): KubernetesClient["Service"]["watch"] =>
  (kind, options) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const resource = findWatched(kind, cluster.find)
        if (resource === undefined) return Stream.fail(unknownKind(OperationName.ofKind("watch", kind, undefined)))
        cluster.advance(clock.currentTimeMillisUnsafe())
        const watcher: Watcher = {
          kind,
          apiVersion: resource.apiVersion,
          namespace: resource.namespaced && options.namespace !== "" ? options.namespace : undefined,
          labels: options.labelSelector ?? {},
          bookmarks: options.bookmarks === true,
          buffer: [],
          expired: false,
          sleepsUntilMs: -Infinity,
          wake: () => {}
        }
        const first = beginning(cluster, watchers, watcher, options)
        if (first === undefined) return Stream.fail(expired(kind))
        watcher.buffer = [...first]
        watchers.add(watcher)
        yield* Effect.addFinalizer(() => Effect.sync(() => watchers.remove(watcher)))
        return Stream.fromIterableEffectRepeat(take(cluster, watchers, clock, watcher))
      })
    )
