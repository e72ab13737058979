/**
 * When nothing is wrong any more the service finds out by itself: level 0, and the breakers of all models closed.
 *
 * The breaker of the cluster is left out: nobody probes it, so where no alert comes any more it stays as it was until the next request.
 */
import type { CircuitTag } from "../../resilience/ResilienceEvent.ts"
import type { Invariant } from "../Invariant.ts"

export const healedAtEnd: Invariant = {
  name: "healed-at-end",
  description: "After healing, the level is 0 and the breakers of the models are closed.",
  make: ({ scenario }, report) => {
    const breakers = new Map<string, CircuitTag>()
    let level = 0
    const tiers: ReadonlyArray<string> = scenario.tiers ?? []
    const ailing = (): ReadonlyArray<string> => [
      ...[...breakers].filter(([name, state]) => tiers.includes(name) && state !== "Closed").map(([name, state]) => `the breaker of ${name} is ${state}`),
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
