/** Runs one hop: calls a tier in its span, and logs why it returned no investigation. */

import { Deferred, Effect, Exit, Predicate, Schema } from "effect"
import { type Hop, Investigation } from "../../domain/Investigation.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import {
  type InvestigationRequest,
  type Investigator,
  InvestigatorError,
  InvestigatorErrorReason,
  serviceName
} from "../Investigator.ts"
import { isServed } from "./Account.ts"
import {
  callOutcomeOf,
  capped,
  classify,
  confidenceCap,
  errorOf,
  hopOf,
  kebabCase,
  ofAttemptBefore,
  skippedHop,
  type TierResult
} from "./HopOutcome.ts"
import { isUnreachable } from "./SharedFate.ts"
import type { TierPipeline } from "./TierPipeline.ts"
import { type Worth, worthOf } from "./UselessRun.ts"

export interface HopResult {
  readonly hop: Hop
  /** Absent when the tier failed or was skipped. */
  readonly investigation?: Investigation
  /** Nothing of its server could be reached. */
  readonly isUnreachable: boolean
  /** It shows that the account is served. */
  readonly isServed: boolean
  /** What it shows about the use of the tier. */
  readonly worth: Worth
}

/** The tier that was asked before, and why it returned no investigation. */
export type Previous = Pick<Hop, "investigator" | "reason">

/** What the chain does with a hop while it runs. */
export interface Turn {
  /** Ends it with this error, whether it works, waits for a permit or for its next attempt. */
  readonly end: Deferred.Deferred<never, InvestigatorError>
  /** What has become of its hedge by now. */
  readonly hedge: () => Hop["hedge"]
  /** Called when an attempt begins. */
  readonly onBegin?: () => void
}

const isInvestigation = Schema.is(Investigation)
const isReason = Schema.is(InvestigatorErrorReason)

/** An embedder's investigator may fail with anything. What does not say what it means is a defect. */
const isTyped = (error: unknown): error is InvestigatorError =>
  typeof error === "object" && error !== null && "reason" in error && isReason(error.reason)

/**
 * An answer that does not match its schema is no answer: the journal could not keep it, or nobody could read it. The
 * investigator is called within the attempt, so that one that throws has failed like one that dies.
 */
const investigate = (investigator: Investigator, request: InvestigationRequest) =>
  Effect.suspend(() => investigator.investigate(request)).pipe(
    Effect.catchIf(Predicate.not(isTyped), Effect.die),
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
const callDirectly = (attempt: Effect.Effect<Investigation, InvestigatorError>): Effect.Effect<TierResult> =>
  Effect.gen(function* () {
    const startMs = yield* Monotonic.nowMs
    const exit = yield* Effect.exit(Effect.withSpan(attempt, "attempt", { attributes: { "retry.attempt": 1 } }))
    return { exit, attempts: 1, durationMs: (yield* Monotonic.nowMs) - startMs }
  })

const call = (
  { hasNextModel, pipeline }: TierPipeline,
  attempt: Effect.Effect<Investigation, InvestigatorError>,
  most: number
): Effect.Effect<TierResult> =>
  pipeline === undefined ? callDirectly(attempt) : pipeline.executeCounted(attempt, classify(hasNextModel, most))

/** Calls a tier that may be ended. An attempt fails then; between attempts there is none, so the call itself ends. */
const endable = (
  tier: TierPipeline,
  attempt: Effect.Effect<Investigation, InvestigatorError>,
  most: number,
  { end, onBegin = () => {} }: Turn
): Effect.Effect<TierResult> =>
  Effect.flatMap(Monotonic.nowMs, (startMs) => {
    let attempts = 0
    let isAtWork = false
    const each = Effect.suspend(() => {
      attempts++
      isAtWork = true
      onBegin()
      // The end comes first: after it no attempt is begun.
      return Effect.raceFirst(Deferred.await(end), attempt)
    }).pipe(
      Effect.onExit(() =>
        Effect.sync(() => {
          // One that was ended is reported by its own way.
          if (!Deferred.isDoneUnsafe(end)) isAtWork = false
        })
      )
    )
    const between = Effect.flatMap(Effect.exit(Deferred.await(end)), (exit) =>
      isAtWork
        ? Effect.never
        : Effect.map(Monotonic.nowMs, (nowMs): TierResult => ({ exit, attempts, durationMs: nowMs - startMs }))
    )
    return Effect.raceFirst(call(tier, each, most), between)
  })

const breakerState = ({ pipeline }: TierPipeline, attribute: string): Readonly<Record<string, string>> =>
  pipeline?.circuitBreaker === undefined
    ? {}
    : { [attribute]: kebabCase(pipeline.circuitBreaker.tagUnsafe).replace("-", "_") }

/** Why the tier is asked, in which state it is, and what an answer of it may claim. */
const attributesAtStart = (tier: TierPipeline, previous: Previous | undefined): Readonly<Record<string, unknown>> => {
  const { name, provider } = tier.investigator
  return {
    "kubernaut.hop.to": name,
    ...(provider === undefined ? {} : { "kubernaut.hop.provider": provider }),
    "kubernaut.hop.from": previous?.investigator ?? "start",
    ...(previous?.reason === undefined ? {} : { "kubernaut.hop.reason": previous.reason }),
    "kubernaut.hop.confidence_cap": confidenceCap[name],
    ...breakerState(tier, "circuitbreaker.state")
  }
}

const logFailure = (request: InvestigationRequest, hop: Hop, result: TierResult): Effect.Effect<void> => {
  const reason = errorOf(result)?.reason
  const defect = hop.reason === "defect" && Exit.isFailure(result.exit) ? [result.exit.cause] : []
  const told =
    reason?._tag === "Overtaken"
      ? Effect.logInfo("Investigation is not needed any more, because another one has answered")
      : Effect.logWarning(hop.outcome === "skipped" ? "Investigator skipped" : "Investigation failed", ...defect)
  return told.pipe(
    Effect.annotateLogs({
      remediation: request.remediationId,
      alert: request.alert.name,
      investigator: hop.investigator,
      ...(hop.provider === undefined ? {} : { provider: hop.provider }),
      reason: hop.reason,
      ...(hop.detail === undefined ? {} : { detail: hop.detail }),
      attempts: hop.attempts,
      durationMs: hop.durationMs,
      ...(reason?._tag === "InvalidAnswer" ? { problem: reason.problem } : {}),
      ...(reason?._tag === "Unavailable" && reason.status !== undefined ? { status: reason.status } : {})
    })
  )
}

/**
 * Runs one hop. It fails only when it is interrupted from outside. `previous`: the hop before it. `most`: the attempts
 * that it has. Default: all. `turn`: of a hop that may be ended.
 */
export const runHop = (
  tier: TierPipeline,
  request: InvestigationRequest,
  previous: Previous | undefined,
  most: number = Number.POSITIVE_INFINITY,
  turn?: Turn
): Effect.Effect<HopResult> => {
  const { investigator } = tier
  const spanned = Effect.gen(function* () {
    let first: string | undefined
    let before: InvestigatorError | undefined
    const attempt = Effect.tapError(investigate(investigator, request), (error) =>
      Effect.sync(() => {
        first ??= kebabCase(error.reason._tag)
        if (error.reason._tag !== "OverBudget") before = error
      })
    )
    const called = yield* turn === undefined ? call(tier, attempt, most) : endable(tier, attempt, most, turn)
    const result = ofAttemptBefore(called, before)
    if (tier.ramp !== undefined) yield* tier.ramp.record(callOutcomeOf(result))
    const hedge = turn?.hedge()
    const hop: Hop = { ...hopOf(investigator, result), ...(hedge === undefined ? {} : { hedge }) }
    const investigation = Exit.isSuccess(result.exit) ? capped(result.exit.value, investigator) : undefined
    yield* Effect.annotateCurrentSpan({
      "kubernaut.hop.outcome": hop.outcome,
      ...(hop.reason === undefined ? {} : { "kubernaut.hop.failure": hop.reason }),
      ...(first === undefined || first === hop.reason ? {} : { "kubernaut.hop.failure.first": first }),
      ...(hop.detail === undefined ? {} : { "kubernaut.hop.detail": hop.detail }),
      ...(hedge === undefined ? {} : { "kubernaut.hop.hedge": hedge }),
      "kubernaut.hop.attempts": hop.attempts,
      ...(investigation === undefined ? {} : { "kubernaut.hop.confidence": investigation.confidence }),
      ...breakerState(tier, "kubernaut.hop.breaker_after")
    })
    return { result, hop, investigation }
  }).pipe(Effect.withSpan(`hop ${investigator.name}`, { attributes: attributesAtStart(tier, previous) }))
  return Effect.flatMap(spanned, ({ hop, investigation, result }) => {
    if (investigation !== undefined)
      return Effect.succeed({ hop, investigation, isUnreachable: false, isServed: true, worth: "usable" })
    const error = errorOf(result)
    return Effect.as(logFailure(request, hop, result), {
      hop,
      isUnreachable: error !== undefined && isUnreachable(error.reason),
      isServed: error !== undefined && "countsAsFailure" in error && isServed(error),
      worth: worthOf(investigator.name, error)
    })
  })
}

/** The hop of a tier that is not called. It has a span, so that the trace shows it. See `skippedHop`. */
export const skipHop = (tier: TierPipeline, previous: Previous | undefined, reason: string): Effect.Effect<Hop> =>
  Effect.succeed(skippedHop(tier.investigator, reason)).pipe(
    Effect.withSpan(`hop ${tier.investigator.name}`, {
      attributes: {
        ...attributesAtStart(tier, previous),
        "kubernaut.hop.outcome": "skipped",
        "kubernaut.hop.failure": reason
      }
    })
  )
