/** One timer of a call: it fires once, unless it is stopped. It tells when it was due. */

import { type Clock, Duration, Effect, Exit, type Fiber } from "effect"
import * as Monotonic from "../Monotonic.ts"
import type { Ended } from "../TimeLimit.ts"

export class Timer {
  readonly #clock: Clock.Clock
  readonly #fiber: Fiber.Fiber<unknown, unknown>
  #running: Fiber.Fiber<void> | undefined

  constructor(clock: Clock.Clock, fiber: Fiber.Fiber<unknown, unknown>) {
    this.#clock = clock
    this.#fiber = fiber
  }

  /** An infinite delay never fires. */
  start(delayMs: number, onFire: (ended: Ended) => void): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const dueMs = Monotonic.nowMsUnsafe(this.#clock) + delayMs
    const timer = Effect.runForkWith(this.#fiber.context)(this.#clock.sleep(Duration.millis(delayMs)))
    this.#running = timer
    timer.addObserver((exit) => {
      if (this.#running !== timer || Exit.isFailure(exit)) return
      this.#running = undefined
      onFire({ dueMs, endedMs: Monotonic.nowMsUnsafe(this.#clock) })
    })
  }

  stop(): void {
    const timer = this.#running
    if (timer === undefined) return
    this.#running = undefined
    timer.interruptUnsafe()
  }
}
