/** Which process calls a far end: each process of the service has its own breakers, budgets and bulkheads. */

import { Clock, type Fiber } from "effect"
import type { World } from "./World.ts"

export class Callers {
  private readonly world: World
  private lastClock: Clock.Clock | undefined
  private lastProcess = -1

  constructor(world: World) {
    this.world = world
  }

  /** The number of the process that a fiber belongs to, identified by its clock; -1 where it belongs to none. */
  numberOf(fiber: Fiber.Fiber<unknown, unknown>): number {
    const clock = fiber.getRef(Clock.Clock)
    if (clock !== this.lastClock) {
      this.lastClock = clock
      this.lastProcess = this.world.processes.findLast((process) => process.clock === clock)?.number ?? -1
    }
    return this.lastProcess
  }
}
