/**
 * A write takes effect and its response is lost: the client reports a timeout, or the connection hangs.
 */

import { Effect, Schema } from "effect"
import { KubernetesError } from "../../../kubernetes/KubernetesClient.ts"
import { onWire } from "../FaultKind.ts"

export const kubernetesLostAnswer = onWire({
  name: "kubernetes-lost-answer",
  target: "cluster",
  description: "Writes take effect, and their responses are lost.",
  parameters: Schema.Struct({
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite,
    /** The connection hangs instead of being cut. */
    hangs: Schema.Boolean
  }),
  lasts: [30_000, 300_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(), hangs: random.chance(0.5) }),
  disturb: ({ hangs, share }, wire, random) =>
    wire.cluster.disturb((request, server) => {
      if (request.change === undefined || request.dryRun) return server
      const lost = hangs
        ? Effect.never
        : Effect.fail(
            new KubernetesError({
              reason: { _tag: "Timeout" },
              operation: `${request.verb} ${request.kind} ${request.namespace}/${request.name}`,
              applied: "unknown",
              retryable: false
            })
          )
      return Effect.suspend(() => (random.chance(share) ? Effect.andThen(server, lost) : server))
    })
})
