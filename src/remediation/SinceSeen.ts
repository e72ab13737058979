/**
 * Actions of a time to which the clock has not come again, because it was set back, are as old as the time since they
 * were first seen. Otherwise what an action holds up would be held up until the clock has come there again: its token
 * of a budget, and the same action on its target.
 */

import * as Timestamp from "../domain/Timestamp.ts"

interface Seen {
  readonly wallMs: number
  /** By the monotonic clock. */
  readonly atMs: number
}

/** The times of one moment, by both clocks. */
export interface Now {
  readonly nowMs: number
  /** By the monotonic clock. */
  readonly atMs: number
}

/** Returns a function that ages such actions, and returns all of them newest first. `keyOf` tells them apart. */
export const make = <A extends { readonly at: Timestamp.Timestamp }>(keyOf: (action: A) => string) => {
  const firstSeen = new Map<string, Seen>()
  return (actions: ReadonlyArray<A>, { atMs, nowMs }: Now): ReadonlyArray<A> => {
    for (const [key, { wallMs }] of firstSeen) if (wallMs <= nowMs) firstSeen.delete(key)
    const now = Timestamp.fromMillis(nowMs)
    if (actions.every(({ at }) => at <= now)) return actions
    const aged = actions.map((action) => {
      if (action.at <= now) return action
      const wallMs = Timestamp.toMillis(action.at)
      const key = `${keyOf(action)} ${action.at}`
      const seen = firstSeen.get(key) ?? { wallMs, atMs }
      firstSeen.set(key, seen)
      return { ...action, at: Timestamp.fromMillis(nowMs - (atMs - seen.atMs)) }
    })
    // What was done since the clock was set back is newer.
    return aged.sort((left, right) => Timestamp.toMillis(right.at) - Timestamp.toMillis(left.at))
  }
}
