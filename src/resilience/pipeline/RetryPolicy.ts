/**
 * When a failed attempt is made again: five attempts, before which 0, 100, 200, 400 and 800 ms pass, plus up to a tenth
 * of each wait at random.
 *
 * **Details**
 *
 *     attempt 1   at once
 *     attempt 2   100 ms + jitter
 *     attempt 3   200 ms + jitter
 *     attempt 4   400 ms + jitter
 *     attempt 5   800 ms + jitter
 *     then        the last error is the caller's
 *
 * The wait doubles up to `maxDelay` (5 s); jitter comes on top, so that callers who failed together do not come back
 * together. Randomness is Effect's `Random`. These figures are the source document's "Retry Mechanisms".
 *
 * **When to use**
 *
 * `schedule(settings)` is an ordinary Effect `Schedule`: use it with `Effect.retry`, or compose your own and give that
 * to a pipeline as `retry: { schedule }`. A pipeline reads the schedule only after a failure.
 *
 * **Example** (the waits between five attempts)
 *
 * ```ts
 * import { RetryPolicy } from "kubernaut/resilience"
 *
 * const noJitter = 0
 * const delayBefore = (attempt: number) => RetryPolicy.delayBeforeMs(attempt, RetryPolicy.defaults, noJitter)
 * ;[1, 2, 3, 4, 5].map(delayBefore) // => [0, 100, 200, 400, 800]
 * ```
 */

import { Cause, Clock, Duration, Effect, type Option, Pull, Random, Schedule } from "effect"

export interface Settings {
  /** All attempts, the first included; 1 or more. Default 5. */
  readonly attempts?: number
  /** The wait before the second attempt; it doubles with each further one. Default 100 ms. */
  readonly baseDelay?: Duration.Input
  /** The longest wait, before jitter. Default 5 s. */
  readonly maxDelay?: Duration.Input
  /** The greatest part of a wait that is added to it at random, 0 to 1. Default 0.1. */
  readonly jitter?: number
  /**
   * How far a peer's `Retry-After` is followed: the wait is the longer of the schedule's and the smaller of
   * `Retry-After` and this. Default 5 s, the greatest wait there is otherwise; give less where a fallback is at hand.
   */
  readonly retryAfterCap?: Duration.Input
}

/** The settings with every figure in its place. */
export interface Resolved {
  readonly attempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly jitter: number
  readonly retryAfterCapMs: number
}

/** What a pipeline retries by. `attempts` bounds any schedule, also one that never ends. */
export interface RetryPolicy {
  readonly attempts: number
  readonly retryAfterCapMs: number
  readonly schedule: Schedule.Schedule<unknown, unknown>
}

export const defaults: Resolved = {
  attempts: 5,
  baseDelayMs: 100,
  maxDelayMs: 5000,
  jitter: 0.1,
  retryAfterCapMs: 5000
}

const toMillis = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))

/** Fills in the defaults and refuses figures that make no sense, by a `RangeError` that names the setting. */
export const resolve = (settings: Settings = {}): Resolved => {
  const resolved: Resolved = {
    attempts: settings.attempts ?? defaults.attempts,
    baseDelayMs: toMillis(settings.baseDelay, defaults.baseDelayMs),
    maxDelayMs: toMillis(settings.maxDelay, defaults.maxDelayMs),
    jitter: settings.jitter ?? defaults.jitter,
    retryAfterCapMs: toMillis(settings.retryAfterCap, defaults.retryAfterCapMs)
  }
  if (!Number.isInteger(resolved.attempts) || resolved.attempts < 1) {
    throw new RangeError(`RetryPolicy: attempts must be a whole number of 1 or more, got ${resolved.attempts}`)
  }
  if (!(resolved.jitter >= 0 && resolved.jitter <= 1)) {
    throw new RangeError(`RetryPolicy: jitter must lie between 0 and 1, got ${resolved.jitter}`)
  }
  return resolved
}

/** The wait before attempt number `attempt` (1 is the first), in milliseconds; `random` lies in [0, 1). */
export const delayBeforeMs = (attempt: number, settings: Resolved, random: number): number => {
  if (attempt <= 1) return 0
  const plain = Math.min(settings.maxDelayMs, settings.baseDelayMs * 2 ** (attempt - 2))
  return plain + plain * settings.jitter * random
}

/** The policy as a `Schedule`: outputs the wait it chose and ends after the last attempt. */
export const schedule = (settings: Settings = {}): Schedule.Schedule<Duration.Duration> => {
  const resolved = resolve(settings)
  return Schedule.fromStepWithMetadata(
    Effect.succeed(({ attempt }) =>
      attempt >= resolved.attempts
        ? Cause.done(Duration.zero)
        : Effect.map(Random.next, (random): [Duration.Duration, Duration.Duration] => {
            const wait = Duration.millis(delayBeforeMs(attempt + 1, resolved, random))
            return [wait, wait]
          })
    )
  )
}

/** Makes the policy a pipeline takes, from settings or from a schedule of your own. */
export const make = (
  settings: Settings & { readonly schedule?: Schedule.Schedule<unknown, unknown> } = {}
): RetryPolicy => {
  const resolved = resolve(settings)
  return {
    // A schedule of one's own ends by itself unless a number is given as well.
    attempts:
      settings.schedule !== undefined && settings.attempts === undefined ? Number.POSITIVE_INFINITY : resolved.attempts,
    retryAfterCapMs: resolved.retryAfterCapMs,
    schedule: settings.schedule ?? schedule(settings)
  }
}

/** A schedule that has begun: how long to wait next; `None` once it has ended. */
export type Waits = (input: unknown) => Effect.Effect<Option.Option<Duration.Duration>>

/** Begins a schedule. A failure of its own ends it. */
export const begin = (policy: Schedule.Schedule<unknown, unknown>): Effect.Effect<Waits> =>
  Effect.map(
    Schedule.toStep(policy),
    (step) => (input) =>
      // By the wall clock, as Effect runs a schedule itself: one of `Schedule.cron` goes by that.
      Effect.flatMap(Clock.currentTimeMillis, (wallMs) =>
        Pull.matchEffect(step(wallMs, input), {
          onSuccess: ([, wait]) => Effect.succeedSome(wait),
          onFailure: () => Effect.succeedNone,
          onDone: () => Effect.succeedNone
        })
      )
  )

/** How long to wait: the schedule's wait, or a peer's `Retry-After` up to the cap where that is longer. */
export const honourRetryAfter = (
  delayMs: number,
  retryAfter: Duration.Duration | undefined,
  policy: RetryPolicy
): number =>
  retryAfter === undefined
    ? delayMs
    : Math.max(delayMs, Math.min(Duration.toMillis(retryAfter), policy.retryAfterCapMs))
