/**
 * What the tiers of one account share: a suspension, and the one trial that ends it.
 *
 * Each tier keeps its own circuit breaker, so that operators, levels and metrics see every service. Here the breakers
 * of one account are kept in step.
 */

import { Effect } from "effect"
import type { Snapshot } from "../../resilience/breaker/CircuitBreaker.ts"
import { type TierPipeline, wouldReject } from "./TierPipeline.ts"

/** The other tiers of the same account that have a breaker. */
const othersOf = (tier: TierPipeline, tiers: ReadonlyArray<TierPipeline>) =>
  tiers.flatMap((other) => {
    const breaker = other.pipeline?.circuitBreaker
    return other === tier || other.account !== tier.account || breaker === undefined ? [] : [{ other, breaker }]
  })

/**
 * Why a suspended tier is not tried now, although its own time is over: another tier of its account is being tried, or
 * has just been. `undefined` if it may be tried.
 */
export const triedElsewhere = (
  tier: TierPipeline,
  tiers: ReadonlyArray<TierPipeline>,
  nowMs: number
): string | undefined => {
  const reason = tier.pipeline?.circuitBreaker?.suspendedUnsafe
  if (reason === undefined) return undefined
  return othersOf(tier, tiers).some(
    ({ breaker, other }) => breaker.suspendedUnsafe !== undefined && wouldReject(other, nowMs)
  )
    ? reason
    : undefined
}

/**
 * After a hop: what it has shown about the account holds for every tier of it. Only a call that was served shows that
 * the account works: a tier that an operator has isolated or forced closed is not suspended either, and shows nothing.
 */
export const spread = (
  tier: TierPipeline,
  tiers: ReadonlyArray<TierPipeline>,
  wasServed: boolean
): Effect.Effect<void> => {
  const own = tier.pipeline?.circuitBreaker
  const others = othersOf(tier, tiers)
  if (own === undefined || others.length === 0) return Effect.void
  const follow = ({ _tag, reason = "", retryAfterMs = 0, suspensions = 1 }: Snapshot) =>
    Effect.forEach(
      others,
      ({ breaker }) =>
        _tag === "Suspended"
          ? breaker.suspend({ forMs: retryAfterMs, reason, times: suspensions })
          : wasServed && breaker.suspendedUnsafe !== undefined
            ? breaker.resume
            : Effect.void,
      { discard: true }
    )
  return Effect.flatMap(own.state, follow)
}

/** A key is read from a file or from memory. */
const newKeyTime = "1 second"

/**
 * Ends the suspension of a tier whose rejected key has been replaced. A key that cannot be looked at in time has not
 * been replaced, as far as is known.
 */
export const resumeWithNewKey = ({ investigator, pipeline, service }: TierPipeline): Effect.Effect<void> => {
  const breaker = pipeline?.circuitBreaker
  const { hasNewKey } = investigator
  if (hasNewKey === undefined || breaker?.suspendedUnsafe !== "wrong-key") return Effect.void
  return hasNewKey.pipe(
    Effect.timeoutOrElse({ duration: newKeyTime, orElse: () => Effect.succeed(false) }),
    Effect.catchCause((cause) =>
      Effect.as(
        Effect.logWarning("It could not be found out whether a rejected key was replaced", cause).pipe(
          Effect.annotateLogs({ investigator: service })
        ),
        false
      )
    ),
    Effect.flatMap((isNew) => (isNew ? Effect.asVoid(breaker.resume) : Effect.void))
  )
}
