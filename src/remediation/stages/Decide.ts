/**
 * Decides what to do about an investigated alert and, when the decision is to act, plans the action. The decision and
 * the intent are committed together, before the first write to the cluster.
 */

import { Clock, Effect } from "effect"
import { decide, monitorOnly } from "../../decision/Decider.ts"
import type { GuardrailSettings } from "../../decision/GuardrailSettings.ts"
import { isMonitorOnly } from "../../domain/Alert.ts"
import type { Decision } from "../../domain/Decision.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { Remediation, RemediationEvent } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import { Executor } from "../../execution/Executor.ts"
import { classify } from "../../execution/FailureClassifier.ts"
import { Degradation } from "../../health/Degradation.ts"
import { ActionHistory } from "../../storage/ActionHistory.ts"
import type { Claim } from "../../storage/RemediationStore.ts"
import * as ActionBudget from "../ActionBudget.ts"
import type { Journal } from "../Journal.ts"
import type { Observe } from "./Observe.ts"

export interface DecideOptions {
  readonly mode: Mode
  readonly guardrails: GuardrailSettings
}

type Decided = Extract<RemediationEvent, { _tag: "Decided" }>

/** The number of earlier actions on the target that the guardrails receive. */
const historyLength = 20

export const make = Effect.fnUntraced(function* (options: DecideOptions, journal: Journal, observe: Observe) {
  const history = yield* ActionHistory
  const degradation = yield* Degradation
  const plan = yield* makePlan
  const budget = yield* ActionBudget.make(options.guardrails.actionsPerWindow)

  const decideOn = Effect.fn("decide")(function* (self: Remediation) {
    const nowMs = yield* Clock.currentTimeMillis
    const { level } = yield* degradation.current
    const observed = yield* observe(self)
    const past = yield* history.ofTarget(targetKey(self.target), historyLength)
    const decision = yield* budget.decide(self.target.cluster, nowMs, (actionsInWindow) =>
      decide({
        alert: self.alert,
        target: self.target,
        investigation: self.investigation,
        level,
        mode: options.mode,
        observed,
        history: past,
        actionsInWindow,
        guardrails: options.guardrails,
        ...(self.review === undefined ? {} : { review: self.review }),
        emergencyStop: false,
        nowMs
      })
    )
    yield* Effect.annotateCurrentSpan({
      "kubernaut.decision.outcome": decision.outcome,
      "kubernaut.action.type": decision.action.type,
      "kubernaut.level": level
    })
    return { _tag: "Decided", level, decision: withoutSecondReview(self, decision), observed } satisfies Decided
  })

  const decideAndPlan = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    if (isMonitorOnly(self.alert.severity)) {
      const { level } = yield* degradation.current
      return yield* journal(claim, self, [{ _tag: "Decided", level, decision: monitorOnly(self), observed: null }])
    }
    const decided = yield* decideOn(self)
    if (decided.decision.outcome !== "execute") return yield* journal(claim, self, [decided])
    const planned = yield* plan(claim, self, decided)
    return yield* journal(claim, self, planned._tag === "Intended" ? [decided, planned] : [planned])
  })

  // The scope holds the budget's reservation until the commit.
  return (claim: Claim, self: Remediation) => Effect.scoped(decideAndPlan(claim, self))
})

/** Plans the action. Succeeds with the intent, or with the decision that replaces this one when planning fails. */
const makePlan = Effect.map(Executor, (executor) =>
  Effect.fn("plan")(function* (claim: Claim, self: Remediation, decided: Decided) {
    const { decision, observed } = decided
    const result = yield* executor
      .plan({
        action: decision.action,
        target: self.target,
        remediationId: self.id,
        // The id is the same before and after a crash, so that read-back recognizes a write from before the crash.
        executionId: `${self.id}-${self.executions.length + 1}`,
        epoch: claim.epoch,
        approved: self.review?.answer === "approved",
        // An approval is for the target as it was when the review was requested, however long ago.
        decidedOn: self.review === undefined ? observed : (self.observed ?? null),
        baseline: observed
      })
      .pipe(Effect.result)
    if (result._tag === "Success") return { _tag: "Intended", intent: result.success } satisfies RemediationEvent
    const refusal = result.failure
    const isReviewable = refusal._tag === "PlanRefused" && refusal.approvable
    const reason =
      refusal._tag === "PlanRefused"
        ? { rule: refusal.rule, message: refusal.message }
        : { rule: "plan-failed", message: classify(refusal).message }
    const replaced: Decision = { ...decision, outcome: isReviewable ? "review" : "escalate", reasons: [reason] }
    return { ...decided, decision: withoutSecondReview(self, replaced) }
  })
)

/** A review is requested only once. If a guardrail still objects to an approved action, the remediation is escalated. */
const withoutSecondReview = (self: Remediation, decision: Decision): Decision =>
  self.review !== undefined && decision.outcome === "review" ? { ...decision, outcome: "escalate" } : decision
