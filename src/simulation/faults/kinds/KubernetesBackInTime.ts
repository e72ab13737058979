/**
 * The service is killed, and after its restart it reads from an API server that lags: what it has seen before the crash
 * has, for a moment, not happened yet. Within one process, `kubernetes-stale-read` does the same.
 *
 * Only requests that were sent before the crash have an older response. Each object and list lags independently.
 */

import { Effect, Schema } from "effect"
import type { ClusterRequest } from "../../farEnds/paths/ClusterPath.ts"
import { kind } from "../FaultKind.ts"

interface Answered {
  readonly atMs: number
  readonly answer: unknown
}

/** The newest response from before a moment, or the oldest of all. */
const asOf = (answers: ReadonlyArray<Answered>, ms: number): Answered | undefined =>
  answers.findLast(({ atMs }) => atMs <= ms) ?? answers[0]

export const kubernetesBackInTime = kind({
  name: "kubernetes-back-in-time",
  target: "cluster",
  description: "The service is killed, and for some seconds after its restart it reads what was before.",
  parameters: Schema.Struct({
    /** When the service is killed, after the fault began; with `atWrite`, just after the first write from then on. */
    crashMs: Schema.Int,
    atWrite: Schema.Boolean,
    /** How far back reads go, before the crash. */
    backMs: Schema.Int,
    /** For how long, after the next process has booted. */
    lagMs: Schema.Int
  }),
  lasts: [60_000, 180_000],
  misleads: true,
  draw: (random) => ({
    crashMs: random.between(0, 40_000),
    atWrite: random.chance(0.5),
    backMs: Math.ceil(random.magnitude(100, 30_000)),
    lagMs: Math.ceil(random.magnitude(100, 8_000))
  }),
  apply: ({ atWrite, backMs, crashMs, lagMs }, { farEnds: { cluster }, service, world }) => {
    const answers = new Map<string, Array<Answered>>()
    let crash: { readonly atMs: number; readonly boots: number } | undefined
    /** When the next process was first seen. */
    let bootedMs: number | undefined
    let healed = false
    const fromMs = world.nowMs + crashMs
    const kill = (): void => {
      if (healed || crash !== undefined) return
      crash = { atMs: world.nowMs, boots: service.boots }
      service.process?.crash()
    }
    if (!atWrite) world.at(fromMs, kill)
    const heal = cluster.disturb(<A, E>(request: ClusterRequest, server: Effect.Effect<A, E>) => {
      if (atWrite && request.change !== undefined && !request.dryRun && world.nowMs >= fromMs)
        return Effect.tap(server, () => Effect.sync(() => world.atStep(world.steps + 1, kill)))
      if (request.verb !== "get" && request.verb !== "list") return server
      return Effect.suspend(() => {
        const key = `${request.verb} ${request.kind} ${request.namespace}/${request.name} ${JSON.stringify(request.options)}`
        const known = answers.get(key) ?? []
        if (crash !== undefined && service.boots > crash.boots) {
          bootedMs ??= world.nowMs
          const before = asOf(known, crash.atMs - backMs)
          // The same request, so the response is of the same type.
          if (before !== undefined && world.nowMs - bootedMs < lagMs) return Effect.succeed(before.answer as A)
        }
        if (crash !== undefined) return server
        answers.set(key, known)
        return Effect.tap(server, (answer) => Effect.sync(() => known.push({ atMs: world.nowMs, answer })))
      })
    })
    return () => {
      healed = true
      heal()
    }
  }
})
