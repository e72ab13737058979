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
 * The due time as a moment of the monotonic clock (`Monotonic.nowMs`). Where there is none, a call is due when it
 * comes.
 */
export const CurrentDue = Context.Reference<number | undefined>("kubernaut/resilience/Due/CurrentDue", {
  defaultValue: () => undefined
})

/** Runs an effect with a due time. */
export const at =
  (dueMs: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, CurrentDue, dueMs)
