/**
 * Finds out that a peer is back without risking traffic: one prober per tier that has both a breaker and a cheap way to
 * ask.
 *
 * **Details**
 *
 * While a breaker is closed its prober sleeps. Once it opens, the prober waits for the open time to end and then
 * probes, a second apart, until three successes close the breaker or a failure opens it again. Traffic that comes
 * meanwhile probes as well: the breaker counts both alike.
 *
 * A tier without a probe is probed by traffic alone.
 *
 * **Gotchas**
 *
 * A health route says that the peer answers, not that it can do its work: HolmesGPT's `/healthz` is green while its
 * model is down. Then the breaker closes, and five failures of real calls open it again. That costs a few slow calls
 * every half minute, which is the price of probing cheaply.
 */

import { type Duration, Effect } from "effect"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"

/** What probing needs to know of a tier. `InvestigationChain.tiers` is of this shape. */
export interface Probed {
  readonly service: string
  readonly circuitBreaker?: CircuitBreaker
  /** An error that does not count says that the probe found out nothing (no such route): real calls have to. */
  readonly probe?: Effect.Effect<void, { readonly countsAsFailure: boolean }>
}

/**
 * An inconclusive probe counts as neither success nor failure: the breaker ignores interruptions and frees the place.
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
 * Probes all tiers that can be, for ever. Run it as a supervised child. `interval`: between two probes of one tier,
 * default 1 s.
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
