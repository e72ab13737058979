/** Carries out the journaled intent, or finds out by read-back whether an earlier activation did. */

import { Clock, Effect, Equal, Option } from "effect"
import { describe, type EmergencyStop } from "../../domain/EmergencyStop.ts"
import type { ExecutionOutcome, Intent } from "../../domain/Execution.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { type Approval, isExpired } from "../../domain/Review.ts"
import { Executor } from "../../execution/Executor.ts"
import { approvalExpired, emergencyStopped, type Failure, otherMode } from "../../execution/FailureClassifier.ts"
import { EmergencyStops } from "../../storage/EmergencyStops.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"

/**
 * Whether this process may carry out the intent. The intent may come from a process in another mode, which may have
 * been stopped to prevent the write.
 */
const mayWrite = (mode: Mode, { approval }: Remediation, { action }: Intent): boolean =>
  mode === "auto" || (mode === "approve" && Equal.equals(approval?.action, action))

/**
 * The approval that the intent was decided by, if it has expired since: the service was down between the commit of the
 * intent and its write. What was written before is read back, and nothing more is written.
 */
const expiredApproval = ({ approval }: Remediation, { action }: Intent): Effect.Effect<Approval | undefined> =>
  Effect.map(Clock.currentTimeMillis, (nowMs) =>
    approval !== undefined && Equal.equals(approval.action, action) && isExpired(approval, nowMs) ? approval : undefined
  )

/** Why nothing more is written although the mode allows it; `undefined` if it is. */
const objectionOf = (expired: Approval | undefined, stop: Option.Option<EmergencyStop>): Failure | undefined => {
  if (Option.isSome(stop)) return emergencyStopped(describe(stop.value))
  return expired?.expiresAt === undefined ? undefined : approvalExpired(expired.by, expired.expiresAt)
}

/** An outcome without a write names what forbids it, and not the mode. */
const explained = (outcome: ExecutionOutcome, objection: Failure | undefined): ExecutionOutcome =>
  objection === undefined || outcome.failure !== otherMode.code
    ? outcome
    : { ...outcome, failure: objection.code, category: objection.category, message: objection.message }

export const make = Effect.fnUntraced(function* (mode: Mode, journal: Journal) {
  const store = yield* RemediationStore
  const executor = yield* Executor
  const stops = yield* EmergencyStops

  /** `resumed`: the intent was durable before this activation, so the write may have been sent already. */
  return Effect.fn("execute")(function* (claim: Claim, self: Remediation, intent: Intent, resumed: boolean) {
    yield* Effect.annotateCurrentSpan({
      "kubernaut.action.type": intent.action.type,
      "kubernaut.execution.id": intent.executionId
    })
    // The stop may have been set since the decision.
    const objection = objectionOf(yield* expiredApproval(self, intent), yield* stops.current)
    const outcome = yield* executor.execute(intent, {
      holds: store.holds(claim),
      resumed,
      approved: Equal.equals(self.approval?.action, intent.action),
      mayWrite: objection === undefined && mayWrite(mode, self, intent)
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.execution.applied": outcome.applied })
    return yield* journal(claim, self, [{ _tag: "Executed", outcome: explained(outcome, objection) }])
  })
})
