/** Which peers a fault of the network or of a model takes hold of. */
import { Schema } from "effect"
import type { ModelService } from "../farEnds/ModelService.ts"
import type { Setting } from "../FarEnd.ts"
import type { FarEnds } from "../FarEnds.ts"
import type { SeededRandom } from "../SeededRandom.ts"

export const ModelPeer = Schema.Literals(["holmesgpt", "llm:alpha", "llm:beta"])
export type ModelPeer = typeof ModelPeer.Type

export const Peer = Schema.Literals(["holmesgpt", "llm:alpha", "llm:beta", "cluster"])
export type Peer = typeof Peer.Type

/** How often a fault takes hold of all peers at once: a provider's region, a proxy or a name server is gone. */
const shareOfAll = 0.3

const some = <A>(random: SeededRandom, peers: ReadonlyArray<A>): ReadonlyArray<A> =>
  peers.length === 0 || random.chance(shareOfAll) ? peers : [random.pick(peers)]

/** One of the models that the scenario has, or all. */
export const drawModels = (random: SeededRandom, { scenario }: Setting): ReadonlyArray<ModelPeer> => some(random, scenario.tiers ?? [])

/** One of the peers that the scenario has, or all. */
export const drawPeers = (random: SeededRandom, { scenario }: Setting): ReadonlyArray<Peer> => some(random, [...scenario.tiers ?? [], "cluster"])

export const modelService = ({ holmesgpt, languageModels }: FarEnds, peer: ModelPeer): ModelService => {
  switch (peer) {
    case "holmesgpt":
      return holmesgpt.service
    case "llm:alpha":
      return languageModels.alpha.service
    case "llm:beta":
      return languageModels.beta.service
  }
}

/** Does something to each, and takes all of it back together. */
export const each = <A>(peers: ReadonlyArray<A>, disturb: (peer: A) => () => void): () => void => {
  const undo = peers.map(disturb)
  return () => {
    for (const one of undo) one()
  }
}
