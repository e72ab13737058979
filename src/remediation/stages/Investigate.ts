/** Investigates the alert, unless it resolves first. */

import { Effect, type Latch } from "effect"
import type { Remediation } from "../../domain/Remediation.ts"
import { seenOf } from "../../domain/Seen.ts"
import { Degradation } from "../../health/Degradation.ts"
import { InvestigationChain } from "../../investigation/InvestigationChain.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"
import type { Resolved } from "../UntilResolved.ts"
import type { Observe } from "./Observe.ts"

/** The maximum number of joined alerts that the investigators receive as related evidence. */
const maxRelatedAlerts = 20

export const make = Effect.fnUntraced(function* (journal: Journal, observe: Observe, resolved: Resolved) {
  const store = yield* RemediationStore
  const chain = yield* InvestigationChain
  const degradation = yield* Degradation

  const investigate = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    // Read before the investigation begins: what changes while it runs is then noticed. It may wait for the cluster.
    const observed = yield* observe(self)
    const { level } = yield* degradation.current
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

  return (claim: Claim, self: Remediation, wake: Latch.Latch) =>
    Effect.raceFirst(investigate(claim, self), resolved(self, wake))
})
