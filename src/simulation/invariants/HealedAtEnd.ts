/**
 * After healing the service recovers by itself: the level is 0, and the breakers of the cluster and of all models are
 * closed.
 *
 * Breakers of an embedder's own investigators are not checked, because another tier may answer before they are used.
 */

import type { CircuitTag } from "../../resilience/ResilienceEvent.ts"
import type { Invariant } from "./Invariant.ts"

export const healedAtEnd: Invariant = {
  name: "healed-at-end",
  description: "After healing, the level is 0 and all breakers are closed.",
  make: ({ scenario }, report) => {
    const breakers = new Map<string, CircuitTag>()
    let level = 0
    const peers = new Set<string>(["kubernetes", ...(scenario.tiers ?? [])])
    const ailing = (): ReadonlyArray<string> => [
      ...[...breakers]
        .filter(([name, state]) => peers.has(name) && state !== "Closed")
        .map(([name, state]) => `the breaker of ${name} is ${state}`),
      ...(level === 0 ? [] : [`the level is ${level}`])
    ]
    return {
      on: {
        ProcessBooted: () => {
          breakers.clear()
          level = 0
        },
        BreakerMoved: ({ breaker, to }) => void breakers.set(breaker, to),
        LevelIs: (said) => {
          level = said.level
        }
      },
      atEnd: () => {
        for (const what of ailing()) report(what)
      },
      pending: ailing
    }
  }
}
