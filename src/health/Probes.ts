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
 * A tier without a probe, or whose probe is refused, is probed by regular calls only: the half-open breaker admits
 * them.
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
  /**
   * An error with `countsAsFailure: false` means that the probe was inconclusive, because it was refused: without such
   * a route, without the right to it, or with too many requests. A refused probe never takes a peer out.
   */
  readonly probe?: Effect.Effect<void, { readonly countsAsFailure: boolean }>
  /** Knows whether a call is under way. Absent where calls are shorter than a few probes. */
  readonly bulkhead?: { readonly state: Effect.Effect<{ readonly inUse: number }> }
}

/**
 * The probe of a peer, if it has one. Beside a call that is under way a failure is inconclusive: a peer that is busy
 * with our own call for minutes may answer nothing else meanwhile, and the end of that call shows more.
 */
export const probeOf = ({ bulkhead, probe }: Probed): Probed["probe"] => {
  if (probe === undefined || bulkhead === undefined) return probe
  const isBusy = Effect.map(bulkhead.state, ({ inUse }) => inUse > 0)
  return Effect.flatMap(isBusy, (wasBusy) =>
    Effect.catch(probe, ({ countsAsFailure }) =>
      Effect.flatMap(isBusy, (busy) => Effect.fail({ countsAsFailure: countsAsFailure && !wasBusy && !busy }))
    )
  )
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
      (tier) => {
        const { circuitBreaker } = tier
        const probe = probeOf(tier)
        return circuitBreaker === undefined || probe === undefined
          ? Effect.void
          : circuitBreaker.keepProbing(conclusive(probe), options.interval)
      },
      {
        concurrency: "unbounded",
        discard: true
      }
    ),
    Effect.never
  )
