/**
 * An investigator behind the pipeline that it is called through: deadline, retry, circuit breaker, bulkhead.
 *
 * Rules are local and pure, so they have no pipeline.
 */

import { Duration, Effect } from "effect"
import {
  make as makePipeline,
  type Options as PipelineOptions,
  type Pipeline
} from "../../resilience/pipeline/Pipeline.ts"
import { type Investigator, serviceName } from "../Investigator.ts"

export interface TierOptions {
  /**
   * Deadline of a whole hop, retries and waits included. Default 30 s. A function sets it for each tier: real HolmesGPT
   * servers take 25–82 s at the median.
   */
  readonly deadline?: Duration.Input | ((investigator: Investigator) => Duration.Input)
  /** Pipeline settings of single tiers. They override those of the chain. */
  readonly pipeline?: (investigator: Investigator) => PipelineOptions
}

export interface TierPipeline {
  readonly investigator: Investigator
  /** See `serviceName`. */
  readonly service: string
  /** Absent for rules. */
  readonly pipeline: Pipeline | undefined
}

/** The longest `Retry-After` that is waited for: shorter when another model is next in the chain. */
const retryAfterCap = (hasNextModel: boolean): Duration.Duration => Duration.seconds(hasNextModel ? 1 : 5)

/** The pipeline settings of one tier. */
const pipelineOptions = (investigator: Investigator, hasNextModel: boolean, options: TierOptions): PipelineOptions => {
  const deadline =
    (typeof options.deadline === "function" ? options.deadline(investigator) : options.deadline) ?? "30 seconds"
  const own = options.pipeline?.(investigator) ?? {}
  return {
    deadline,
    attemptTimeout: false,
    ...own,
    // In a storm a call waits for its permit, the most urgent first, and keeps at least half of the deadline for itself.
    bulkhead: own.bulkhead ?? {
      maxWait: Duration.times(Duration.fromInputUnsafe(deadline), 0.5),
      maxWaiting: 1024
    },
    retry: own.retry === false ? false : { retryAfterCap: retryAfterCap(hasNextModel), ...own.retry },
    // A call that serves as a probe may take as long as the deadline. Its permit must not expire before.
    circuitBreaker: own.circuitBreaker ?? {
      probeLease: Duration.max(Duration.fromInputUnsafe(deadline), Duration.minutes(1))
    }
  }
}

/** Makes the pipelines of a chain. */
export const makeAll = (
  investigators: ReadonlyArray<Investigator>,
  options: TierOptions
): Effect.Effect<ReadonlyArray<TierPipeline>> =>
  Effect.forEach(investigators, (investigator, index) => {
    const service = serviceName(investigator)
    if (investigator.name === "rules") return Effect.succeed({ investigator, service, pipeline: undefined })
    const hasNextModel = investigators.slice(index + 1).some((next) => next.name !== "rules")
    return Effect.map(
      makePipeline(service, pipelineOptions(investigator, hasNextModel, options)),
      (pipeline): TierPipeline => ({ investigator, service, pipeline })
    )
  })

/** Whether the circuit breaker would reject a call now. */
export const wouldReject = ({ pipeline }: TierPipeline, nowMs: number): boolean =>
  pipeline?.circuitBreaker?.wouldRejectUnsafe(nowMs) === true
