/**
 * The messages that a sink has refused: when each is tried again, and in which pieces. Pure.
 *
 * A refused message is tried again after a minute, 2, 4, … up to a quarter of an hour: nobody tells us when a sink is
 * repaired, and an escalation should not wait for longer then. What was refused for a reason of the sink, such as a key
 * that it does not know, is tried again when the sink takes another message, once a minute. Nothing is given up, so
 * there may be thousands of refused messages: what they take from later ones is bounded.
 *
 * - What is not due is not read, unless it counts for the order (`ConditionOrder`). So it never fills what is read.
 * - What was refused three times gets at most a quarter of the messages of a minute.
 *
 * **Pieces.** A refused message of several notifications may be refused for one of them, or for its length. It is cut
 * in halves if the sink has taken the message before it, and otherwise one notification is tried alone: a sink that
 * refuses everything should get its backlog in few messages once it is repaired.
 */

import type { Waiting } from "../storage/Outbox.ts"
import { type Batch, conditionsIn, type Standing } from "./ConditionOrder.ts"

/** A message that a sink has refused. */
export interface Refusal {
  readonly times: number
  /** When it was refused last, by the monotonic clock. */
  readonly atMs: number
  /** When it is tried again, by the monotonic clock. */
  readonly dueMs: number
  /** Whether the sink said that it does not take this message, and may take others. */
  readonly isAbout: boolean
  /** The places of its notifications in the outbox. */
  readonly ids: ReadonlyArray<number>
  /** The names of the conditions that it begins and ends. */
  readonly conditions: ReadonlyArray<string>
}

/** By the key of the message. */
export type Refusals = ReadonlyMap<string, Refusal>

const minuteMs = 60_000
const mostMs = 15 * minuteMs
/** How often a message is refused before others about the same condition overtake it: that takes three minutes. */
const overtakenAfter = 3
/** How long after that try it is left out: its own tries must not use up the messages of every minute. */
const triedLatelyMs = 90_000

/** The refusal of a message that is a part of another one. */
export const of = (batch: Batch, { atMs, dueMs, isAbout, times }: Omit<Refusal, "ids" | "conditions">): Refusal => ({
  times,
  atMs,
  dueMs,
  isAbout,
  ids: batch.map(({ id }) => id),
  conditions: conditionsIn(batch)
})

/** A message was refused. */
export const refusedAgain = (before: Refusal | undefined, batch: Batch, isAbout: boolean, nowMs: number): Refusal => {
  const times = (before?.times ?? 0) + 1
  return of(batch, { times, atMs: nowMs, dueMs: nowMs + Math.min(minuteMs * 2 ** (times - 1), mostMs), isAbout })
}

/**
 * The sink has taken a message, so what it refused for a reason of its own is tried again soon. Not at once: it may be
 * a filter in front of the sink that refuses one message and takes the others.
 */
export const soon = (refusals: Refusals): ReadonlyArray<readonly [key: string, refusal: Refusal]> =>
  [...refusals].flatMap(([key, refusal]) => {
    const dueMs = Math.min(refusal.dueMs, refusal.atMs + minuteMs)
    return refusal.isAbout || dueMs === refusal.dueMs ? [] : [[key, { ...refusal, dueMs }] as const]
  })

/** Whether others about the same condition still wait for it. */
export const isWaitedFor = ({ times }: Refusal): boolean => times < overtakenAfter

/** The refused messages that may be tried now. Of those that were refused often, the ones that are due longest. */
export const retried = (refusals: Refusals, perMinute: number, nowMs: number): ReadonlySet<string> => {
  const all = [...refusals]
  const due = all.filter(([, { dueMs }]) => dueMs <= nowMs)
  const withinMs = minuteMs * Math.max(1, 4 / perMinute)
  const lately = all.filter(([, { atMs, times }]) => times > overtakenAfter && atMs > nowMs - withinMs).length
  const room = Math.max(0, Math.max(1, Math.floor(perMinute / 4)) - lately)
  const often = due
    .filter(([, refusal]) => !isWaitedFor(refusal))
    .toSorted(([, left], [, right]) => left.dueMs - right.dueMs)
    .slice(0, room)
  return new Set([...due.filter(([, refusal]) => isWaitedFor(refusal)), ...often].map(([key]) => key))
}

/** What a message that is not tried now means for later ones about the same condition. */
export const standingOf = (refusal: Refusal, nowMs: number): Standing =>
  isWaitedFor(refusal) ? "held" : nowMs - refusal.atMs < triedLatelyMs ? "overtaken" : "paused"

/**
 * The messages that have to be read: those that are tried now, those that others wait for, and those that go before
 * what else waits (`others`).
 */
export const counting = (
  refusals: Refusals,
  now: ReadonlySet<string>,
  others: ReadonlyArray<Waiting>,
  nowMs: number
): ReadonlyArray<string> => {
  const wanted = new Set(conditionsIn(others))
  return [...refusals]
    .toSorted(([, left], [, right]) => (right.ids[0] ?? 0) - (left.ids[0] ?? 0))
    .filter(([key, refusal]) => {
      const standing = now.has(key) ? "free" : standingOf(refusal, nowMs)
      const counts =
        standing === "free"
        || standing === "held"
        || (standing === "paused" && refusal.conditions.some((name) => wanted.has(name)))
      if (counts) for (const name of refusal.conditions) wanted.add(name)
      return counts
    })
    .map(([key]) => key)
}

/** The two pieces of a refused message. `tookLast`: whether the sink has taken the message before it. */
export const pieces = (batch: Batch, tookLast: boolean): ReadonlyArray<Batch> => {
  const size = tookLast ? Math.ceil(batch.length / 2) : 1
  return [batch.slice(0, size), batch.slice(size)].flatMap(([first, ...rest]) =>
    first === undefined ? [] : [[first, ...rest] as const]
  )
}
