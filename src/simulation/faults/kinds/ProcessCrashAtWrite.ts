/**
 * `kill -9` of the service between two writes of an action or of a rollback, or between a write and its record. What
 * was written stays; what should have followed did not happen.
 */

import { Effect, Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const processCrashAtWrite = kind({
  name: "process-crash-at-write",
  target: "service",
  description: "The service is killed just after a write took effect, before it knows, and restarted.",
  parameters: Schema.Struct({
    /** Of the writes, from 0 to 1. */
    share: Schema.Finite
  }),
  lasts: [5_000, 120_000],
  draw: (random) => ({ share: random.chance(0.5) ? 1 : random.nextDoubleUnsafe() }),
  apply: ({ share }, { farEnds: { cluster }, service, world }, random) =>
    cluster.disturb((request, server) => {
      if (request.change === undefined || request.dryRun) return server
      return Effect.tap(server, () =>
        Effect.sync(() => {
          if (random.chance(share)) world.atStep(world.steps + 1, () => service.process?.crash())
        })
      )
    })
})
