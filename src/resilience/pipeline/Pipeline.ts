/**
 * Protects the calls to one peer: the way in which this service calls everything outside itself.
 *
 * **Details**
 *
 * The parts have a fixed order, from the outermost to the innermost:
 *
 *     deadline → retry budget → retry → circuit breaker → bulkhead → attempt timeout → call
 *
 * - **deadline**: bounds the whole call, attempts and waits alike. Pipelines nested in the call see the remaining time
 *   (`Deadline`).
 * - **retry budget**, **retry**: see `RetryBudget` and `RetryPolicy`. Only attempt timeouts are retried, and failures
 *   that the caller's `classify` reports as transient.
 * - **circuit breaker**: sees each attempt, not each call. It is consulted again when an attempt has waited for its
 *   permit: if the circuit opened meanwhile, the whole queue is rejected, and only calls admitted as probes go
 *   through.
 * - **bulkhead**: waiting for a permit does not count towards the attempt timeout. A full bulkhead says nothing about the
 *   peer, so the breaker ignores it. It also ignores a missed deadline when waiting for the permit has left the attempt
 *   less than half of it.
 * - **attempt timeout**: interrupts the attempt and waits until it has stopped, as `Effect.timeout` does, so that nothing
 *   continues in the background.
 *
 * The caller gets:
 *
 * | event                                        | error                    | breaker       | retried       |
 * | -------------------------------------------- | ------------------------ | ------------- | ------------- |
 * | the call failed                              | its own error            | as classified | as classified |
 * | the call died (defect)                       | the defect               | failure       | no            |
 * | an attempt took too long                     | `AttemptTimeout`         | failure       | yes           |
 * | the pipeline's own deadline passed           | `DeadlineExceeded`       | failure       | no            |
 * | an outer deadline passed                     | `DeadlineExceeded`       | ignored       | no            |
 * | it passed after a long wait for a permit     | `DeadlineExceeded`       | ignored       | no            |
 * | the circuit was open when the call started   | `CircuitOpen`            | –             | no            |
 * | it opened while the call waited for a permit | `CircuitOpen`            | –             | no            |
 * | the circuit opened between two attempts      | the last attempt's error | –             | stops         |
 * | no budget, or no time, for another attempt   | the last attempt's error | –             | stops         |
 * | no permit of the bulkhead                    | `BulkheadFull`           | ignored       | no            |
 * | the caller was interrupted                   | –                        | ignored       | no            |
 *
 * So a call whose own failures opened the circuit fails with the peer's error, and the next call fails with
 * `CircuitOpen`.
 *
 * **Gotchas**
 *
 * Rejections by one circuit within one millisecond share one error object, which makes them cheap.
 *
 * An attempt runs in its own fiber, which starts at once: a call that never suspends costs neither a timer nor a race.
 *
 * **Example** (a call that fails once is retried)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Pipeline } from "kubernaut/resilience"
 *
 * let attempts = 0
 * const call = Effect.suspend(() => (++attempts === 1 ? Effect.fail("unavailable") : Effect.succeed("pong")))
 *
 * const program = Effect.gen(function* () {
 *   const pipeline = yield* Pipeline.make("peer", { deadline: "5 seconds", bulkhead: { limit: 4 } })
 *   return yield* pipeline.execute(call)
 * })
 *
 * const result = await Effect.runPromise(program)
 * result // => "pong"
 * attempts // => 2
 * ```
 */

import { Clock, Duration, Effect, Exit } from "effect"
import type { Fiber, Schedule } from "effect"
import * as Breakers from "../breaker/CircuitBreaker.ts"
import type { EventHub } from "../EventHub.ts"
import * as Monotonic from "../Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../ResilienceEvent.ts"
import { Excuses } from "../TimeLimit.ts"
import * as Bulkheads from "./Bulkhead.ts"
import type { CallReport, Counted } from "./CallReport.ts"
import { type Classification, transient } from "./Classification.ts"
import { CurrentDeadline } from "./Deadline.ts"
import { Execution } from "./Execution.ts"
import { PipelineError } from "./PipelineError.ts"
import type { Parts } from "./PipelineParts.ts"
import * as Budgets from "./RetryBudget.ts"
import * as Policies from "./RetryPolicy.ts"

// ----------------------------------------------------------------------------
// Public types
// ----------------------------------------------------------------------------

export type { CallReport, Counted } from "./CallReport.ts"
export type { Classification } from "./Classification.ts"
export { AttemptTimeout, PipelineError, PipelineErrorReason } from "./PipelineError.ts"

/** The default of `Options.deadline`. */
export const defaultDeadline = "30 seconds"

/** Each part has a default; `false` leaves it out. A `RangeError` reports an invalid setting. */
export interface Options {
  /** For the whole call. Default 30 s, the time limit of an investigation. */
  readonly deadline?: Duration.Input | false
  /** For each attempt. Default 10 s, which leaves time for two more attempts when a peer hangs. */
  readonly attemptTimeout?: Duration.Input | false
  /** Default: a separate budget with the defaults of `RetryBudget`. Share one between the pipelines to one peer. */
  readonly retryBudget?: Budgets.RetryBudget | Budgets.Settings | false
  /** Default: the policy of `RetryPolicy`. A custom `schedule` replaces its waits. */
  readonly retry?: (Policies.Settings & { readonly schedule?: Schedule.Schedule<unknown, unknown> }) | false
  /** Default: a separate breaker under the pipeline's name, with the defaults of `CircuitBreaker`. */
  readonly circuitBreaker?: Breakers.CircuitBreaker | Breakers.Settings | false
  /** Default: a separate bulkhead with the defaults of `Bulkhead`. */
  readonly bulkhead?: Bulkheads.Bulkhead | Bulkheads.Settings | false
}

// ----------------------------------------------------------------------------
// The pipeline
// ----------------------------------------------------------------------------

/** A pipeline to one peer. Create it with `make`; it can be shared by any number of fibers. */
export class Pipeline implements Parts {
  readonly name: string
  readonly circuitBreaker: Breakers.CircuitBreaker | undefined
  readonly bulkhead: Bulkheads.Bulkhead | undefined
  readonly retryBudget: Budgets.RetryBudget | undefined
  readonly retry: Policies.RetryPolicy | undefined
  /** In milliseconds; infinite without a deadline. */
  readonly deadlineMs: number
  /** In milliseconds; infinite without an attempt timeout. */
  readonly attemptTimeoutMs: number
  /** @internal */
  readonly excuses = new Excuses()
  /** @internal */
  readonly hub: EventHub<ResilienceEvent>
  #rejection: Exit.Exit<never, PipelineError> | undefined = undefined
  #rejectedMs = -1

  constructor(parts: Omit<Parts, "rejection" | "excuses">) {
    this.name = parts.name
    this.circuitBreaker = parts.circuitBreaker
    this.bulkhead = parts.bulkhead
    this.retryBudget = parts.retryBudget
    this.retry = parts.retry
    this.deadlineMs = parts.deadlineMs
    this.attemptTimeoutMs = parts.attemptTimeoutMs
    this.hub = parts.hub
  }

  /**
   * Runs a call through all parts. `classify` says what an error means; by default every error is transient and the
   * peer's fault. `report` receives the number of attempts and the duration, however the call ends.
   */
  execute<A, E, R>(
    call: Effect.Effect<A, E, R>,
    classify: (error: E) => Classification = transient,
    report?: (report: CallReport) => void
  ): Effect.Effect<A, E | PipelineError, R> {
    return Effect.withFiber((fiber) => {
      const rejection = report === undefined ? this.#rejectEarly(fiber) : undefined
      if (rejection !== undefined) return rejection
      const execution = new Execution<A, E, R>(this, call, classify, report, fiber)
      // The only frame that cleans up, pushed before anything is acquired.
      return Effect.onExitPrimitive(
        Effect.suspend(() => execution.begin()),
        (exit) => execution.settle(exit)
      )
    })
  }

  /** Like `execute`, but succeeds with the exit of the call, the number of attempts and the duration. */
  executeCounted<A, E, R>(
    call: Effect.Effect<A, E, R>,
    classify: (error: E) => Classification = transient
  ): Effect.Effect<Counted<A, E | PipelineError>, never, R> {
    return Effect.suspend(() => {
      let report: CallReport = { attempts: 0, durationMs: 0 }
      const run = this.execute(call, classify, (made) => {
        report = made
      })
      return Effect.map(Effect.exit(run), (exit) => ({ exit, ...report }))
    })
  }

  // The result of an execution while the circuit is open and nobody observes it. During a storm most calls end here.
  #rejectEarly(fiber: Fiber.Fiber<unknown, unknown>): Exit.Exit<never, PipelineError> | undefined {
    const breaker = this.circuitBreaker
    if (breaker === undefined || breaker.tagUnsafe !== "Open" || this.hub.active || fiber.cache.span !== undefined) {
      return undefined
    }
    const nowMs = Monotonic.nowMsUnsafe(fiber.getRef(Clock.Clock))
    const retryAfterMs = breaker.openForUnsafe(nowMs)
    if (retryAfterMs === undefined || nowMs >= (fiber.getRef(CurrentDeadline) ?? Number.POSITIVE_INFINITY)) {
      return undefined
    }
    return this.rejection(retryAfterMs)
  }

  /** @internal */
  rejection(retryAfterMs: number): Exit.Exit<never, PipelineError> {
    const breaker = this.circuitBreaker!
    const error = () => new PipelineError({ pipeline: this.name, reason: breaker.rejection(retryAfterMs) })
    if (breaker.whyUnsafe !== undefined) return Exit.fail(error())
    if (this.#rejection === undefined || this.#rejectedMs !== retryAfterMs) {
      this.#rejectedMs = retryAfterMs
      this.#rejection = Exit.fail(error())
    }
    return this.#rejection
  }
}

// ----------------------------------------------------------------------------
// Constructor
// ----------------------------------------------------------------------------

const limitMs = (input: Duration.Input | false | undefined, otherwise: Duration.Input): number =>
  input === false ? Number.POSITIVE_INFINITY : Duration.toMillis(Duration.fromInputUnsafe(input ?? otherwise))

/** Makes a pipeline to one peer. Its events go to the hub in the context (`ResilienceEvents`). */
export const make = Effect.fnUntraced(function* (name: string, options: Options = {}): Effect.fn.Return<Pipeline> {
  const { bulkhead, circuitBreaker, retryBudget } = options
  return new Pipeline({
    name,
    hub: yield* Effect.service(ResilienceEvents),
    deadlineMs: limitMs(options.deadline, defaultDeadline),
    attemptTimeoutMs: limitMs(options.attemptTimeout, "10 seconds"),
    retry: options.retry === false ? undefined : Policies.make(options.retry),
    retryBudget:
      retryBudget === false
        ? undefined
        : retryBudget instanceof Budgets.RetryBudget
          ? retryBudget
          : yield* Budgets.make(retryBudget),
    circuitBreaker:
      circuitBreaker === false
        ? undefined
        : circuitBreaker instanceof Breakers.CircuitBreaker
          ? circuitBreaker
          : yield* Breakers.make(name, circuitBreaker),
    bulkhead:
      bulkhead === false
        ? undefined
        : bulkhead instanceof Bulkheads.Bulkhead
          ? bulkhead
          : yield* Bulkheads.make(bulkhead)
  })
})
