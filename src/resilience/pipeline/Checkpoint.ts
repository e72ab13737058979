/**
 * The last look at the circuit before a request leaves.
 *
 * A call that waits after its admission for something other than its peer, such as a record on disk, runs `current`
 * after that wait. Where the circuit has opened meanwhile, the attempt ends there, as one that was rejected. An attempt
 * that makes several requests runs it before each: after the first it has been made, and ends as one without a result.
 */

import { Context, Effect } from "effect"

/** The checkpoint of the attempt that this fiber makes. Default, and where there is no circuit breaker: nothing. */
export const CurrentCheckpoint = Context.Reference<Effect.Effect<void>>(
  "kubernaut/resilience/pipeline/Checkpoint/CurrentCheckpoint",
  { defaultValue: () => Effect.void }
)

/** Interrupts the attempt if the circuit no longer admits it. */
export const current: Effect.Effect<void> = Effect.withFiber((fiber) => fiber.getRef(CurrentCheckpoint))
