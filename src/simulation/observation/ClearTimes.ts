/**
 * The times in which nothing is wrong with the service and its peers: no fault is active but those that only bring
 * work, and none was for a while.
 */

import type { Handlers } from "./Observation.ts"

/** The effects of a fault, such as an open breaker, last longer than the fault. */
const lingersMs = 120_000

/** Whether a fault only brings more work, or work in another order. */
const isOnlyWork = (kind: string): boolean => kind === "own-overload" || kind.startsWith("intake-")

export class ClearTimes {
  private readonly active = new Set<object>()
  private disturbedUntilMs = Number.NEGATIVE_INFINITY

  readonly on: Pick<Handlers, "FaultBegan" | "FaultHealed" | "ProcessBooted"> = {
    FaultBegan: ({ fault }, atMs) => {
      if (isOnlyWork(fault.kind)) return
      if (fault.forMs > 0) this.active.add(fault)
      this.disturbedUntilMs = atMs + lingersMs
    },
    FaultHealed: ({ fault }, atMs) => {
      if (this.active.delete(fault)) this.disturbedUntilMs = atMs + lingersMs
    },
    ProcessBooted: ({ number }, atMs) => {
      if (number > 1) this.disturbedUntilMs = Math.max(this.disturbedUntilMs, atMs)
    }
  }

  /** Whether nothing has been wrong since a moment. */
  since(fromMs: number): boolean {
    return this.active.size === 0 && this.disturbedUntilMs <= fromMs
  }
}
