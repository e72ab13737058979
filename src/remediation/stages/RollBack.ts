/**
 * Undoes an action, step by step: plans it, carries it out, and reads back whether the target is as it was before. Each
 * step is durable before the next one begins, so a crash repeats at most the step that it cut short.
 */

import { Effect, Equal } from "effect"
import type { Mode } from "../../domain/Mode.ts"
import { isFinal, type Remediation, type RemediationEvent } from "../../domain/Remediation.ts"
import type { Rollback, RollbackStop, RollbackTrigger } from "../../domain/Rollback.ts"
import { displayName } from "../../domain/Target.ts"
import { classify } from "../../execution/FailureClassifier.ts"
import { RollbackExecutor } from "../../execution/RollbackExecutor.ts"
import type { KubernetesError } from "../../kubernetes/KubernetesClient.ts"
import { pauseOf } from "../../kubernetes/NotNow.ts"
import * as Patience from "../../resilience/pipeline/Patience.ts"
import { type Claim, type Fenced, RemediationStore } from "../../storage/RemediationStore.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import type { Journal } from "../Journal.ts"
import type { RollbackStep } from "../NextRollbackStep.ts"
import { nextStep } from "../NextStep.ts"

type Step = Extract<RollbackStep, { _tag: "PlanRollback" | "ExecuteRollback" | "VerifyRollback" }>

const isRollbackStep = (step: ReturnType<typeof nextStep>): step is Step =>
  step._tag === "PlanRollback" || step._tag === "ExecuteRollback" || step._tag === "VerifyRollback"

/**
 * Whether this process may undo the action. The approval of an action covers its undo: who approves a change wants it
 * gone if it does not help. A person who asks for the rollback approves it.
 */
export const mayUndo = (mode: Mode, { approval, rollback, executions }: Remediation): boolean => {
  if (mode !== "approve") return mode === "auto"
  const undone = executions.find(({ intent }) => intent.executionId === rollback?.undoes)
  return rollback?.trigger === "operator" || Equal.equals(approval?.action, undone?.intent.action)
}

const wrongMode = (mode: Mode): RollbackStop =>
  mode === "observe"
    ? { code: "mode", message: "The service runs in mode observe, in which nothing is written." }
    : { code: "not-approved", message: `The service runs in mode ${mode}, and nobody has approved the action.` }

const unreadable = (error: KubernetesError): RollbackStop => ({
  code: "unreadable",
  message: `The state of the cluster is not known, so nothing was written. ${classify(error).message}`
})

/** The steps of one rollback, from the first to the one that ends it. */
export type RollBack = (
  claim: Claim,
  self: Remediation,
  /** How many attempts were durable when this activation began. */
  inherited: number
) => Effect.Effect<Remediation, StorageError | Fenced>

/** Plans one attempt. A step that cannot be planned ends the rollback. */
const makePlan = (mode: Mode) =>
  Effect.map(RollbackExecutor, (executor) =>
    Effect.fnUntraced(function* (
      claim: Claim,
      self: Remediation,
      { attempt, intent, rollback }: Extract<Step, { _tag: "PlanRollback" }>
    ): Effect.fn.Return<RemediationEvent> {
      if (!mayUndo(mode, self)) return { _tag: "RollbackStopped", stop: wrongMode(mode) }
      const outcome = self.executions.find((each) => each.intent === intent)?.outcome
      const input = {
        intent,
        outcome,
        target: self.target,
        trigger: rollback.trigger,
        attempt,
        remediationId: self.id,
        epoch: claim.epoch
      }
      const planned = yield* Effect.result(Patience.retry(executor.plan(input), pauseOf))
      if (planned._tag === "Failure") return { _tag: "RollbackStopped", stop: unreadable(planned.failure) }
      if (!("_tag" in planned.success)) return { _tag: "RollbackIntended", intent: planned.success }
      const { _tag: _refusal, ...stop } = planned.success
      return { _tag: "RollbackStopped", stop }
    })
  )

export const make = Effect.fnUntraced(function* (
  mode: Mode,
  journal: Journal,
  /** The patience of one step. */
  patience: () => Patience.Patience
) {
  const store = yield* RemediationStore
  const executor = yield* RollbackExecutor
  const plan = yield* makePlan(mode)

  const perform = (
    step: Step,
    claim: Claim,
    self: Remediation,
    inherited: number
  ): Effect.Effect<RemediationEvent, StorageError> => {
    switch (step._tag) {
      case "PlanRollback":
        return plan(claim, self, step)
      case "ExecuteRollback":
        return Effect.map(
          executor.execute(step.intent, {
            holds: store.holds(claim),
            resumed: (self.rollback?.attempts.length ?? 0) <= inherited,
            mayWrite: mayUndo(mode, self)
          }),
          (outcome) => ({ _tag: "RollbackExecuted", outcome })
        )
      case "VerifyRollback":
        return Effect.map(executor.verify(step.intent, step.undone, self.target), (verification) => ({
          _tag: "RollbackVerified",
          verification
        }))
    }
  }

  const rollBack: RollBack = Effect.fn("rollback")(function* (claim, self, inherited) {
    yield* Effect.annotateCurrentSpan({
      "kubernaut.rollback.trigger": self.rollback?.trigger,
      "kubernaut.execution.id": self.rollback?.undoes
    })
    let current = self
    for (let step = nextStep(current); isRollbackStep(step); step = nextStep(current)) {
      const event = yield* Effect.provideService(
        perform(step, claim, current, inherited),
        Patience.CurrentPatience,
        patience()
      )
      current = yield* journal(claim, current, [event])
    }
    yield* Effect.annotateCurrentSpan({
      "kubernaut.rollback.attempt": current.rollback?.attempts.length ?? 0,
      "kubernaut.rollback.outcome": current.rollback?.outcome ?? "unknown"
    })
    yield* logEnd(current)
    return current
  })

  return rollBack
})

const causes: Readonly<Record<RollbackTrigger, string>> = {
  "failed-execution": "it failed half-way",
  "failed-health-check": "it did not help",
  "failed-validation": "the object is not what was written",
  operator: "a person asked for it"
}

const hasOtherPods = ({ attempts }: Rollback): boolean => {
  const { pods } = attempts.at(-1)?.verification ?? {}
  return pods !== undefined && pods.asBefore !== "yes"
}

/** For the person who reads the log at night: what is in the cluster now, and what to do. */
const logEnd = ({ conclusion, executions, rollback, state }: Remediation): Effect.Effect<void> => {
  if (rollback === undefined || !isFinal(state)) return Effect.void
  const undone = executions.find(({ intent }) => intent.executionId === rollback.undoes)?.intent.action
  const what = undone === undefined ? "An action" : `${undone.type} of ${displayName(undone.target)}`
  const cause = causes[rollback.trigger]
  return Effect.logWarning(
    state === "RolledBack"
      ? `${what} was undone, because ${cause}. The ${hasOtherPods(rollback) ? "spec of the target is as it was before, and its pods are not known to be" : "target is as it was before"}${rollback.trigger === "operator" ? "" : ", and the problem remains"}.`
      : `${what} could not be undone, although ${cause}. Its change may still be in the cluster. A person has to look.`,
    {
      trigger: rollback.trigger,
      outcome: rollback.outcome,
      attempts: rollback.attempts.length - rollback.earlierAttempts,
      ...(rollback.by === undefined ? {} : { by: rollback.by }),
      ...(rollback.stopped === undefined ? {} : { code: rollback.stopped.code }),
      ...(conclusion === undefined ? {} : { reason: conclusion })
    }
  )
}
