/**
 * Shows that a journal is up to date: that every change up to now has arrived.
 *
 * A watch that is open says nothing about that: its events may be on their way, or its connection may be dead. The API
 * server has to be asked.
 *
 * - A kind with few objects is listed. If the watch has come to the version of each object, and each object that the
 *   journal knows exists, then the journal has the state of the API server, and nothing is missing.
 * - Of a kind with many objects, and of Secrets, which are never listed, another watch is opened at the version that the
 *   first one has reached. It ends as soon as it has caught up with a consistent read: on a real API server after one
 *   second, or two. What it reports must have reached the first watch too.
 * - A kind that the cluster did not have is asked for. If it has it by now, its watch is opened at once, and what
 *   happened since it was last asked for is a gap.
 *
 * One confirmation runs at a time. Those who ask meanwhile mostly find that it has answered their question.
 */

import { Effect, Result, Semaphore, Stream } from "effect"
import type { WatchGap } from "../domain/ObjectChange.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { isNotNewer } from "../kubernetes/ResourceVersion.ts"
import { Recorder } from "./Recorder.ts"
import type { WatchProgress } from "./WatchProgress.ts"

/** A confirmation ends after this time, with what it has. */
const withinMs = 2600
const lookAgainAfter = "20 millis"
/** The version that a watch reports now may be this old: the API server itself is not always up to date. */
export const lateMs = 15_000
/** Kinds with more objects are not listed. */
const mostListed = 200
/** Few, so that they do not delay the requests of remediations. */
const listsAtOnce = 4

interface Parts {
  readonly client: KubernetesClient["Service"]
  readonly progress: WatchProgress
  readonly recorder: Recorder
  /** Opens the watch of a kind that the cluster did not have. */
  readonly reopen: (kind: string) => Effect.Effect<unknown>
}

const until = (hasHappened: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (hasHappened() ? Effect.void : Effect.andThen(Effect.sleep(lookAgainAfter), until(hasHappened))))

/** Whether the kind was confirmed by a list. */
const byList = Effect.fnUntraced(function* (
  { client, progress, recorder }: Parts,
  lists: Semaphore.Semaphore,
  kind: string
): Effect.fn.Return<boolean, KubernetesError> {
  const known = recorder.uidsOf(kind)
  if (kind === "Secret" || known.size >= mostListed) return false
  const startedAt = yield* Timestamp.now
  const objects = yield* lists.withPermits(1)(client.list(kind, { limit: mostListed, metadataOnly: true }))
  if (objects.length >= mostListed) return false
  const listed = new Set(objects.map(Recorder.listed))
  const gone = [...known].filter(([key]) => !listed.has(key))
  yield* until(() => {
    const now = recorder.uidsOf(kind)
    return (
      objects.every(({ metadata }) => isNotNewer(metadata.resourceVersion, progress.from(kind)))
      && gone.every(([key, uid]) => now.get(key) !== uid)
    )
  })
  progress.confirmed(kind, startedAt)
  return true
})

/** Confirms a kind by a second watch. */
const byWatch = Effect.fnUntraced(function* (
  { client, progress }: Parts,
  kind: string
): Effect.fn.Return<void, KubernetesError> {
  const from = progress.from(kind)
  if (from === undefined) return
  const startedAt = yield* Timestamp.now
  const events = yield* Stream.runCollect(
    Stream.takeUntil(client.watch(kind, { from, bookmarks: true }), ({ type }) => type === "BOOKMARK")
  )
  const newest = events.findLast(({ type }) => type !== "BOOKMARK")?.object.metadata.resourceVersion
  yield* until(() => newest === undefined || isNotNewer(newest, progress.from(kind)))
  progress.confirmed(kind, startedAt)
})

/** Confirms that the cluster still does not have a kind. Returns whether it has it. */
const byAbsence = Effect.fnUntraced(function* ({ client, progress, reopen }: Parts, kind: string) {
  const startedAt = yield* Timestamp.now
  const asked = yield* Effect.result(client.list(kind, { limit: 1, metadataOnly: true }))
  if (Result.isSuccess(asked)) {
    yield* reopen(kind)
    return true
  }
  if (asked.failure.reason._tag === "NotFound") progress.confirmed(kind, startedAt)
  return false
})

/** Confirms kinds up to a time. Returns those that could not be confirmed, as open gaps. */
export const make = (parts: Parts) => {
  const { progress } = parts
  const one = Semaphore.makeUnsafe(1)
  const lists = Semaphore.makeUnsafe(listsAtOnce)
  const confirmWatched = (kind: string) =>
    Effect.flatMap(
      Effect.orElseSucceed(byList(parts, lists, kind), () => false),
      (isConfirmed) => (isConfirmed ? Effect.void : Effect.ignore(byWatch(parts, kind)))
    )
  /** A kind that is in another gap is known to be. */
  const openOf = (kinds: ReadonlyArray<string>, upTo: Timestamp.Timestamp) =>
    kinds.filter(
      (kind) => (progress.isWatched(kind) || progress.isAbsent(kind)) && !progress.isConfirmed(kind, upTo, lateMs)
    )
  return (
    kinds: ReadonlyArray<string>,
    time: Timestamp.Timestamp,
    mostMs = withinMs
  ): Effect.Effect<ReadonlyArray<WatchGap>> =>
    Effect.gen(function* () {
      const now = yield* Timestamp.now
      const upTo = time < now ? time : now
      const appeared = new Set<string>()
      const confirmKind = (kind: string) =>
        progress.isAbsent(kind)
          ? Effect.map(byAbsence(parts, kind), (isThere) => (isThere ? appeared.add(kind) : appeared))
          : confirmWatched(kind)
      yield* Effect.timeoutOption(
        one.withPermits(1)(
          Effect.suspend(() =>
            Effect.forEach(openOf(kinds, upTo), confirmKind, { concurrency: "unbounded", discard: true })
          )
        ),
        Math.min(withinMs, mostMs)
      )
      return openOf(kinds, upTo).map((kind) =>
        appeared.has(kind) ? progress.appeared(kind, now) : progress.unconfirmed(kind)
      )
    })
}
