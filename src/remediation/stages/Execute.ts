/** Carries out the journaled intent, or finds out by read-back whether an earlier activation did. */

import { Clock, Effect, Equal, Option } from "effect"
import { isAllowedAt } from "../../decision/ActionCatalog.ts"
import type { ExecutionOutcome, Intent } from "../../domain/Execution.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { type Approval, isExpired } from "../../domain/Review.ts"
import { describe } from "../../domain/StandingOrder.ts"
import { Executor } from "../../execution/Executor.ts"
import {
  approvalExpired,
  emergencyStopped,
  type Failure,
  levelFell,
  otherMode
} from "../../execution/FailureClassifier.ts"
import { Degradation } from "../../health/Degradation.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import { StandingOrders } from "../../storage/StandingOrders.ts"
import type { StorageError } from "../../storage/StorageError.ts"
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

/** An outcome without a write names the expiry, and not the mode. */
const explained = (outcome: ExecutionOutcome, expired: Approval | undefined): ExecutionOutcome => {
  if (expired?.expiresAt === undefined || outcome.failure !== otherMode.code) return outcome
  const { code, message } = approvalExpired(expired.by, expired.expiresAt)
  return { ...outcome, failure: code, message }
}

/** The emergency stop may have been set since the decision. An action that has started finishes, or is rolled back. */
const stopOf = ({ current }: StandingOrders["Service"]): Effect.Effect<Failure | undefined, StorageError> =>
  Effect.map(current("emergency-stop"), (stop) =>
    Option.isNone(stop) ? undefined : emergencyStopped(describe("emergency-stop", stop.value))
  )

/**
 * The level may have fallen since the decision, or the process before this one has decided at another level. What a
 * person has approved is refused only in an emergency.
 */
const levelOf = (
  { current }: Degradation["Service"],
  { type }: Intent["action"],
  approved: boolean
): Effect.Effect<Failure | undefined> =>
  Effect.map(current, ({ level }) =>
    (approved && level < 3) || isAllowedAt(type, level) ? undefined : levelFell(level, type)
  )

export const make = Effect.fnUntraced(function* (mode: Mode, journal: Journal) {
  const store = yield* RemediationStore
  const executor = yield* Executor
  const orders = yield* StandingOrders
  const degradation = yield* Degradation

  /** `resumed`: the intent was durable before this activation, so the write may have been sent already. */
  return Effect.fn("execute")(function* (claim: Claim, self: Remediation, intent: Intent, resumed: boolean) {
    yield* Effect.annotateCurrentSpan({
      "kubernaut.action.type": intent.action.type,
      "kubernaut.execution.id": intent.executionId
    })
    const expired = yield* expiredApproval(self, intent)
    const approved = Equal.equals(self.approval?.action, intent.action)
    const mayNotStart = Effect.filterOrElse(
      stopOf(orders),
      (stop) => stop !== undefined,
      () => levelOf(degradation, intent.action, approved)
    )
    const outcome = yield* executor.execute(intent, {
      holds: store.holds(claim),
      mayNotStart,
      resumed,
      approved,
      mayWrite: expired === undefined && mayWrite(mode, self, intent)
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.execution.applied": outcome.applied })
    return yield* journal(claim, self, [{ _tag: "Executed", outcome: explained(outcome, expired) }])
  })
})
