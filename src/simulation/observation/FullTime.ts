/** For how long a fault has kept the database from storing everything, in all of a run, by the clock of who asks. */

import type { Handlers } from "./Observation.ts"

export class FullTime {
  private active = 0
  private beforeMs = 0
  private sinceMs = 0

  readonly on: Required<Pick<Handlers, "FaultBegan" | "FaultHealed">> = {
    FaultBegan: ({ fault }, atMs) => {
      if (fault.forMs === 0 || !fault.kind.startsWith("storage-")) return
      if (this.active === 0) this.sinceMs = atMs
      this.active++
    },
    FaultHealed: ({ fault }, atMs) => {
      if (fault.forMs === 0 || !fault.kind.startsWith("storage-")) return
      if (this.active === 1) this.beforeMs = this.at(atMs)
      this.active--
    }
  }

  /** Milliseconds of such faults until `atMs`. */
  at(atMs: number): number {
    return this.beforeMs + (this.active === 0 ? 0 : atMs - this.sinceMs)
  }
}
