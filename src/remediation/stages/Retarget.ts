/** Moves a remediation from the object that its alert names to that object's root owner. */

import { Effect } from "effect"
import { isFinal, type Remediation } from "../../domain/Remediation.ts"
import { resourceRef } from "../../domain/Target.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { OwnerResolver } from "../../kubernetes/OwnerResolver.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import { RemediationEvents } from "../RemediationEvents.ts"

/** When the owner cannot be read, the named object stays the target. */
export const make = Effect.gen(function* () {
  const store = yield* RemediationStore
  const events = yield* RemediationEvents
  const owners = yield* OwnerResolver

  return Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    const named = resourceRef(self.target)
    const owner = yield* (
      self.alert.candidates === undefined ? owners.resolve(named) : owners.resolveFirst(self.alert.candidates)
    ).pipe(
      Effect.catch((error) =>
        Effect.as(Effect.logWarning("Root owner could not be read", { reason: error.reason._tag }), named)
      )
    )
    const next = yield* store.retarget(claim, self, { cluster: self.target.cluster, ...owner }, yield* Timestamp.now)
    events.publish({ event: isFinal(next.state) ? "Joined" : "Retargeted", remediation: next })
    return next
  })
})
