/**
 * An investigator behind the pipeline that it is called through: deadline, retry, circuit breaker, bulkhead.
 *
 * Rules are local and pure, so they have no pipeline.
 */

import { Duration, Effect } from "effect"
import { CircuitBreaker } from "../../resilience/breaker/CircuitBreaker.ts"
import {
  make as makePipeline,
  type Options as PipelineOptions,
  type Pipeline
} from "../../resilience/pipeline/Pipeline.ts"
import { ResilienceEvents } from "../../resilience/ResilienceEvent.ts"
import { type Investigator, serviceName } from "../Investigator.ts"
import * as Overtaken from "./OvertakenRun.ts"
import { make as makeRamp, type TierRamp } from "./TierRamp.ts"

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
  /** See `Investigator.account`. */
  readonly account: string
  /** See `Investigator.host`. */
  readonly host?: string
  /** Absent for rules. */
  readonly pipeline: Pipeline | undefined
  /** Whether another model is next in the chain. */
  readonly hasNextModel: boolean
  /** Absent where there is no circuit breaker. */
  readonly ramp?: TierRamp
  /** Of its calls that were hedged. See `OvertakenRun`. */
  overtaken: Overtaken.OvertakenRun
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
    // A longer wait means: ask the next tier now. There are always the rules.
    retry:
      own.retry === false
        ? false
        : { retryAfterCap: retryAfterCap(hasNextModel), beyondRetryAfterCap: "fail", ...own.retry },
    // A call that serves as a probe may take as long as the deadline. Its permit must not expire before.
    circuitBreaker:
      own.circuitBreaker === false || own.circuitBreaker instanceof CircuitBreaker
        ? own.circuitBreaker
        : { probeLease: Duration.max(Duration.fromInputUnsafe(deadline), Duration.minutes(1)), ...own.circuitBreaker }
  }
}

/** Makes the pipelines of a chain. */
export const makeAll = (
  investigators: ReadonlyArray<Investigator>,
  options: TierOptions
): Effect.Effect<ReadonlyArray<TierPipeline>> =>
  Effect.forEach(investigators, (investigator, index): Effect.Effect<TierPipeline> => {
    const service = serviceName(investigator)
    const { account = service, host } = investigator
    const shared = {
      investigator,
      service,
      account,
      ...(host === undefined ? {} : { host }),
      overtaken: Overtaken.noRun
    }
    if (investigator.name === "rules") return Effect.succeed({ ...shared, pipeline: undefined, hasNextModel: false })
    const hasNextModel = investigators.slice(index + 1).some((next) => next.name !== "rules")
    return Effect.gen(function* () {
      const pipeline = yield* makePipeline(service, pipelineOptions(investigator, hasNextModel, options))
      const { circuitBreaker } = pipeline
      const ramp =
        circuitBreaker === undefined ? undefined : yield* makeRamp(service, circuitBreaker, yield* ResilienceEvents)
      return { ...shared, pipeline, hasNextModel, ...(ramp === undefined ? {} : { ramp }) } satisfies TierPipeline
    })
  })

/** Whether the circuit breaker would reject a call now. */
export const wouldReject = ({ pipeline }: TierPipeline, nowMs: number): boolean =>
  pipeline?.circuitBreaker?.wouldRejectUnsafe(nowMs) === true

/** The most attempts of one hop. */
export const mostAttempts = ({ pipeline }: TierPipeline): number => pipeline?.retry?.attempts ?? 1

/**
 * Whether a tier can take a call that is not needed: it is well and in full use, and nobody waits for a permit. What is
 * left of a tier that is down, restored or busy belongs to the calls that need it.
 */
export const isFree = ({ pipeline, ramp }: TierPipeline): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const tag = pipeline?.circuitBreaker?.tagUnsafe
    if (tag !== undefined && tag !== "Closed" && tag !== "ForcedClosed") return false
    if (ramp !== undefined && (yield* ramp.restoration).share < 1) return false
    if (pipeline?.bulkhead === undefined) return true
    const { inUse, waiting } = yield* pipeline.bulkhead.state
    return waiting === 0 && inUse < pipeline.bulkhead.limit
  })
