/**
 * What a sink is sent next: single notifications while there are few, a digest of the rest when there are many. Pure.
 *
 * At most `perMinute` messages are sent in any minute. A quarter of them is kept for critical notifications, so that an
 * emergency does not wait behind a storm of escalations. Where fewer messages are left than notifications wait, the
 * most severe are sent each, and the last message that is left is a digest of the others.
 *
 *     waiting 30, room 15: 14 single, the most severe, and a digest of 16
 *     waiting 30, room 1:  a digest of 30
 *     waiting 30, room 0:  nothing until there is room again
 *
 * Critical ones are sent first, and of equal urgency in the order in which they were recorded. What a critical one must
 * not overtake (`ConditionOrder`) is as urgent. What was tried before is sent as it was then. It has room before what
 * is new, of which it leaves half: a restarted process has to find out again what a sink refuses.
 */

import type { Waiting } from "../storage/Outbox.ts"
import { type Batch, dueInOrder, messagesOf, type Ranked, ranked } from "./ConditionOrder.ts"

/** How many of the messages of a minute are kept for critical notifications. */
export const reserved = (perMinute: number): number => (perMinute >= 4 ? Math.floor(perMinute / 4) : 0)

const idOf = ({ batch: [{ id }] }: Ranked): number => id

const earliestFirst = (left: Ranked, right: Ranked): number => idOf(left) - idOf(right)

const mostSevereFirst = (left: Ranked, right: Ranked): number => left.rank - right.rank || earliestFirst(left, right)

const isBegun = ({ batch: [{ message }] }: Ranked): boolean => message !== undefined

/** What there is room for of what was tried before, and all that is new and need not wait for the rest of it. */
const withRoom = (messages: ReadonlyArray<Ranked>, room: number) => {
  const isNew = (each: Ranked) => !isBegun(each)
  const news = messages.filter(isNew).length
  const most = Math.max(0, Math.ceil(room / 2), room - news)
  const begun = messages.filter(isBegun)
  const left = new Set(begun.slice(most).map(({ batch }) => batch))
  const now = new Set(
    dueInOrder(
      messages.map(({ batch }) => batch),
      (batch) => (left.has(batch) ? "held" : "free")
    )
  )
  return { begun: begun.slice(0, most), fresh: messages.filter((each) => isNew(each) && now.has(each.batch)) }
}

/** As many messages as there is room for, the last of which may be a digest. */
const filled = (messages: ReadonlyArray<Ranked>, room: number): ReadonlyArray<Batch> => {
  if (room <= 0) return []
  const { begun, fresh: news } = withRoom(messages, room)
  const left = room - begun.length
  const fresh = left <= 0 ? [] : news.toSorted(mostSevereFirst)
  const single = fresh.length <= left ? fresh : fresh.slice(0, left - 1)
  const [first, ...rest] = fresh
    .slice(single.length)
    .toSorted(earliestFirst)
    .flatMap(({ batch }) => batch)
  const digest: ReadonlyArray<Batch> = first === undefined ? [] : [[first, ...rest]]
  return [...[...begun, ...single].toSorted(earliestFirst).map(({ batch }) => batch), ...digest]
}

/** The messages to send now, in this order. `sent`: how many were sent in the last minute. */
export const planned = (waiting: ReadonlyArray<Waiting>, sent: number, perMinute: number): ReadonlyArray<Batch> => {
  const messages = ranked(messagesOf(waiting))
  const left = perMinute - sent
  const critical = filled(
    messages.filter(({ rank }) => rank === 0),
    left
  )
  const others = filled(
    messages.filter(({ rank }) => rank > 0),
    left - critical.length - reserved(perMinute)
  )
  return [...critical, ...others]
}
