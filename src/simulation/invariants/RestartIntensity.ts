/**
 * A part of the service that ends again and again is started again only so often: seen at the database, where the sweep for open work comes first.
 */
import type { Invariant } from "../Invariant.ts"

/** The supervisor's: five restarts within a minute are borne, and the sixth end is the last. */
const intensity = { maxRestarts: 5, periodMs: 60_000 } as const

export const restartIntensity: Invariant = {
  name: "restart-intensity",
  description: "A child that ends again and again is restarted at most as often as its supervisor's intensity allows.",
  make: (_, report) => {
    /** By connection, and so by process, when its sweep broke. */
    const broke = new Map<number, Array<number>>()
    return {
      on: {
        SweepBroke: ({ connection }, atMs) => {
          const recent = (broke.get(connection) ?? []).filter((earlierMs) => atMs - earlierMs < intensity.periodMs)
          recent.push(atMs)
          broke.set(connection, recent)
          if (recent.length > intensity.maxRestarts + 1) report(`the sweep of connection ${connection} was started ${recent.length} times within ${intensity.periodMs} ms`)
        }
      }
    }
  }
}
