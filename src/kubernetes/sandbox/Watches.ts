/** Watches of the sandbox: each buffers the events that its reader has not taken yet. */

import { Clock, Duration, Effect, Result, Stream } from "effect"
import { find, unknownKind } from "../ApiResource.ts"
import { type KubernetesClient, KubernetesError, type WatchEvent } from "../KubernetesClient.ts"
import { hasLabels, type Labels } from "../ObjectModel.ts"
import * as OperationName from "../OperationName.ts"
import * as ApiServer from "./ApiServer.ts"
import type { Cluster } from "./Cluster.ts"
import type { Mutation } from "./Store.ts"

/** The maximum number of events that a reader may be behind before its watch is `Expired`. */
const watchBuffer = 10_000

/** One watch: what it selects, and the events that its reader has not taken yet. */
interface Watcher {
  readonly kind: string
  readonly namespace: string | undefined
  readonly labels: Labels
  buffer: Array<WatchEvent>
  expired: boolean
  /** When the reader wakes up by itself; `-Infinity` while it is awake. */
  sleepsUntilMs: number
  wake: () => void
}

/** The event that a watch reports for a mutation; `undefined` if it does not select the object. */
const watchEvent = (watcher: Watcher, mutation: Mutation): WatchEvent | undefined => {
  const { object } = mutation
  if (
    object.kind !== watcher.kind
    || (watcher.namespace !== undefined && object.metadata.namespace !== watcher.namespace)
  )
    return undefined
  const matches = hasLabels(object.metadata.labels, watcher.labels)
  if (mutation.type !== "MODIFIED") return matches ? { type: mutation.type, object } : undefined
  // As on a real API server, an object that starts or stops matching is added or deleted for this watch.
  const matched = hasLabels(mutation.previous.metadata.labels, watcher.labels)
  if (matches) return { type: matched ? "MODIFIED" : "ADDED", object }
  return matched ? { type: "DELETED", object } : undefined
}

/** The open watches of a cluster. */
export class Watchers {
  private readonly all = new Set<Watcher>()

  add(watcher: Watcher): void {
    this.all.add(watcher)
  }

  remove(watcher: Watcher): void {
    this.all.delete(watcher)
  }

  notify(mutation: Mutation): void {
    for (const watcher of this.all) {
      const event = watchEvent(watcher, mutation)
      if (event === undefined) continue
      if (watcher.buffer.length >= watchBuffer) watcher.expired = true
      else watcher.buffer.push(event)
      watcher.wake()
    }
  }

  /** Wakes the readers that would sleep past the next due event of the cluster. */
  wakeBefore(nextMs: number): void {
    for (const watcher of this.all) if (watcher.sleepsUntilMs > nextMs) watcher.wake()
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
const idle = (cluster: Cluster, clock: Clock.Clock, watcher: Watcher): Effect.Effect<void> => {
  const woken = Effect.callback<void>((resume) => {
    watcher.wake = () => resume(Effect.void)
    return Effect.sync(() => {
      watcher.wake = () => {}
    })
  })
  return Effect.suspend(() => {
    const nowMs = clock.currentTimeMillisUnsafe()
    watcher.sleepsUntilMs = cluster.timeline.nextMs
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
  clock: Clock.Clock,
  watcher: Watcher
): Effect.Effect<ReadonlyArray<WatchEvent>, KubernetesError> =>
  Effect.suspend(() => {
    cluster.advance(clock.currentTimeMillisUnsafe())
    if (watcher.expired) return Effect.fail(expired(watcher.kind))
    if (watcher.buffer.length === 0)
      return Effect.flatMap(idle(cluster, clock, watcher), () => take(cluster, clock, watcher))
    const events = watcher.buffer
    watcher.buffer = []
    return Effect.succeed(events)
  })

/** `KubernetesClient.watch` for a cluster that notifies `watchers` of its mutations. */
export const make =
  (cluster: Cluster, watchers: Watchers): KubernetesClient["Service"]["watch"] =>
  (kind, options) =>
    Stream.unwrap(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const resource = find(kind)
        if (resource === undefined) return Stream.fail(unknownKind(OperationName.ofKind("watch", kind, undefined)))
        cluster.advance(clock.currentTimeMillisUnsafe())
        const listed = ApiServer.list(cluster, kind, options)
        if (Result.isFailure(listed)) return Stream.fail(listed.failure)
        const watcher: Watcher = {
          kind,
          namespace: resource.namespaced && options.namespace !== "" ? options.namespace : undefined,
          labels: options.labelSelector ?? {},
          buffer: listed.success.map((object) => ({ type: "ADDED", object })),
          expired: false,
          sleepsUntilMs: -Infinity,
          wake: () => {}
        }
        watchers.add(watcher)
        yield* Effect.addFinalizer(() => Effect.sync(() => watchers.remove(watcher)))
        return Stream.fromIterableEffectRepeat(take(cluster, clock, watcher))
      })
    )
