/**
 * A part of the service that ends again and again is started again only so often, and then rests: seen at the database,
 * where the sweep for open work comes first.
 */

import type { Invariant } from "./Invariant.ts"

/**
 * The supervisor's: five restarts within a minute are borne, and after the sixth end it stays down for half a minute;
 * then all is forgotten.
 */
const intensity = { maxRestarts: 5, periodMs: 60_000, restMs: 30_000 } as const

export const restartIntensity: Invariant = {
  name: "restart-intensity",
  description: "A child that ends again and again is restarted at most as often as its supervisor's intensity allows.",
  make: (_, report) => {
    /** By connection, and so by process, when its sweep broke since it last rested. */
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
