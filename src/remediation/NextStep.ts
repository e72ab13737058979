/**
 * The next step of a remediation, as a pure function of its journal. It returns the same step before and after a crash.
 * Crash recovery needs nothing else.
 */

import { isMonitorOnly } from "../domain/Alert.ts"
import type { Decision } from "../domain/Decision.ts"
import type { ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { isFinal, type Remediation } from "../domain/Remediation.ts"
import type { FinalState } from "../domain/Remediation.ts"
import type { ReviewTimeout } from "../domain/Review.ts"
import { isUnderWay, isUndone, type RollbackTrigger, undoesSomething } from "../domain/Rollback.ts"
import { nextAfter } from "../execution/RecoveryStrategy.ts"
import { gainOf } from "../verification/Gain.ts"
import { afterRequest, type RollbackStep, sentence, undoneBy, withoutAlternative } from "./NextRollbackStep.ts"

export type NextStep =
  /** Read the root owner of the target. */
  | { readonly _tag: "Retarget" }
  | { readonly _tag: "Investigate" }
  /** Decide. If the decision is to act, plan as well: the intent is journaled with the decision. */
  | { readonly _tag: "Decide" }
  /** Wait until a person answers or the alert resolves. */
  | { readonly _tag: "AwaitReview" }
  /** The intent is durable. Write to the cluster, or find out whether a previous activation already did. */
  | { readonly _tag: "Execute"; readonly intent: Intent }
  | { readonly _tag: "Verify"; readonly intent: Intent }
  | RollbackStep
  | { readonly _tag: "Conclude"; readonly state: FinalState; readonly reason: string }
  | { readonly _tag: "Done" }

const conclude = (state: FinalState, reason: string): NextStep => ({ _tag: "Conclude", state, reason })

export const nextStep = (self: Remediation): NextStep => {
  if (isFinal(self.state)) return { _tag: "Done" }
  if (self.unreadable !== undefined) return conclude("Escalated", unreadable(self.unreadable))
  const execution = self.executions.at(-1)
  // What is being carried out is completed first.
  if (isUnderWay(self.rollback) && (execution === undefined || execution.outcome !== undefined))
    return afterRequest(self, self.rollback)
  // An alternative to the action that was undone is decided.
  if (execution !== undefined && isUndone(self.rollback, execution))
    return withoutAlternative(self, beforeIntent(self, ofAlternative))
  // One that has written nothing leaves nothing either.
  if (execution !== undefined && isVainAlternative(self, execution))
    return withoutAlternative(
      self,
      isOvertaken(self, execution) ? beforeIntent(self, ofAlternative) : afterIntent(self, execution)
    )
  // Once the intent is durable, a resolved alert changes nothing: the action is completed and verified.
  return execution !== undefined && !isOvertaken(self, execution) ? afterIntent(self, execution) : beforeIntent(self)
}

/** How a conclusion speaks of what was not done: the first action, or an alternative to one that was undone. */
interface Undone {
  readonly before: string
  readonly without: string
  readonly rejected: string
}

const ofAnything: Undone = { before: "anything was done", without: "nothing was done", rejected: "Rejected" }

const ofAlternative: Undone = {
  before: "an alternative was tried",
  without: "no alternative was tried",
  rejected: "The alternative was rejected"
}

/** What follows while no intent is durable. */
const beforeIntent = (self: Remediation, undone = ofAnything): NextStep => {
  if (self.alertResolvedAt !== undefined) return conclude("Cancelled", `The alert resolved before ${undone.before}.`)
  if (self.decision?.outcome === "observe") return conclude("Observed", explained(self.decision))
  if (self.decision?.outcome === "escalate") return conclude("Escalated", explained(self.decision))
  // Nothing is spent on an alert that is only monitored: no read of the cluster, and no model.
  if (isMonitorOnly(self.alert.severity)) return { _tag: "Decide" }
  if (self.provisional) return { _tag: "Retarget" }
  if (!self.investigated) return { _tag: "Investigate" }
  if (self.decision === undefined) return { _tag: "Decide" }
  switch (self.decision.outcome) {
    case "execute":
    // The investigation that this decision asked for has ended.
    case "investigate":
      return { _tag: "Decide" }
    case "review":
      if (self.timedOut !== undefined) return conclude("Escalated", timedOut(self.timedOut, undone))
      if (self.review === undefined) return { _tag: "AwaitReview" }
      return self.review.answer === "approved"
        ? { _tag: "Decide" }
        : conclude(
            "Cancelled",
            `${undone.rejected} by ${self.review.by}${self.review.reason === undefined ? "." : `: ${self.review.reason}`}`
          )
  }
}

/** It is no rejection: nobody decided. The alert was not resolved, or the remediation would have been cancelled. */
const timedOut = ({ answerBy, question }: ReviewTimeout, { without }: Undone): string =>
  `Nobody answered question ${question} by ${answerBy}, so the review timed out and ${without}. The alert still fires: its next post begins new work.`

/** What was done may be in the entry, so anything more could be done twice. */
const unreadable = (positions: ReadonlyArray<number>): string =>
  `Entry ${positions.join(", ")} of the journal cannot be read, so it is not known what was done. Check the target.`

const whyFailed = ({ failure, message, remedy }: ExecutionOutcome): string =>
  [message ?? `The action failed: ${failure}.`, ...(remedy === undefined ? [] : [remedy])].join(" ")

const explained = ({ reasons }: Decision): string => reasons.map((reason) => reason.message).join(" ")

/** Whether the plan is void and nothing was written, so that the actor decides again. */
const isOvertaken = (self: Remediation, { outcome }: Remediation["executions"][number]): boolean =>
  outcome !== undefined && nextAfter(outcome, self.executions.length) === "decide"

/** Whether it is an alternative to an action that was undone, and was refused before anything was written. */
const isVainAlternative = (self: Remediation, { outcome }: Remediation["executions"][number]): boolean =>
  outcome?.applied === "no"
  && outcome.failure !== undefined
  && self.executions.some((each) => isUndone(self.rollback, each))

const afterIntent = (self: Remediation, { intent, outcome }: Remediation["executions"][number]): NextStep => {
  if (outcome === undefined) return { _tag: "Execute", intent }
  // Without a failure, the cluster is as the action wants it. Only who made it so is not known.
  if (outcome.applied === "unknown" && outcome.failure !== undefined) {
    return unknown(
      self,
      intent,
      `It is not known whether the action reached the cluster.${outcome.message === undefined ? "" : ` ${outcome.message}`}`
    )
  }
  if (outcome.failure !== undefined) return undo(self, intent, outcome, "failed-execution", whyFailed(outcome))
  if (intent.action.type === "CollectDiagnostics")
    return conclude("Escalated", "Diagnostics were collected for a person to look at.")
  if (self.verification === undefined) return { _tag: "Verify", intent }
  const { failure, reasons } = self.verification
  const found = [reasons.join("; "), ...(failure?.remedy === undefined ? [] : [failure.remedy])].join(". ")
  switch (self.verification.verdict) {
    case "fixed":
      // What a person should know after a success, such as what their next `kubectl apply` does.
      return conclude("Remediated", outcome.message === undefined ? found : `${found}. ${outcome.message}`)
    case "not-fixed": {
      const reason =
        outcome.applied === "no"
          ? `There was nothing to write, because the target was already as the action would make it. It is not fixed: ${found}`
          : `The action did not help: ${found}`
      if (reasons.some((each) => each.startsWith("reverted")))
        return undo(self, intent, outcome, "failed-validation", reason)
      const next = undo(self, intent, outcome, "failed-health-check", reason)
      const gain = next._tag === "RequestRollback" ? gainOf(intent, self.verification) : undefined
      return gain === undefined ? next : kept(self, reason, gain)
    }
    case "unknown":
      return unknown(self, intent, `It is not known whether the action helped: ${found}`)
  }
}

/**
 * An action that did not help is undone if anything of it is in the cluster that can be undone. A removal that may be
 * somebody else's is undone by nobody but a person.
 */
const undo = (
  self: Remediation,
  intent: Intent,
  { applied }: ExecutionOutcome,
  trigger: RollbackTrigger,
  reason: string
): NextStep => {
  if (applied === "no" || !undoesSomething(intent)) return conclude("Escalated", reason)
  return applied === "yes"
    ? { _tag: "RequestRollback", undoes: intent.executionId, trigger, reason }
    : kept(self, reason, "it is not known whether Kubernaut or somebody else has made the change.")
}

/** What is not ours, or what would make the target worse, is undone by nobody but a person. */
const kept = ({ id }: Remediation, reason: string, gain: string): NextStep =>
  conclude("Escalated", `${sentence(reason)} It was not undone, because ${gain}. ${undoneBy(id)}`)

/** What is not known to have failed is undone by nobody but a person. */
const unknown = ({ id }: Remediation, intent: Intent, reason: string): NextStep =>
  conclude(
    "Escalated",
    intent.changes.length > 0 && undoesSomething(intent) ? `${sentence(reason)} ${undoneBy(id)}` : reason
  )
