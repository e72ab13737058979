/**
 * The wall clock jumps forward or back, as after a suspended machine or with a wrong time server, and jumps back to the
 * correct time when the fault heals.
 */

import { Schema } from "effect"
import { kind } from "../FaultKind.ts"

export const wallClockJump = kind({
  name: "wall-clock-jump",
  target: "time",
  description: "The wall clock jumps forward or back, and later back to the correct time.",
  parameters: Schema.Struct({
    /** Negative values jump back. */
    byMs: Schema.Int
  }),
  lasts: [10_000, 600_000],
  draw: (random) => ({ byMs: Math.floor(random.magnitude(100, 7_200_000)) * (random.chance(0.5) ? 1 : -1) }),
  apply: ({ byMs }, { world }) => {
    world.jumpWallClock(byMs)
    return () => world.jumpWallClock(-byMs)
  }
})
