/** Investigates the alert, unless it resolves first. */

import { Clock, Effect, type Latch, Option } from "effect"
import { SuspectFinder } from "../../changes/SuspectFinder.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { seenOf } from "../../domain/Seen.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { Degradation } from "../../health/Degradation.ts"
import { suspectsForPeople } from "../../investigation/evidence/SuspectEvidence.ts"
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

  const finder = yield* Effect.serviceOption(SuspectFinder)

  /** What changed before the alert; `undefined` where changes are not recorded. At most three seconds. */
  const suspectsOf = Effect.fnUntraced(function* ({ alert, target }: Remediation, observed: WorkloadState | null) {
    if (Option.isNone(finder)) return undefined
    return yield* finder.value.suspectsOf({ alert, target, observed, nowMs: yield* Clock.currentTimeMillis })
  })

  const investigate = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    // Read before the investigation begins: what changes while it runs is then noticed. It may wait for the cluster.
    const observed = yield* observe(self)
    const { level } = yield* degradation.current
    const suspects = yield* suspectsOf(self, observed)
    const { hops, investigation } = yield* chain.investigate({
      remediationId: self.id,
      alert: self.alert,
      target: self.target,
      related: yield* store.joinedAlerts(self.id, maxRelatedAlerts),
      observed,
      level,
      ...(suspects === undefined ? {} : { suspects })
    })
    return yield* journal(claim, self, [
      {
        _tag: "Investigated",
        level,
        hops,
        ...(investigation === undefined ? {} : { investigation }),
        ...(observed === null ? {} : { seen: seenOf(observed) }),
        ...(suspects === undefined ? {} : { suspects: suspectsForPeople(suspects) })
      }
    ])
  })

  return (claim: Claim, self: Remediation, wake: Latch.Latch) =>
    Effect.raceFirst(investigate(claim, self), resolved(self, wake))
})
