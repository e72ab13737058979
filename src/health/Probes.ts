/**
 * Detects the recovery of a peer without risking traffic. Each tier that has both a circuit breaker and a probe gets a
 * prober.
 *
 * **Details**
 *
 * A prober sleeps while its breaker is closed. After the breaker opens, the prober waits for the end of the open period
 * and then probes once per second, until three successes close the breaker or a failure opens it again. Regular calls
 * count as probes too.
 *
 * A tier without a probe is probed by regular calls only.
 *
 * **Gotchas**
 *
 * A health route shows that the peer responds, but not that it can work: HolmesGPT's `/healthz` succeeds while its
 * model is down. The breaker then closes, and five failed calls open it again. This costs a few slow calls every 30
 * seconds, in exchange for cheap probes.
 */

import { type Duration, Effect } from "effect"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"

/** A tier that can be probed. `InvestigationChain.tiers` has this shape. */
export interface Probed {
  readonly service: string
  readonly circuitBreaker?: CircuitBreaker
  /** An error with `countsAsFailure: false` means that the probe was inconclusive, for example without such a route. */
  readonly probe?: Effect.Effect<void, { readonly countsAsFailure: boolean }>
}

/**
 * Makes an inconclusive probe count as neither success nor failure: the breaker ignores an interruption and releases
 * the permit.
 */
const conclusive = <A, E extends { readonly countsAsFailure: boolean }>(
  probe: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.catchIf(
    probe,
    (error) => !error.countsAsFailure,
    () => Effect.interrupt
  )

/**
 * Probes all tiers that have a probe. Run it as a supervised child. `interval` is the time between two probes of one
 * tier. Default 1 second.
 */
export const run = (
  tiers: ReadonlyArray<Probed>,
  options: { readonly interval?: Duration.Input } = {}
): Effect.Effect<never> =>
  Effect.andThen(
    Effect.forEach(
      tiers,
      ({ circuitBreaker, probe }) =>
        circuitBreaker === undefined || probe === undefined
          ? Effect.void
          : circuitBreaker.keepProbing(conclusive(probe), options.interval),
      {
        concurrency: "unbounded",
        discard: true
      }
    ),
    Effect.never
  )
