/**
 * The service has more work than its own limits let through at once: every workload breaks at the same moment, while
 * the API server takes its time for each request. The API server itself is healthy, so nothing may be concluded about
 * it.
 */

import { Effect, Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const ownOverload = kind({
  name: "own-overload",
  target: "cluster",
  description: "Every workload breaks at the same moment, while the API server takes its time for each request.",
  // Less than an attempt may take.
  parameters: Schema.Struct({ takesMs: Schema.Int }),
  lasts: [30_000, 300_000],
  // As for the storm of incidents.
  gapMs: [3_600_000, 36_000_000],
  draw: (random) => ({ takesMs: Math.floor(random.magnitude(20, 5_000)) }),
  apply: ({ takesMs }, { farEnds: { alertmanager, cluster } }) => {
    const undo = cluster.disturb((_, server) => Effect.andThen(Effect.sleep(takesMs), server))
    alertmanager.breakAll()
    return undo
  }
})
