/**
 * An operator isolates the cluster's circuit breaker, forces it closed, or changes its settings, each for a limited
 * time.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const breakerOperations = kind({
  name: "operator-breaker",
  target: "service",
  description:
    "An operator isolates the cluster's breaker, forces it closed, or changes its settings, and reverts it later.",
  parameters: Schema.Struct({
    what: Schema.Literals(["isolate", "force-closed", "hair-trigger"]),
    forMs: Schema.Int
  }),
  lasts: [10_000, 180_000],
  draw: (random) => ({
    what: random.pick(["isolate", "force-closed", "hair-trigger"] as const),
    forMs: Math.floor(random.magnitude(5_000, 120_000))
  }),
  apply: ({ forMs, what }, { service }) => {
    const reason = "simulated operator"
    service.operate((breaker) => {
      switch (what) {
        case "isolate":
          return breaker.isolate(forMs, reason)
        case "force-closed":
          return breaker.forceClosed(forMs, reason)
        case "hair-trigger":
          return breaker.configure({ consecutiveFailures: 1 })
      }
    })
    // The process may have restarted since, with a new breaker.
    return () =>
      service.operate((breaker) =>
        what === "hair-trigger" ? breaker.configure({ consecutiveFailures: 5 }) : breaker.auto()
      )
  }
})
