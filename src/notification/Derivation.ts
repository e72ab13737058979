/**
 * Reads the audit log after the position of the sinks, and puts what follows into the outbox.
 *
 * The position is durable with the notifications. It is written only with them, and after many lines without any: lines
 * that nobody is told of are read again after a crash, and nothing follows from them again.
 */

import { Duration, Effect, Option, Schedule } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import type { Remediation } from "../domain/Remediation.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { Derived, Outbox } from "../storage/Outbox.ts"
import type { RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { type Channel, wake } from "./Channel.ts"
import { aboutRemediation, notificationOf, type Teller } from "./NotificationOf.ts"
import { takes } from "./NotificationSink.ts"

/** What the derivation reads and writes. */
export interface Stores {
  readonly audit: AuditLog["Service"]
  readonly outbox: Outbox["Service"]
  readonly remediations: RemediationStore["Service"]
}

const linesAtOnce = 200
/** So many lines without a notification move the durable position. */
const linesBetween = 1000
/** Lines of one commit, and of those that follow at once, are read together. */
const together = Duration.millis(100)
/** Lines of other processes wake nobody. */
const lookAgain = Duration.seconds(10)

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

/** Whether a condition lasts, after those of the same lines. */
const isLasting = (
  conditions: ReadonlyArray<Derived["conditions"][number]>,
  { outbox }: Stores,
  name: string
): Effect.Effect<boolean, StorageError> => {
  const last = conditions.findLast(
    (each) => (each._tag === "Ends" ? each.condition : each.lasting.condition).name === name
  )
  return last === undefined
    ? Effect.map(outbox.conditions, (lasting) => lasting.some(({ condition }) => condition.name === name))
    : Effect.succeed(last._tag === "Begins")
}

/** What follows from lines, for sinks at their positions. */
const derive = Effect.fnUntraced(function* (
  lines: ReadonlyArray<AuditEvent>,
  channels: ReadonlyArray<Channel>,
  positions: ReadonlyMap<string, number>,
  stores: Stores,
  teller: Teller
) {
  const notifications: Array<Derived["notifications"][number]> = []
  const conditions: Array<Derived["conditions"][number]> = []
  for (const line of lines) {
    const notification = notificationOf(line, yield* recordOf(line, stores), teller)
    if (notification === undefined) continue
    // It is recorded at each start, and news only after a silence.
    if (notification.kind === "alerting-heard" && !(yield* isLasting(conditions, stores, "alerting"))) continue
    for (const condition of notification.ends ?? []) conditions.push({ _tag: "Ends", condition })
    if (notification.begins !== undefined)
      conditions.push({ _tag: "Begins", lasting: { condition: notification.begins, began: notification } })
    const told = toldBefore(line)
    for (const { sink } of channels)
      if (takes(sink, notification) && line.sequence > (positions.get(sink.name) ?? 0) && !told.includes(sink.name))
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
    const positions = yield* stores.outbox.register(channels.map(({ sink }) => sink.name))
    let position = Math.min(...positions.values())
    let durable = position
    for (;;) {
      const lines = yield* stores.audit.read(position, linesAtOnce)
      const last = lines.at(-1)
      if (last === undefined) {
        yield* Effect.timeoutOption(stores.outbox.grown(position), lookAgain)
        yield* Effect.sleep(together)
        continue
      }
      const { conditions, notifications } = yield* derive(lines, channels, positions, stores, teller)
      position = last.sequence
      if (notifications.length + conditions.length > 0 || position - durable >= linesBetween) {
        yield* stores.outbox.add({ through: position, notifications, conditions })
        durable = position
        const names = new Set(notifications.map(({ sink }) => sink))
        yield* Effect.forEach(
          channels.filter(({ sink }) => names.has(sink.name)),
          wake,
          { discard: true }
        )
      }
    }
  })

/** Derives for as long as the service runs. While the database is down it tries again each second. */
export const run = (
  channels: ReadonlyArray<Channel>,
  stores: Stores,
  teller: Teller
): Effect.Effect<never, StorageError> => Effect.retry(derived(channels, stores, teller), Schedule.spaced("1 second"))
