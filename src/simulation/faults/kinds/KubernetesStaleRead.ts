/**
 * Reads return data from a cache that lags by a bounded time, each object and list independently. A single API server
 * returns the newest state; one of several whose etcd member lags, or a caching proxy, does not.
 */

import { Effect, Schema } from "effect"
import type { ClusterRequest } from "../../farEnds/paths/ClusterPath.ts"
import { onWire } from "../FaultKind.ts"

export const kubernetesStaleRead = onWire({
  name: "kubernetes-stale-read",
  target: "cluster",
  description: "Reads return outdated state.",
  parameters: Schema.Struct({ lagMs: Schema.Int }),
  lasts: [10_000, 300_000],
  misleads: true,
  draw: (random) => ({ lagMs: Math.floor(random.magnitude(100, 8_000)) }),
  disturb: ({ lagMs }, wire) => {
    const answers = new Map<string, { readonly atMs: number; readonly answer: unknown }>()
    return wire.cluster.disturb(<A, E>(request: ClusterRequest, server: Effect.Effect<A, E>) => {
      if (request.verb !== "get" && request.verb !== "list") return server
      return Effect.suspend(() => {
        const key = `${request.verb} ${request.kind} ${request.namespace}/${request.name} ${JSON.stringify(request.options)}`
        const known = answers.get(key)
        // The same request, so the response is of the same type.
        if (known !== undefined && wire.nowMs - known.atMs < lagMs) return Effect.succeed(known.answer as A)
        return Effect.tap(server, (answer) => Effect.sync(() => answers.set(key, { atMs: wire.nowMs, answer })))
      })
    })
  }
})
