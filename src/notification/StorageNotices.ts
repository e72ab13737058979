/**
 * Tells from memory that the database stores nothing: the audit log, which everything else follows from, is in it.
 *
 * An outage is told after ten seconds, so that one slow commit wakes nobody. When the database stores again, both ends
 * go to the audit log, with the key under which the outage was told and the sinks that have heard of it. So a sink that
 * was down meanwhile is told later, by the outbox and under the same key.
 *
 * What was told is in the file of `StartNotices` for as long as the outage lasts: where the process ends before, the
 * next one that opens the database records both ends.
 *
 * A process that starts while the database cannot be opened has no audit log yet: `StartNotices` tells of that.
 */

import { Effect, Option, Queue, Random, Schedule } from "effect"
import type { Notification } from "../domain/Notification.ts"
import { now, type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { AuditLog } from "../storage/AuditLog.ts"
import type { Outbox } from "../storage/Outbox.ts"
import type { StorageError } from "../storage/StorageError.ts"
import type { StorageHealth } from "../storage/StorageHealth.ts"
import { type Channel, wake } from "./Channel.ts"
import type { Teller } from "./NotificationOf.ts"
import { takes } from "./NotificationSink.ts"
import type { StartMemory, StartNotice } from "./StartNotices.ts"

/** How long the database has to be down. */
const grace = "10 seconds"

const again = Schedule.spaced("1 second")

/** An outage that was told. */
interface Outage {
  readonly key: string
  readonly at: Timestamp
  readonly message: string
}

const notificationOf = ({ at, key, message }: Outage, teller: Teller): Notification => ({
  key,
  kind: "storage-down",
  severity: "critical",
  at,
  cluster: teller.cluster,
  title: "The database stores nothing",
  facts: teller.facts([
    ["Because", message],
    ["Means", "Alerts may not be accepted, and no action starts"]
  ]),
  begins: { name: "storage", severity: "critical" }
})

const tell = Effect.fnUntraced(function* (channels: ReadonlyArray<Channel>, outage: Outage, teller: Teller) {
  const notification = notificationOf(outage, teller)
  for (const channel of channels) {
    if (!takes(channel.sink, notification)) continue
    channel.memory.push(notification)
    channel.outage = notification
    yield* wake(channel)
  }
})

/** The sinks that have heard of it by now. */
const heard = (channels: ReadonlyArray<Channel>, { key }: Outage): ReadonlyArray<string> =>
  channels.flatMap(({ memory, outage, sink }) =>
    outage?.key === key && memory.every((each) => each.key !== key) ? [sink.name] : []
  )

/** Keeps what was told, and that it lasts, until it is interrupted. */
const keep = Effect.fnUntraced(function* (channels: ReadonlyArray<Channel>, outage: Outage, memory: StartMemory) {
  let written: StartNotice | undefined
  for (;;) {
    const lastAt = yield* now
    const told = heard(channels, outage)
    const isKnown =
      written?.told.length === told.length && toMillis(lastAt) - toMillis(written.lastAt ?? lastAt) < 60_000
    if (!isKnown) {
      written = { ...outage, toldAt: outage.at, lastAt, told, isOver: false }
      yield* memory.write(written)
    }
    yield* Effect.sleep("1 second")
  }
})

/** The sinks that have heard of it. What the others have not, they get from the outbox. */
const told = (channels: ReadonlyArray<Channel>, { key }: Outage): ReadonlyArray<string> =>
  channels.flatMap(({ memory, sink }) => {
    const at = memory.findIndex((each) => each.key === key)
    if (at >= 0) memory.splice(at, 1)
    return at < 0 ? [sink.name] : []
  })

const recorded = Effect.fnUntraced(function* (
  channels: ReadonlyArray<Channel>,
  audit: AuditLog["Service"],
  outage: Outage
) {
  const { at, key, message } = outage
  const line = { actor: "kubernaut", subject: "database" }
  const data = { key, at, message, told: told(channels, outage) }
  yield* Effect.retry(audit.record({ ...line, kind: "storage.down", data }), again)
  yield* Effect.retry(audit.record({ ...line, kind: "storage.up", data: { since: at } }), again)
  for (const channel of channels) channel.outage = undefined
})

/** Ends an outage whose end was not recorded, because the process ended just before: the database is open now. */
const endedBefore = Effect.fnUntraced(function* (outbox: Outbox["Service"], audit: AuditLog["Service"]) {
  const lasting = yield* Effect.retry(outbox.conditions, again)
  const found = lasting.find(({ condition }) => condition.name === "storage")
  if (found === undefined) return
  const data = { since: found.began.at }
  yield* Effect.retry(audit.record({ actor: "kubernaut", subject: "database", kind: "storage.up", data }), again)
})

/** Watches the database for as long as the service runs. */
export const run = (
  channels: ReadonlyArray<Channel>,
  health: StorageHealth["Service"],
  { audit, outbox }: { readonly audit: AuditLog["Service"]; readonly outbox: Outbox["Service"] },
  teller: Teller,
  memory: StartMemory
): Effect.Effect<never, StorageError> =>
  Effect.scoped(
    Effect.gen(function* () {
      yield* endedBefore(outbox, audit)
      const changes = yield* health.changes.subscribe()
      const until = (tag: "Up" | "Down") =>
        Effect.gen(function* () {
          let status = yield* health.status
          while (status._tag !== tag) status = yield* Queue.take(changes)
          return status
        })
      for (;;) {
        const down = yield* until("Down")
        if (Option.isSome(yield* Effect.timeoutOption(until("Up"), grace))) continue
        const outage: Outage = {
          key: `storage-${(yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)).toString(36)}`,
          at: yield* now,
          message: down._tag === "Down" ? down.message : ""
        }
        yield* tell(channels, outage, teller)
        yield* Effect.raceFirst(until("Up"), keep(channels, outage, memory))
        yield* recorded(channels, audit, outage)
        const lastAt = yield* now
        // The disk of the file may hang, and the next outage has to be seen.
        const isOver = { ...outage, toldAt: outage.at, lastAt, told: [], isOver: true }
        yield* Effect.timeoutOption(memory.write(isOver), "5 seconds")
      }
    })
  )
