/** The API server responds 503 to a share of the requests, or to all of them. */

import { Effect, Schema } from "effect"
import { KubernetesError } from "../../../kubernetes/KubernetesClient.ts"
import { onWire } from "../FaultKind.ts"

export const kubernetesUnavailable = onWire({
  name: "kubernetes-unavailable",
  target: "cluster",
  description: "The API server responds 503.",
  parameters: Schema.Struct({
    /** Of the requests, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [5_000, 300_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
  disturb: ({ share }, wire, random) =>
    wire.cluster.disturb((request, server) =>
      Effect.suspend(() =>
        random.chance(share)
          ? Effect.fail(
              new KubernetesError({
                reason: { _tag: "Unavailable", status: 503 },
                operation: `${request.verb} ${request.kind} ${request.namespace}/${request.name}`,
                applied: "no",
                retryable: true
              })
            )
          : server
      )
    )
})
