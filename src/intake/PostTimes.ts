/** How long posts of alerts take, for metrics. */

import { Effect, Exit } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"

/**
 * How long a post took until its commit, in milliseconds. `shed`: none of its alerts was stored, and the sender should
 * retry. `failed`: the database did not store it.
 */
export interface Posted {
  readonly outcome: "stored" | "shed" | "failed"
  readonly durationMs: number
}

/** What the outcome of a post is read from. */
interface Handled {
  readonly shed: number
  readonly results: ReadonlyArray<unknown>
}

const outcomeOf = (exit: Exit.Exit<Handled, unknown>): Posted["outcome"] => {
  if (Exit.isFailure(exit)) return "failed"
  const { results, shed } = exit.value
  return shed > 0 && shed === results.length ? "shed" : "stored"
}

/** Reports how long the handling of each post takes. */
export const timed = <Args extends ReadonlyArray<unknown>, A extends Handled, E>(
  handle: (...args: Args) => Effect.Effect<A, E>,
  onPosted: ((event: Posted) => void) | undefined
): ((...args: Args) => Effect.Effect<A, E>) =>
  onPosted === undefined
    ? handle
    : (...args) =>
        Effect.flatMap(Monotonic.nowMs, (startedMs) =>
          Effect.onExit(handle(...args), (exit) =>
            Effect.map(Monotonic.nowMs, (endedMs) =>
              onPosted({ outcome: outcomeOf(exit), durationMs: endedMs - startedMs })
            )
          )
        )
