/**
 * Watches every kind that configures behaviour, and keeps the change journal.
 *
 * **Details**
 *
 * - Each kind has a watch of its own, which continues from its last version: after a lost connection, and after a
 *   restart. Where the server no longer has the events (410), it lists again, and what differs happened in the gap.
 * - Watches have their own connections, and few kinds are listed at a time, so that they never delay a remediation. A
 *   watch that fails is opened again after a pause that doubles; one that RBAC forbids, or that the cluster does not
 *   serve, is tried again every few minutes. A confirmation that finds such a kind served opens its watch at once.
 * - What has been seen is stored in small batches. A crash loses none of it: the watch continues from what is stored.
 */

import {
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Latch,
  Layer,
  Option,
  Random,
  Result,
  Semaphore,
  Stream
} from "effect"
import { select } from "../domain/ChangeQuery.ts"
import type { ChangeId, WatchGap } from "../domain/ObjectChange.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { base32, half } from "../domain/Ulid.ts"
import { ClusterIdentity } from "../kubernetes/ClusterIdentity.ts"
import * as CustomKinds from "../kubernetes/CustomKinds.ts"
import { KubernetesClient, KubernetesError, type WatchEvent } from "../kubernetes/KubernetesClient.ts"
import { isOlder } from "../kubernetes/ResourceVersion.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { ChangeStore } from "../storage/ChangeStore.ts"
import { ChangeJournal } from "./ChangeJournal.ts"
import * as Confirmation from "./Confirmation.ts"
import { Recorder, signedBy } from "./Recorder.ts"
import { watchedKinds } from "./WatchedKinds.ts"
import { WatchProgress } from "./WatchProgress.ts"

/** What is recorded, and for how long. */
export interface ChangeOptions {
  /** Custom kinds, such as `security.istio.io/v1/AuthorizationPolicy`. The client must know them too. Default: none. */
  readonly kinds?: ReadonlyArray<string>
  /** How long a change is kept. Default 7 days. */
  readonly retention?: Duration.Input
  /** The largest number of changes of one object that are kept. Default 100. */
  readonly perObject?: number
  /** The largest number of changes that are kept. Default 50,000. */
  readonly inAll?: number
  /**
   * The cluster begins with this process, as a sandbox does: what an earlier process has recorded was of another one
   * and is dropped. Default `false`.
   */
  readonly isNewCluster?: boolean
}

/** The child that watches. It never ends. */
export class ChangeWatcher extends Context.Service<ChangeWatcher, { readonly run: Effect.Effect<never> }>()(
  "kubernaut/changes/ChangeWatcher"
) {}

/** Kinds that are listed at the same time. */
const listsAtOnce = 3
const firstPauseMs = 1000
const longestPauseMs = 60_000
/** The pause after a refusal that only a person can change. */
const refusedPauseMs = 300_000
/** How long events wait for others to be stored with. */
const storeAfter = "500 millis"
const storeRetry = "5 seconds"
/** How often cursors are stored, silence is noticed, and old changes are dropped. */
const upkeepEvery = "1 minute"
/** Reading pauses while more events than this are not stored. */
const mostWaiting = 5000
const eventsAtOnce = 500

/** Ids in the order of recording, also when the clock is set back. The random part is that of the process. */
const makeIds = (clock: Clock.Clock, random: number): (() => ChangeId) => {
  let atMs = 0
  let count = 0
  const high = base32(Math.floor((random * half) / 2), 8)
  return () => {
    const nowMs = clock.currentTimeMillisUnsafe()
    if (nowMs > atMs) {
      atMs = nowMs
      count = 0
    }
    return `chg-${base32(atMs, 10)}${high}${base32(count++, 8)}`
  }
}

type Watched = Pick<WatchGap, "reason"> & { readonly isLost: boolean; readonly pauseMs: number | undefined }

/** What the failure of a watch means. Without a pause of its own, the pause doubles with each failure. */
const meaningOf = ({ reason: { _tag } }: KubernetesError): Watched => {
  switch (_tag) {
    case "Expired":
      return { reason: "expired", isLost: true, pauseMs: undefined }
    case "Forbidden":
    case "Unauthorized":
      return { reason: "forbidden", isLost: false, pauseMs: refusedPauseMs }
    case "NotFound":
    case "Invalid":
      return { reason: "not-served", isLost: false, pauseMs: refusedPauseMs }
    default:
      return { reason: "unavailable", isLost: false, pauseMs: undefined }
  }
}

const failed = (kind: string, reason: "Expired" | "Timeout"): KubernetesError =>
  new KubernetesError({ reason: { _tag: reason }, operation: `watch ${kind}`, applied: "no", retryable: true })

interface Parts {
  readonly client: KubernetesClient["Service"]
  readonly store: ChangeStore["Service"]
  readonly recorder: Recorder
  readonly progress: WatchProgress
  readonly lists: Semaphore.Semaphore
  readonly work: Latch.Latch
  /** Events are stored in their order, by one at a time. */
  readonly storing: Semaphore.Semaphore
  /** Done to open the watch of a kind again. */
  readonly silent: Map<string, Deferred.Deferred<never, KubernetesError>>
  /** Done to open the watch of a kind before its pause has ended. */
  readonly pausing: Map<string, Deferred.Deferred<void>>
  readonly confirmed: Effect.Effect<boolean>
}

/** Handles the events of one watch in order. */
const handler = (parts: Parts, kind: string, from: string | undefined, onCaughtUp: Effect.Effect<void>) => {
  const { progress, recorder, work } = parts
  const listed = new Set<string>()
  const seenBefore = progress.seenAt(kind)
  return Effect.fnUntraced(function* (event: WatchEvent) {
    const seenAt = yield* Timestamp.now
    const { resourceVersion } = event.object.metadata
    // Versions only grow: this is another cluster's history, or one that was restored.
    if (isOlder(resourceVersion, from)) return yield* failed(kind, "Expired")
    const isLive = progress.isWatched(kind)
    const circumstances = {
      seenAt,
      notBefore: isLive ? undefined : (seenBefore ?? undefined),
      isFirst: !isLive && from === undefined && seenBefore === null
    }
    if (event.type !== "BOOKMARK") {
      if (!isLive && from === undefined) listed.add(Recorder.listed(event.object))
      yield* Effect.catchDefect(
        Effect.sync(() => recorder.observe(event, circumstances)),
        (defect) => {
          progress.missed(kind, seenAt)
          return Effect.logError(`A change of ${kind} ${event.object.metadata.name} could not be recorded`, defect)
        }
      )
      // The objects of a list are in no order: the watch can only continue from its end.
      if (isLive || from !== undefined) progress.heard(kind, resourceVersion, yield* Monotonic.nowMs)
      if (isLive) progress.caughtUp(kind, seenAt)
    } else {
      if (!isLive && from === undefined) recorder.removeOthers(kind, listed, circumstances)
      progress.heard(kind, resourceVersion, yield* Monotonic.nowMs)
      progress.caughtUp(kind, seenAt)
      if (!isLive) yield* onCaughtUp
    }
    if (recorder.waitingCount > 0 || !isLive) work.openUnsafe()
    while (recorder.waitingCount > mostWaiting) yield* Effect.sleep(storeAfter)
  })
}

/** Watches one kind until the watch fails. */
const watchOnce = (parts: Parts, kind: string): Effect.Effect<never, KubernetesError> =>
  Effect.gen(function* () {
    const { client, confirmed, lists, progress, silent } = parts
    if (!(yield* confirmed)) return yield* failed(kind, "Timeout")
    const from = progress.from(kind)
    const restart = Deferred.makeUnsafe<never, KubernetesError>()
    silent.set(kind, restart)
    const options = { bookmarks: true, ...(from === undefined ? {} : { from }) }
    const watched = (onCaughtUp: Effect.Effect<void>) =>
      Effect.raceFirst(
        Stream.runForEach(client.watch(kind, options), handler(parts, kind, from, onCaughtUp)).pipe(
          Effect.andThen(Effect.fail(failed(kind, "Timeout")))
        ),
        Deferred.await(restart)
      )
    if (from !== undefined) return yield* watched(Effect.void)
    let holds = true
    const release = Effect.suspend(() => {
      if (!holds) return Effect.void
      holds = false
      return lists.release(1)
    })
    return yield* Effect.acquireUseRelease(
      lists.take(1),
      () => watched(release),
      () => release
    )
  })

/** Watches one kind for ever. */
const watchKind = (parts: Parts, kind: string): Effect.Effect<never> =>
  Effect.gen(function* () {
    const { progress } = parts
    let pauseMs = firstPauseMs
    for (;;) {
      const startedAt = yield* Timestamp.now
      const result = yield* Effect.result(
        Effect.catchDefect(watchOnce(parts, kind), (defect) =>
          Effect.andThen(Effect.logError(`The watch of ${kind} failed`, defect), Effect.fail(failed(kind, "Timeout")))
        )
      )
      if (Result.isSuccess(result)) continue
      const meaning = meaningOf(result.failure)
      if (progress.isWatched(kind)) pauseMs = firstPauseMs
      progress.interrupt(kind, meaning.reason, meaning.isLost)
      if (meaning.reason === "not-served") progress.confirmed(kind, startedAt)
      yield* Effect.logDebug("A watch was interrupted", { kind, reason: result.failure.reason._tag })
      const again = Deferred.makeUnsafe<void>()
      parts.pausing.set(kind, again)
      yield* Effect.raceFirst(Effect.sleep(Duration.millis(meaning.pauseMs ?? pauseMs)), Deferred.await(again))
      pauseMs = Math.min(longestPauseMs, pauseMs * 2)
    }
  })

/** Stores what has been seen, soon after there is something. */
const storing = (parts: Parts): Effect.Effect<never> => {
  const { work } = parts
  const once = storeAll(parts)
  return work.await.pipe(
    Effect.andThen(Effect.sleep(storeAfter)),
    Effect.andThen(Effect.sync(() => work.closeUnsafe())),
    Effect.andThen(
      Effect.catch(once, (error) =>
        Effect.logWarning("Recorded changes cannot be stored now", { reason: error.reason }).pipe(
          Effect.andThen(Effect.sleep(storeRetry)),
          Effect.andThen(Effect.sync(() => work.openUnsafe()))
        )
      )
    ),
    Effect.forever
  )
}

/** The events before the cursors: a cursor promises that everything before it is stored. */
const storeAll = (parts: Parts) => parts.storing.withPermits(1)(storeInOrder(parts))

const storeInOrder = Effect.fnUntraced(function* ({ progress, recorder, store }: Parts) {
  const { cursors, done, gaps } = progress.unstored()
  let left = recorder.waitingCount
  while (left > 0) {
    const some = recorder.next(Math.min(left, eventsAtOnce))
    yield* store.record(some)
    recorder.stored(some.length)
    left -= some.length
  }
  if (cursors.length + gaps.length > 0) yield* store.advance(cursors, gaps)
  done()
})

/** Notices watches that are silent, stores cursors, and drops what is old. */
const upkeep = (parts: Parts, { inAll = 50_000, perObject = 100, retention = "7 days" }: ChangeOptions) =>
  Effect.gen(function* () {
    yield* Effect.sleep(upkeepEvery)
    const { progress, silent, store, work } = parts
    const atMs = yield* Monotonic.nowMs
    for (const [kind, restart] of silent)
      if (progress.isSilent(kind, atMs)) yield* Deferred.fail(restart, failed(kind, "Timeout"))
    work.openUnsafe()
    const nowMs = yield* Clock.currentTimeMillis
    const before = Timestamp.fromMillis(nowMs - Duration.toMillis(Duration.fromInputUnsafe(retention)))
    yield* Effect.ignore(store.prune({ inAll, perObject, before }))
  }).pipe(Effect.forever)

/** The journal: what is stored, and what is not stored yet. */
const journalOf = (parts: Parts): ChangeJournal["Service"] => {
  const { client, progress, recorder, store } = parts
  // What a caller has been told must still be there after a crash, under the same id.
  const flush = Effect.ignore(storeAll(parts))
  return {
    kinds: progress.all,
    list: (query) =>
      Effect.gen(function* () {
        if (recorder.waitingCount > 0) yield* flush
        const { unstored } = recorder
        const stored = yield* store.list(query)
        return unstored.length === 0 ? stored : select(query, [...stored, ...unstored])
      }),
    find: (id) => {
      const unstored = recorder.unstored.find((each) => each.id === id)
      return unstored === undefined ? store.find(id) : Effect.succeed(unstored)
    },
    gaps: (kinds, since) =>
      Effect.gen(function* () {
        const present = progress.gaps(kinds, since, yield* Monotonic.nowMs)
        return [...(yield* store.gaps(kinds, since)), ...present]
      }),
    confirm: Confirmation.make({
      client,
      progress,
      recorder,
      reopen: (kind) =>
        Effect.suspend(() => {
          const again = parts.pausing.get(kind)
          return again === undefined ? Effect.void : Deferred.succeed(again, undefined)
        })
    }),
    present: (ref) => recorder.present(ref)
  }
}

/** Whether this is the cluster that the database belongs to. Another one's changes are never recorded. */
const confirmation = (client: KubernetesClient["Service"]) =>
  Effect.map(Effect.serviceOption(ClusterIdentity), (identity): Effect.Effect<boolean> => {
    if (Option.isNone(identity)) return Effect.succeed(true)
    const isConfirmed = Effect.map(identity.value.state, ({ _tag }) => _tag === "Confirmed")
    // A read has the identity checked where it is not known.
    const ask = Effect.ignore(client.get({ namespace: "", kind: "Namespace", name: "kube-system" }))
    return Effect.flatMap(isConfirmed, (known) => (known ? Effect.succeed(true) : Effect.andThen(ask, isConfirmed)))
  })

const make = Effect.fnUntraced(function* (options: ChangeOptions) {
  const client = yield* KubernetesClient
  const recorder = new Recorder(makeIds(yield* Clock.Clock, yield* Random.next))
  const custom = CustomKinds.parseAll(options.kinds).map(({ kind }) => kind)
  const parts: Parts = {
    client,
    store: yield* ChangeStore,
    recorder,
    progress: new WatchProgress([...watchedKinds, ...custom]),
    lists: yield* Semaphore.make(listsAtOnce),
    work: yield* Latch.make(false),
    storing: yield* Semaphore.make(1),
    silent: new Map(),
    pausing: new Map(),
    confirmed: yield* confirmation(client)
  }
  const { progress, store } = parts
  let isLoaded = false
  const load = Effect.gen(function* () {
    if (isLoaded) return
    if (options.isNewCluster === true) yield* store.prune({ before: yield* Timestamp.now, inAll: 0, perObject: 0 })
    else {
      recorder.load(yield* store.snapshots)
      progress.load(yield* store.cursors)
    }
    isLoaded = true
  })
  const loading: Effect.Effect<void> = Effect.catch(load, (error) =>
    Effect.logWarning("The change journal cannot be read now", { reason: error.reason }).pipe(
      Effect.andThen(Effect.sleep(storeRetry)),
      Effect.andThen(Effect.suspend(() => loading))
    )
  )
  // Nothing watches while the child is down.
  const stopped = Effect.sync(() => {
    for (const kind of progress.all) if (progress.isWatched(kind)) progress.interrupt(kind, "stopped")
  })
  const run = Effect.andThen(
    loading,
    Effect.raceAllFirst([...progress.all.map((kind) => watchKind(parts, kind)), storing(parts), upkeep(parts, options)])
  ).pipe(Effect.ensuring(stopped))
  const noting: KubernetesClient["Service"] = {
    ...client,
    apply: (change, apply) =>
      Effect.suspend(() => {
        if (apply?.dryRun === true) return client.apply(change, apply)
        const execution = signedBy(change)
        if (execution !== undefined) recorder.noteWrite(execution)
        if (change._tag !== "Delete") return client.apply(change, apply)
        recorder.noteDeletion(change.uid)
        return Effect.tapError(client.apply(change, apply), ({ applied }) =>
          Effect.sync(() => applied === "no" && recorder.forgetDeletion(change.uid))
        )
      })
  }
  return { journal: journalOf(parts), watcher: { run }, client: noting }
})

/**
 * The journal and its watcher. The client that it provides notes what this service writes and deletes: the API server
 * does not say who deleted an object, or who removed a field.
 */
export const layer = (
  options: ChangeOptions = {}
): Layer.Layer<ChangeJournal | ChangeWatcher | KubernetesClient, never, KubernetesClient | ChangeStore> =>
  Layer.effectContext(
    Effect.map(make(options), ({ client, journal, watcher }) =>
      Context.make(ChangeJournal, journal).pipe(
        Context.add(ChangeWatcher, watcher),
        Context.add(KubernetesClient, client)
      )
    )
  )
