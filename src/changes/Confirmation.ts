/**
 * Shows that a journal is up to date: that every change up to now has arrived.
 *
 * A watch that is open says nothing about that: its events may be on their way, or its connection may be dead. So
 * another watch is opened at the version that the first one has reached. It ends as soon as it has caught up with a
 * consistent read of the API server: on a real one after one second, or two. What it reports must have reached the
 * first watch too.
 *
 * One confirmation runs at a time. Those who ask meanwhile mostly find that it has answered their question.
 */

import { Effect, Semaphore, Stream } from "effect"
import type { WatchGap } from "../domain/ObjectChange.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { isNotNewer } from "../kubernetes/ResourceVersion.ts"
import type { WatchProgress } from "./WatchProgress.ts"

/** A confirmation ends after this time, with what it has. */
const withinMs = 2600
const lookAgainAfter = "20 millis"
/** The version that a watch reports now may be this old: the API server itself is not always up to date. */
const lateMs = 15_000

/** Asks the API server about one kind. */
const confirmKind = Effect.fnUntraced(function* (
  client: KubernetesClient["Service"],
  progress: WatchProgress,
  kind: string
): Effect.fn.Return<void, KubernetesError> {
  const from = progress.from(kind)
  if (from === undefined) return
  const startedAt = yield* Timestamp.now
  const events = yield* Stream.runCollect(
    Stream.takeUntil(client.watch(kind, { from, bookmarks: true }), ({ type }) => type === "BOOKMARK")
  )
  const newest = events.findLast(({ type }) => type !== "BOOKMARK")?.object.metadata.resourceVersion
  const hasArrived = () => newest === undefined || isNotNewer(newest, progress.from(kind))
  while (!hasArrived()) yield* Effect.sleep(lookAgainAfter)
  progress.confirmed(kind, startedAt)
})

/** Confirms kinds up to a time. Returns those that could not be confirmed, as open gaps. */
export const make = (client: KubernetesClient["Service"], progress: WatchProgress) => {
  const one = Semaphore.makeUnsafe(1)
  /** A kind that is in a gap is known to be. */
  const openOf = (kinds: ReadonlyArray<string>, until: Timestamp.Timestamp) =>
    kinds.filter((kind) => progress.isWatched(kind) && !progress.isConfirmed(kind, until, lateMs))
  return (kinds: ReadonlyArray<string>, until: Timestamp.Timestamp): Effect.Effect<ReadonlyArray<WatchGap>> =>
    Effect.gen(function* () {
      const now = yield* Timestamp.now
      const upTo = until < now ? until : now
      yield* Effect.timeoutOption(
        one.withPermits(1)(
          Effect.suspend(() =>
            Effect.forEach(openOf(kinds, upTo), (kind) => Effect.ignore(confirmKind(client, progress, kind)), {
              concurrency: "unbounded",
              discard: true
            })
          )
        ),
        withinMs
      )
      return openOf(kinds, upTo).map((kind) => progress.unconfirmed(kind))
    })
}
