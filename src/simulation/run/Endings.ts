/** How remediations ended, by final state. */

import type { Handlers } from "../observation/Observation.ts"

export type Endings = Readonly<Record<string, number>>

export class EndingsRecorder {
  readonly on: Handlers
  private readonly counts: Record<string, number> = {}

  constructor() {
    this.on = {
      Committed: ({ events }) => {
        for (const row of events) {
          // The kind first: reading `event` parses the row.
          if (row.kind === "Joined") this.add("Joined")
          else if (row.kind === "Concluded" && row.event._tag === "Concluded") this.add(row.event.state)
        }
      }
    }
  }

  get endings(): Endings {
    return this.counts
  }

  private add(state: string): void {
    this.counts[state] = (this.counts[state] ?? 0) + 1
  }
}
