/**
 * What is too old by the wall clock, and was so at every look for a day.
 *
 * The times of rows are those of wall clocks, and one that is wrong by a month is corrected soon after the start of its
 * machine. Nothing may be deleted for one reading, so the day is one of the monotonic clock. It begins again with each
 * process: one that ends sooner deletes nothing.
 */

import { Duration } from "effect"

/** Longer than it takes until a wall clock is right, and than another process that names a sink is away. */
const confirmedAfterMs = Duration.toMillis("1 day")

export interface Overdue {
  /** Takes note of all that is too old now, and returns what was so for a day. Look at least each hour. */
  readonly look: (names: ReadonlyArray<string>, nowMs: number) => ReadonlyArray<string>
}

export const make = (): Overdue => {
  let seen: ReadonlyMap<string, number> = new Map()
  return {
    look: (names, nowMs) => {
      seen = new Map(names.map((name) => [name, seen.get(name) ?? nowMs]))
      return names.filter((name) => nowMs - (seen.get(name) ?? nowMs) >= confirmedAfterMs)
    }
  }
}
