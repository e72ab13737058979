/**
 * Whether a proposal is still about the world that it would be applied to. A proposal is outdated if its target is
 * another object now, if its spec has changed (a person ships a hotfix while a model thinks), or if the answer is too
 * old. Pure.
 */

import { Duration } from "effect"
import type { DecisionReason } from "../domain/Decision.ts"
import { changeSince, type Seen } from "../domain/Seen.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

/** What is known about the investigation that made the proposal. */
export interface Answer {
  /** `undefined` if the target could not be read, or an earlier version investigated. */
  readonly seen: Seen | undefined
  readonly at: Timestamp
  /** How many investigations there were since the start or, later, since a person's latest answer. */
  readonly round: number
}

/**
 * How many investigations in a row may be outdated when they are to be acted on. A target that changes that often has
 * somebody at work.
 */
export const maxInvestigations = 3

const outdated = (message: string): DecisionReason => ({ rule: "outdated-investigation", message })

/** Why the proposal has to be investigated again; `undefined` if it is fresh. `observed` is the target's state now. */
export const whyOutdated = (
  { at, seen }: Answer,
  observed: WorkloadState,
  lifetime: Duration.Duration,
  nowMs: number
): DecisionReason | undefined => {
  if (seen === undefined) return outdated("It is not known what the investigation saw of the target.")
  const change = changeSince(seen, observed)
  if (change !== undefined) return { rule: "changed-since-investigation", message: change }
  // The clock may have been set, so an answer from the future is of unknown age too.
  return Math.abs(nowMs - toMillis(at)) > Duration.toMillis(lifetime)
    ? outdated(`The investigation ended at ${at}, more than ${Duration.format(lifetime)} ago.`)
    : undefined
}
