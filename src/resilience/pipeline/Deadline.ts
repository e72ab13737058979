/**
 * A point in time after which the result of some work is useless. The fiber's context carries it, so everything nested
 * inside gets only the remaining time.
 *
 * **Details**
 *
 * - It is a moment of the monotonic clock (`Monotonic`): setting the wall clock moves no deadline.
 * - Deadlines only shrink: `within` inside another `within` keeps the earlier one.
 * - No work starts after its deadline, and running work is interrupted at it.
 * - `Pipeline` reads the same reference: a nested pipeline ends with the outer one, and a back-off that would end after
 *   the deadline does not start.
 *
 * **When to use**
 *
 * `within` around several calls that share one time limit. A single call through a `Pipeline` has a deadline of its
 * own.
 *
 * **Example** (nested work sees the earlier deadline)
 *
 * ```ts
 * import { Duration, Effect } from "effect"
 * import { Deadline } from "kubernaut/resilience"
 *
 * const left = Deadline.remaining.pipe(Deadline.within("1 hour"), Deadline.within("1 second"))
 *
 * const seconds = Effect.runSync(Effect.map(left, (remaining) => Math.ceil(Duration.toSeconds(remaining!))))
 * seconds // => 1
 * ```
 */

import { Clock, Context, Duration, Effect, Schema } from "effect"
import * as Monotonic from "../Monotonic.ts"

/** The deadline passed `deadlineMs` after the work was requested; 0 where it had already passed. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  deadlineMs: Schema.Finite
}) {
  override get message(): string {
    return `no result within the deadline of ${this.deadlineMs} ms`
  }
}

/** The current deadline as a moment of the monotonic clock (`Monotonic.nowMs`); `undefined` where there is none. */
export const CurrentDeadline = Context.Reference<number | undefined>(
  "kubernaut/resilience/pipeline/Deadline/CurrentDeadline",
  {
    defaultValue: () => undefined
  }
)

/** The time until the current deadline, never negative; `undefined` where there is none. */
export const remaining: Effect.Effect<Duration.Duration | undefined> = Effect.withFiberSucceed((fiber) => {
  const deadlineAtMs = fiber.getRef(CurrentDeadline)
  if (deadlineAtMs === undefined) return undefined
  const nowMs = Monotonic.nowMsUnsafe(fiber.getRef(Clock.Clock))
  return Duration.millis(Math.max(0, deadlineAtMs - nowMs))
})

/** Runs an effect with a deadline `duration` from now, or with the current deadline if that is earlier. */
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
