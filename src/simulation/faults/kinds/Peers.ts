/** Which peers a network fault or a model fault affects. */

import { Schema } from "effect"
import type { SeededRandom } from "../../engine/SeededRandom.ts"
import { ModelPeer, type Wire } from "../../farEnds/paths/Wire.ts"
import type { DrawSetting } from "../FaultKind.ts"

export const Peer = Schema.Union([ModelPeer, Schema.Literal("cluster")])
export type Peer = typeof Peer.Type

/** How often a fault affects all peers at once: a provider's region, a proxy or a name server is down. */
const shareOfAll = 0.3

const some = <A>(random: SeededRandom, peers: ReadonlyArray<A>): ReadonlyArray<A> =>
  peers.length === 0 || random.chance(shareOfAll) ? peers : [random.pick(peers)]

/** One of the models, or all of them. */
export const drawModels = (random: SeededRandom, { scenario }: DrawSetting): ReadonlyArray<ModelPeer> =>
  some(random, scenario.tiers ?? [])

/** One of the peers, or all of them. */
export const drawPeers = (random: SeededRandom, { scenario }: DrawSetting): ReadonlyArray<Peer> =>
  some(random, [...(scenario.tiers ?? []), "cluster"])

/** These peers, with those that share an account with one of them. */
export const sharing = (wire: Wire, peers: ReadonlyArray<ModelPeer>): ReadonlyArray<ModelPeer> => [
  ...new Set(peers.flatMap((peer) => wire.sameAccount?.(peer) ?? [peer]))
]

/** Disturbs each peer; the returned function undoes all of it. */
export const each = <A>(peers: ReadonlyArray<A>, disturb: (peer: A) => () => void): (() => void) => {
  const undo = peers.map(disturb)
  return () => {
    for (const one of undo) one()
  }
}
