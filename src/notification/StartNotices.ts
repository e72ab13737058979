/**
 * Tells people that a process waits for its database at start: nothing of the service runs, and there is no outbox.
 *
 * - **Best effort, and says so.** The sinks are sent it directly, from memory. When the database is open, its audit log
 *   gets both ends of the wait, with the key under which it was told and the sinks that have heard of it, so that the
 *   outbox tells the others, and all of them that it is over.
 * - **Once.** What was told is kept in a file beside the spool, so a process that is restarted while it waits does not
 *   tell it again. If the file cannot be written, it does, and each receiver gets another key.
 * - **Of one wait.** The file says each minute that the wait lasts. One that has not said so for 15 minutes, or that had
 *   another reason, is of an earlier wait: the next one is told, and of the earlier one only its end, to those who have
 *   heard of its beginning.
 * - **Not often.** After ten seconds, and not within five minutes of the one before: a database that comes and goes at
 *   each start is told of at that pace.
 */

import { Clock, Context, Duration, Effect, Option, Random, Schedule, Schema, type Scope } from "effect"
import type { Notification } from "../domain/Notification.ts"
import { fromMillis, now, Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { Outbox } from "../storage/Outbox.ts"
import type { StorageError } from "../storage/StorageError.ts"
import * as Channels from "./Channel.ts"
import * as Delivery from "./Delivery.ts"
import * as Heartbeat from "./Heartbeat.ts"
import type { Teller } from "./NotificationOf.ts"
import { type Sink, takes } from "./NotificationSink.ts"

/** How long the process has to wait. */
const grace = Duration.seconds(10)
/** How long after one notice the next wait is told. */
const pause = Duration.minutes(5)
/** How often the file says that the wait lasts. */
const lastsEvery = Duration.minutes(1)
/** How long a restart may take, for both processes to wait for the same. Kubernetes pauses for five minutes at most. */
const sameFor = Duration.minutes(15)

/** A wait for the database that was told. */
export const StartNotice = Schema.Struct({
  key: Schema.String,
  /** When the wait began. */
  at: Timestamp,
  toldAt: Timestamp,
  /** When it was known last that the wait lasts. An earlier version has not written it: then, when it was told. */
  lastAt: Schema.optionalKey(Timestamp),
  /** The reason of the `StorageError` that was told, and its message. */
  reason: Schema.optionalKey(Schema.String),
  message: Schema.String,
  /** The sinks that have heard of it. */
  told: Schema.Array(Schema.String),
  /** It is recorded in the database that it is over. */
  isOver: Schema.Boolean
})
export type StartNotice = typeof StartNotice.Type

/** What outlives the process. Best effort: it never fails. */
export interface StartMemory {
  /** None if it does not answer in time. */
  readonly read: Effect.Effect<Option.Option<StartNotice>>
  /** As `read`, and waits for it. Default: it always answers in time. */
  readonly answer?: Effect.Effect<Option.Option<StartNotice>>
  readonly write: (notice: StartNotice) => Effect.Effect<void>
}

/**
 * The memory for an outage that begins while the service runs (`StorageNotices`): where that ends with the process,
 * `end` tells that it is over. Without this service, nothing outlives the process.
 */
export class NoticeMemory extends Context.Service<NoticeMemory, StartMemory>()(
  "kubernaut/notification/StartNotices/NoticeMemory"
) {}

const notificationOf = ({ at, key, message }: StartNotice, means: string, teller: Teller): Notification => ({
  key,
  kind: "storage-down",
  severity: "critical",
  at,
  cluster: teller.cluster,
  title: "The database cannot be opened, so Kubernaut works on nothing",
  facts: teller.facts([
    ["Because", message],
    ["Means", means],
    ["Sent", "directly, because nothing can be recorded: it may come again"]
  ]),
  begins: { name: "storage", severity: "critical" }
})

/** The outbox while there is no database. */
const unopened = (because: Effect.Effect<StorageError>): Outbox["Service"] => {
  const fail = Effect.flatMap(because, Effect.fail)
  return {
    register: () => fail,
    head: Effect.succeed(0),
    grown: () => Effect.never,
    add: () => fail,
    waiting: () => fail,
    backlog: () => fail,
    claim: () => fail,
    release: () => fail,
    delivered: () => fail,
    lastWord: () => fail,
    sentInMinute: () => fail,
    conditions: fail
  }
}

/** How long ago a moment was; `undefined` if it is in the future, because the clock has been set back since. */
const agoMs = (at: Timestamp, nowMs: number): number | undefined =>
  nowMs < toMillis(at) ? undefined : nowMs - toMillis(at)

/** Whether the wait of a notice may last, or has just ended. */
const isRecent = ({ lastAt, toldAt }: StartNotice, nowMs: number): boolean =>
  (agoMs(lastAt ?? toldAt, nowMs) ?? Number.POSITIVE_INFINITY) <= Duration.toMillis(sameFor)

/** The notice of this wait: that of the process before, which waited for the same, or a new one in its time. */
const noticeOf = Effect.fnUntraced(function* (because: Effect.Effect<StorageError>, memory: StartMemory) {
  const at = yield* now
  yield* Effect.sleep(grace)
  const before = Option.getOrUndefined(yield* memory.read)
  const { reason } = yield* because
  const nowMs = yield* Clock.currentTimeMillis
  if (before !== undefined) {
    const isSame = !before.isOver && isRecent(before, nowMs) && (before.reason ?? reason) === reason
    if (isSame) return { ...before, lastAt: fromMillis(nowMs) }
    const sinceMs = agoMs(before.toldAt, nowMs) ?? Number.POSITIVE_INFINITY
    yield* Effect.sleep(Math.max(0, Duration.toMillis(pause) - sinceMs))
  }
  const toldAt = fromMillis(yield* Clock.currentTimeMillis)
  const error = yield* because
  return {
    key: `storage-${(yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)}`,
    at,
    toldAt,
    lastAt: toldAt,
    reason: error.reason,
    message: error.message,
    told: [],
    isOver: false
  } satisfies StartNotice
})

/** The wait, for those who tell of it. */
export interface Wait {
  readonly because: Effect.Effect<StorageError>
  /** What it means for alerts, for people. */
  readonly means: string
}

/** Tells the sinks until the scope closes. Where no sink takes it, nothing is written either. */
export const tell = Effect.fnUntraced(function* (
  sinks: ReadonlyArray<Sink>,
  { because, means }: Wait,
  teller: Teller,
  memory: StartMemory
): Effect.fn.Return<void, never, Scope.Scope> {
  let notice: StartNotice = yield* noticeOf(because, memory)
  const notification = notificationOf(notice, means, teller)
  const takers = sinks.filter((each) => takes(each, notification))
  if (takers.length === 0) return
  const change = (next: Partial<StartNotice>) =>
    Effect.suspend(() => {
      notice = { ...notice, ...next }
      return memory.write(notice)
    })
  // First, so that the next process has the same key.
  yield* change({})
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.delay(
        Effect.flatMap(now, (lastAt) => change({ lastAt })),
        lastsEvery
      )
    )
  )
  const outbox = unopened(because)
  for (const sink of takers) {
    const heard = Effect.suspend(() => change({ told: [...new Set([...notice.told, sink.name])] }))
    const channel = yield* Channels.make({ ...sink, send: (sent) => Effect.tap(sink.send(sent), heard) })
    channel.outage = notification
    if (!notice.told.includes(sink.name)) channel.memory.push(notification)
    yield* Effect.forkScoped(Delivery.run(channel, outbox))
    if (sink.refresh !== undefined) yield* Effect.forkScoped(Heartbeat.run(channel, outbox, Effect.succeed(false)))
  }
})

/** The database, and the sinks that are configured now. */
export interface Opened {
  readonly sinks: ReadonlyArray<string>
  readonly audit: AuditLog["Service"]
  readonly outbox: Outbox["Service"]
}

/** What the record says of a wait. The outbox tells of it who was not told before: nobody, if it was long ago. */
const recorded = Effect.fnUntraced(function* (notice: StartNotice, { audit, outbox, sinks }: Opened) {
  const { at, key, message } = notice
  const isNews = isRecent(notice, yield* Clock.currentTimeMillis)
  if (!isNews && notice.told.length === 0) return
  // A new sink begins at the end of the audit log, and has to hear of this.
  if (sinks.length > 0) yield* outbox.register(sinks)
  const others = sinks.filter((sink) => !notice.told.includes(sink))
  const line = { actor: "kubernaut", subject: "database" }
  const told = isNews ? notice.told : [...notice.told, ...others]
  yield* audit.record({ ...line, kind: "storage.down", data: { key, at, message, told } })
  yield* audit.record({ ...line, kind: "storage.up", data: { since: at, ...(isNews ? {} : { told: others }) } })
})

/**
 * Records in the open database that a process has waited for it, if people were told, and that it is over. The outbox
 * tells them.
 */
export const end = Effect.fnUntraced(
  function* (opened: Opened, memory: StartMemory) {
    // However slow its disk is: nothing else ends what was told.
    const notice = Option.getOrUndefined(yield* memory.answer ?? memory.read)
    if (notice === undefined || notice.isOver) return
    yield* recorded(notice, opened)
    const current = Option.getOrUndefined(yield* memory.read)
    // While its disk did not answer, another outage may have been told.
    if (current === undefined || current.key === notice.key) yield* memory.write({ ...notice, isOver: true })
  },
  // Recorded twice is told twice; not recorded is never over.
  (effect) => Effect.ignore(Effect.retry(effect, Schedule.spaced("1 second")))
)
