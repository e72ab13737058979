/**
 * What goes wrong between the service and its peers: the models and the cluster.
 *
 * A partition is silent: requests never return. Only a refused or reset connection and an unknown name are reported at
 * once.
 */

import { Effect, Schema } from "effect"
import { KubernetesError } from "../../../kubernetes/KubernetesClient.ts"
import type { SeededRandom } from "../../engine/SeededRandom.ts"
import type { ClusterRequest } from "../../farEnds/paths/ClusterPath.ts"
import type { NetworkFault, Passage } from "../../farEnds/paths/NetworkPath.ts"
import { ModelPeer, type Wire } from "../../farEnds/paths/Wire.ts"
import { type FaultKind, onWire } from "../FaultKind.ts"
import { drawModels, drawPeers, each, Peer } from "./Peers.ts"

const minuteMs = 60_000
const lasts = [5_000, 5 * minuteMs] as const

/** How a connection to the API server fails. */
export const clusterPassage = (request: ClusterRequest): Passage<KubernetesError> => ({
  broken: (how) =>
    new KubernetesError({
      reason: { _tag: "Unavailable" },
      operation: `${request.verb} ${request.kind} ${request.namespace}/${request.name}`,
      applied: request.change === undefined || request.dryRun || how === "refused" || how === "name" ? "no" : "unknown",
      retryable: true
    })
})

const disturb = (wire: Wire, peers: ReadonlyArray<Peer>, fault: NetworkFault): (() => void) =>
  each(peers, (peer) =>
    peer === "cluster"
      ? wire.cluster.disturb((request, server) => fault(server, clusterPassage(request)))
      : wire.model(peer).link.disturb(fault)
  )

const peers = Schema.Array(Peer)

const networkPartition = onWire({
  name: "network-partition",
  target: "network",
  description: "Messages to a peer, from it, or both, are lost silently.",
  parameters: Schema.Struct({ peers, lost: Schema.Literals(["requests", "answers", "both"]) }),
  lasts,
  draw: (random, setting) => ({
    peers: drawPeers(random, setting),
    lost: random.pick(["requests", "answers", "both"] as const)
  }),
  disturb: ({ lost, peers }, wire) =>
    disturb(wire, peers, (peer) =>
      lost === "answers" ? Effect.andThen(Effect.exit(peer), Effect.never) : Effect.never
    )
})

const networkLatency = onWire({
  name: "network-latency",
  target: "network",
  description: "Each message has additional, varying latency.",
  parameters: Schema.Struct({ peers, mostMs: Schema.Int }),
  lasts: [10_000, 20 * minuteMs],
  draw: (random, setting) => ({ peers: drawPeers(random, setting), mostMs: Math.ceil(random.magnitude(20, 10_000)) }),
  disturb: ({ mostMs, peers }, wire, random) => {
    const slow = Effect.suspend(() => Effect.sleep(random.between(0, mostMs)))
    // No finalizer: an interrupted caller must not wait.
    return disturb(wire, peers, (peer) =>
      Effect.andThen(
        slow,
        Effect.flatMap(Effect.exit(peer), (exit) => Effect.andThen(slow, exit))
      )
    )
  }
})

/** TCP's first retransmission timeout; it doubles each time. */
const retransmitMs = 200
/** Retransmissions before the connection breaks. */
const retransmits = 6

const arrival = (random: SeededRandom, share: number): number | undefined => {
  let waitedMs = 0
  for (let again = 0; again <= retransmits; again++) {
    if (!random.chance(share)) return waitedMs
    waitedMs += retransmitMs * 2 ** again
  }
  return undefined
}

const networkLoss = onWire({
  name: "network-loss",
  target: "network",
  description: "A share of the messages is lost and retransmitted, until the connection breaks.",
  parameters: Schema.Struct({ peers, share: Schema.Finite }),
  lasts,
  draw: (random, setting) => ({ peers: drawPeers(random, setting), share: random.magnitude(0.02, 0.9) }),
  disturb: ({ peers, share }, wire, random) =>
    disturb(wire, peers, <A, E>(peer: Effect.Effect<A, E>, passage: Passage<E>) => {
      const message: Effect.Effect<void, E> = Effect.suspend(() => {
        const waitMs = arrival(random, share)
        if (waitMs === undefined)
          return Effect.andThen(Effect.sleep(retransmitMs * 2 ** retransmits), Effect.fail(passage.broken("reset")))
        return waitMs === 0 ? Effect.void : Effect.sleep(waitMs)
      })
      return Effect.andThen(
        message,
        Effect.flatMap(Effect.exit(peer), (exit) => Effect.andThen(message, exit))
      )
    })
})

const connectionReset = onWire({
  name: "connection-reset",
  target: "network",
  description: "A share of the connections is reset, before the request arrives or after it was carried out.",
  parameters: Schema.Struct({ peers, share: Schema.Finite }),
  lasts,
  draw: (random, setting) => ({ peers: drawPeers(random, setting), share: random.magnitude(0.1, 1) }),
  disturb: ({ peers, share }, wire, random) =>
    disturb(wire, peers, (peer, passage) =>
      Effect.suspend(() => {
        if (!random.chance(share)) return peer
        const reset = Effect.suspend(() => Effect.fail(passage.broken("reset")))
        return random.chance(0.5) ? reset : Effect.andThen(Effect.exit(peer), reset)
      })
    )
})

const nameLookup = onWire({
  name: "dns-failure",
  target: "network",
  description: "The name of a peer does not resolve, at once or after the resolver's 5 s.",
  parameters: Schema.Struct({ peers, afterMs: Schema.Int }),
  lasts,
  draw: (random, setting) => ({ peers: drawPeers(random, setting), afterMs: random.pick([1, 5000] as const) }),
  disturb: ({ afterMs, peers }, wire) =>
    disturb(wire, peers, (_peer, passage) =>
      Effect.andThen(
        Effect.sleep(afterMs),
        Effect.suspend(() => Effect.fail(passage.broken("name")))
      )
    )
})

const models = Schema.Array(ModelPeer)

const slowBody = onWire({
  name: "slow-loris",
  target: "models",
  description: "The body of a response arrives in chunks with a long pause before each.",
  parameters: Schema.Struct({ peers: models, pauseMs: Schema.Int }),
  lasts,
  draw: (random, setting) => ({
    peers: drawModels(random, setting),
    pauseMs: Math.ceil(random.magnitude(500, 30_000))
  }),
  disturb: ({ pauseMs, peers }, wire) => each(peers, (peer) => wire.model(peer).link.disturbBody({ pauseMs }))
})

const truncatedBody = onWire({
  name: "truncated-body",
  target: "models",
  description: "The connection is closed in the middle of a response's body.",
  parameters: Schema.Struct({ peers: models, endsAfter: Schema.Finite }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting), endsAfter: random.nextDoubleUnsafe() }),
  disturb: ({ endsAfter, peers }, wire) => each(peers, (peer) => wire.model(peer).link.disturbBody({ endsAfter }))
})

export const networkFaults: ReadonlyArray<FaultKind> = [
  networkPartition,
  networkLatency,
  networkLoss,
  connectionReset,
  nameLookup,
  slowBody,
  truncatedBody
]
