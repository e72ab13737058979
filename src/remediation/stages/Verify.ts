/** Watches the target after the action and journals whether the action helped. */

import { Effect, Option } from "effect"
import type { Intent } from "../../domain/Execution.ts"
import type { Remediation, RemediationId } from "../../domain/Remediation.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type Claim, type Fenced, RemediationStore } from "../../storage/RemediationStore.ts"
import type { StorageError } from "../../storage/StorageError.ts"
import type { AlertPosts } from "../../verification/AlertEvidence.ts"
import { FiringAlerts, type Sighting } from "../../verification/FiringAlerts.ts"
import { Verifier } from "../../verification/Verifier.ts"
import type { Journal } from "../Journal.ts"

/** The verification of the actions of one activation. */
export interface Verification {
  /**
   * Asks Alertmanager about the alert before the action. That the alert is absent afterwards says something only if it
   * was listed before.
   */
  readonly prepare: (self: Remediation) => Effect.Effect<void>
  readonly verify: (
    claim: Claim,
    self: Remediation,
    intent: Intent
  ) => Effect.Effect<Remediation, StorageError | Fenced>
}

/** When the action ended: by its outcome, or if that is unknown by its plan. */
const actedAtOf = ({ executions }: Remediation, { executionId, plannedAt }: Intent) =>
  executions.find(({ intent }) => intent.executionId === executionId)?.outcome?.finishedAt ?? plannedAt

/** How long an action may wait for Alertmanager. */
const lookBefore = "1 second"

export const make = Effect.fnUntraced(function* (journal: Journal) {
  const store = yield* RemediationStore
  const verifier = yield* Verifier
  const firing = yield* FiringAlerts

  /**
   * What webhooks have said about the alert, and about those that joined it. A resolution that was heard before the
   * action had ended (`heardBefore`, its `endsAt`) says nothing about the action, whatever its `endsAt`, which comes
   * from another clock. Nor does a repeat of it. Only an alert that has begun again can end again.
   */
  const postsOf = (id: RemediationId, heardBefore: Timestamp | undefined): Effect.Effect<AlertPosts, StorageError> =>
    Effect.map(store.lastFiring(id), (firing) => {
      const last = Option.getOrUndefined(firing)
      if (last === undefined) return {}
      const { againAt, at, endHeardAt, endedAt, graverJoined, joinedAt } = last
      const isHeard = heardBefore !== undefined && (againAt === undefined || endedAt === heardBefore)
      return {
        firingAt: at,
        ...(endedAt === undefined || isHeard ? {} : { resolvedAt: endedAt }),
        ...(endHeardAt === undefined || isHeard ? {} : { resolvedHeardAt: endHeardAt }),
        ...(againAt === undefined ? {} : { againAt }),
        ...(joinedAt === undefined ? {} : { joinedAt }),
        ...(graverJoined === undefined ? {} : { graverJoined })
      }
    })

  /** When the alert resolved, if it did before its action had ended, in the order in which we heard of both. */
  const resolvedBefore = ({ alertResolvedAt, id }: Remediation): Effect.Effect<Timestamp | undefined, StorageError> =>
    alertResolvedAt === undefined
      ? Effect.undefined
      : Effect.map(store.journal(id), (entries) => {
          const kinds = entries.map(({ event }) => event._tag)
          return kinds.indexOf("AlertResolved") < kinds.lastIndexOf("Executed") ? alertResolvedAt : undefined
        })

  /** For one activation. A crash loses what Alertmanager said before it; the verification then depends on the rest. */
  return (): Verification => {
    let seenBefore: Sighting | undefined

    const prepare = Effect.fnUntraced(function* ({ alert }: Remediation) {
      seenBefore = Option.getOrUndefined(yield* Effect.timeoutOption(firing.look(alert), lookBefore))
    })

    const verify = Effect.fn("verify")(function* (claim: Claim, self: Remediation, intent: Intent) {
      const verification = yield* verifier.verify({
        intent,
        target: self.target,
        actedAt: actedAtOf(self, intent),
        posts: postsOf(self.id, yield* resolvedBefore(self)),
        look: firing.look(self.alert),
        ...(seenBefore === undefined ? {} : { seenBefore })
      })
      yield* Effect.annotateCurrentSpan({ "kubernaut.verification.verdict": verification.verdict })
      return yield* journal(claim, self, [{ _tag: "Verified", verification }])
    })

    return { prepare, verify }
  }
})
