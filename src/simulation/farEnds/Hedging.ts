/** Whether the service of a run hedges HolmesGPT, and after how long. */

import type { Setting } from "./FarEnd.ts"

export interface Hedging {
  /** In milliseconds. */
  readonly after: number
  readonly deadline: number
}

/** Drawn for each run of a scenario that may hedge: half of them do. `undefined`: it does not. */
export const hedgingOf = ({ scenario, world }: Pick<Setting, "scenario" | "world">): Hedging | undefined => {
  if (typeof scenario.hedges === "object") return scenario.hedges
  if (scenario.hedges !== true) return undefined
  const random = world.random("hedging")
  if (!random.chance(0.5)) return undefined
  const after = Math.ceil(random.magnitude(500, 8000))
  return { after, deadline: after + random.between(1000, 25_000) }
}
