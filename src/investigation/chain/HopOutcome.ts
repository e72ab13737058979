/** What the result of a call means for the chain: the outcome and reason code of its hop. Pure. */

import { Cause, Duration, Exit } from "effect"
import type { Hop, Investigation, InvestigatorName } from "../../domain/Investigation.ts"
import type { Classification, Counted, PipelineError } from "../../resilience/pipeline/Pipeline.ts"
import type { Investigator, InvestigatorError } from "../Investigator.ts"

/** The result of calling one tier, with its attempts and duration. */
export type TierResult = Counted<Investigation, InvestigatorError | PipelineError>

/** `CircuitOpen` → `circuit-open`. */
export const kebabCase = (tag: string): string => tag.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()

/** The error of a result; `undefined` for success and for a defect. */
export const errorOf = ({ exit }: TierResult): InvestigatorError | PipelineError | undefined =>
  Exit.isFailure(exit) ? exit.cause.reasons.find(Cause.isFailReason)?.error : undefined

/** A call that the pipeline turned away is a skipped hop, because the peer got no request. */
const outcomeOf = (result: TierResult): Pick<Hop, "outcome" | "reason"> => {
  if (Exit.isSuccess(result.exit)) return { outcome: "answered" }
  const tag = errorOf(result)?.reason._tag
  switch (tag) {
    case undefined:
      return { outcome: "failed", reason: "defect" }
    case "CircuitOpen":
    case "BulkheadFull":
      return { outcome: "skipped", reason: kebabCase(tag) }
    case "DeadlineExceeded":
      // Without an attempt it was our own queue that took the time.
      return result.attempts === 0
        ? { outcome: "skipped", reason: "bulkhead-full" }
        : { outcome: "failed", reason: "timeout" }
    case "AttemptTimeout":
      return { outcome: "failed", reason: "timeout" }
    default:
      return { outcome: "failed", reason: kebabCase(tag) }
  }
}

/** The hop that the journal keeps. */
export const hopOf = ({ name, provider }: Investigator, result: TierResult): Hop => ({
  investigator: name,
  ...(provider === undefined ? {} : { provider }),
  ...outcomeOf(result),
  attempts: result.attempts,
  durationMs: result.durationMs
})

/** How the pipeline handles an investigator's error. The error itself says so. */
export const classify = (error: InvestigatorError): Classification => ({
  retry: error.retryable,
  breaker: error.countsAsFailure ? "failure" : "ignored",
  ...("retryAfterMs" in error.reason && error.reason.retryAfterMs !== undefined
    ? { retryAfter: Duration.millis(error.reason.retryAfterMs) }
    : undefined)
})

/** Fallback continues with reduced confidence. */
const confidenceCap: Readonly<Record<InvestigatorName, number>> = { holmesgpt: 1, custom: 1, llm: 0.8, rules: 0.5 }

/** The investigation under the name of its tier, with confidence capped. One that is not a number counts as 0. */
export const capped = (investigation: Investigation, { name, provider }: Investigator): Investigation => ({
  ...investigation,
  investigator: name,
  ...(provider === undefined ? {} : { provider }),
  confidence: Math.min(Math.max(0, investigation.confidence) || 0, confidenceCap[name])
})
