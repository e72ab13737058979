/** What the result of a call means for the chain: the outcome and reason code of its hop. Pure. */

import { Cause, Duration, Exit } from "effect"
import type { Hop, Investigation, InvestigatorName } from "../../domain/Investigation.ts"
import type { Classification, Counted, PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import { type Investigator, type InvestigatorError, isNotSent } from "../Investigator.ts"
import { textOf, type UsedUp } from "../spend/Budget.ts"
import { isServed, suspensionOf } from "./Account.ts"
import type { CallOutcome } from "./TierRamp.ts"

/** The result of calling one tier, with its attempts and duration. */
export interface TierResult extends Counted<Investigation, InvestigatorError | PipelineError> {
  /** The budget that had no room for another attempt. */
  readonly unrepeated?: UsedUp
}

/** `CircuitOpen` → `circuit-open`. */
export const kebabCase = (tag: string): string => tag.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()

/** The error of a result; `undefined` for success and for a defect. */
export const errorOf = ({ exit }: TierResult): InvestigatorError | PipelineError | undefined =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined

/**
 * The result of a tier whose next attempt no budget had room for: that of the attempt before it, which is why the tier
 * has no investigation. `before`: the error of that one.
 */
export const ofAttemptBefore = (result: TierResult, before: InvestigatorError | undefined): TierResult => {
  const reason = errorOf(result)?.reason
  return before === undefined || reason?._tag !== "OverBudget" || reason.isRepeat === true
    ? result
    : { ...result, exit: Exit.fail(before), attempts: result.attempts - 1, unrepeated: reason.used }
}

/** The attempts that were made. One that no budget had room for was not, unless it had made a call before. */
const attemptsOf = (result: TierResult): number => {
  const reason = errorOf(result)?.reason
  return reason?._tag === "OverBudget" && reason.isRepeat !== true ? result.attempts - 1 : result.attempts
}

/** A call that the pipeline turned away is a skipped hop, because the peer got no request. */
const outcomeOf = (result: TierResult): Pick<Hop, "detail" | "outcome" | "reason"> => {
  if (Exit.isSuccess(result.exit)) return { outcome: "answered" }
  const reason = errorOf(result)?.reason
  if (reason === undefined) return { outcome: "failed", reason: "defect" }
  switch (reason._tag) {
    case "CircuitOpen":
      // It may have opened between two requests of an attempt.
      return { outcome: result.attempts > 0 ? "failed" : "skipped", reason: reason.why ?? "circuit-open" }
    case "OverBudget":
      // After a first call of the attempt the tier has had its turn.
      return {
        outcome: attemptsOf(result) > 0 ? "failed" : "skipped",
        reason: "over-budget",
        detail: textOf(reason.used)
      }
    case "BulkheadFull":
      return { outcome: "skipped", reason: "bulkhead-full" }
    case "DeadlineExceeded":
      // Without an attempt it was our own queue that took the time.
      return result.attempts === 0
        ? { outcome: "skipped", reason: "bulkhead-full" }
        : { outcome: "failed", reason: "timeout" }
    case "AttemptTimeout":
      return { outcome: "failed", reason: "timeout" }
    default:
      return { outcome: "failed", reason: kebabCase(reason._tag) }
  }
}

/** What a call says about the tier that it went to. One that never reached it, or that we ended, says nothing. */
export const callOutcomeOf = (result: TierResult): CallOutcome => {
  const error = errorOf(result)
  if (Exit.isSuccess(result.exit)) return "success"
  if (error === undefined) return "failure"
  if ("countsAsFailure" in error) return error.countsAsFailure ? "failure" : "ignored"
  return result.attempts === 0 || error.reason._tag === "CircuitOpen" ? "ignored" : "failure"
}

/**
 * The hop of a tier that is not called: `recovering`, it is restored and the call is not in its share; `held`, the
 * level has not risen since its circuit is closed again; or why another tier shows that it would fail.
 */
export const skippedHop = ({ name, provider }: Investigator, reason: string): Hop => ({
  investigator: name,
  ...(provider === undefined ? {} : { provider }),
  outcome: "skipped",
  reason,
  attempts: 0,
  durationMs: 0
})

/** The hop that the journal keeps. */
export const hopOf = ({ name, provider }: Investigator, result: TierResult): Hop => ({
  investigator: name,
  ...(provider === undefined ? {} : { provider }),
  ...outcomeOf(result),
  ...(result.unrepeated === undefined ? {} : { detail: `not repeated, because ${textOf(result.unrepeated)}` }),
  attempts: attemptsOf(result),
  durationMs: result.durationMs
})

/** Attempts at a provider that is at its rate limit and does not say until when, where another model is next. */
const attemptsAtLimit = 3

/** Rejections of the request. They may come after minutes: at the end of an investigation whose calls were served. */
const responded: ReadonlySet<InvestigatorError["reason"]["_tag"]> = new Set([
  "Authentication",
  "BadRequest",
  "ContextOverflow"
])

const forBreaker = (error: Pick<InvestigatorError, "countsAsFailure" | "reason">): Classification["breaker"] => {
  if (error.countsAsFailure) return "failure"
  if (isServed(error)) return "served"
  return responded.has(error.reason._tag) && !isNotSent(error.reason) ? "responded" : "ignored"
}

/** How the pipeline handles an investigator's error. The error itself says so. `most`: the attempts that the hop has. */
export const classify =
  (hasNextModel: boolean, most: number) =>
  ({ countsAsFailure, reason, retryable }: InvestigatorError): Classification => {
    const retryAfterMs = "retryAfterMs" in reason ? reason.retryAfterMs : undefined
    const suspension = suspensionOf(reason)
    return {
      retry: retryable,
      breaker: forBreaker({ countsAsFailure, reason }),
      ...(retryAfterMs === undefined ? {} : { retryAfter: Duration.millis(retryAfterMs) }),
      attempts:
        hasNextModel && reason._tag === "RateLimited" && retryAfterMs === undefined
          ? Math.min(attemptsAtLimit, most)
          : most,
      ...(suspension === undefined ? {} : { suspension })
    }
  }

/** Fallback continues with reduced confidence: the most that an investigation of each tier may claim. */
export const confidenceCap: Readonly<Record<InvestigatorName, number>> = {
  holmesgpt: 1,
  custom: 1,
  llm: 0.8,
  rules: 0.5
}

/** The investigation under the name of its tier, with confidence capped. One that is not a number counts as 0. */
export const capped = (investigation: Investigation, { name, provider }: Investigator): Investigation => ({
  ...investigation,
  investigator: name,
  ...(provider === undefined ? {} : { provider }),
  confidence: Math.min(Math.max(0, investigation.confidence) || 0, confidenceCap[name])
})
