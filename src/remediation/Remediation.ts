/**
 * What happens to one alert, from acceptance to its end, on one page.
 *
 * | step        | does                                                                                                        | journals (durable before the next step begins)                               |
 * | ----------- | ----------------------------------------------------------------------------------------------------------- | ---------------------------------------------------------------------------- |
 * | *(intake)*  | accepts the webhook                                                                                         | `Accepted`, before the 202                                                   |
 * | Retarget    | reads the root owner of the target                                                                          | `Retargeted`; `Joined` where the owner already has an open remediation       |
 * | Investigate | asks HolmesGPT, then LLMs, then the rules                                                                   | `Investigated`: every hop, and the answer                                    |
 * | Decide      | applies level, guardrails, history and mode; plans an action with its inverse and runs it dry on the server | `Decided`, and with it `Intended`, **before** the first write to the cluster |
 * | AwaitReview | nothing: no fiber waits, the answer begins a new activation                                                 | *(operator)* `Reviewed`                                                      |
 * | Execute     | checks the fence, writes                                                                                    | `Executed`: applied yes, no or unknown                                       |
 * | Verify      | watches the workload settle                                                                                 | `Verified`: fixed, not fixed or unknown                                      |
 * | Conclude    |                                                                                                             | `Concluded` with a final state, in the commit of the event that leads to it  |
 *
 * **After a crash** a new activation claims the target (which fences the old one), replays the journal and asks
 * `nextStep` again. A step whose event is missing is done again: reading and investigating change nothing, a plan has
 * the same execution id as before, and `Execute` reads the cluster back before it writes, because the write may have
 * happened. So no step is journaled twice and no action is done twice.
 */

import { Clock, Duration, Effect, type Latch, Option, Semaphore, Tracer } from "effect"
import { decide } from "../decision/Decider.ts"
import type { GuardrailSettings } from "../decision/GuardrailSettings.ts"
import type { Decision } from "../domain/Decision.ts"
import type { Intent } from "../domain/Execution.ts"
import type { Mode } from "../domain/Mode.ts"
import type { Remediation, RemediationEvent } from "../domain/Remediation.ts"
import { evolve, isFinal } from "../domain/Remediation.ts"
import { displayName, resourceRef, targetKey } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { Executor } from "../execution/Executor.ts"
import { classify } from "../execution/FailureClassifier.ts"
import { Degradation } from "../health/Degradation.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { OwnerResolver } from "../kubernetes/OwnerResolver.ts"
import { readWorkload } from "../kubernetes/WorkloadReader.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import { type Begin, type Claim, type Fenced, RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { FiringAlerts } from "../verification/FiringAlerts.ts"
import { Verifier } from "../verification/Verifier.ts"
import { type NextStep, nextStep } from "./NextStep.ts"
import { type RemediationChange, RemediationEvents } from "./RemediationEvents.ts"

export interface RemediationOptions {
  /**
   * `observe` only says what it would do, `approve` asks before every action, `auto` acts where the guardrails allow
   * it.
   */
  readonly mode: Mode
  readonly guardrails: GuardrailSettings
}

type Decided = Extract<RemediationEvent, { _tag: "Decided" }>

/**
 * Whether what is intended may be written in this mode. It may have been intended in another one, by a process that was
 * stopped so that it would not be written.
 */
const mayWrite = (mode: Mode, { review }: Remediation): boolean =>
  mode === "auto" || (mode === "approve" && review?.answer === "approved")

/** The work of one activation on one remediation. */
export interface Activation {
  /**
   * `Started`, for the commit of the claim; nothing for what waits for a person: every sweep comes by it, perhaps for
   * days.
   */
  readonly begin: Begin
  readonly hasBegun: () => boolean
  /**
   * Goes on from what has begun as far as it goes: to its end, to a question for a person, or to another target's
   * actor. `wake` opens whenever somebody else journaled something about the target (an alert resolved).
   */
  readonly run: (
    claim: Claim,
    self: Remediation,
    wake: Latch.Latch
  ) => Effect.Effect<Remediation, StorageError | Fenced>
}

export const make = Effect.fnUntraced(function* (options: RemediationOptions) {
  const store = yield* RemediationStore
  const history = yield* ActionHistory
  const events = yield* RemediationEvents
  const chain = yield* InvestigationChain
  const degradation = yield* Degradation
  const kubernetes = yield* KubernetesClient
  const owners = yield* OwnerResolver
  const executor = yield* Executor
  const verifier = yield* Verifier
  const firing = yield* FiringAlerts

  /** Appends the events, and with them, in the same commit, the conclusion that they lead to. */
  const journal = Effect.fnUntraced(function* (
    claim: Claim,
    self: Remediation,
    added: ReadonlyArray<RemediationEvent>
  ) {
    const at = yield* Timestamp.now
    const stages: Array<RemediationChange> = []
    let stage = self
    for (const event of added) stages.push({ event: event._tag, remediation: (stage = evolve(stage, event, at)) })
    const step = nextStep(stage)
    const conclusion: ReadonlyArray<RemediationEvent> =
      step._tag === "Conclude" ? [{ _tag: "Concluded", state: step.state, reason: step.reason }] : []
    const next = yield* store.append(claim, self, [...added, ...conclusion], at)
    stages.forEach(events.publish)
    if (conclusion.length > 0) events.publish({ event: "Concluded", remediation: next })
    return next
  })

  /**
   * `null` where the cluster does not answer, or where the alert names no object: nothing is acted on then, but the
   * alert is still investigated.
   */
  const observe = (self: Remediation): Effect.Effect<WorkloadState | null> =>
    self.target.kind === "Alert"
      ? Effect.succeed(null)
      : readWorkload(resourceRef(self.target)).pipe(
          Effect.provideService(KubernetesClient, kubernetes),
          Effect.catch((error) =>
            Effect.as(Effect.logWarning("Target could not be read", { reason: error.reason._tag }), null)
          )
        )

  const retarget = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    const owner = yield* owners
      .resolve(resourceRef(self.target))
      .pipe(
        Effect.catch((error) =>
          Effect.as(
            Effect.logWarning("Root owner could not be read", { reason: error.reason._tag }),
            resourceRef(self.target)
          )
        )
      )
    const next = yield* store.retarget(claim, self, { cluster: self.target.cluster, ...owner }, yield* Timestamp.now)
    events.publish({ event: isFinal(next.state) ? "Joined" : "Retargeted", remediation: next })
    return next
  })

  const investigate = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    const { level } = yield* degradation.current
    const { hops, investigation } = yield* chain.investigate({
      remediationId: self.id,
      alert: self.alert,
      target: self.target,
      related: yield* store.joinedAlerts(self.id, 20),
      observed: yield* observe(self),
      level
    })
    return yield* journal(claim, self, [
      { _tag: "Investigated", level, hops, ...(investigation === undefined ? {} : { investigation }) }
    ])
  })

  /** The investigation, or the remediation as it is when its alert resolves first. */
  const investigateUnlessResolved = (claim: Claim, self: Remediation, wake: Latch.Latch) =>
    Effect.raceFirst(
      investigate(claim, self),
      Effect.gen(function* () {
        while (true) {
          yield* wake.await
          yield* wake.close
          const now = yield* store.get(self.id)
          if (Option.isSome(now) && now.value.alertResolvedAt !== undefined) return now.value
        }
      })
    )

  // An action counts from its decision on and not only from its commit, and decisions are taken one at a time: else all
  // targets of a storm would find the same free places in the window.
  const oneAtATime = yield* Semaphore.make(1)
  let begun = 0
  const window = options.guardrails.actionsPerWindow
  const windowStart = (nowMs: number) => Timestamp.fromMillis(nowMs - Duration.toMillis(window.window))

  const decided = Effect.fn("decide")(function* (self: Remediation) {
    const nowMs = yield* Clock.currentTimeMillis
    const { level } = yield* degradation.current
    const observed = yield* observe(self)
    const decision = yield* oneAtATime.withPermit(
      Effect.gen(function* () {
        const chosen = decide({
          alert: self.alert,
          target: self.target,
          investigation: self.investigation,
          level,
          mode: options.mode,
          observed,
          history: yield* history.ofTarget(targetKey(self.target), 20),
          actionsInWindow: begun + (yield* history.countSince(self.target.cluster, windowStart(nowMs), window.limit)),
          guardrails: options.guardrails,
          ...(self.review === undefined ? {} : { review: self.review }),
          emergencyStop: false,
          nowMs
        })
        if (chosen.outcome === "execute") begun++
        return chosen
      })
    )
    yield* Effect.annotateCurrentSpan({
      "kubernaut.decision.outcome": decision.outcome,
      "kubernaut.action.type": decision.action.type,
      "kubernaut.level": level
    })
    return { _tag: "Decided", level, decision: answered(self, decision), observed } satisfies RemediationEvent
  })

  /** The intent, or what becomes of the decision where there can be none. */
  const planned = Effect.fn("plan")(function* (
    claim: Claim,
    self: Remediation,
    { decision, level, observed }: Decided
  ) {
    const result = yield* executor
      .plan({
        action: decision.action,
        target: self.target,
        remediationId: self.id,
        // The same before and after a crash, so that what was written under it is found again.
        executionId: `${self.id}-${self.executions.length + 1}`,
        epoch: claim.epoch,
        approved: self.review?.answer === "approved",
        // An approval is about the target as it was when the question was put, however long ago.
        decidedOn: self.review === undefined ? observed : (self.observed ?? null),
        baseline: observed
      })
      .pipe(Effect.result)
    if (result._tag === "Success") return { _tag: "Intended", intent: result.success } satisfies RemediationEvent
    const refusal = result.failure
    return {
      _tag: "Decided",
      level,
      decision: answered(self, {
        ...decision,
        outcome: refusal._tag === "PlanRefused" && refusal.approvable ? "review" : "escalate",
        reasons: [
          refusal._tag === "PlanRefused"
            ? { rule: refusal.rule, message: refusal.message }
            : { rule: "plan-failed", message: classify(refusal).message }
        ]
      }),
      observed
    } satisfies RemediationEvent
  })

  /**
   * Decides, and plans what is to be carried out: the intent is durable together with the decision, and both before the
   * first write.
   */
  const decideAndPlan = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    const decision = yield* decided(self)
    if (decision.decision.outcome !== "execute") return yield* journal(claim, self, [decision])
    return yield* Effect.flatMap(planned(claim, self, decision), (plan) =>
      journal(claim, self, plan._tag === "Intended" ? [decision, plan] : [plan])
    ).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          begun--
        })
      )
    )
  })

  const execute = Effect.fn("execute")(function* (claim: Claim, self: Remediation, intent: Intent, resumed: boolean) {
    yield* Effect.annotateCurrentSpan({
      "kubernaut.action.type": intent.action.type,
      "kubernaut.execution.id": intent.executionId
    })
    const outcome = yield* executor.execute(intent, {
      holds: store.holds(claim),
      resumed,
      mayWrite: mayWrite(options.mode, self)
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.execution.applied": outcome.applied })
    return yield* journal(claim, self, [{ _tag: "Executed", outcome }])
  })

  const verify = Effect.fn("verify")(function* (claim: Claim, self: Remediation, intent: Intent) {
    const verification = yield* verifier.verify({
      intent,
      alert: self.alert,
      target: self.target,
      stillFiring: firing.stillFiring(self.alert),
      alertResolved: Effect.map(
        store.get(self.id),
        (now) => Option.isSome(now) && now.value.alertResolvedAt !== undefined
      )
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.verification.verdict": verification.verdict })
    return yield* journal(claim, self, [{ _tag: "Verified", verification }])
  })

  const perform = (
    step: Exclude<NextStep, { _tag: "Done" | "AwaitReview" }>,
    claim: Claim,
    self: Remediation,
    wake: Latch.Latch,
    /** How many intents were durable when this activation began. */
    inherited: number
  ): Effect.Effect<Remediation, StorageError | Fenced> => {
    switch (step._tag) {
      case "Retarget":
        return retarget(claim, self)
      case "Investigate":
        return investigateUnlessResolved(claim, self, wake)
      case "Decide":
        return decideAndPlan(claim, self)
      case "Execute":
        return execute(claim, self, step.intent, self.executions.length <= inherited)
      case "Verify":
        return verify(claim, self, step.intent)
      case "Conclude":
        return journal(claim, self, [])
    }
  }

  const drive = Effect.fnUntraced(function* (claim: Claim, self: Remediation, wake: Latch.Latch) {
    let current = self
    while (targetKey(current.target) === claim.target) {
      const step = nextStep(current)
      if (step._tag === "Done" || step._tag === "AwaitReview") break
      current = yield* perform(step, claim, current, wake, self.executions.length)
    }
    yield* Effect.annotateCurrentSpan({ "kubernaut.remediation.state": current.state })
    yield* Effect.logInfo(
      isFinal(current.state)
        ? "Remediation ended"
        : current.state === "AwaitingReview"
          ? "Remediation waits for a person"
          : "Remediation moves to its root owner",
      {
        state: current.state,
        ...(current.conclusion === undefined ? {} : { reason: current.conclusion })
      }
    )
    return current
  })

  /**
   * The span is made within the claim's transaction, because whether it goes on in an earlier trace is known there and
   * not before.
   */
  const activation: Effect.Effect<Activation> = Effect.map(Effect.context<never>(), (context) => {
    let begun: Tracer.Span | undefined
    return {
      begin: (self, { epoch }) => {
        if (nextStep(self)._tag === "AwaitReview") return []
        const span = Effect.runSyncWith(context)(
          Effect.makeSpan("remediation", { ...spanOf(self), attributes: attributesOf(self) })
        )
        begun = span
        return [{ _tag: "Started", traceId: span.traceId, spanId: self.spanId ?? span.spanId, epoch }]
      },
      hasBegun: () => begun !== undefined,
      run: (claim, self, wake) =>
        Effect.suspend(() => {
          const span = begun!
          events.publish({ event: "Started", remediation: self })
          return drive(claim, self, wake).pipe(
            Effect.withParentSpan(span),
            Effect.onExit((exit) =>
              Effect.clockWith((clock) => Effect.sync(() => span.end(clock.currentTimeNanosUnsafe(), exit)))
            )
          )
        }).pipe(Effect.annotateLogs({ remediation: self.id, alert: self.alert.name, target: displayName(self.target) }))
    }
  })

  return { activation }
})

/** An activation after a crash or an answer goes on in the trace that the first one began. */
const spanOf = (self: Remediation): Tracer.SpanOptionsNoTrace =>
  self.traceId === undefined || self.spanId === undefined
    ? { root: true }
    : { parent: Tracer.externalSpan({ traceId: self.traceId, spanId: self.spanId }) }

const attributesOf = (self: Remediation): Record<string, unknown> => ({
  "kubernaut.remediation.id": self.id,
  "kubernaut.alert.name": self.alert.name,
  "kubernaut.alert.severity": self.alert.severity,
  "kubernaut.target": targetKey(self.target)
})

/** A question that was answered is not asked again: what still stands against an approved action stops it. */
const answered = (self: Remediation, decision: Decision): Decision =>
  self.review !== undefined && decision.outcome === "review" ? { ...decision, outcome: "escalate" } : decision
