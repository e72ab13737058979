/**
 * A part of the service that keeps failing is restarted only as often as its supervisor tolerates, and then rests. This
 * is observed at the database, through the queries of the sweep for open work.
 */

import type { Invariant } from "./Invariant.ts"

/**
 * The supervisor's intensity: it tolerates five restarts within a minute, and after the sixth failure waits for half a
 * minute; then the count starts again.
 */
const intensity = { maxRestarts: 5, periodMs: 60_000, restMs: 30_000 } as const

export const restartIntensity: Invariant = {
  name: "restart-intensity",
  description: "A child that keeps failing is restarted at most as often as its supervisor's intensity allows.",
  make: (_, report) => {
    /** When the sweep failed since its last rest, by connection and so by process. */
    const broke = new Map<number, ReadonlyArray<number>>()
    return {
      on: {
        SweepBroke: ({ connection }, atMs) => {
          const before = broke.get(connection) ?? []
          const hasRested = before.length > 0 && atMs - before[before.length - 1]! >= intensity.restMs
          const recent = hasRested
            ? [atMs]
            : [...before.filter((earlierMs) => atMs - earlierMs < intensity.periodMs), atMs]
          broke.set(connection, recent)
          if (recent.length > intensity.maxRestarts + 1)
            report(
              `the sweep of connection ${connection} was started ${recent.length} times within ${intensity.periodMs} ms`
            )
        }
      }
    }
  }
}
