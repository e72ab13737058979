/** The next step of a rollback that was requested, as a pure function of what is journaled of it. */

import type { Execution, ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { isFailureCode } from "../domain/Failure.ts"
import type { Remediation, RemediationId } from "../domain/Remediation.ts"
import {
  maxAttempts,
  ownAttempts,
  type Rollback,
  type RollbackAttempt,
  type RollbackIntent,
  type RollbackStop
} from "../domain/Rollback.ts"
import { strategyOf } from "../execution/RecoveryStrategy.ts"

export type RollbackStep =
  /** Plan the undo of an execution. The intent is durable before the first write. */
  | { readonly _tag: "PlanRollback"; readonly rollback: Rollback; readonly intent: Intent; readonly attempt: number }
  /** Write to the cluster, or find out whether a previous activation already did. */
  | { readonly _tag: "ExecuteRollback"; readonly intent: RollbackIntent; readonly undone: Intent }
  /** Read back whether the target is as it was before. */
  | { readonly _tag: "VerifyRollback"; readonly intent: RollbackIntent; readonly undone: Intent }
  | { readonly _tag: "Conclude"; readonly state: "RolledBack" | "Escalated"; readonly reason: string }

export const afterRequest = (self: Remediation, rollback: Rollback): RollbackStep => {
  const undone = self.executions.find(({ intent }) => intent.executionId === rollback.undoes)
  if (rollback.stopped !== undefined)
    return ended(rollback, "Escalated", `${rollback.stopped.message}${liftedBy(self.id, rollback.stopped)}`)
  if (undone === undefined) return ended(rollback, "Escalated", `There is no execution ${rollback.undoes} to undo.`)
  const own = ownAttempts(rollback)
  const last = own.at(-1)
  return last === undefined ? plan(rollback, undone) : afterIntent(rollback, undone, last)
}

const plan = (rollback: Rollback, { intent }: Execution): RollbackStep => ({
  _tag: "PlanRollback",
  rollback,
  intent,
  attempt: rollback.attempts.length + 1
})

const afterIntent = (
  rollback: Rollback,
  undone: Execution,
  { intent, outcome, verification }: RollbackAttempt
): RollbackStep => {
  if (outcome === undefined) return { _tag: "ExecuteRollback", intent, undone: undone.intent }
  if (outcome.applied === "no" && outcome.failure !== undefined) {
    const message = [outcome.message ?? `It failed: ${outcome.failure}.`, outcome.remedy ?? ""].join(" ").trim()
    return mayHelpToTryAgain(outcome.failure)
      ? planAgain(rollback, undone, message)
      : ended(rollback, "Escalated", message)
  }
  if (verification === undefined) return { _tag: "VerifyRollback", intent, undone: undone.intent }
  const found = verification.reasons.join("; ")
  switch (verification.restored) {
    case "yes":
      return ended(rollback, "RolledBack", found, intent.remains, blocked(intent, outcome))
    case "no":
      return planAgain(rollback, undone, found)
    case "unknown":
      return ended(
        rollback,
        "Escalated",
        `It is not known whether the target is as it was before: ${found}`,
        outcome.failure === undefined ? undefined : outcome.message
      )
  }
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

const planAgain = (rollback: Rollback, undone: Execution, message: string): RollbackStep =>
  ownAttempts(rollback).length < maxAttempts
    ? plan(rollback, undone)
    : ended(rollback, "Escalated", `Not restored after ${maxAttempts} attempts: ${message}`)

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

/** The end of a rollback, with what led to it. */
const ended = (
  { by, reason, trigger }: Rollback,
  state: "RolledBack" | "Escalated",
  found: string,
  ...remains: ReadonlyArray<string | undefined>
): RollbackStep => {
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
