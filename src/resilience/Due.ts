/**
 * When the work of a fiber is due. Where calls wait for a permit, the one that is due first gets it.
 *
 * **When to use**
 *
 * Around urgent work and around work that can wait, when both call the same peer: give each a due time of its arrival
 * plus an allowance. Urgent calls then overtake the others, and none waits forever, because a due time stays as it is.
 *
 * **Example** (the due time that nested calls see)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Due } from "kubernaut/resilience"
 *
 * Effect.runSync(Due.at(1500)(Effect.service(Due.CurrentDue))) // => 1500
 * ```
 */

import { Context, Effect } from "effect"

/**
 * A due time that becomes earlier when something more urgent depends on the same work. Calls that already wait for a
 * permit move forward. It never becomes later. Until it is raised first, the work is due last.
 */
export class Raisable {
  #dueMs = Number.POSITIVE_INFINITY
  readonly #listeners = new Set<() => void>()

  /** The due time now. */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Makes the work due at `dueMs`, if that is earlier. */
  raise(dueMs: number): void {
    if (!(dueMs < this.#dueMs)) return
    this.#dueMs = dueMs
    for (const listener of this.#listeners) listener()
  }

  /** Calls `listener` whenever the due time has become earlier, until the returned function is called. */
  onRaise(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/**
 * The due time as a moment of the monotonic clock (`Monotonic.nowMs`), or one that may still become earlier. Where
 * there is none, a call is due when it comes.
 */
export const CurrentDue = Context.Reference<number | Raisable | undefined>("kubernaut/resilience/Due/CurrentDue", {
  defaultValue: () => undefined
})

/** Runs an effect with a due time. */
export const at =
  (due: number | Raisable) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, CurrentDue, due)
