/**
 * When to retry a failed attempt: by default five attempts, preceded by waits of 0, 100, 200, 400 and 800 ms plus up to
 * 10 % jitter.
 *
 * **Details**
 *
 *     attempt 1   at once
 *     attempt 2   100 ms + jitter
 *     attempt 3   200 ms + jitter
 *     attempt 4   400 ms + jitter
 *     attempt 5   800 ms + jitter
 *     then        the caller gets the last error
 *
 * The wait doubles up to `maxDelay` (5 s). Jitter prevents callers that failed together from retrying together. Random
 * numbers come from Effect's `Random`. The defaults are those of `docs/requirements.md`.
 *
 * **When to use**
 *
 * `schedule(settings)` is an ordinary Effect `Schedule`: use it with `Effect.retry`, or compose your own and pass it to
 * a pipeline as `retry: { schedule }`. A pipeline runs the schedule only after a failure.
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

/** How often and when to retry. Each setting has a default. */
export interface Settings {
  /** The maximum number of attempts, including the first; 1 or more. Default 5. */
  readonly attempts?: number
  /** The wait before the second attempt; it doubles with each further attempt. Default 100 ms. */
  readonly baseDelay?: Duration.Input
  /** The longest wait, before jitter. Default 5 s. */
  readonly maxDelay?: Duration.Input
  /** The maximum jitter as a ratio of the wait, 0 to 1. It is added to the wait. Default 0.1. */
  readonly jitter?: number
  /**
   * The maximum wait for a peer's `Retry-After`. The schedule's wait applies if it is longer. Default 5 s, the same as
   * `maxDelay`; choose less where a fallback exists.
   */
  readonly retryAfterCap?: Duration.Input
  /**
   * What a longer `Retry-After` means. `wait`: it counts as much as the cap. `fail`: the call fails at once, because
   * the peer would reject an earlier attempt; choose it where a fallback exists. Default `wait`.
   */
  readonly beyondRetryAfterCap?: "wait" | "fail"
}

/** The settings with every default filled in, durations in milliseconds. */
export interface Resolved {
  readonly attempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly jitter: number
  readonly retryAfterCapMs: number
  readonly beyondRetryAfterCap: "wait" | "fail"
}

/** The policy of a pipeline. `attempts` bounds every schedule, including one that never ends. */
export interface RetryPolicy {
  readonly attempts: number
  readonly retryAfterCapMs: number
  readonly beyondRetryAfterCap: "wait" | "fail"
  readonly schedule: Schedule.Schedule<unknown, unknown>
}

/** The defaults of `Settings`. */
export const defaults: Resolved = {
  attempts: 5,
  baseDelayMs: 100,
  maxDelayMs: 5000,
  jitter: 0.1,
  retryAfterCapMs: 5000,
  beyondRetryAfterCap: "wait"
}

const toMillis = (input: Duration.Input | undefined, otherwise: number): number =>
  input === undefined ? otherwise : Duration.toMillis(Duration.fromInputUnsafe(input))

/** Fills in the defaults. Throws a `RangeError` that names an invalid setting. */
export const resolve = (settings: Settings = {}): Resolved => {
  const resolved: Resolved = {
    attempts: settings.attempts ?? defaults.attempts,
    baseDelayMs: toMillis(settings.baseDelay, defaults.baseDelayMs),
    maxDelayMs: toMillis(settings.maxDelay, defaults.maxDelayMs),
    jitter: settings.jitter ?? defaults.jitter,
    retryAfterCapMs: toMillis(settings.retryAfterCap, defaults.retryAfterCapMs),
    beyondRetryAfterCap: settings.beyondRetryAfterCap ?? defaults.beyondRetryAfterCap
  }
  if (!Number.isInteger(resolved.attempts) || resolved.attempts < 1) {
    throw new RangeError(`RetryPolicy: attempts must be a whole number of 1 or more, got ${resolved.attempts}`)
  }
  if (!(resolved.jitter >= 0 && resolved.jitter <= 1)) {
    throw new RangeError(`RetryPolicy: jitter must be between 0 and 1, got ${resolved.jitter}`)
  }
  return resolved
}

/** The wait before attempt number `attempt` (1 is the first), in milliseconds; `random` lies in [0, 1). */
export const delayBeforeMs = (attempt: number, settings: Resolved, random: number): number => {
  if (attempt <= 1) return 0
  const plain = Math.min(settings.maxDelayMs, settings.baseDelayMs * 2 ** (attempt - 2))
  return plain + plain * settings.jitter * random
}

/** The policy as a `Schedule`: its output is the wait, and it ends after the last attempt. */
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

/** Makes a policy from settings or from a custom schedule. Throws a `RangeError` that names an invalid setting. */
export const make = (
  settings: Settings & { readonly schedule?: Schedule.Schedule<unknown, unknown> } = {}
): RetryPolicy => {
  const resolved = resolve(settings)
  return {
    // A custom schedule decides when it ends, unless the number of attempts is set too.
    attempts:
      settings.schedule !== undefined && settings.attempts === undefined ? Number.POSITIVE_INFINITY : resolved.attempts,
    retryAfterCapMs: resolved.retryAfterCapMs,
    beyondRetryAfterCap: resolved.beyondRetryAfterCap,
    schedule: settings.schedule ?? schedule(settings)
  }
}

/** A started schedule: returns the next wait, or `None` when the schedule has ended. */
export type Waits = (input: unknown) => Effect.Effect<Option.Option<Duration.Duration>>

/** Starts a schedule, for loops that `Effect.retry` cannot express. A failure of the schedule ends it. */
export const begin = (policy: Schedule.Schedule<unknown, unknown>): Effect.Effect<Waits> =>
  Effect.map(
    Schedule.toStep(policy),
    (step) => (input) =>
      // Wall-clock time, as Effect itself passes to schedules, because `Schedule.cron` needs it.
      Effect.flatMap(Clock.currentTimeMillis, (wallMs) =>
        Pull.matchEffect(step(wallMs, input), {
          onSuccess: ([, wait]) => Effect.succeedSome(wait),
          onFailure: () => Effect.succeedNone,
          onDone: () => Effect.succeedNone
        })
      )
  )

/**
 * The longer of the schedule's wait and the peer's `Retry-After`, which counts up to the policy's cap; `undefined` if
 * it exceeds the cap and the policy does not wait then.
 */
export const honourRetryAfter = (
  delayMs: number,
  retryAfter: Duration.Duration | undefined,
  { beyondRetryAfterCap, retryAfterCapMs }: RetryPolicy
): number | undefined => {
  if (retryAfter === undefined) return delayMs
  const askedMs = Duration.toMillis(retryAfter)
  return askedMs > retryAfterCapMs && beyondRetryAfterCap === "fail"
    ? undefined
    : Math.max(delayMs, Math.min(askedMs, retryAfterCapMs))
}
