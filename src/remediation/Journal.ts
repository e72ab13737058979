/** Writes the events of a stage to the store, and publishes each after the commit. */

import { Effect, Option, Result } from "effect"
import { evolve, isFinal, type Remediation, type RemediationEvent } from "../domain/Remediation.ts"
import * as Timestamp from "../domain/Timestamp.ts"
import { type Admission, type Claim, type Fenced, RemediationStore } from "../storage/RemediationStore.ts"
import type { StorageError } from "../storage/StorageError.ts"
import { type NextStep, nextStep } from "./NextStep.ts"
import { redacted } from "./RedactedEvent.ts"
import { type RemediationChange, RemediationEvents } from "./RemediationEvents.ts"

/**
 * Appends the events and, when they lead to a conclusion, `Concluded` in the same commit. Returns the remediation after
 * them. Writes nothing if they begin an action and the alert has resolved while it was planned, which takes seconds on
 * a slow cluster, or if the admission of the action is refused.
 */
export type Journal = (
  claim: Claim,
  self: Remediation,
  added: ReadonlyArray<RemediationEvent>,
  admission?: Admission
) => Effect.Effect<Remediation, StorageError | Fenced>

/** What follows from the events without any further work: the end, or that the action is to be undone. */
const conclusionOf = (step: NextStep, at: Timestamp.Timestamp): ReadonlyArray<RemediationEvent> => {
  switch (step._tag) {
    case "Conclude":
      return [{ _tag: "Concluded", state: step.state, reason: step.reason }]
    case "RequestRollback": {
      const { _tag, ...request } = step
      return [{ _tag: "RollbackRequested", request: { at, ...request } }]
    }
    default:
      return []
  }
}

/** A retry would produce the same result, at the same cost. */
const notStorable = (events: ReadonlyArray<RemediationEvent>): string =>
  `The result ${events.map(({ _tag }) => _tag).join(", ")} could not be stored, because it does not match its schema. The log has details.`

export const make = Effect.gen(function* () {
  const store = yield* RemediationStore
  const events = yield* RemediationEvents

  const journal: Journal = Effect.fnUntraced(function* (claim, self, given, admission) {
    const added = given.map(redacted)
    const begins = added.some(({ _tag }) => _tag === "Intended")
    if (begins) {
      const now = Option.getOrUndefined(yield* store.get(self.id))
      if (now?.alertResolvedAt !== undefined && self.alertResolvedAt === undefined) return now
    }
    const at = yield* Timestamp.now
    const changes: Array<RemediationChange> = []
    let latest = self
    for (const event of added) changes.push({ event: event._tag, remediation: (latest = evolve(latest, event, at)) })
    const step = nextStep(latest)
    const conclusion = conclusionOf(step, at)
    const all = [...added, ...conclusion]
    const written = yield* Effect.result(
      admission === undefined || !begins
        ? Effect.asSome(store.append(claim, self, all, at))
        : store.start(claim, self, all, at, admission)
    )
    if (Result.isFailure(written)) {
      const { failure } = written
      if (failure._tag === "Fenced" || failure.reason !== "invalid") return yield* failure
      yield* Effect.logError("A result could not be journaled, so the remediation is escalated", {
        reason: failure.message
      })
      return yield* journal(claim, self, [{ _tag: "Concluded", state: "Escalated", reason: notStorable(added) }])
    }
    if (Option.isNone(written.success)) {
      yield* Effect.logInfo("Another process has used up a budget of actions meanwhile, so the action is decided again")
      return Option.getOrElse(yield* store.get(self.id), () => self)
    }
    const next = written.success.value
    changes.forEach(events.publish)
    // The store leaves the conclusion out if a person has asked for a rollback since.
    if (step._tag === "Conclude" && isFinal(next.state)) events.publish({ event: "Concluded", remediation: next })
    if (step._tag === "RequestRollback") events.publish({ event: "RollbackRequested", remediation: next })
    if (next.handedOverTo !== undefined) events.publish({ event: "HandedOver", remediation: next })
    return next
  })

  return journal
})
