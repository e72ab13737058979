/**
 * Takes the answers of people to the questions of remediations. `ReviewTimeouts` ends those that nobody answers.
 *
 * An approval is recorded first, and then the actor decides again on the current cluster, as it does after a crash. The
 * person learns what came of it: if the target or the plan is no longer what was shown, nothing is done, and the answer
 * says how it differs. If the decision takes longer than `decisionWait`, because the cluster does not respond, the
 * approval is taken: the actor uses it only if it still fits.
 */

import { Context, Deferred, Duration, Effect, Layer, Option, Schema } from "effect"
import { Decision } from "../domain/Decision.ts"
import { type Remediation, RemediationId } from "../domain/Remediation.ts"
import { differenceLines, differenceOf, type ReviewAnswer, ReviewDifference } from "../domain/Review.ts"
import { targetKey } from "../domain/Target.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { type NotAwaiting, RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { sentence } from "./NextRollbackStep.ts"
import { RemediationActors } from "./RemediationActors.ts"
import { type RemediationChange, RemediationEvents } from "./RemediationEvents.ts"
import * as ReviewTimes from "./ReviewTimes.ts"

/** How long an answer waits for the decision that it leads to. */
const decisionWait = "5 seconds"

/** The answer of a person, before it is recorded. */
export type Answer = Pick<ReviewAnswer, "answer" | "by" | "reason" | "question">

/**
 * The approval fits no more what was shown, so it was not used. The remediation asks again, investigates again, or has
 * ended, as `decision` says.
 */
export class ChangedSinceShown extends Schema.TaggedError<ChangedSinceShown>()("ChangedSinceShown", {
  remediationId: RemediationId,
  difference: ReviewDifference,
  /** The decision that was made after the answer. */
  decision: Decision
}) {
  override get message(): string {
    const lines = differenceLines(this.difference)
    const what = lines.length === 0 ? this.decision.reasons.map(({ message }) => message) : lines
    return `The approval was not used, because remediation ${this.remediationId} is no longer what was shown: ${sentence(what.join("; "))} ${next(this.decision)}`
  }
}

/** What follows, for people. */
const next = ({ outcome, question }: Decision): string => {
  switch (outcome) {
    case "review":
      return `It asks question ${question ?? 1} now: see GET /api/v1/reviews.`
    case "investigate":
      return "It is investigated again, and asks again if an action still fits."
    default:
      return "Nothing is done, and the remediation ends."
  }
}

/** Takes answers to reviews. */
export class Reviews extends Context.Service<
  Reviews,
  {
    /**
     * Records an answer and starts what it leads to. Returns the remediation after the answer, or after the decision
     * that it led to if that was made soon.
     */
    readonly answer: (
      id: RemediationId,
      answer: Answer
    ) => Effect.Effect<Remediation, NotAwaiting | ChangedSinceShown | StorageError>
  }
>()("kubernaut/remediation/Reviews") {}

/**
 * Becomes the first decision, or the end, that a remediation reaches after this sequence number. An event is published
 * after its commit, so that of the decision that is answered may come later than the answer.
 */
const decisionAfter = Effect.fnUntraced(function* (id: RemediationId, sequence: number) {
  const events = yield* RemediationEvents
  const decided = yield* Deferred.make<RemediationChange>()
  yield* events.listen((change) => {
    const { event, remediation } = change
    if (remediation.id === id && remediation.sequence > sequence && (event === "Decided" || event === "Concluded"))
      Deferred.doneUnsafe(decided, Effect.succeed(change))
  })
  return decided
})

/** Answers, with the times of `ReviewTimes`. */
export const layer = ({
  approvalLifetime = ReviewTimes.defaults.approvalLifetime
}: Pick<ReviewTimes.ReviewTimes, "approvalLifetime"> = {}): Layer.Layer<
  Reviews,
  never,
  RemediationStore | RemediationActors | RemediationEvents
> =>
  Layer.effect(
    Reviews,
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const actors = yield* RemediationActors
      const events = yield* RemediationEvents
      const lifetime = Duration.fromInputUnsafe(approvalLifetime)

      const record = Effect.fnUntraced(function* (id: RemediationId, given: Answer) {
        const at = yield* Timestamp.now
        const expiresAt = given.answer === "approved" ? ReviewTimes.endOf(Timestamp.toMillis(at), lifetime) : undefined
        const after = yield* store.review(id, { ...given, at, ...(expiresAt === undefined ? {} : { expiresAt }) }, at)
        events.publish({ event: "Reviewed", remediation: after })
        yield* actors.fire(targetKey(after.target), after.alert.severity, "answered")
        yield* Effect.logInfo("Review submitted", { remediation: id, answer: given.answer, by: given.by })
        return after
      })

      const approve = Effect.fnUntraced(function* (id: RemediationId, given: Answer) {
        const asking = Option.getOrUndefined(yield* store.get(id))
        const shown = asking?.decision
        // Listens before it records, so that the decision is not missed.
        const decided = yield* decisionAfter(id, asking?.sequence ?? 0)
        const recorded = yield* record(id, given)
        const after = Option.getOrUndefined(yield* Effect.timeoutOption(Deferred.await(decided), decisionWait))
        if (after === undefined) return recorded
        const { event, remediation } = after
        const { decision } = remediation
        // It may end without a decision, because the alert resolves in this moment.
        if (event !== "Decided" || decision === undefined || shown === undefined) return remediation
        if (decision.outcome === "execute") return remediation
        return yield* new ChangedSinceShown({
          remediationId: id,
          difference: differenceOf(shown, decision),
          decision
        })
      })

      return {
        answer: (id, given) =>
          given.answer === "rejected"
            ? record(id, given)
            : Effect.scoped(approve(id, given)).pipe(Effect.provideService(RemediationEvents, events))
      }
    })
  )
