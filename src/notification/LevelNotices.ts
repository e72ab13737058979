/**
 * Tells from memory what the database has not taken of the level for ten seconds: an emergency must not wait for it.
 *
 * The line is recorded later with the key under which it was told and the sinks that have heard of it. So nobody is
 * told twice, and a sink that was down meanwhile is told by the outbox, by this process or the next one.
 */

import { Effect, Option } from "effect"
import type { Notification } from "../domain/Notification.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { InForce, Levels, UnrecordedLine } from "../storage/Levels.ts"
import { type Channel, wake } from "./Channel.ts"
import { notificationOf, type Teller } from "./NotificationOf.ts"
import { takes } from "./NotificationSink.ts"

/** One slow commit is no reason to tell from memory. */
const graceMs = 10_000

const lookEvery = "5 seconds"
/** While something waits. */
const lookOften = "1 second"

/** What others are in, as far as the database can be read. */
const othersOf = (levels: Levels["Service"]): Effect.Effect<ReadonlyArray<InForce>> =>
  levels.recorded.pipe(
    Effect.map((found) => Option.getOrUndefined(found)?.processes?.others ?? []),
    Effect.orElseSucceed(() => [])
  )

/** As the line will be told when it is recorded. */
const noticeOf = (
  { key, line }: UnrecordedLine,
  others: ReadonlyArray<InForce>,
  teller: Teller
): Notification | undefined => {
  const { actor = "kubernaut", at, data, kind, subject } = line
  const recorded = { sequence: 0, at, actor, kind, subject, previousHash: "", hash: key }
  // The line may name some that the database does not know.
  const known = Array.isArray(data["others"]) ? data["others"] : []
  const all = [...known, ...others.map(({ isCutOff, level }) => ({ isCutOff, level }))]
  return notificationOf({ ...recorded, data: { ...data, key, others: all } }, undefined, teller)
}

const begin = Effect.fnUntraced(function* (channel: Channel, notice: Notification, told: ReadonlyArray<string>) {
  const { begins, ends = [] } = notice
  for (const { name } of ends) channel.unrecordedConditions.set(name, undefined)
  if (begins !== undefined) channel.unrecordedConditions.set(begins.name, { condition: begins, began: notice })
  if (!takes(channel.sink, notice) || told.includes(channel.sink.name)) return
  channel.memory.push(notice)
  yield* wake(channel)
})

/** The outbox has it now: who has not heard of it is told from there. */
const end = (channel: Channel, key: string): void => {
  const at = channel.memory.findIndex((each) => each.key === key)
  if (at >= 0) channel.memory.splice(at, 1)
}

/** Tells for as long as the service runs. */
export const run = (
  channels: ReadonlyArray<Channel>,
  levels: Levels["Service"],
  teller: Teller
): Effect.Effect<never> => {
  const begun = new Map<string, Notification>()
  const turn = Effect.gen(function* () {
    // Not in the turn in which it was recorded: it has yet to be derived.
    if (begun.size === 0) for (const { unrecordedConditions } of channels) unrecordedConditions.clear()
    const unrecorded = yield* levels.unrecorded
    const nowMs = yield* Monotonic.nowMs
    for (const each of unrecorded) {
      const { key, sinceMs, told } = each
      const known = begun.get(key)
      if (known === undefined) {
        const notice = nowMs - sinceMs < graceMs ? undefined : noticeOf(each, yield* othersOf(levels), teller)
        if (notice === undefined) continue
        begun.set(key, notice)
        yield* Effect.forEach(channels, (channel) => begin(channel, notice, told), { discard: true })
        continue
      }
      for (const { memory, sink } of channels)
        if (takes(sink, known) && !told.includes(sink.name) && memory.every((waits) => waits.key !== key))
          yield* levels.told(key, sink.name)
    }
    const keys = new Set(unrecorded.map(({ key }) => key))
    for (const key of begun.keys()) {
      if (keys.has(key)) continue
      begun.delete(key)
      for (const channel of channels) end(channel, key)
    }
    yield* Effect.sleep(unrecorded.length === 0 ? lookEvery : lookOften)
  })
  return Effect.forever(turn)
}
