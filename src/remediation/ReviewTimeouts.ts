/** Ends the questions whose time for an answer is over. Part of every sweep, so it works after a restart as well. */

import { Effect } from "effect"
import type { Severity } from "../domain/Alert.ts"
import { type TargetKey, targetKey } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { RemediationEvents } from "./RemediationEvents.ts"
import * as ReviewTimes from "./ReviewTimes.ts"

/** Returns the step of a sweep. `fire` starts the actor, which concludes the remediation. */
export const make = (
  { reviewTimeout = ReviewTimes.defaults.reviewTimeout }: Pick<ReviewTimes.ReviewTimes, "reviewTimeout">,
  fire: (target: TargetKey, severity: Severity) => Effect.Effect<void>
) =>
  Effect.zipWith(RemediationStore, RemediationEvents, (store, events) =>
    Effect.gen(function* () {
      const at = yield* Timestamp.now
      // For a question of an earlier version, which has no end of its own.
      const askedBefore = ReviewTimes.startOf(Timestamp.toMillis(at), reviewTimeout)
      for (const remediation of yield* store.timeOutReviews(at, askedBefore)) {
        events.publish({ event: "ReviewTimedOut", remediation })
        yield* Effect.logWarning("Nobody answered a question in time", {
          remediation: remediation.id,
          question: remediation.questions
        })
        yield* fire(targetKey(remediation.target), remediation.alert.severity)
      }
    })
  )
