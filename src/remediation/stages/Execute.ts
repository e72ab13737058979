/** Carries out the journaled intent, or finds out by read-back whether an earlier activation did. */

import { Effect, Equal } from "effect"
import type { Intent } from "../../domain/Execution.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { Executor } from "../../execution/Executor.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"

/**
 * Whether this process may carry out the intent. The intent may come from a process in another mode, which may have
 * been stopped to prevent the write.
 */
const mayWrite = (mode: Mode, { approval }: Remediation, { action }: Intent): boolean =>
  mode === "auto" || (mode === "approve" && Equal.equals(approval?.action, action))

export const make = Effect.fnUntraced(function* (mode: Mode, journal: Journal) {
  const store = yield* RemediationStore
  const executor = yield* Executor

  /** `resumed`: the intent was durable before this activation, so the write may have been sent already. */
  return Effect.fn("execute")(function* (claim: Claim, self: Remediation, intent: Intent, resumed: boolean) {
    yield* Effect.annotateCurrentSpan({
      "kubernaut.action.type": intent.action.type,
      "kubernaut.execution.id": intent.executionId
    })
    const outcome = yield* executor.execute(intent, {
      holds: store.holds(claim),
      resumed,
      approved: Equal.equals(self.approval?.action, intent.action),
      mayWrite: mayWrite(mode, self, intent)
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.execution.applied": outcome.applied })
    return yield* journal(claim, self, [{ _tag: "Executed", outcome }])
  })
})
