/**
 * A point in time after which work is of no use to anybody, carried in the fiber's context so that everything below
 * shrinks to what is left.
 *
 * **Details**
 *
 * - It is a moment of the monotonic clock (`Monotonic`): a wall clock that is set moves no deadline.
 * - Deadlines only shrink: `within` inside another `within` keeps the earlier.
 * - No work starts after its deadline, and work that runs is interrupted at it.
 * - `Pipeline` reads the same reference: a nested pipeline ends with the outer one, and a back-off that would end after
 *   it is not begun.
 */

import { Clock, Context, Duration, Effect, Schema } from "effect"
import * as Monotonic from "../Monotonic.ts"

/** The deadline passed, `deadlineMs` after `within` was asked to keep it; 0 where it had passed before. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  deadlineMs: Schema.Finite
}) {
  override get message(): string {
    return "the deadline has passed"
  }
}

/** A moment of the monotonic clock (`Monotonic.nowMs`), or `undefined` where nobody set a deadline. */
export const CurrentDeadline = Context.Reference<number | undefined>("kubernaut/resilience/CurrentDeadline", {
  defaultValue: () => undefined
})

/** What is left until the deadline, never negative; `undefined` where nobody set one. */
export const remaining: Effect.Effect<Duration.Duration | undefined> = Effect.withFiberSucceed((fiber) => {
  const deadlineAtMs = fiber.getRef(CurrentDeadline)
  if (deadlineAtMs === undefined) return undefined
  const nowMs = Monotonic.nowMsUnsafe(fiber.getRef(Clock.Clock))
  return Duration.millis(Math.max(0, deadlineAtMs - nowMs))
})

/**
 * Runs an effect that must be done `duration` from now, or by the deadline that is already in the context if that is
 * earlier.
 */
export const within =
  (duration: Duration.Input) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | DeadlineExceeded, R> =>
    Effect.withFiber((fiber) => {
      const nowMs = Monotonic.nowMsUnsafe(fiber.getRef(Clock.Clock))
      const ownMs = nowMs + Duration.toMillis(Duration.fromInputUnsafe(duration))
      const deadlineAtMs = Math.min(ownMs, fiber.getRef(CurrentDeadline) ?? Number.POSITIVE_INFINITY)
      if (!Number.isFinite(deadlineAtMs)) return self
      const leftMs = Math.max(0, deadlineAtMs - nowMs)
      const exceeded = Effect.suspend(() => Effect.fail(new DeadlineExceeded({ deadlineMs: leftMs })))
      if (leftMs === 0) return exceeded
      return Effect.provideService(self, CurrentDeadline, deadlineAtMs).pipe(
        Effect.timeoutOrElse({ duration: Duration.millis(leftMs), orElse: () => exceeded })
      )
    })
