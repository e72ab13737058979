/**
 * Decides what to do about an investigated alert. When the decision is to act or to ask a person, the action is planned
 * before the final decision. The decision and the intent are committed together, before the first write to the
 * cluster.
 */

import { Clock, Effect, Option, Result } from "effect"
import { decide, type DecisionInput, monitorOnly } from "../../decision/Decider.ts"
import type { GuardrailSettings } from "../../decision/GuardrailSettings.ts"
import { isReadOnly } from "../../domain/Action.ts"
import { isMonitorOnly } from "../../domain/Alert.ts"
import type { Decision } from "../../domain/Decision.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { Remediation, RemediationEvent } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { Executor, type PlanRefused } from "../../execution/Executor.ts"
import { classify, recordOf } from "../../execution/FailureClassifier.ts"
import { permitted } from "../../execution/Permitted.ts"
import { Degradation } from "../../health/Degradation.ts"
import * as AccessCheck from "../../kubernetes/AccessCheck.ts"
import { KubernetesClient, type KubernetesError } from "../../kubernetes/KubernetesClient.ts"
import { pauseOf } from "../../kubernetes/NotNow.ts"
import * as Monotonic from "../../resilience/Monotonic.ts"
import * as Patience from "../../resilience/pipeline/Patience.ts"
import { ActionHistory } from "../../storage/ActionHistory.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import * as ActionBudget from "../ActionBudget.ts"
import type { Journal } from "../Journal.ts"
import type { Observe } from "./Observe.ts"

export interface DecideOptions {
  readonly mode: Mode
  readonly guardrails: GuardrailSettings
}

type Decided = Extract<RemediationEvent, { _tag: "Decided" }>

/** After a longer wait for the cluster, a decision checks whether the alert has resolved meanwhile. */
const longWaitMs = 1000

/** The number of earlier actions on the target that the guardrails receive. */
const historyLength = 20

export const make = Effect.fnUntraced(function* (options: DecideOptions, journal: Journal, observe: Observe) {
  const degradation = yield* Degradation
  const decideOn = yield* makeDecideOn(options, observe)
  const draft = yield* makeDraft
  const resolvedSince = yield* makeResolvedSince
  const whyUnobserved = yield* makeWhyUnobserved

  const decideAndPlan = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    if (isMonitorOnly(self.alert.severity)) {
      const { level } = yield* degradation.current
      return yield* journal(claim, self, [{ _tag: "Decided", level, decision: monitorOnly(self), observed: null }])
    }
    const startedMs = yield* Monotonic.nowMs
    const { decision, input } = yield* decideOn(self)
    const { level, observed } = input
    const decided = (decision: Decision): Decided => ({ _tag: "Decided", level, decision, observed })
    if (decision.outcome !== "execute" && decision.outcome !== "review")
      return yield* journal(claim, self, [decided(yield* whyUnobserved(decision, input))])
    // An action that asks is planned too, so that the person sees what it changes and what the plan objects to.
    const drafted = yield* Effect.result(draft(claim, self, decision, observed))
    const resolved = yield* resolvedSince(self, startedMs)
    if (resolved !== undefined) return resolved
    if (Result.isFailure(drafted))
      return yield* journal(claim, self, [decided(withoutPlan(input, decision, drafted.failure))])
    const { asks, figures, intent } = drafted.success
    const final = decide({ ...input, plan: { asks, figures, writes: intent.changes.length > 0 } })
    return yield* journal(
      claim,
      self,
      final.outcome === "execute" ? [decided(final), { _tag: "Intended", intent }] : [decided(final)]
    )
  })

  // The scope holds the budget's reservation until the commit.
  return (claim: Claim, self: Remediation) => Effect.scoped(decideAndPlan(claim, self))
})

/** Makes the decision before a plan. Returns it with everything that it depends on. */
const makeDecideOn = Effect.fnUntraced(function* (options: DecideOptions, observe: Observe) {
  const history = yield* ActionHistory
  const degradation = yield* Degradation
  const budget = yield* ActionBudget.make(options.guardrails.actionsPerWindow)

  return Effect.fn("decide")(function* (self: Remediation) {
    // First, because it may wait for the cluster.
    const observed = yield* observe(self)
    const nowMs = yield* Clock.currentTimeMillis
    const { level } = yield* degradation.current
    const past = yield* history.ofTarget(targetKey(self.target), historyLength)
    let input: DecisionInput | undefined
    const decision = yield* budget.decide(self.target.cluster, nowMs, (actionsInWindow) => {
      input = {
        alert: self.alert,
        target: self.target,
        investigation: self.investigation,
        level,
        mode: options.mode,
        observed,
        history: past,
        actionsInWindow,
        guardrails: options.guardrails,
        answer:
          self.investigatedAt === undefined
            ? undefined
            : { seen: self.seen, at: self.investigatedAt, round: self.investigations },
        ...(self.review === undefined ? {} : { review: self.review }),
        ...(self.approval === undefined ? {} : { approval: self.approval }),
        questions: self.questions,
        emergencyStop: false,
        nowMs
      }
      return decide(input)
    })
    yield* Effect.annotateCurrentSpan({
      "kubernaut.decision.outcome": decision.outcome,
      "kubernaut.action.type": decision.action.type,
      "kubernaut.level": level
    })
    return { decision, input: input! }
  })
})

/** Names the rights without which the target of an action could not be read, if that is the cause. */
const makeWhyUnobserved = Effect.map(KubernetesClient, (client) => {
  const access = AccessCheck.make(client)
  return Effect.fnUntraced(function* (decision: Decision, { observed, target }: DecisionInput) {
    if (observed !== null || decision.outcome !== "escalate" || isReadOnly(decision.action)) return decision
    const denied = yield* Effect.orElseSucceed(permitted(access, decision.action, target), () => undefined)
    if (denied === undefined) return decision
    const { message, rule } = denied
    return { ...decision, reasons: [{ rule, message }, ...decision.reasons] }
  })
})

/** The remediation, if its alert has resolved while the decision waited for the cluster. */
const makeResolvedSince = Effect.map(RemediationStore, (store) =>
  Effect.fnUntraced(function* (self: Remediation, startedMs: number) {
    if ((yield* Monotonic.nowMs) - startedMs <= longWaitMs) return undefined
    const now = yield* store.get(self.id)
    return Option.isSome(now) && now.value.alertResolvedAt !== undefined ? now.value : undefined
  })
)

/** Plans the action of a decision. Nothing is journaled yet. */
const makeDraft = Effect.map(Executor, (executor) =>
  Effect.fn("plan")((claim: Claim, self: Remediation, decision: Decision, observed: WorkloadState | null) =>
    // An API server that does not respond for a moment is no reason against the plan.
    Patience.retry(
      executor.draft({
        action: decision.action,
        reserve: decision.outcome === "execute",
        target: self.target,
        remediationId: self.id,
        // The id is the same before and after a crash, so that read-back recognizes a write from before the crash.
        executionId: `${self.id}-${self.executions.length + 1}`,
        epoch: claim.epoch,
        seen: self.seen,
        decidedOn: observed,
        baseline: observed
      }),
      (error, earlier) => (error._tag === "KubernetesError" ? pauseOf(error, earlier) : undefined)
    )
  )
)

/**
 * The decision about an action that could not be planned. Nothing is executed. A person is asked without a plan if the
 * cluster did not respond; an action that is refused will be refused after an approval too.
 */
const withoutPlan = (input: DecisionInput, decision: Decision, failure: PlanRefused | KubernetesError): Decision => {
  if (failure._tag === "PlanRefused" && failure.rule === "changed-since-investigation")
    return decide({ ...input, changed: failure.message })
  if (failure._tag === "PlanRefused")
    return { ...decision, outcome: "escalate", reasons: [{ rule: failure.rule, message: failure.message }] }
  const failed = classify(failure)
  const { message, remedy } = failed
  const reason = { rule: "plan-failed", message: remedy === undefined ? message : `${message} ${remedy}` }
  return decision.outcome === "review" && mayRespondLater(failure)
    ? decide({ ...input, plan: { asks: [reason], writes: true } })
    : { ...decision, outcome: "escalate", reasons: [reason], failure: recordOf(failed) }
}

const mayRespondLater = ({ reason: { _tag } }: KubernetesError): boolean =>
  _tag === "NotNow" || _tag === "Unavailable" || _tag === "Timeout" || _tag === "TooManyRequests" || _tag === "Conflict"
