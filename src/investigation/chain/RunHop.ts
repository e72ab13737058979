/** Runs one hop: calls a tier in its span, and logs why it returned no investigation. */

import { Effect, Exit, Schema } from "effect"
import { type Hop, Investigation } from "../../domain/Investigation.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { type InvestigationRequest, type Investigator, InvestigatorError, serviceName } from "../Investigator.ts"
import { capped, classify, errorOf, hopOf, kebabCase, type TierResult } from "./HopOutcome.ts"
import type { TierPipeline } from "./TierPipeline.ts"

export interface HopResult {
  readonly hop: Hop
  /** Absent when the tier failed or was skipped. */
  readonly investigation?: Investigation
}

const isInvestigation = Schema.is(Investigation)

/** An answer that does not match its schema is no answer: the journal could not keep it, or nobody could read it. */
const investigate = (investigator: Investigator, request: InvestigationRequest) =>
  investigator.investigate(request).pipe(
    Effect.filterOrFail(
      (answer) => isInvestigation(capped(answer, investigator)),
      () =>
        new InvestigatorError({
          investigator: serviceName(investigator),
          reason: { _tag: "InvalidAnswer", problem: "the investigation does not match its schema" },
          retryable: false,
          countsAsFailure: true
        })
    )
  )

/** Without a pipeline there is one attempt. */
const callDirectly = (investigator: Investigator, request: InvestigationRequest): Effect.Effect<TierResult> =>
  Effect.gen(function* () {
    const startMs = yield* Monotonic.nowMs
    const exit = yield* Effect.exit(
      Effect.withSpan(investigate(investigator, request), "attempt", { attributes: { "retry.attempt": 1 } })
    )
    return { exit, attempts: 1, durationMs: (yield* Monotonic.nowMs) - startMs }
  })

const call = ({ investigator, pipeline }: TierPipeline, request: InvestigationRequest): Effect.Effect<TierResult> =>
  pipeline === undefined
    ? callDirectly(investigator, request)
    : pipeline.executeCounted(investigate(investigator, request), classify)

const breakerState = ({ pipeline }: TierPipeline): Record<string, string> =>
  pipeline?.circuitBreaker === undefined
    ? {}
    : { "circuitbreaker.state": kebabCase(pipeline.circuitBreaker.tagUnsafe).replace("-", "_") }

const logFailure = (request: InvestigationRequest, hop: Hop, result: TierResult): Effect.Effect<void> => {
  const reason = errorOf(result)?.reason
  const defect = hop.reason === "defect" && Exit.isFailure(result.exit) ? [result.exit.cause] : []
  return Effect.logWarning(hop.outcome === "skipped" ? "Investigator skipped" : "Investigation failed", ...defect).pipe(
    Effect.annotateLogs({
      remediation: request.remediationId,
      alert: request.alert.name,
      investigator: hop.investigator,
      ...(hop.provider === undefined ? {} : { provider: hop.provider }),
      reason: hop.reason,
      attempts: hop.attempts,
      durationMs: hop.durationMs,
      ...(reason?._tag === "InvalidAnswer" ? { problem: reason.problem } : {}),
      ...(reason?._tag === "Unavailable" && reason.status !== undefined ? { status: reason.status } : {})
    })
  )
}

/** Runs one hop. It fails only when it is interrupted from outside. `previous`: the hop before it. */
export const runHop = (
  tier: TierPipeline,
  request: InvestigationRequest,
  previous: Hop | undefined
): Effect.Effect<HopResult> => {
  const { investigator } = tier
  const spanned = Effect.gen(function* () {
    const result = yield* call(tier, request)
    const hop = hopOf(investigator, result)
    const investigation = Exit.isSuccess(result.exit) ? capped(result.exit.value, investigator) : undefined
    yield* Effect.annotateCurrentSpan({
      "kubernaut.hop.outcome": hop.outcome,
      ...(hop.reason === undefined ? {} : { "kubernaut.hop.failure": hop.reason }),
      ...(investigation === undefined ? {} : { "kubernaut.hop.confidence": investigation.confidence }),
      ...breakerState(tier)
    })
    return { result, hop, investigation }
  }).pipe(
    Effect.withSpan(`hop ${investigator.name}`, {
      attributes: {
        "kubernaut.hop.to": investigator.name,
        ...(investigator.provider === undefined ? {} : { "kubernaut.hop.provider": investigator.provider }),
        "kubernaut.hop.from": previous?.investigator ?? "start",
        ...(previous?.reason === undefined ? {} : { "kubernaut.hop.reason": previous.reason }),
        ...breakerState(tier)
      }
    })
  )
  return Effect.flatMap(spanned, ({ hop, investigation, result }) =>
    investigation === undefined
      ? Effect.as(logFailure(request, hop, result), { hop })
      : Effect.succeed({ hop, investigation })
  )
}
