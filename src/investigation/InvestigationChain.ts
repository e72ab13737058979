/**
 * The fallback chain: HolmesGPT, then the LLM providers in order, then the rules, until one answers.
 *
 * **Details**
 *
 * Each tier is one step with its own pipeline (deadline, retry, breaker, bulkhead), its own span and one `Hop` in the
 * journal:
 *
 * | the tier                                    | hop outcome | reason                                                                      |
 * | ------------------------------------------- | ----------- | --------------------------------------------------------------------------- |
 * | answered                                    | `answered`  | –                                                                           |
 * | failed for good                             | `failed`    | its error's tag in kebab-case: `unavailable`, `timeout`, `invalid-answer` … |
 * | was not asked, its circuit is open          | `skipped`   | `circuit-open`                                                              |
 * | was not asked, too many calls are in flight | `skipped`   | `bulkhead-full`                                                             |
 *
 * - A tier that is not configured is no hop.
 * - Confidence is capped on the way down: 1.0 HolmesGPT and an embedder's own, 0.8 LLM, 0.5 rules.
 * - Rules are local and pure: they have no pipeline, but they are a hop.
 * - Evidence is gathered once, before the first tier that wants it and is going to be called, and outside its pipeline: a
 *   slow API server is not held against a model.
 * - At level 3 (emergency) nobody investigates: there are no hops.
 * - It never fails. A tier that dies of a defect has failed (`defect`) and the next one is asked. A chain that is
 *   exhausted gives no investigation.
 *
 * **Spans.** `investigate` → `hop <tier>` → `attempt`. A hop says where it came from and why: `kubernaut.hop.from` (the
 * tier before it, or `start`), `kubernaut.hop.to` (itself), `kubernaut.hop.reason` (what kept the tier before it from
 * answering), and how it went: `kubernaut.hop.outcome`, `kubernaut.hop.failure`, `kubernaut.hop.confidence` and
 * `circuitbreaker.state`. A call that the breaker turned away has a short `attempt` of its own.
 *
 * **Attempts and the deadline.** The 30 s of the source document ("Response timeout, >30s investigation time") are the
 * deadline of the whole hop, retries and waits included. There is no shorter limit per attempt: an investigation takes
 * most of that time, one that is cut off goes on in the server, and asking again would double the load on a server that
 * is slow already. So a retry follows only a failure that came soon (refused connection, 500), and five such attempts
 * with 0, 100, 200, 400 and 800 ms before them take 1.5 s plus their own time. Real servers need minutes (see
 * `Options.deadline`).
 *
 * **Retry-After** is followed up to 5 s, and only up to 1 s where another model comes after this one.
 */

import { Cause, Context, Duration, Effect, Exit, Layer } from "effect"
import { type Hop, type Investigation, type InvestigatorName } from "../domain/Investigation.ts"
import type { CircuitBreaker } from "../resilience/breaker/CircuitBreaker.ts"
import { type EventHub, make as makeEventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import type { Bulkhead } from "../resilience/pipeline/Bulkhead.ts"
import {
  type Classification,
  make as makePipeline,
  type Options as PipelineOptions,
  type Pipeline,
  type PipelineError
} from "../resilience/pipeline/Pipeline.ts"
import type { Gather } from "./evidence/EvidenceGatherer.ts"
import { type InvestigationRequest, type Investigator, type InvestigatorError } from "./Investigator.ts"

/**
 * The chain went on from one tier to the next. Metrics count these as `kubernaut_fallback_activations_total{from,to}`.
 */
export interface FallbackEvent {
  readonly from: InvestigatorName
  readonly fromProvider?: string
  readonly to: InvestigatorName
  readonly toProvider?: string
  /** Why `from` gave no answer. */
  readonly reason: string
}

/** One tier, for status pages and for whoever watches its breaker. */
export interface Tier {
  readonly name: InvestigatorName
  readonly provider?: string
  /** The name of its pipeline and breaker: see `serviceName`. */
  readonly service: string
  /** Absent for rules. */
  readonly circuitBreaker?: CircuitBreaker
  /** Absent for rules. */
  readonly bulkhead?: Bulkhead
  readonly probe?: NonNullable<Investigator["probe"]>
}

export interface ChainResult {
  readonly hops: ReadonlyArray<Hop>
  /** Absent when every tier failed. */
  readonly investigation?: Investigation
}

export interface Options {
  /** In the order in which they are asked. */
  readonly investigators: ReadonlyArray<Investigator>
  /**
   * For each hop, retries included. Default 30 s. By tier where they differ: real HolmesGPT servers take 25–82 s at the
   * median.
   */
  readonly deadline?: Duration.Input | ((investigator: Investigator) => Duration.Input)
  /** Settings of single tiers' pipelines, over the chain's own. */
  readonly pipeline?: (investigator: Investigator) => PipelineOptions
  /** How evidence is got from the cluster; absent: models see the alert and the state alone. */
  readonly evidence?: Gather
}

/** Caps by tier, from the source document's "continue with reduced confidence". */
export const confidenceCap = (name: InvestigatorName): number =>
  ({ holmesgpt: 1, custom: 1, llm: 0.8, rules: 0.5 })[name]

/** The name of a tier's pipeline, breaker and metrics: `holmesgpt`, `llm:<provider>`, `rules`, `custom`. */
export const serviceName = (tier: { readonly name: InvestigatorName; readonly provider?: string }): string =>
  tier.provider === undefined ? tier.name : `${tier.name}:${tier.provider}`

const kebab = (tag: string): string => tag.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()

/** The reason of a hop that did not answer, and whether its peer was asked at all. */
export const failureOf = (
  cause: Cause.Cause<InvestigatorError | PipelineError>
): Pick<Hop, "outcome"> & { readonly reason: string } => {
  const error = cause.reasons.find(Cause.isFailReason)?.error
  if (error === undefined) return { outcome: "failed", reason: "defect" }
  switch (error.reason._tag) {
    case "CircuitOpen":
    case "BulkheadFull":
      return { outcome: "skipped", reason: kebab(error.reason._tag) }
    case "AttemptTimeout":
    case "DeadlineExceeded":
      return { outcome: "failed", reason: "timeout" }
    default:
      return { outcome: "failed", reason: kebab(error.reason._tag) }
  }
}

/** How the pipeline takes an investigator's error: the error itself says it. */
export const classify = (error: InvestigatorError): Classification => ({
  retry: error.retryable,
  breaker: error.countsAsFailure ? "failure" : "ignored",
  ...("retryAfterMs" in error.reason && error.reason.retryAfterMs !== undefined
    ? { retryAfter: Duration.millis(error.reason.retryAfterMs) }
    : undefined)
})

interface Step {
  readonly investigator: Investigator
  readonly service: string
  readonly pipeline: Pipeline | undefined
}

interface Counted {
  readonly exit: Exit.Exit<Investigation, InvestigatorError | PipelineError>
  readonly attempts: number
  readonly durationMs: number
}

/** The longest `Retry-After` that is followed, by whether another model comes after. */
const retryAfterCap = (hasNextModel: boolean): Duration.Duration => Duration.seconds(hasNextModel ? 1 : 5)

const makeSteps = (options: Options): Effect.Effect<ReadonlyArray<Step>> =>
  Effect.forEach(options.investigators, (investigator, index) =>
    Effect.gen(function* () {
      const service = serviceName(investigator)
      if (investigator.name === "rules") return { investigator, service, pipeline: undefined }
      const hasNextModel = options.investigators.slice(index + 1).some((next) => next.name !== "rules")
      const deadline =
        (typeof options.deadline === "function" ? options.deadline(investigator) : options.deadline) ?? "30 seconds"
      const own = options.pipeline?.(investigator) ?? {}
      const pipeline = yield* makePipeline(service, {
        deadline,
        attemptTimeout: false,
        ...own,
        retry: own.retry === false ? false : { retryAfterCap: retryAfterCap(hasNextModel), ...own.retry },
        // A probe by traffic may take as long as the deadline, and must not lose its place before.
        circuitBreaker: own.circuitBreaker ?? {
          probeLease: Duration.max(Duration.fromInputUnsafe(deadline), Duration.minutes(1))
        }
      })
      return { investigator, service, pipeline }
    })
  )

// Rules and embedders' local code: no pipeline, one attempt.
const executeLocally = (investigator: Investigator, request: InvestigationRequest): Effect.Effect<Counted> =>
  Effect.gen(function* () {
    const startMs = yield* Monotonic.nowMs
    const exit = yield* Effect.exit(
      Effect.withSpan(investigator.investigate(request), "attempt", { attributes: { "retry.attempt": 1 } })
    )
    return { exit, attempts: 1, durationMs: (yield* Monotonic.nowMs) - startMs }
  })

const capped = (investigation: Investigation, investigator: Investigator): Investigation => ({
  ...investigation,
  investigator: investigator.name,
  ...(investigator.provider === undefined ? {} : { provider: investigator.provider }),
  confidence: Math.min(investigation.confidence, confidenceCap(investigator.name))
})

const hopOf = ({ investigator }: Step, counted: Counted): Hop => ({
  investigator: investigator.name,
  ...(investigator.provider === undefined ? {} : { provider: investigator.provider }),
  ...(Exit.isSuccess(counted.exit) ? { outcome: "answered" } : failureOf(counted.exit.cause)),
  attempts: counted.attempts,
  durationMs: counted.durationMs
})

const breakerState = (step: Step): Record<string, string> =>
  step.pipeline?.circuitBreaker === undefined
    ? {}
    : { "circuitbreaker.state": kebab(step.pipeline.circuitBreaker.tagUnsafe).replace("-", "_") }

const runHop = (step: Step, request: InvestigationRequest, previous: Hop | undefined): Effect.Effect<Counted> =>
  Effect.gen(function* () {
    const { investigator, pipeline } = step
    const counted: Counted =
      pipeline === undefined
        ? yield* executeLocally(investigator, request)
        : yield* pipeline.executeCounted(investigator.investigate(request), classify)
    const hop = hopOf(step, counted)
    yield* Effect.annotateCurrentSpan({
      "kubernaut.hop.outcome": hop.outcome,
      ...(hop.reason === undefined ? {} : { "kubernaut.hop.failure": hop.reason }),
      ...(Exit.isSuccess(counted.exit)
        ? { "kubernaut.hop.confidence": capped(counted.exit.value, investigator).confidence }
        : {}),
      ...breakerState(step)
    })
    return counted
  }).pipe(
    Effect.withSpan(`hop ${step.investigator.name}`, {
      attributes: {
        "kubernaut.hop.to": step.investigator.name,
        ...(step.investigator.provider === undefined ? {} : { "kubernaut.hop.provider": step.investigator.provider }),
        "kubernaut.hop.from": previous?.investigator ?? "start",
        ...(previous?.reason === undefined ? {} : { "kubernaut.hop.reason": previous.reason }),
        ...breakerState(step)
      }
    })
  )

const logFailure = (request: InvestigationRequest, hop: Hop, counted: Counted): Effect.Effect<void> => {
  const error = Exit.isFailure(counted.exit) ? counted.exit.cause.reasons.find(Cause.isFailReason)?.error : undefined
  const defect = hop.reason === "defect" && Exit.isFailure(counted.exit) ? [counted.exit.cause] : []
  return Effect.logWarning(hop.outcome === "skipped" ? "Investigator skipped" : "Investigation failed", ...defect).pipe(
    Effect.annotateLogs({
      remediation: request.remediationId,
      alert: request.alert.name,
      investigator: hop.investigator,
      ...(hop.provider === undefined ? {} : { provider: hop.provider }),
      reason: hop.reason,
      attempts: hop.attempts,
      durationMs: hop.durationMs,
      ...(error?.reason._tag === "InvalidAnswer" ? { problem: error.reason.problem } : {}),
      ...(error?.reason._tag === "Unavailable" && error.reason.status !== undefined
        ? { status: error.reason.status }
        : {})
    })
  )
}

/** An interruption from outside ends the whole chain; one that a tier did to itself is that tier's failure. */
const investigateWith = (steps: ReadonlyArray<Step>, options: Options, fallbacks: EventHub<FallbackEvent>) =>
  Effect.fn("investigate")(function* (given: InvestigationRequest) {
    let request = given
    const hops: Array<Hop> = []
    yield* Effect.annotateCurrentSpan({ "kubernaut.level": given.level, "kubernaut.alert": given.alert.name })
    if (given.level === 3) return { hops } satisfies ChainResult
    for (const step of steps) {
      const previous = hops.at(-1)
      if (previous !== undefined) fallbacks.publish(fallback(previous, step.investigator))
      if (options.evidence !== undefined && request.evidence === undefined && (yield* wantsEvidence(step))) {
        request = { ...request, evidence: yield* options.evidence(request) }
      }
      const counted = yield* runHop(step, request, previous)
      const hop = hopOf(step, counted)
      hops.push(hop)
      if (Exit.isSuccess(counted.exit))
        return { hops, investigation: capped(counted.exit.value, step.investigator) } satisfies ChainResult
      yield* logFailure(request, hop, counted)
    }
    return { hops } satisfies ChainResult
  })

const wantsEvidence = ({ investigator, pipeline }: Step): Effect.Effect<boolean> =>
  Effect.map(
    Monotonic.nowMs,
    (nowMs) => investigator.needsEvidence === true && pipeline?.circuitBreaker?.wouldRejectUnsafe(nowMs) !== true
  )

const fallback = (from: Hop, to: Investigator): FallbackEvent => ({
  from: from.investigator,
  ...(from.provider === undefined ? {} : { fromProvider: from.provider }),
  to: to.name,
  ...(to.provider === undefined ? {} : { toProvider: to.provider }),
  reason: from.reason ?? from.outcome
})

export class InvestigationChain extends Context.Service<
  InvestigationChain,
  {
    readonly investigate: (request: InvestigationRequest) => Effect.Effect<ChainResult>
    /** The configured tiers in order. */
    readonly tiers: ReadonlyArray<Tier>
    /** Every step down the chain. */
    readonly fallbacks: EventHub<FallbackEvent>
  }
>()("kubernaut/investigation/InvestigationChain") {}

/** Makes a chain. Two tiers of the same `serviceName` are a defect: their breakers could not be told apart. */
export const make = (options: Options): Effect.Effect<InvestigationChain["Service"]> =>
  Effect.gen(function* () {
    const names = options.investigators.map(serviceName)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice !== undefined)
      return yield* Effect.die(
        new RangeError(`InvestigationChain: two investigators are called ${twice}; give one another provider name`)
      )
    const steps = yield* makeSteps(options)
    const fallbacks = makeEventHub<FallbackEvent>()
    return {
      investigate: investigateWith(steps, options, fallbacks),
      fallbacks,
      tiers: steps.map(({ investigator, pipeline, service }) => ({
        name: investigator.name,
        ...(investigator.provider === undefined ? {} : { provider: investigator.provider }),
        service,
        ...(pipeline?.circuitBreaker === undefined ? {} : { circuitBreaker: pipeline.circuitBreaker }),
        ...(pipeline?.bulkhead === undefined ? {} : { bulkhead: pipeline.bulkhead }),
        ...(investigator.probe === undefined ? {} : { probe: investigator.probe })
      }))
    }
  })

/** `make` as a layer. */
export const layer = (options: Options): Layer.Layer<InvestigationChain> =>
  Layer.effect(InvestigationChain, make(options))
