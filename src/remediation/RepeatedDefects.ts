/**
 * Ends the work on a remediation that a defect of Kubernaut stops time after time, and tells a person. Otherwise the
 * sweep would retry it for ever, pay for another investigation each time, and tell nobody.
 */

import { Cause, Effect, Option } from "effect"
import type { Remediation, RemediationEvent, RemediationId } from "../domain/Remediation.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { defective } from "../execution/FailureClassifier.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import type { Drive } from "./Activation.ts"
import * as Journal from "./Journal.ts"
import { type NextStep, nextStep } from "./NextStep.ts"

/**
 * The number of defects in one step, one after another, that end a remediation. With the rest after each of them, that
 * is more than a minute: what was wrong with a peer for a moment is over.
 */
export const most = 3

const stepNames: Readonly<Record<NextStep["_tag"], string>> = {
  Retarget: "The search for the owner of the target",
  Investigate: "The investigation",
  Decide: "The decision",
  AwaitReview: "The wait for a person",
  Execute: "The action",
  Verify: "The verification",
  PlanRollback: "The plan of the rollback",
  ExecuteRollback: "The rollback",
  VerifyRollback: "The verification of the rollback",
  RequestRollback: "The request of the rollback",
  Conclude: "The conclusion",
  Done: "The conclusion"
}

/** What a person is told. The defect itself may hold a secret, so it is only in the log. */
export const reasonOf = ({ executions }: Pick<Remediation, "executions">, { _tag }: NextStep): string =>
  `${stepNames[_tag]} failed ${most} times because of a defect of Kubernaut, which the log describes. ${
    executions.length === 0
      ? "Nothing was done."
      : "An action was begun before, and it is not known what it has come to. Check the target."
  }`

/** The end of a remediation. What was being carried out ends with it: a write of it may have reached the cluster. */
export const endOf = (
  self: Remediation,
  step: NextStep,
  finishedAt: Timestamp.Timestamp
): ReadonlyArray<RemediationEvent> => {
  const concluded = { _tag: "Concluded", state: "Escalated", reason: reasonOf(self, step) } as const
  if (step._tag !== "Execute" && step._tag !== "ExecuteRollback") return [concluded]
  const { category, code, message } = defective
  const { executionId } = step.intent
  const outcome = { executionId, applied: "unknown", failure: code, category, message, finishedAt } as const
  return [{ _tag: step._tag === "Execute" ? "Executed" : "RollbackExecuted", outcome }, concluded]
}

/**
 * Returns `drive` with an end: it dies with each defect of a step but the third one in a row, which it journals as
 * `Escalated`.
 */
export const make = Effect.fnUntraced(function* (drive: Drive) {
  const store = yield* RemediationStore
  const journal = yield* Journal.make
  const seen = new Map<RemediationId, { readonly step: NextStep["_tag"]; readonly times: number }>()

  const counted = (id: RemediationId, step: NextStep["_tag"]): number => {
    const last = seen.get(id)
    const times = last?.step === step ? last.times + 1 : 1
    seen.set(id, { step, times })
    return times
  }

  const limited: Drive = (claim, self, wake, urgency) =>
    drive(claim, self, wake, urgency).pipe(
      Effect.catchDefect((defect) =>
        Effect.gen(function* () {
          const latest = Option.getOrElse(yield* store.get(self.id), () => self)
          const step = nextStep(latest)
          if (step._tag === "Done" || counted(self.id, step._tag) < most) return yield* Effect.die(defect)
          yield* Effect.logError("A remediation failed unexpectedly again and is escalated", Cause.die(defect))
          return yield* journal(claim, latest, endOf(latest, step, yield* Timestamp.now))
        })
      ),
      Effect.tap(() => Effect.sync(() => seen.delete(self.id)))
    )

  return limited
})
