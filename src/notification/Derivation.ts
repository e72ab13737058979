/**
 * Reads the audit log after the positions of the sinks and of the conditions, and puts what follows into the outbox.
 *
 * The positions are durable with the notifications. They are written only with them, after many lines without any, and
 * each hour: lines that nobody is told of are read again after a crash, and nothing follows from them again.
 */

import { Duration, Effect, Option, Schedule } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { Notification } from "../domain/Notification.ts"
import type { Remediation } from "../domain/Remediation.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { ConditionChange, Derived, Outbox, Positions } from "../storage/Outbox.ts"
import type { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { type Channel, wake } from "./Channel.ts"
import * as LostBeginnings from "./LostBeginnings.ts"
import * as LostEnds from "./LostEnds.ts"
import { aboutRemediation, notificationOf, type Teller } from "./NotificationOf.ts"
import { takes } from "./NotificationSink.ts"

/** What the derivation reads and writes. */
export interface Stores {
  readonly audit: AuditLog["Service"]
  readonly outbox: Outbox["Service"]
  readonly remediations: RemediationStore["Service"]
  /** Where the record says which conditions last. */
  readonly records: Omit<LostEnds.Records, "remediations">
}

const linesAtOnce = 200
/** So many lines without a notification move the durable position. */
const linesBetween = 1000
/** After so long they are moved, too: it shows that there is a process with these sinks. */
const longestMs = Duration.toMillis("1 hour")
/** How often conditions are compared with the record, besides at the start. */
const lostEveryMs = Duration.toMillis("10 minutes")
/**
 * What a line has not ended because another process was in it may be over when that one is known to be gone. What it
 * has ended may last in a process that was taken for gone.
 */
const lostSoonMs = Duration.toMillis("30 seconds")
/** These ends are recorded at each start, or by each of several processes, and are news only while it lasts. */
const onlyIfLasting: ReadonlySet<string> = new Set([
  "alerting.heard",
  "alerting.unwatched",
  "audit.intact",
  "condition.ended"
])
/** These are no news while it lasts. */
const onlyIfNotLasting: ReadonlySet<string> = new Set(["condition.lasts"])
/** These say something of the level of one of the processes. */
const isOfLevel = ({ data, kind }: AuditEvent): boolean =>
  data["others"] !== undefined || /^(level|peers|condition)\./.test(kind)
/** Lines of one commit, and of those that follow at once, are read together. */
const together = Duration.millis(100)
/** Lines of other processes wake nobody. */
const lookAgain = Duration.seconds(10)

/** Of the conditions of incidents and accounts, whose names have a slash, there are ever more. */
const isOfMany = (condition: string): boolean => condition.includes("/")

/** The record of the remediation that a line is about. One that cannot be read must not hold up the lines after it. */
const recordOf = (line: AuditEvent, { remediations }: Stores): Effect.Effect<Remediation | undefined, StorageError> => {
  const id = aboutRemediation(line)
  return id === undefined
    ? Effect.undefined
    : remediations.get(id).pipe(
        Effect.map(Option.getOrUndefined),
        Effect.catchIf(
          ({ retryable }) => !retryable,
          () => Effect.undefined
        )
      )
}

/** The sinks that were told from memory. */
const toldBefore = ({ data: { told } }: AuditEvent): ReadonlyArray<unknown> => (Array.isArray(told) ? told : [])

/**
 * What one process derives. `known`: which conditions last after the lines that it has read, and which have ended; of
 * incidents and accounts only until that is stored.
 */
interface Derivation {
  readonly channels: ReadonlyArray<Channel>
  readonly positions: Positions
  readonly known: Map<string, boolean>
  readonly stores: Stores
  readonly teller: Teller
}

/**
 * Whether a condition lasts by what is shown. Where that is of a moment after the line, another process was faster:
 * then with the sinks for which nothing was derived from the line yet.
 */
const shownOf = Effect.fnUntraced(function* (
  { sequence }: AuditEvent,
  name: string,
  { positions, stores }: Derivation
) {
  const sinks = [...positions.sinks.keys()]
  // In this order: the positions may be later than what is shown, and never earlier.
  const shown = yield* stores.outbox.conditions
  const now = yield* stores.outbox.register(sinks)
  const untold = sinks.filter((sink) => (now.sinks.get(sink) ?? 0) < sequence)
  return {
    lasts: shown.some(({ condition }) => condition.name === name),
    ...(now.conditions >= sequence ? { untold } : {})
  }
})

/**
 * Whether a line about a condition is news. What this process has derived itself decides, and else the conditions that
 * are shown. Where these are of a later moment, this process is slower than another one, or has sinks that were away.
 * Then what these sinks were told last decides, and a line that was found (`condition.*`) is news if they were not: it
 * is recorded only where people have to be told.
 */
const isNewsOf = Effect.fnUntraced(function* (
  line: AuditEvent,
  { change, name }: { readonly change: "begins" | "ends"; readonly name: string },
  self: Derivation
) {
  const isNewsIf = (lasts: boolean | undefined) => lasts === (change === "ends")
  const own = self.known.get(name)
  if (own !== undefined) return isNewsIf(own)
  const { lasts, untold } = yield* shownOf(line, name, self)
  if (untold === undefined) return isNewsIf(lasts)
  if (untold.length === 0) return false
  const word = yield* self.stores.outbox.lastWord(untold, name)
  if (!line.kind.startsWith("condition.")) return isNewsIf(word)
  // A change of the level may have been told from memory, and the outbox does not have that.
  return !isOfMany(name) || word === undefined || isNewsIf(word)
})

const isNews = (
  line: AuditEvent,
  { begins, ends = [] }: Pick<Notification, "begins" | "ends">,
  self: Derivation
): Effect.Effect<boolean, StorageError> => {
  const changes = [
    ...(onlyIfLasting.has(line.kind) ? ends.map(({ name }) => ({ change: "ends", name }) as const) : []),
    ...(onlyIfNotLasting.has(line.kind) && begins !== undefined
      ? [{ change: "begins", name: begins.name } as const]
      : [])
  ]
  return changes.length === 0
    ? Effect.succeed(true)
    : Effect.map(
        Effect.filter(changes, (change) => isNewsOf(line, change, self)),
        (news) => news.length > 0
      )
}

/** What follows from lines, for sinks at their positions. */
const derive = Effect.fnUntraced(function* (lines: ReadonlyArray<AuditEvent>, self: Derivation) {
  const { channels, known, positions, stores, teller } = self
  const notifications: Array<Derived["notifications"][number]> = []
  const conditions: Array<ConditionChange> = []
  for (const line of lines) {
    const notification = notificationOf(line, yield* recordOf(line, stores), teller)
    if (notification === undefined || !(yield* isNews(line, notification, self))) continue
    const { begins, ends = [] } = notification
    for (const condition of ends) {
      conditions.push({ line: line.sequence, _tag: "Ends", condition })
      known.set(condition.name, false)
    }
    if (begins !== undefined) {
      conditions.push({ line: line.sequence, _tag: "Begins", lasting: { condition: begins, began: notification } })
      known.set(begins.name, true)
    }
    const told = toldBefore(line)
    for (const { sink } of channels)
      if (
        takes(sink, notification)
        && line.sequence > (positions.sinks.get(sink.name) ?? 0)
        && !told.includes(sink.name)
      )
        notifications.push({ sink: sink.name, notification })
  }
  return { notifications, conditions }
})

/** Fails when the database does. What was not stored is derived again. */
const derived = (
  channels: ReadonlyArray<Channel>,
  stores: Stores,
  teller: Teller
): Effect.Effect<never, StorageError> =>
  Effect.gen(function* () {
    const { audit, outbox } = stores
    const sinks = channels.map(({ sink }) => sink.name)
    const positions = yield* outbox.register(sinks)
    const self = { channels, positions, known: new Map<string, boolean>(), stores, teller }
    let position = Math.min(positions.conditions, ...positions.sinks.values())
    let durable = { position, atMs: yield* Monotonic.nowMs }
    let lookedMs = Number.NEGATIVE_INFINITY
    const store = Effect.fnUntraced(function* (what: Pick<Derived, "notifications" | "conditions">) {
      const nowMs = yield* Monotonic.nowMs
      const isDue = position - durable.position >= linesBetween || nowMs - durable.atMs >= longestMs
      if (what.notifications.length + what.conditions.length === 0 && !isDue) return
      yield* outbox.add({ through: position, sinks, ...what })
      for (const name of [...self.known.keys()].filter(isOfMany)) self.known.delete(name)
      durable = { position, atMs: nowMs }
    })
    for (;;) {
      const lines = yield* audit.read(position, linesAtOnce)
      const last = lines.at(-1)
      if (last === undefined) {
        yield* store({ notifications: [], conditions: [] })
        const nowMs = yield* Monotonic.nowMs
        if (nowMs - lookedMs >= lostEveryMs) {
          const records = { ...stores.records, remediations: stores.remediations }
          yield* LostBeginnings.find(position, stores, records.levels)
          const isInDoubt = yield* LostEnds.find(position, stores, records)
          lookedMs = isInDoubt ? nowMs - lostEveryMs + lostSoonMs : nowMs
        }
        yield* Effect.timeoutOption(outbox.grown(position), lookAgain)
        yield* Effect.sleep(together)
        continue
      }
      const { conditions, notifications } = yield* derive(lines, self)
      position = last.sequence
      if (lines.some(isOfLevel)) lookedMs = Math.min(lookedMs, (yield* Monotonic.nowMs) - lostEveryMs + lostSoonMs)
      yield* store({ conditions, notifications })
      const names = new Set(notifications.map(({ sink }) => sink))
      yield* Effect.forEach(
        channels.filter(({ sink }) => names.has(sink.name)),
        wake,
        { discard: true }
      )
    }
  })

/** Derives for as long as the service runs. While the database is down it tries again each second. */
export const run = (
  channels: ReadonlyArray<Channel>,
  stores: Stores,
  teller: Teller
): Effect.Effect<never, StorageError> => Effect.retry(derived(channels, stores, teller), Schedule.spaced("1 second"))
