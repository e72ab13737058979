/** The process under test from the outside: what can be done to it, and what can be measured of it. */

import type { Effect } from "effect"
import type { Mode } from "../../domain/Mode.ts"
import type { CircuitBreaker } from "../../resilience/breaker/CircuitBreaker.ts"
import type { Bulkhead } from "../../resilience/pipeline/Bulkhead.ts"
import type { Process } from "../engine/Process.ts"

export interface ServiceControl {
  /** The newest process; it may be down. */
  readonly process: Process | undefined
  /** The number of boots so far. */
  readonly boots: number
  /** Whether the service accepts requests. */
  readonly isReady: boolean
  /** Actors that are at work or wait for their turn; `undefined` while the service is down. */
  readonly activeActors: number | undefined
  /** The bulkheads of the pipelines to all peers; none while the service is down. */
  readonly bulkheads: ReadonlyArray<{ readonly peer: string; readonly bulkhead: Bulkhead }>
  /** Stops the process and starts it in another mode; without one, in the scenario's own. */
  readonly restartIn: (mode?: Mode) => void
  /** Freezes the process for a while. Does nothing where it is down or frozen already. */
  readonly pause: (forMs: number) => void
  /** Operates the breaker of the cluster's API server. Does nothing while the service is down. */
  readonly operate: (operation: (breaker: CircuitBreaker) => Effect.Effect<unknown>) => void
  /** Somebody has paid, or replaced the key, and ends the suspension of every model. Nothing while the service is down. */
  readonly endSuspensions: () => void
  /**
   * Boots a second process of the service on the same database. It receives no requests, but sweeps for open work. The
   * returned function kills it.
   */
  readonly bootRival: () => () => void
}
