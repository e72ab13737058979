/** What the facts of a moment mean for the level. Pure. */

import type { EmergencyCause } from "./Check.ts"
import { type AllAiDown, causesOf, dismissalOf } from "./EmergencyMode.ts"
import { isOut, type Level, levelOf, type PeerState, sentence, type TierState } from "./LevelOf.ts"

/** What is known at one moment. */
export interface Facts {
  /** The tiers that have a circuit breaker. */
  readonly tiers: ReadonlyArray<TierState>
  /** The other peers: the cluster, Alertmanager. */
  readonly others: ReadonlyArray<PeerState>
  /** What is out in the process itself: the database. */
  readonly localOut: ReadonlyArray<string>
  /** The causes of an emergency that health checks have found. */
  readonly found: ReadonlyArray<EmergencyCause>
  readonly isExhausted: boolean
  /** The keys of the causes that an operator has dismissed. */
  readonly dismissed: ReadonlySet<string>
}

/** What the facts call for, whatever the level was before. */
export interface Assessment extends Level {
  /** The services that are out. */
  readonly out: ReadonlyArray<string>
  /** The causes that count. */
  readonly causes: ReadonlyArray<EmergencyCause>
  /** The dismissed keys that are still there. */
  readonly dismissed: ReadonlyArray<string>
  /** Whether no peer answers. */
  readonly isCutOff: boolean
}

/** One peer that does not answer is out; from two on it is likelier that we are. */
const fewestPeers = 2

/** What the facts call for. */
export const assess = (facts: Facts, allAiDown: AllAiDown): Assessment => {
  const models = facts.tiers.filter(({ name }) => name !== "rules")
  const peers = [...models, ...facts.others]
  const outPeers = peers.filter(isOut)
  const out = [...outPeers.map(({ service }) => service), ...facts.localOut]
  const isWithoutModels = models.length > 0 && models.every(isOut)
  const all = causesOf({ out, isWithoutModels, isExhausted: facts.isExhausted, found: facts.found }, allAiDown)
  const causes = all.filter((cause) => dismissalOf(cause).some((key) => !facts.dismissed.has(key)))
  const isCutOff = peers.length >= fewestPeers && outPeers.length === peers.length
  const { level, reasons } = levelOf({ tiers: facts.tiers, emergency: causes.map(({ cause }) => cause) })
  return {
    level,
    reasons: [
      ...(isCutOff ? [`We are cut off: none of the ${peers.length} peers answers`] : []),
      ...reasons,
      // They do not affect the level by themselves, but it must be seen why an action waits or nothing is stored.
      ...facts.others.filter(isOut).map(sentence),
      ...facts.localOut.map((service) => `${service} is out`)
    ],
    out,
    causes,
    dismissed: all.flatMap(dismissalOf).filter((key) => facts.dismissed.has(key)),
    isCutOff
  }
}
