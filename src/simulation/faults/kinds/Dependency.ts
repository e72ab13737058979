/**
 * How the service of a model fails: it is down, hangs, returns errors, flaps, throttles, or responds too late.
 */

import { Effect, Schema } from "effect"
import type { ModelFault, Reply } from "../../farEnds/paths/ModelPath.ts"
import { ModelPeer, type Wire } from "../../farEnds/paths/Wire.ts"
import { type FaultKind, kind, onWire, simulatedWire } from "../FaultKind.ts"
import { drawModels, each, sharing } from "./Peers.ts"

const minuteMs = 60_000
const lasts = [5_000, 10 * minuteMs] as const
const peers = Schema.Array(ModelPeer)

const disturb = (wire: Wire, peers: ReadonlyArray<ModelPeer>, fault: ModelFault): (() => void) =>
  each(peers, (peer) => wire.model(peer).disturb(fault))

const status = (code: number, retryAfter?: string): Effect.Effect<Reply> =>
  Effect.succeed({ _tag: "Status", status: code, ...(retryAfter === undefined ? {} : { retryAfter }) })

const serviceDown = onWire({
  name: "service-down",
  target: "models",
  description: "The service is down: connections are refused.",
  parameters: Schema.Struct({ peers }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting) }),
  disturb: ({ peers }, wire) =>
    each(peers, (peer) =>
      wire.model(peer).link.disturb((_peer, passage) => Effect.suspend(() => Effect.fail(passage.broken("refused"))))
    )
})

const sharedServerDown = onWire({
  name: "shared-server-down",
  target: "models",
  description: "The server that several language models share is down, or takes requests and says nothing.",
  parameters: Schema.Struct({ peers, says: Schema.Literals(["refused", "nothing"]) }),
  lasts,
  draw: (random, { scenario }) => ({
    peers: (scenario.tiers ?? []).filter((tier) => tier.startsWith("llm:")).slice(0, 1),
    says: random.pick(["refused", "nothing"] as const)
  }),
  disturb: ({ peers, says }, wire) =>
    each(sharing(wire, peers), (peer) =>
      wire
        .model(peer)
        .link.disturb((_peer, passage) =>
          says === "nothing" ? Effect.never : Effect.suspend(() => Effect.fail(passage.broken("refused")))
        )
    )
})

const hang = onWire({
  name: "dependency-hang",
  target: "models",
  description: "The service accepts requests and never responds; with `probes`, its health route hangs too.",
  parameters: Schema.Struct({ peers, probes: Schema.Boolean }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting), probes: random.chance(0.5) }),
  disturb: ({ peers, probes }, wire) =>
    disturb(wire, peers, (question, reply) => (probes || question.purpose === "work" ? Effect.never : reply))
})

const errorStorm = onWire({
  name: "error-storm",
  target: "models",
  description: "A share of the requests fails with a server error; with `probes`, health checks fail too.",
  parameters: Schema.Struct({ peers, share: Schema.Finite, status: Schema.Int, probes: Schema.Boolean }),
  lasts,
  draw: (random, setting) => ({
    peers: drawModels(random, setting),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(),
    status: random.pick([500, 502, 503, 504, 529, 404] as const),
    probes: random.chance(0.5)
  }),
  disturb: ({ peers, probes, share, status: code }, wire, random) =>
    disturb(wire, peers, (question, reply) =>
      Effect.suspend(() => ((probes || question.purpose === "work") && random.chance(share) ? status(code) : reply))
    )
})

const flapping = onWire({
  name: "flapping",
  target: "models",
  description: "The service is down and up by turns, each for the same time.",
  parameters: Schema.Struct({ peers, turnMs: Schema.Int }),
  lasts: [minuteMs, 20 * minuteMs],
  draw: (random, setting) => ({ peers: drawModels(random, setting), turnMs: Math.ceil(random.magnitude(500, 60_000)) }),
  disturb: ({ peers, turnMs }, wire) => {
    const sinceMs = wire.nowMs
    return disturb(wire, peers, (_question, reply) =>
      Effect.suspend(() => (Math.floor((wire.nowMs - sinceMs) / turnMs) % 2 === 0 ? status(503) : reply))
    )
  }
})

const rateLimited = onWire({
  name: "rate-limited",
  target: "models",
  description: "A share of the questions gets a 429, without Retry-After, with a plausible one, or with an absurd one.",
  parameters: Schema.Struct({ peers, share: Schema.Finite, retryAfter: Schema.NullOr(Schema.String) }),
  lasts,
  draw: (random, setting) => ({
    peers: drawModels(random, setting),
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(),
    retryAfter: random.pick([
      null,
      null,
      "0",
      "1",
      "7",
      "30",
      "86400",
      "99999999999999999999",
      "-5",
      "soon",
      "Fri, 31 Dec 1999 23:59:59 GMT"
    ] as const)
  }),
  disturb: ({ peers, retryAfter, share }, wire, random) =>
    disturb(wire, peers, (question, reply) =>
      Effect.suspend(() =>
        question.purpose === "work" && random.chance(share) ? status(429, retryAfter ?? undefined) : reply
      )
    )
})

const lateAnswer = onWire({
  name: "late-answer",
  target: "models",
  description: "A correct answer arrives after the caller's deadline.",
  parameters: Schema.Struct({ peers, byMs: Schema.Int }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting), byMs: random.between(25_000, 120_000) }),
  disturb: ({ byMs, peers }, wire) =>
    disturb(wire, peers, (question, reply) =>
      question.purpose === "work" ? Effect.andThen(Effect.sleep(byMs), reply) : reply
    )
})

const authentication = onWire({
  name: "authentication-failure",
  target: "models",
  description: "The API key is rejected: it was rotated or revoked.",
  parameters: Schema.Struct({ peers, status: Schema.Literals([401, 403]) }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting), status: random.pick([401, 403] as const) }),
  disturb: ({ peers, status: code }, wire) =>
    disturb(wire, sharing(wire, peers), (question, reply) => (question.purpose === "work" ? status(code) : reply))
})

const probesLie = kind({
  name: "probes-lie",
  target: "models",
  description: "The health route of a model says that it works while real calls fail, or the other way round.",
  parameters: Schema.Struct({ peers, says: Schema.Literals(["well", "ill"]) }),
  lasts,
  draw: (random, setting) => ({ peers: drawModels(random, setting), says: random.pick(["well", "ill"] as const) }),
  apply: ({ peers, says }, reach) =>
    disturb(simulatedWire(reach), peers, (question, reply) =>
      (question.purpose === "work") === (says === "well") ? status(503) : reply
    )
})

export const dependencyFaults: ReadonlyArray<FaultKind> = [
  serviceDown,
  sharedServerDown,
  hang,
  errorStorm,
  flapping,
  rateLimited,
  lateAnswer,
  authentication,
  probesLie
]
