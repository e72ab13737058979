/**
 * Sends a sink what waits for it, in a fiber of its own: a sink that is down holds up nothing else, and no other sink.
 *
 *     outbox ──> plan ──> claim ──> send ──> record
 *                 ^         │ lost    │ failed
 *                 └────── wait <──────┘
 *
 * **By one process at a time.** A message is claimed before it is sent, with its key. Of several processes on one
 * database one gets it, and the others leave it alone until its claim is over (`Lease`).
 *
 * **At least once.** A delivery is recorded after it. A crash in between, and a response that was lost, send the
 * message again with the same key, by any process. If the record cannot be written because the database is down, this
 * process remembers it.
 *
 * **Never lost.** Nothing that waits is given up. A message that the sink refuses is tried again later and later, up to
 * every quarter of an hour, and the others go ahead (`Refusals`).
 *
 * **In order.** What is about the same condition as a message that was refused waits with it (`ConditionOrder`). When
 * it was refused three times, it is tried first and then overtaken: what a sink never takes must not silence the next
 * emergency. If the sink takes it later after all, it is told again what it was told last.
 */

import { Clock, Duration, Effect, Option, Queue, Result } from "effect"
import type { Notification } from "../domain/Notification.ts"
import { fromMillis } from "../domain/Timestamp.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { PipelineError } from "../resilience/pipeline/PipelineError.ts"
import type { Outbox, Waiting } from "../storage/Outbox.ts"
import {
  type Channel,
  classify,
  digestKey,
  failureText,
  isAboutTheMessage,
  sentInMinute,
  waitAfter
} from "./Channel.ts"
import { type Batch, dueInOrder, messagesOf, type Standing } from "./ConditionOrder.ts"
import { digestOf } from "./Digest.ts"
import * as Lease from "./Lease.ts"
import { defaultPerMinute, type Message, type SinkError } from "./NotificationSink.ts"
import * as Refusals from "./Refusals.ts"
import { planned } from "./SendPlan.ts"

/** More waits only in a storm, and goes into the next digest. */
const atOnce = 1000
/** How long a channel without work sleeps: other processes on the same database do not wake it. */
const idleMs = 30_000
/** How long a sink may be silent before it is asked whether it responds. */
const idleCheckMs = 5 * 60_000
/** How soon the outbox is read again after the database has failed. */
const unreadMs = 5_000
/** How soon what is left is planned again, after another process was faster or the sink has refused a message. */
const replanMs = 100

/** What is told from memory has no place in the outbox. */
const fromMemory = (notification: Notification): Waiting => ({
  id: -1,
  notification,
  message: notification.key,
  claim: { number: 0, isHeld: false }
})

const recordDelivered = (channel: Channel, outbox: Outbox["Service"]) =>
  Effect.suspend(() => {
    const ids = [...channel.unrecorded]
    if (ids.length === 0) return Effect.void
    return Effect.flatMap(Clock.currentTimeMillis, (millis) =>
      Effect.map(outbox.delivered(ids, fromMillis(millis)), () => {
        for (const id of ids) channel.unrecorded.delete(id)
      })
    )
  })

/** The key of a message that is sent for the first time. */
const newKey = ({ name }: Channel["sink"], batch: Batch): string => {
  const keys = batch.map(({ notification }) => notification.key)
  return batch.length === 1 ? batch[0].notification.key : digestKey(name, keys)
}

/** What shows conditions takes all that waits each time, so its messages are not those of an attempt before. */
const keyOf = (sink: Channel["sink"], batch: Batch): string =>
  (sink.refresh === undefined ? batch[0].message : undefined) ?? newKey(sink, batch)

const messageOf = ({ refresh }: Channel["sink"], key: string, batch: Batch): Message => {
  const [first, ...rest] = batch
  const notifications = [first.notification, ...rest.map(({ notification }) => notification)] as const
  return {
    key,
    notifications,
    // A sink that shows conditions takes all of them, and needs no digest.
    ...(batch.length > 1 && refresh === undefined ? { digest: digestOf(notifications) } : {})
  }
}

/**
 * Whether this process, and no other, may begin to send the message now. The message is decided with it: who sends it
 * again has to send the same.
 */
const mayBegin = Effect.fnUntraced(function* (
  { lease, sink: { name, perMinute = defaultPerMinute } }: Channel,
  outbox: Outbox["Service"],
  rows: ReadonlyArray<Waiting>,
  key: string
) {
  if (rows.length === 0) return true
  const askedMs = yield* Monotonic.nowMs
  if (!(yield* outbox.claim(rows, key, { sink: name, most: perMinute }))) return false
  // A commit may take so long that others see the claim end while the message is sent.
  return Lease.claimed(lease, rows, (yield* Monotonic.nowMs) - askedMs)
})

const succeeded = (channel: Channel, key: string, batch: Batch): void => {
  channel.tookLast = true
  channel.atMost *= 2
  channel.failures = 0
  channel.failure = undefined
  channel.isReachable = true
  channel.refusals.delete(key)
  for (const [other, refusal] of Refusals.soon(channel.refusals)) channel.refusals.set(other, refusal)
  for (const { id, notification } of batch) {
    if (id >= 0) channel.unrecorded.add(id)
    else {
      channel.toldFromMemory.add(notification.key)
      const at = channel.memory.findIndex((each) => each.key === notification.key)
      if (at >= 0) channel.memory.splice(at, 1)
    }
  }
}

/** Makes two messages of one that was refused. */
const cut = Effect.fnUntraced(function* (channel: Channel, outbox: Outbox["Service"], key: string, batch: Batch) {
  const refusal = channel.refusals.get(key)
  for (const piece of Refusals.pieces(batch, channel.tookLast)) {
    const rows = piece.map((row) => ({ ...row, claim: { number: row.claim.number + 1, isHeld: true } }))
    const pieceKey = newKey(channel.sink, piece)
    if (!(yield* outbox.claim(rows, pieceKey))) return
    Lease.claimed(channel.lease, rows, 0)
    // What is left beside a notification that is tried alone waits as before.
    if (refusal !== undefined && !channel.tookLast && piece.length > 1)
      channel.refusals.set(pieceKey, Refusals.of(piece, refusal))
  }
  channel.refusals.delete(key)
})

const refused = Effect.fnUntraced(function* (
  channel: Channel,
  outbox: Outbox["Service"],
  key: string,
  batch: Batch,
  isAbout: boolean
) {
  const isCut = isAbout && batch.length > 1
  const refusal = Refusals.refusedAgain(channel.refusals.get(key), batch, isAbout, yield* Monotonic.nowMs)
  if (isCut && channel.sink.refresh !== undefined) channel.atMost = Math.ceil(batch.length / 2)
  else {
    channel.refusals.set(key, refusal)
    if (isCut) yield* cut(channel, outbox, key, batch)
  }
  channel.tookLast = false
  return isCut || Refusals.isWaitedFor(refusal) ? replanMs : undefined
})

/** Returns how long to leave the sink alone; `undefined` if only this message has to wait. */
const failed = Effect.fnUntraced(function* (
  channel: Channel,
  outbox: Outbox["Service"],
  key: string,
  batch: Batch,
  error: SinkError | PipelineError
) {
  const { sink } = channel
  const failure = failureText(error)
  if (channel.failure !== failure)
    yield* Effect.logWarning("A notification could not be sent", { sink: sink.name, reason: failure })
  channel.failure = failure
  channel.isReachable = error._tag === "SinkError" && error.reason === "refused"
  const waitMs = waitAfter(error, channel.failures + 1, sink.refresh !== undefined)
  if (waitMs !== undefined) {
    channel.failures++
    return waitMs
  }
  // A sink that refuses a message responds.
  channel.failures = 0
  return yield* refused(channel, outbox, key, batch, error._tag === "SinkError" && isAboutTheMessage(error))
})

/** Sends one message. Returns how long to wait before anything else is sent, if it was not sent. */
const deliver = (channel: Channel, outbox: Outbox["Service"], batch: Batch) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { pipeline, sink } = channel
      const key = keyOf(sink, batch)
      const rows = batch.filter(({ id }) => id >= 0)
      if (!(yield* mayBegin(channel, outbox, rows, key))) return replanMs
      channel.askedMs = yield* Monotonic.nowMs
      channel.sentMs.push(channel.askedMs)
      const result = yield* Effect.result(restore(pipeline.execute(sink.send(messageOf(sink, key, batch)), classify)))
      if (Result.isFailure(result)) return yield* failed(channel, outbox, key, batch, result.failure)
      succeeded(channel, key, batch)
      yield* recordDelivered(channel, outbox)
      return undefined
    })
  )

/** What waits and may be sent now, and when the next refused message is due or a claim of another process is over. */
const ready = (channel: Channel, rows: ReadonlyArray<Waiting>, nowMs: number) => {
  const { perMinute = defaultPerMinute } = channel.sink
  const tried = Refusals.retried(channel.refusals, perMinute, nowMs)
  let dueMs = nowMs + idleMs
  const wakeAt = (atMs: number) => {
    if (atMs > nowMs) dueMs = Math.min(dueMs, atMs)
  }
  for (const refusal of channel.refusals.values()) wakeAt(refusal.dueMs)
  const standingOf = (batch: Batch): Standing => {
    const [{ message, notification }] = batch
    const key = message ?? notification.key
    const freeAtMs = Math.max(...batch.map(({ id }) => Lease.freeAtMs(channel.lease, id)))
    wakeAt(freeAtMs)
    if (freeAtMs > nowMs) return "held"
    const refusal = channel.refusals.get(key)
    return refusal === undefined || tried.has(key) ? "free" : Refusals.standingOf(refusal, nowMs)
  }
  // What the outbox has is sent from there.
  const keys = new Set(rows.map(({ notification }) => notification.key))
  const unstored = channel.memory.filter(({ key }) => !keys.has(key))
  const waiting = [...unstored.map(fromMemory), ...rows].filter(({ id }) => !channel.unrecorded.has(id))
  const now = dueInOrder(messagesOf(waiting), standingOf)
    .flat()
    .toSorted((left, right) => left.id - right.id)
  return { now, dueMs }
}

/**
 * All that waits, for a sink that takes all. What it has refused is tried alone, and what is told from memory does not
 * wait for a database that cannot store a claim.
 */
const together = ({ atMost, refusals }: Channel, now: ReadonlyArray<Waiting>): ReadonlyArray<Batch> => {
  const batches: Array<[Waiting, ...Array<Waiting>]> = []
  const isAlone = ({ notification }: Waiting) => refusals.has(notification.key)
  for (const each of now) {
    const last = batches.at(-1)
    if (
      last === undefined
      || last.length >= atMost
      || last[0].id < 0 !== each.id < 0
      || isAlone(each)
      || isAlone(last[0])
    )
      batches.push([each])
    else last.push(each)
  }
  return batches
}

/** `recorded`: the messages that any process has sent in the last minute. */
const batchesOf = (
  channel: Channel,
  now: ReadonlyArray<Waiting>,
  recorded: number,
  nowMs: number
): ReadonlyArray<Batch> => {
  const { perMinute = defaultPerMinute, refresh } = channel.sink
  const sent = Math.max(recorded, sentInMinute(channel, nowMs))
  if (refresh === undefined) return planned(now, sent, perMinute)
  return together(channel, now).slice(0, Math.max(0, perMinute - sent))
}

/** What waits for the sink, without what it has refused and what is of no importance now. */
const waitingNow = Effect.fnUntraced(function* (channel: Channel, outbox: Outbox["Service"]) {
  const { memory, refusals, sink } = channel
  const nowMs = yield* Monotonic.nowMs
  const others = yield* outbox.waiting(sink.name, atOnce, { without: [...refusals.keys()] })
  const tried = Refusals.retried(refusals, sink.perMinute ?? defaultPerMinute, nowMs)
  const only = Refusals.counting(refusals, tried, [...memory.map(fromMemory), ...others], nowMs)
  if (only.length === 0) return others
  const back = yield* outbox.waiting(sink.name, atOnce, { only })
  // Another process has delivered what does not wait any more.
  const waits = new Set([...back.map(({ message }) => message), ...memory.map(({ key }) => key)])
  for (const key of only) if (!waits.has(key)) refusals.delete(key)
  return [...others, ...back].toSorted((left, right) => left.id - right.id)
})

const read = Effect.fnUntraced(function* (channel: Channel, outbox: Outbox["Service"]) {
  yield* recordDelivered(channel, outbox)
  const rows = yield* waitingNow(channel, outbox)
  // A line may be committed while it is told from memory.
  for (const { id, notification } of rows)
    if (channel.toldFromMemory.delete(notification.key)) channel.unrecorded.add(id)
  yield* recordDelivered(channel, outbox)
  const recorded = rows.length === 0 ? 0 : yield* outbox.sentInMinute(channel.sink.name)
  const unread = [...channel.refusals.values()].flatMap(({ ids }) => ids)
  Lease.look(channel.lease, rows, yield* Monotonic.nowMs, unread)
  return { rows, recorded }
})

/** Sends what may be sent now. Returns how long there is nothing to do. */
const send = Effect.fnUntraced(function* (channel: Channel, outbox: Outbox["Service"]) {
  const found = yield* Effect.option(read(channel, outbox))
  const isUnread = Option.isNone(found)
  if (isUnread) Lease.restart(channel.lease)
  const { recorded, rows } = Option.getOrElse(found, () => ({ rows: [], recorded: 0 }))
  const nowMs = yield* Monotonic.nowMs
  const { dueMs, now } = ready(channel, rows, nowMs)
  for (const batch of batchesOf(channel, now, recorded, nowMs)) {
    // What is told from memory needs no database. For all others, a claim or a record that fails ends the turn.
    const waitMs = yield* Effect.catch(deliver(channel, outbox, batch), () => {
      Lease.restart(channel.lease)
      return Effect.succeed(unreadMs)
    })
    if (waitMs !== undefined) return waitMs
  }
  const afterMs = yield* Monotonic.nowMs
  if (isUnread) return unreadMs
  const oldestMs = channel.sentMs[0]
  // Where the messages of the minute are used up, there is room again when the oldest is a minute old.
  const roomMs = now.length > 0 && oldestMs !== undefined ? oldestMs + 60_000 : dueMs
  return Math.max(1, Math.min(dueMs, roomMs) - afterMs)
})

/**
 * Asks a sink whether it responds when nothing was sent for a while: the first notification in a month should not be
 * the one that finds out. It says nothing about whether a message would be taken.
 */
const checkIfIdle = Effect.fnUntraced(function* (channel: Channel) {
  const nowMs = yield* Monotonic.nowMs
  if (nowMs - channel.askedMs < idleCheckMs) return
  channel.askedMs = nowMs
  const result = yield* Effect.result(channel.pipeline.execute(channel.sink.check, classify))
  channel.isReachable = Result.isSuccess(result)
  channel.failure = Result.isSuccess(result) ? undefined : failureText(result.failure)
})

/** Restores the pace of an earlier process: what it sent in the last minute counts. */
const resume = Effect.fnUntraced(function* (channel: Channel, outbox: Outbox["Service"]) {
  const sent = yield* Effect.orElseSucceed(outbox.sentInMinute(channel.sink.name), () => 0)
  const nowMs = yield* Monotonic.nowMs
  channel.sentMs.push(...Array.from({ length: sent - channel.sentMs.length }, () => nowMs))
})

/** Sends for as long as the service runs. When it stops in good order, the next process need not wait for its claims. */
export const run = (channel: Channel, outbox: Outbox["Service"]): Effect.Effect<never> =>
  Effect.andThen(
    resume(channel, outbox),
    Effect.forever(
      Effect.gen(function* () {
        const restMs = yield* channel.turn.withPermits(1)(send(channel, outbox))
        // A sink that has failed is left alone, whatever else there is to tell.
        if (channel.failures > 0) return yield* Effect.sleep(Duration.millis(restMs))
        if (Option.isNone(yield* Queue.poll(channel.wake))) {
          yield* checkIfIdle(channel)
          yield* Effect.timeoutOption(Queue.take(channel.wake), Duration.millis(restMs))
        }
      })
    )
  ).pipe(Effect.onInterrupt(() => Effect.ignore(outbox.release(Lease.claims(channel.lease)))))
