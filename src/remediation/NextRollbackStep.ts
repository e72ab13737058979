/** The next step of a rollback that was requested, as a pure function of what is journaled of it. */

import { hasAlternatives } from "../decision/Alternatives.ts"
import type { Execution, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { isFailureCode } from "../domain/Failure.ts"
import type { Remediation, RemediationId } from "../domain/Remediation.ts"
import {
  maxAttempts,
  ownAttempts,
  type Rollback,
  type RollbackAttempt,
  type RollbackIntent,
  type RollbackStop,
  type RollbackTrigger,
  type RollbackVerification,
  isUndone,
  standing,
  withoutInverse
} from "../domain/Rollback.ts"
import { displayName } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import { maxPlans, strategyOf } from "../execution/RecoveryStrategy.ts"

export type RollbackStep =
  /** An action is to be undone. It is journaled with the event that shows it. */
  | {
      readonly _tag: "RequestRollback"
      readonly undoes: string
      readonly trigger: RollbackTrigger
      readonly reason?: string
      readonly by?: string
      /** When a person asked. Absent: now. */
      readonly at?: Timestamp
    }
  /** Plan the undo of an execution. The intent is durable before the first write. */
  | { readonly _tag: "PlanRollback"; readonly rollback: Rollback; readonly intent: Intent; readonly attempt: number }
  /** Write to the cluster, or find out whether a previous activation already did. */
  | { readonly _tag: "ExecuteRollback"; readonly intent: RollbackIntent; readonly undone: Intent }
  /** Read back whether the target is as it was before. */
  | { readonly _tag: "VerifyRollback"; readonly intent: RollbackIntent; readonly undone: Intent }
  /** The action was refused for its size and is undone: decide about the next alternative. */
  | { readonly _tag: "Decide" }
  | { readonly _tag: "Conclude"; readonly state: "RolledBack" | "Escalated"; readonly reason: string }

export const afterRequest = (self: Remediation, rollback: Rollback): RollbackStep => {
  const undone = self.executions.find(({ intent }) => intent.executionId === rollback.undoes)
  if (rollback.stopped !== undefined)
    return failed(self, rollback, `${rollback.stopped.message}${liftedBy(self.id, rollback.stopped)}`)
  if (undone === undefined) return failed(self, rollback, `There is no execution ${rollback.undoes} to undo.`)
  const own = ownAttempts(rollback)
  const last = own.at(-1)
  return last === undefined ? plan(rollback, undone) : afterIntent(self, rollback, undone, last)
}

const plan = (rollback: Rollback, { intent }: Execution): RollbackStep => ({
  _tag: "PlanRollback",
  rollback,
  intent,
  attempt: rollback.attempts.length + 1
})

const afterIntent = (
  self: Remediation,
  rollback: Rollback,
  undone: Execution,
  { intent, outcome, verification }: RollbackAttempt
): RollbackStep => {
  if (outcome === undefined) return { _tag: "ExecuteRollback", intent, undone: undone.intent }
  if (outcome.applied === "no" && outcome.failure !== undefined) {
    const message = [outcome.message ?? `It failed: ${outcome.failure}.`, outcome.remedy ?? ""].join(" ").trim()
    return mayHelpToTryAgain(outcome.failure)
      ? planAgain(self, rollback, undone, message)
      : failed(self, rollback, message)
  }
  if (verification === undefined) return { _tag: "VerifyRollback", intent, undone: undone.intent }
  const found = verification.reasons.join("; ")
  switch (verification.restored) {
    case "yes":
      return next(self, rollback, undone) ?? restored(self, rollback)
    case "no":
      return planAgain(self, rollback, undone, found)
    case "unknown":
      return failed(
        self,
        rollback,
        `It is not known whether the target is as it was before: ${found}`,
        outcome.failure === undefined ? undefined : outcome.message
      )
  }
}

// ----------------------------------------------------------------------------
// After one action is undone
// ----------------------------------------------------------------------------

/** What follows: the undo of an earlier action of the remediation, or an alternative. `undefined`: nothing. */
const next = (self: Remediation, rollback: Rollback, undone: Execution): RollbackStep | undefined => {
  const { by, reason, requestedAt, trigger } = rollback
  const earlier = standing(self.executions, rollback).find(({ intent }) => withoutInverse(intent) === undefined)
  if (earlier !== undefined)
    return {
      _tag: "RequestRollback",
      undoes: earlier.intent.executionId,
      trigger,
      ...(reason === undefined ? {} : { reason }),
      ...(by === undefined ? {} : { by }),
      at: requestedAt
    }
  const { pods } = ownAttempts(rollback).at(-1)?.verification ?? {}
  return trigger !== "operator"
    && self.alertResolvedAt === undefined
    && (pods === undefined || pods.asBefore === "yes")
    && wantsAlternative(self, undone)
    ? { _tag: "Decide" }
    : undefined
}

/** Whether the action was refused because it is too large, after it was written, and a smaller one may fit. */
const wantsAlternative = ({ executions, verification }: Remediation, { intent, outcome }: Execution): boolean => {
  const failure = outcome?.failure ?? verification?.failure?.code
  return (
    hasAlternatives(intent.action.type)
    && executions.length < maxPlans
    && isFailureCode(failure)
    && strategyOf(failure) === "alternative"
  )
}

/** That the pods are not as before, although the spec is: a person has to look. */
const otherPods = ({ pods }: RollbackVerification): string | undefined => {
  if (pods === undefined || pods.asBefore === "yes") return undefined
  return pods.asBefore === "no"
    ? `Its pods are not as they were before, so a person has to look: ${pods.reason}`
    : `It is not known whether its pods are as they were before: ${pods.reason}`
}

const nameOf = ({ intent: { action, executionId } }: Execution): string =>
  `${action.type} of ${displayName(action.target)} (${executionId})`

/** The end of a rollback whose last attempt has restored the target. */
const restored = (self: Remediation, rollback: Rollback): Conclude => {
  const last = ownAttempts(rollback).at(-1)
  const undone = self.executions.filter((each) => isUndone(rollback, each))
  return ended(
    rollback,
    "RolledBack",
    (last?.verification?.reasons ?? []).join("; "),
    undone.length > 1 ? `Undone: ${undone.map(nameOf).join(", ")}.` : undefined,
    ...rollback.attempts.flatMap(({ intent, outcome, verification }) =>
      verification?.restored !== "yes"
        ? []
        : [intent.remains, outcome && blocked(intent, outcome), otherPods(verification)]
    ),
    ...standing(self.executions, rollback).flatMap(({ intent }) =>
      intent.inverse._tag === "Irreversible" ? [withoutInverse(intent)?.message] : []
    )
  )
}

/** The end of a rollback that has not restored the target, with what remains of the remediation. */
const failed = (self: Remediation, rollback: Rollback, found: string, detail?: string): Conclude => {
  const undone = self.executions.filter((each) => isUndone(rollback, each))
  const remaining = standing(self.executions, rollback)
  return ended(
    rollback,
    "Escalated",
    found,
    detail,
    undone.length > 0 ? `Undone: ${undone.map(nameOf).join(", ")}.` : undefined,
    undone.length > 0 || remaining.length > 1 ? `Still in the cluster: ${remaining.map(nameOf).join(", ")}.` : undefined
  )
}

/** Where no alternative ends the remediation, the action that was refused is undone, and that is its end. */
export const withoutAlternative = <Step extends { readonly _tag: string }>(
  self: Remediation,
  step: Step | { readonly _tag: "Conclude"; readonly reason: string }
): Step | Conclude => {
  if (self.rollback === undefined || step._tag !== "Conclude" || !("reason" in step)) return step as Step
  const { reason, ...rest } = restored(self, self.rollback)
  return { ...rest, reason: `${reason} ${step.reason}` }
}

/** That pods of the template that was taken back are still there: reading back compares the spec only. */
const blocked = ({ changes }: RollbackIntent, { failure, message, remedy }: ExecutionOutcome): string | undefined => {
  const pods = changes.flatMap((change) => (change._tag === "Evict" ? [change.ref.name] : []))
  if (failure === undefined || pods.length === 0) return undefined
  const why = [message ?? `It failed: ${failure}.`, remedy ?? ""].join(" ").trim()
  return `Pods that block its controller may not be replaced yet (${pods.join(", ")}): ${why}`
}

/** Whether a failure says nothing about the next attempt, which is planned on what the cluster is like then. */
const mayHelpToTryAgain = (failure: string): boolean => {
  if (!isFailureCode(failure)) return false
  const strategy = strategyOf(failure)
  return failure === "stale" || strategy === "plan-again" || strategy === "send-again" || strategy === "read-back"
}

const planAgain = (self: Remediation, rollback: Rollback, undone: Execution, message: string): RollbackStep =>
  ownAttempts(rollback).length < maxAttempts
    ? plan(rollback, undone)
    : failed(self, rollback, `Not restored after ${maxAttempts} attempts: ${message}`)

/** Names the command by which a person undoes an action. */
export const undoneBy = (id: RemediationId): string => `\`kubernaut rollback ${id}\` undoes it.`

/** A person who asks for the rollback lifts these: it puts back what Kubernaut wrote, and nothing else. */
const lifted: ReadonlySet<string> = new Set(["changed-around", "unknown-change", "not-approved", "unreadable"])

/** Whether the same request may succeed once a person has changed the mode, or what the API server refuses. */
const isRefusedForNow = (code: string): boolean => code === "mode" || isFailureCode(code)

/** What a person can do after a rollback that was stopped. */
const liftedBy = (id: RemediationId, { code }: RollbackStop): string =>
  isRefusedForNow(code)
    ? ` What the action wrote is still there. Once that is allowed, ${undoneBy(id)}`
    : lifted.has(code)
      ? ` ${undoneBy(id).replace("undoes it", "puts back only what Kubernaut wrote")}`
      : ""

type Conclude = Extract<RollbackStep, { _tag: "Conclude" }>

/** The end of a rollback, with what led to it. */
const ended = (
  { by, reason, trigger }: Rollback,
  state: "RolledBack" | "Escalated",
  found: string,
  ...remains: ReadonlyArray<string | undefined>
): Conclude => {
  const because = trigger === "operator" ? `${by ?? "A person"} asked for a rollback${suffix(reason)}` : (reason ?? "")
  const result = state === "RolledBack" ? "The action was undone" : "The action was not undone"
  return {
    _tag: "Conclude",
    state,
    reason: [because, `${result}: ${found}`, ...remains]
      .filter((part): part is string => part !== undefined && part !== "")
      .map(sentence)
      .join(" ")
  }
}

const suffix = (reason: string | undefined): string => (reason === undefined ? "" : `: ${reason}`)

/** The text as a sentence. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)
