/** Watches the target after the action and journals whether the action helped. */

import { Effect, Option } from "effect"
import type { Intent } from "../../domain/Execution.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import { FiringAlerts } from "../../verification/FiringAlerts.ts"
import { Verifier } from "../../verification/Verifier.ts"
import type { Journal } from "../Journal.ts"

export const make = Effect.fnUntraced(function* (journal: Journal) {
  const store = yield* RemediationStore
  const verifier = yield* Verifier
  const firing = yield* FiringAlerts

  return Effect.fn("verify")(function* (claim: Claim, self: Remediation, intent: Intent) {
    const verification = yield* verifier.verify({
      intent,
      alert: self.alert,
      target: self.target,
      stillFiring: firing.stillFiring(self.alert),
      alertResolved: Effect.map(
        store.get(self.id),
        (now) => Option.isSome(now) && now.value.alertResolvedAt !== undefined
      )
    })
    yield* Effect.annotateCurrentSpan({ "kubernaut.verification.verdict": verification.verdict })
    return yield* journal(claim, self, [{ _tag: "Verified", verification }])
  })
})
