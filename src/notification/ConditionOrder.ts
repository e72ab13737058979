/**
 * Nothing that is said of a condition overtakes what was said of it before. Pure.
 *
 * A receiver that keeps state believes what it was told last. One that gets the end of an emergency before its
 * beginning shows the emergency for ever. So a message waits for each earlier one that names one of its conditions,
 * whatever keeps that one: another process that sends it, or a sink that has refused it. One that was overtaken all the
 * same, and is taken later, is followed by what was said last (`Outbox`).
 */

import { conditionsOf } from "../domain/Notification.ts"
import type { Waiting } from "../storage/Outbox.ts"
import { rankOf } from "./Digest.ts"

/** A message to send: the places of its notifications in the outbox. More than one is a digest. */
export type Batch = readonly [Waiting, ...ReadonlyArray<Waiting>]

/**
 * - `free`: it may be sent now.
 * - `paused`: it need not be sent now. It goes before a later message about the same condition.
 * - `held`: it must not be sent now, nor may anything later about the same condition.
 * - `overtaken`: it is not sent now, and keeps nothing else.
 */
export type Standing = "free" | "paused" | "held" | "overtaken"

/** The names of the conditions that notifications begin and end. */
export const conditionsIn = (waiting: ReadonlyArray<Pick<Waiting, "notification">>): ReadonlyArray<string> =>
  waiting.flatMap(({ notification }) => conditionsOf(notification))

/** Messages that were begun before, and each notification that is in none, in the order of what is first in them. */
export const messagesOf = (waiting: ReadonlyArray<Waiting>): ReadonlyArray<Batch> => {
  const messages = new Map<string | number, Array<Waiting>>()
  for (const each of waiting) {
    const known = messages.get(each.message ?? each.id)
    if (known === undefined) messages.set(each.message ?? each.id, [each])
    else known.push(each)
  }
  return [...messages.values()].flatMap(([first, ...rest]) => (first === undefined ? [] : [[first, ...rest] as const]))
}

/** The messages that are sent now, in the same order. */
export const dueInOrder = (
  messages: ReadonlyArray<Batch>,
  standingOf: (batch: Batch) => Standing
): ReadonlyArray<Batch> => {
  const held = new Set<string>()
  const standings = messages.map((batch) => {
    const conditions = conditionsIn(batch)
    const own = standingOf(batch)
    const standing = conditions.some((name) => held.has(name)) ? "held" : own
    if (standing === "held") for (const name of conditions) held.add(name)
    return { batch, conditions, standing }
  })
  const wanted = new Set<string>()
  return standings
    .toReversed()
    .filter(({ conditions, standing }) => {
      const isDue = standing === "free" || (standing === "paused" && conditions.some((name) => wanted.has(name)))
      if (isDue) for (const name of conditions) wanted.add(name)
      return isDue
    })
    .map(({ batch }) => batch)
    .toReversed()
}

/** A message with its urgency, 0 for critical: that of a later one about the same condition, if that is more urgent. */
export interface Ranked {
  readonly batch: Batch
  readonly rank: number
}

/** The messages in the same order. What has to go first is as urgent as what waits for it. */
export const ranked = (messages: ReadonlyArray<Batch>): ReadonlyArray<Ranked> => {
  const later = new Map<string, number>()
  return messages
    .toReversed()
    .map((batch) => {
      const conditions = conditionsIn(batch)
      const rank = Math.min(
        ...batch.map(({ notification }) => rankOf(notification)),
        ...conditions.map((name) => later.get(name) ?? Number.POSITIVE_INFINITY)
      )
      for (const name of conditions) later.set(name, rank)
      return { batch, rank }
    })
    .toReversed()
}
