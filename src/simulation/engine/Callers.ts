/**
 * Whose fiber it is that calls a far end: each process of the service has breakers, budgets and bulkheads of its own.
 */

import { Clock, type Fiber } from "effect"
import type { World } from "./World.ts"

export class Callers {
  private readonly world: World
  private lastClock: Clock.Clock | undefined
  private lastProcess = -1

  constructor(world: World) {
    this.world = world
  }

  /** The number of the process to which the fiber belongs, by the clock that it goes by; -1 where it is of none. */
  numberOf(fiber: Fiber.Fiber<unknown, unknown>): number {
    const clock = fiber.getRef(Clock.Clock)
    if (clock !== this.lastClock) {
      this.lastClock = clock
      this.lastProcess = this.world.processes.findLast((process) => process.clock === clock)?.number ?? -1
    }
    return this.lastProcess
  }
}
