/** The error of a pipeline itself, with the reason why. The call's own errors pass through unchanged. */

import { Schema } from "effect"
import { CircuitOpen } from "../breaker/CircuitBreaker.ts"
import { BulkheadFull } from "./Bulkhead.ts"
import { DeadlineExceeded } from "./Deadline.ts"

/** The last attempt took longer than `timeoutMs`. */
export class AttemptTimeout extends Schema.TaggedError<AttemptTimeout>()("AttemptTimeout", {
  timeoutMs: Schema.Finite
}) {
  override get message(): string {
    return `no response within ${this.timeoutMs} ms`
  }
}

/** Why a pipeline failed a call: each part of the pipeline has its reason. */
export const PipelineErrorReason = Schema.Union([CircuitOpen, BulkheadFull, AttemptTimeout, DeadlineExceeded])
export type PipelineErrorReason = typeof PipelineErrorReason.Type

/**
 * A call that the pipeline rejected or cut short. Match on `reason._tag`; `reason` is the error that the part would
 * fail with if it were used alone.
 */
export class PipelineError extends Schema.TaggedError<PipelineError>()("PipelineError", {
  pipeline: Schema.String,
  reason: PipelineErrorReason
}) {
  override get message(): string {
    return `${this.pipeline}: ${this.reason.message}`
  }
}
