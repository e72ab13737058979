/**
 * Reads are answered from a cache that lags behind, each object and list for itself, by a bounded time. A single API server answers a plain read with the
 * newest state; one of several behind a load balancer whose etcd member lags, or a proxy in between, does not.
 */
import { Effect, Schema } from "effect"
import { kind } from "../Fault.ts"

export const kubernetesStaleRead = kind({
  name: "kubernetes-stale-read",
  target: "cluster",
  description: "Reads are answered with a state of a while ago.",
  parameters: Schema.Struct({ lagMs: Schema.Int }),
  lasts: [10_000, 300_000],
  draw: (random) => ({ lagMs: Math.floor(random.magnitude(100, 8_000)) }),
  apply: ({ lagMs }, { farEnds, world }) => {
    const answers = new Map<string, { readonly atMs: number; readonly answer: unknown }>()
    return farEnds.cluster.disturb(<A, E>(request: { readonly verb: string; readonly kind: string; readonly namespace: string; readonly name: string }, server: Effect.Effect<A, E>) => {
      if (request.verb !== "get" && request.verb !== "list") return server
      // Two lists of one kind may ask for different labels; only gets have a name of their own.
      const key = `${request.verb} ${request.kind} ${request.namespace}/${request.name}`
      if (request.name === "") return server
      return Effect.suspend(() => {
        const known = answers.get(key)
        // The same request, so the answer is of the same type.
        if (known !== undefined && world.nowMs - known.atMs < lagMs) return Effect.succeed(known.answer as A)
        return Effect.tap(server, (answer) => Effect.sync(() => answers.set(key, { atMs: world.nowMs, answer })))
      })
    })
  }
})
