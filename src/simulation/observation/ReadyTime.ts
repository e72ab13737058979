/**
 * How long the service has been ready in a run: a clock that stands still while no process of it accepts requests.
 * Another program's process does not count.
 */

import type { Handlers } from "./Observation.ts"

export class ReadyTime {
  private beforeMs = 0
  /** `undefined` while the service is down. A test that observes no process has a service that is ready. */
  private readySinceMs: number | undefined = 0

  readonly on: Pick<Handlers, "ProcessReady" | "ProcessEnded"> = {
    ProcessReady: ({ process }, atMs) => {
      if (process === "service") this.readySinceMs ??= atMs
    },
    ProcessEnded: ({ process }, atMs) => {
      if (process !== "service") return
      this.beforeMs = this.at(atMs)
      this.readySinceMs = undefined
    }
  }

  /** Milliseconds for which the service was ready until `atMs`. */
  at(atMs: number): number {
    return this.beforeMs + (this.readySinceMs === undefined ? 0 : atMs - this.readySinceMs)
  }
}
