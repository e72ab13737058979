/**
 * Faults of the service's process.
 *
 * - **pause**: nothing runs for longer than a lease would last; afterwards everything is due at once.
 * - **restart loop**: the process ends soon after each boot.
 * - **two owners**: a second process serves the same database while the first one runs, or is paused and resumes. Both
 *   claim targets.
 */

import { Schema } from "effect"
import { type FaultKind, kind } from "../FaultKind.ts"

const pause = kind({
  name: "process-pause",
  target: "service",
  description: "The service's process is paused, and resumes later.",
  parameters: Schema.Struct({ pauseMs: Schema.Int }),
  lasts: undefined,
  draw: (random) => ({ pauseMs: Math.floor(random.magnitude(500, 300_000)) }),
  apply: ({ pauseMs }, { service }) => {
    service.pause(pauseMs)
    return () => {}
  }
})

const restartLoop = kind({
  name: "process-restart-loop",
  target: "service",
  description: "The service's process ends soon after each boot.",
  parameters: Schema.Struct({
    /** How long it lives, at most. */
    livesMs: Schema.Int
  }),
  lasts: [5_000, 180_000],
  gapMs: [600_000, 7_200_000],
  draw: (random) => ({ livesMs: Math.floor(random.magnitude(10, 20_000)) }),
  apply: ({ livesMs }, { service, world }, random) => {
    let on = true
    const again = () => {
      if (!on) return
      service.process?.crash()
      // After a crash the service is down for at least half a second.
      world.at(world.nowMs + 500 + random.below(livesMs), again)
    }
    again()
    return () => {
      on = false
    }
  }
})

const twoOwners = kind({
  name: "process-two-owners",
  target: "service",
  description: "A second process serves the same database, while the first one runs or is paused.",
  parameters: Schema.Struct({
    /** How long the first one is paused. 0: not at all. */
    pauseMs: Schema.Int
  }),
  lasts: [10_000, 300_000],
  draw: (random) => ({ pauseMs: random.chance(0.5) ? 0 : Math.floor(random.magnitude(5_000, 200_000)) }),
  apply: ({ pauseMs }, { service }) => {
    if (pauseMs > 0) service.pause(pauseMs)
    return service.bootRival()
  }
})

export const processFaults: ReadonlyArray<FaultKind> = [pause, restartLoop, twoOwners]
