/**
 * How the degradation level moves from what was found. Pure.
 *
 *     found is worse than the level      the level falls at once
 *     found is better than the level     it rises once something better has lasted for the dwell,
 *                                        and at least 5 minutes after it rose before
 *
 * A level falls when less works, from 0 towards 3, and rises when more works.
 *
 * When a level has lasted long enough, but a still better one has just begun, the rise waits for that one, and does not
 * wait longer when it is gone again: an outage that ends everywhere within seconds ends in one rise instead of two.
 */

import type { DegradationLevel } from "../domain/DegradationLevel.ts"

/** The times of `step`, in milliseconds of the monotonic clock. */
export interface LevelTimes {
  /** How long something better must last. */
  readonly dwellMs: number
  /** The least time between two rises. */
  readonly betweenRisesMs: number
}

/** The default times. The dwell is that of a circuit breaker: both wait out the same outage. */
export const defaultTimes: LevelTimes = { dwellMs: 30_000, betweenRisesMs: 5 * 60_000 }

/** What a step needs from the steps before. */
export interface LevelTrack {
  readonly level: DegradationLevel
  /** Since when levels 0, 1 and 2, or better ones, have been found. */
  readonly lastsSinceMs: readonly [number | undefined, number | undefined, number | undefined]
  /** When the level last rose. `-Infinity`: never. */
  readonly roseMs: number
}

/** The result of `step`. */
export interface LevelStep {
  readonly track: LevelTrack
  /** When to step again, if nothing else happens. `Infinity`: not at all. */
  readonly againAtMs: number
}

/** The track of a process that finds this level at its start. */
export const startAt = (level: DegradationLevel, roseMs = -Infinity): LevelTrack => ({
  level,
  lastsSinceMs: [undefined, undefined, undefined],
  roseMs
})

const better = [0, 1, 2] as const

/**
 * The level after something was found at `nowMs`. Call it at every change of what is found, and at `againAtMs`.
 *
 * @see `DegradationFiber`, which owns the track.
 */
export const step = (before: LevelTrack, found: DegradationLevel, nowMs: number, times: LevelTimes): LevelStep => {
  const since = (level: 0 | 1 | 2) => (found <= level ? (before.lastsSinceMs[level] ?? nowMs) : undefined)
  const lastsSinceMs = [since(0), since(1), since(2)] as const
  const stay = { ...before, lastsSinceMs }
  if (found >= before.level) return { track: { ...stay, level: found }, againAtMs: Infinity }
  const atOf = (level: 0 | 1 | 2) => (lastsSinceMs[level] ?? Infinity) + times.dwellMs
  // The best level below that has lasted, and the best one that is found.
  const lasted = better.find((level) => level < before.level && atOf(level) <= nowMs)
  const best = better.find((level) => level === found) ?? 2
  if (lasted === undefined) return { track: stay, againAtMs: atOf((before.level - 1) as 0 | 1 | 2) }
  const risesAtMs = Math.max(before.roseMs + times.betweenRisesMs, atOf(best))
  if (risesAtMs > nowMs) return { track: stay, againAtMs: risesAtMs }
  // Now `best` has lasted too.
  return { track: { level: lasted, lastsSinceMs, roseMs: nowMs }, againAtMs: Infinity }
}
