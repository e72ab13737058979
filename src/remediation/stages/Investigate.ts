/** Investigates the alert, unless it resolves first. */

import { Effect, type Latch, Option } from "effect"
import type { Remediation } from "../../domain/Remediation.ts"
import { seenOf } from "../../domain/Seen.ts"
import { Degradation } from "../../health/Degradation.ts"
import { InvestigationChain } from "../../investigation/InvestigationChain.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"
import type { Observe } from "./Observe.ts"

/** The maximum number of joined alerts that the investigators receive as related evidence. */
const maxRelatedAlerts = 20

export const make = Effect.fnUntraced(function* (journal: Journal, observe: Observe) {
  const store = yield* RemediationStore
  const chain = yield* InvestigationChain
  const degradation = yield* Degradation

  const investigate = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    const { level } = yield* degradation.current
    // Read before the investigation begins: what changes while it runs is then noticed.
    const observed = yield* observe(self)
    const { hops, investigation } = yield* chain.investigate({
      remediationId: self.id,
      alert: self.alert,
      target: self.target,
      related: yield* store.joinedAlerts(self.id, maxRelatedAlerts),
      observed,
      level
    })
    return yield* journal(claim, self, [
      {
        _tag: "Investigated",
        level,
        hops,
        ...(investigation === undefined ? {} : { investigation }),
        ...(observed === null ? {} : { seen: seenOf(observed) })
      }
    ])
  })

  /**
   * Waits until the alert has resolved, and returns the remediation. `wake` opens when another party journaled
   * something.
   */
  const resolved = Effect.fnUntraced(function* (self: Remediation, wake: Latch.Latch) {
    while (true) {
      yield* wake.await
      yield* wake.close
      const now = yield* store.get(self.id)
      if (Option.isSome(now) && now.value.alertResolvedAt !== undefined) return now.value
    }
  })

  return (claim: Claim, self: Remediation, wake: Latch.Latch) =>
    Effect.raceFirst(investigate(claim, self), resolved(self, wake))
})
