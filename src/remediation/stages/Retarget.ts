/**
 * Moves a remediation from the object that its alert names to that object's root owner.
 *
 * | the owner read                                           | then                                                      |
 * | -------------------------------------------------------- | --------------------------------------------------------- |
 * | succeeds                                                 | the owner is the target                                   |
 * | says that the object does not exist                      | the named object stays the target: it is gone             |
 * | fails for now (our own limit, or the API server is away) | wait and read again, for as long as the patience lasts    |
 * | fails otherwise, or for too long                         | a person is told, and nothing is done to a guessed target |
 */

import { Duration, Effect, type Latch } from "effect"
import { ownerUnread } from "../../decision/Decider.ts"
import { isFinal, type Remediation } from "../../domain/Remediation.ts"
import { type ResourceRef, resourceRef } from "../../domain/Target.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { classify, recordOf } from "../../execution/FailureClassifier.ts"
import { Degradation } from "../../health/Degradation.ts"
import type { KubernetesError } from "../../kubernetes/KubernetesClient.ts"
import { waitOut } from "../../kubernetes/NotNow.ts"
import { OwnerResolver } from "../../kubernetes/OwnerResolver.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"
import { RemediationEvents } from "../RemediationEvents.ts"
import type { Resolved } from "../UntilResolved.ts"

/** After this time the resolver lists again, so that an object that was newer than its list is found. */
const listedAgainAfter = Duration.seconds(11)

/** The root owner; the named object itself when it, or an owner on the way, does not exist. */
const rootOf = (
  owners: OwnerResolver["Service"],
  { alert: { candidates }, target }: Remediation
): Effect.Effect<ResourceRef, KubernetesError> => {
  const named = resourceRef(target)
  const read = waitOut(candidates === undefined ? owners.resolve(named) : owners.resolveFirst(candidates))
  const isMissing = ({ reason }: KubernetesError) => reason._tag === "NotFound"
  return read.pipe(
    Effect.catchIf(
      (error) => isMissing(error) && error.retryable,
      () => Effect.andThen(Effect.sleep(listedAgainAfter), read)
    ),
    Effect.catchIf(isMissing, () =>
      Effect.as(Effect.logWarning("The object that the alert names does not exist", { ...named }), named)
    )
  )
}

export const make = Effect.fnUntraced(function* (journal: Journal, resolved: Resolved) {
  const store = yield* RemediationStore
  const events = yield* RemediationEvents
  const owners = yield* OwnerResolver
  const degradation = yield* Degradation

  const escalate = Effect.fnUntraced(function* (claim: Claim, self: Remediation, error: KubernetesError) {
    const failed = classify(error)
    const explanation = [failed.message, ...(failed.remedy === undefined ? [] : [failed.remedy])].join(" ")
    const decision = { ...ownerUnread(self.target, explanation), failure: recordOf(failed) }
    yield* Effect.logWarning("Root owner could not be read", { reason: error.reason._tag })
    const { level } = yield* degradation.current
    return yield* journal(claim, self, [{ _tag: "Decided", level, decision, observed: null }])
  })

  const move = Effect.fnUntraced(function* (claim: Claim, self: Remediation, owner: ResourceRef) {
    const next = yield* store.retarget(claim, self, { cluster: self.target.cluster, ...owner }, yield* Timestamp.now)
    events.publish({ event: isFinal(next.state) ? "Joined" : "Retargeted", remediation: next })
    return next
  })

  return Effect.fnUntraced(function* (claim: Claim, self: Remediation, wake: Latch.Latch) {
    const found = yield* Effect.raceFirst(
      Effect.result(rootOf(owners, self)),
      Effect.map(resolved(self, wake), (remediation) => ({ _tag: "Resolved" as const, remediation }))
    )
    switch (found._tag) {
      case "Success":
        return yield* move(claim, self, found.success)
      case "Failure":
        return yield* escalate(claim, self, found.failure)
      case "Resolved":
        return found.remediation
    }
  })
})
