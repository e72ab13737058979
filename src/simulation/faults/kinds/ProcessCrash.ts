/** `kill -9` of the service, a number of steps after a moment, so that it hits between any two of its operations. */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const processCrash = kind({
  name: "process-crash",
  target: "service",
  description: "The service is killed between two steps, and restarted.",
  parameters: Schema.Struct({ afterSteps: Schema.Int }),
  lasts: undefined,
  draw: (random) => ({ afterSteps: Math.floor(random.magnitude(1, 300)) }),
  apply: ({ afterSteps }, { service, world }) => {
    world.atStep(world.steps + afterSteps, () => service.process?.crash())
    return () => {}
  }
})
