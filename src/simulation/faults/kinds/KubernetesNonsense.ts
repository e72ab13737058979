/**
 * A response that no API server returns, as from a broken proxy or a bug of the client library. Code that reads it
 * throws.
 */

import { Effect, Schema } from "effect"
import { onWire } from "../FaultKind.ts"

export const kubernetesNonsense = onWire({
  name: "kubernetes-nonsense",
  target: "cluster",
  description: "Reads return something that is no Kubernetes object, or the client library throws.",
  parameters: Schema.Struct({
    /** Of the requests, from 0 to 1. */
    share: Schema.Finite,
    /** `object` returns an empty object, `defect` throws in the client. */
    how: Schema.Literals(["object", "defect"])
  }),
  lasts: [5_000, 120_000],
  misleads: true,
  draw: (random) => ({
    share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe(),
    how: random.pick(["object", "defect"] as const)
  }),
  disturb: ({ how, share }, wire, random) =>
    wire.cluster.disturb(
      <A, E>(
        request: { readonly verb: string; readonly change?: unknown },
        server: Effect.Effect<A, E>
      ): Effect.Effect<A, E> =>
        Effect.suspend(() => {
          if (request.change !== undefined || !random.chance(share)) return server
          // Not an `A` on purpose.
          return how === "defect"
            ? Effect.die(new TypeError("simulated: the client library broke"))
            : Effect.succeed({} as A)
        })
    )
})
