/** The settings of the blast radius: how much may be acted on, and how fast that comes back. */

import { Duration, Effect, Schema } from "effect"
import { DurationText } from "../domain/DurationText.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))

const Span = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) > 0 ? undefined : "Expected a positive duration, such as 10 minutes"
  )
)

const setting = <S extends Schema.Constraint>(schema: S, otherwise: S["Encoded"]) =>
  Schema.withDecodingDefaultKey<S>(Effect.succeed(otherwise))(schema)

/** A budget of actions that refills: a token bucket. */
export const Budget = Schema.Struct({
  /** How many actions may start at once after a pause. 1 or more. */
  burst: Count,
  /** How long until one more may start. */
  refill: Span
})
export type Budget = typeof Budget.Type

const budget = (burst: number, refill: string) => {
  const fallback = { burst, refill }
  return Schema.Struct({ burst: setting(Count, burst), refill: setting(Span, refill) }).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(fallback))
  )
}

/**
 * The budgets of automatic actions. An action needs a token of each budget that it falls under. Without one it waits
 * its turn; it is not refused.
 */
export const BlastRadiusSettings = Schema.Struct({
  /**
   * Of one target. Default 3, and one more every 10 minutes, the default `progressDeadlineSeconds` of a Deployment: a
   * rollout has ended by the time that the next one may start.
   */
  target: budget(3, "10 minutes"),
  /** Of one namespace. Default 10, and one more a minute: 20 in any ten minutes, half of what the cluster may have. */
  namespace: budget(10, "1 minute"),
  /**
   * Of the nodes of one pool, and the workloads all of whose pods run on it. Default 10, and one more a minute. Actions
   * on nodes have at most the share `maximumNodesOut` of the pool at once, and at least one, so that a pool of one node
   * can be repaired.
   */
  pool: budget(10, "1 minute"),
  /**
   * Of the whole cluster. Default 20, and one more every 30 seconds: a person can still follow two a minute.
   * `actionsPerWindow` is the earlier form of this setting; give one of them.
   */
  cluster: Schema.optionalKey(Schema.Struct({ burst: setting(Count, 20), refill: setting(Span, "30 seconds") })),
  /**
   * How long an action waits for its turn before a person is asked. Less than `answerLifetime`, because an older
   * proposal is investigated again. Default 10 minutes, or two thirds of `answerLifetime` if that is less.
   */
  wait: Schema.optionalKey(Span)
})
export type BlastRadiusSettings = typeof BlastRadiusSettings.Type

/** The budget of the cluster without a setting. */
export const defaultCluster: Budget = { burst: 20, refill: Duration.seconds(30) }

/**
 * The budget that never lets more than `limit` actions start in any window: half of them at once, and the other half
 * spread over the window.
 */
export const ofWindow = ({ limit, window }: { readonly limit: number; readonly window: Duration.Duration }): Budget => {
  const later = Math.max(1, Math.floor(limit / 2))
  const refillMs = Math.max(1, Math.ceil(Duration.toMillis(window) / later))
  return { burst: Math.max(1, limit - later), refill: Duration.millis(refillMs) }
}

const defaultWait = Duration.minutes(10)

/** What the checks and the waits need of the other guardrails. */
export interface Related {
  readonly blastRadius: BlastRadiusSettings
  readonly actionsPerWindow?: { readonly limit: number; readonly window: Duration.Duration }
  readonly answerLifetime: Duration.Duration
}

/** The budget of the cluster in force. */
export const clusterBudget = ({ actionsPerWindow, blastRadius }: Related): Budget =>
  blastRadius.cluster ?? (actionsPerWindow === undefined ? defaultCluster : ofWindow(actionsPerWindow))

/** How long an action waits for its turn. */
export const waitInForce = ({ answerLifetime, blastRadius }: Related): Duration.Duration =>
  blastRadius.wait ?? Duration.min(defaultWait, Duration.times(answerLifetime, 2 / 3))

/** Why these settings contradict each other; `undefined` if they do not. */
export const conflictIn = (settings: Related): string | undefined => {
  const { actionsPerWindow, answerLifetime, blastRadius } = settings
  if (actionsPerWindow !== undefined && blastRadius.cluster !== undefined)
    return "actionsPerWindow is the earlier form of blastRadius.cluster: give only one of them"
  const { wait } = blastRadius
  return wait !== undefined && Duration.toMillis(wait) >= Duration.toMillis(answerLifetime)
    ? `blastRadius.wait (${Duration.format(wait)}): expected less than answerLifetime (${Duration.format(answerLifetime)}), or the proposal is outdated before its turn comes`
    : undefined
}
