/** Investigates the alert, unless it resolves first. */

import { Clock, Effect, type Latch, Option } from "effect"
import { SuspectFinder } from "../../changes/SuspectFinder.ts"
import { capabilities, type DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { Remediation } from "../../domain/Remediation.ts"
import { seenOf } from "../../domain/Seen.ts"
import { targetKey } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { Degradation } from "../../health/Degradation.ts"
import { suspectsForPeople } from "../../investigation/evidence/SuspectEvidence.ts"
import { InvestigationChain } from "../../investigation/InvestigationChain.ts"
import { ActionHistory } from "../../storage/ActionHistory.ts"
import { type Claim, RemediationStore } from "../../storage/RemediationStore.ts"
import type { Journal } from "../Journal.ts"
import type { Resolved } from "../UntilResolved.ts"
import type { Observe } from "./Observe.ts"

/** The maximum number of joined alerts that the investigators receive as related evidence. */
const maxRelatedAlerts = 20
/** The maximum number of earlier actions on the target that they receive. */
const maxPastActions = 10
/**
 * The number of newest remediations among which alerts are looked for that a change may have been meant to help with. A
 * storm of so many within an hour leaves that to a person.
 */
const maxRemediations = 5000

export const make = Effect.fnUntraced(function* (journal: Journal, observe: Observe, resolved: Resolved) {
  const store = yield* RemediationStore
  const chain = yield* InvestigationChain
  const degradation = yield* Degradation
  const history = yield* ActionHistory

  const finder = yield* Effect.serviceOption(SuspectFinder)

  /** What changed before the alert; `undefined` where changes are not recorded. At most three seconds. */
  const suspectsOf = Effect.fnUntraced(function* ({ alert, id, target }: Remediation, observed: WorkloadState | null) {
    if (Option.isNone(finder)) return undefined
    const { cutAt, firings } = yield* store.earlierFirings(id, maxRemediations)
    return yield* finder.value.suspectsOf({
      alert,
      target,
      observed,
      firings,
      ...(cutAt === undefined ? {} : { firingsCutAt: cutAt }),
      nowMs: yield* Clock.currentTimeMillis
    })
  })

  /** The full context has the earlier actions on the target. An investigation does not need them. */
  const historyOf = ({ target }: Remediation, level: DegradationLevel) =>
    capabilities(level).context === "full"
      ? Effect.catchCause(history.ofTarget(targetKey(target), maxPastActions), () => Effect.undefined)
      : Effect.undefined

  const investigate = Effect.fnUntraced(function* (claim: Claim, self: Remediation) {
    // Read before the investigation begins: what changes while it runs is then noticed. It may wait for the cluster.
    const observed = yield* observe(self)
    const { held, level } = yield* degradation.current
    const suspects = yield* suspectsOf(self, observed)
    const past = yield* historyOf(self, level)
    const { hops, investigation } = yield* chain.investigate({
      remediationId: self.id,
      alert: self.alert,
      target: self.target,
      related: yield* store.joinedAlerts(self.id, maxRelatedAlerts),
      observed,
      level,
      held,
      ...(past === undefined ? {} : { history: past }),
      ...(suspects === undefined ? {} : { suspects })
    })
    if (investigation === undefined && hops.length > 0) yield* degradation.exhausted
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
