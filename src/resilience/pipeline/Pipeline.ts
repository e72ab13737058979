/**
 * The one way in which this service calls anything outside of itself.
 *
 * **Details** — the parts and their fixed order, the outermost first:
 *
 *     deadline → retry budget → retry → circuit breaker → bulkhead → attempt timeout → call
 *
 * - **deadline**: everything below ends by then, attempts and waits alike, and pipelines that are nested in the call see
 *   what is left (`Deadline`).
 * - **retry budget**, **retry**: see there. Only failures that the caller's `classify` calls transient are retried, and
 *   attempt timeouts.
 * - **circuit breaker**: sees each attempt, not each call, and is asked again when an attempt has waited for its place:
 *   where it opened meanwhile the whole queue is turned away, and no probe joins that was not admitted as one.
 * - **bulkhead**: waiting for a place is no part of the attempt's time, and a full bulkhead says nothing about the peer:
 *   the breaker ignores it.
 * - **attempt timeout**: interrupts the attempt and waits until it has let go, as `Effect.timeout` does, so that nothing
 *   goes on behind the caller's back.
 *
 * What the caller gets:
 *
 * | what happened                               | error                    | breaker       | retried       |
 * | ------------------------------------------- | ------------------------ | ------------- | ------------- |
 * | the call failed                             | its own error            | as classified | as classified |
 * | the call died (defect)                      | the defect               | failure       | no            |
 * | an attempt took too long                    | `AttemptTimeout`         | failure       | yes           |
 * | the pipeline's own deadline came            | `DeadlineExceeded`       | failure       | no            |
 * | a deadline set further out came             | `DeadlineExceeded`       | ignored       | no            |
 * | the circuit was open when the call came     | `CircuitOpen`            | –             | no            |
 * | it opened while the call waited for a place | `CircuitOpen`            | –             | no            |
 * | the circuit opened between two attempts     | the last attempt's error | –             | stops         |
 * | no budget, or no time, for another attempt  | the last attempt's error | –             | stops         |
 * | no place in the bulkhead                    | `BulkheadFull`           | ignored       | no            |
 * | the caller was interrupted                  | –                        | ignored       | no            |
 *
 * A call whose own failures opened the circuit thus hears why the peer failed; the next call hears that the circuit is
 * open.
 *
 * **Gotchas**
 *
 * Rejections of one circuit within one millisecond share one error object, so that turning a storm away costs next to
 * nothing.
 *
 * An attempt runs in a fiber of its own that is started at once: a call that never suspends costs neither a timer nor a
 * race.
 */

import { Clock, Duration, Effect, Exit, Schema } from "effect"
import type { Fiber, Schedule } from "effect"
import * as Breakers from "../breaker/CircuitBreaker.ts"
import type { EventHub } from "../EventHub.ts"
import * as Monotonic from "../Monotonic.ts"
import { type ResilienceEvent, ResilienceEvents } from "../ResilienceEvent.ts"
import * as Bulkheads from "./Bulkhead.ts"
import { CurrentDeadline } from "./Deadline.ts"
import { Execution } from "./Execution.ts"
import * as Budgets from "./RetryBudget.ts"
import * as Policies from "./RetryPolicy.ts"

// ----------------------------------------------------------------------------
// Public types
// ----------------------------------------------------------------------------

/**
 * What an error of the call means. `retry`: the same call may succeed soon. `breaker`: `"failure"` where the peer is at
 * fault, `"ignored"` where we are (400, 422). `retryAfter`: the peer's own word on when to come back.
 */
export interface Classification {
  readonly retry: boolean
  readonly breaker: "failure" | "ignored"
  readonly retryAfter?: Duration.Duration
}

/** Each part has a default; `false` leaves it out. */
export interface Options {
  /** For everything together. Default 30 s (the source document's limit of an investigation). */
  readonly deadline?: Duration.Input | false
  /** For each attempt. Default 10 s, so that a hanging peer leaves time for a second and a third attempt. */
  readonly attemptTimeout?: Duration.Input | false
  /** Default: a budget of its own with the defaults of `RetryBudget`. Share one between pipelines to one peer. */
  readonly retryBudget?: Budgets.RetryBudget | Budgets.Settings | false
  /** Default: the policy of `RetryPolicy`. A `schedule` of your own takes the place of its waits. */
  readonly retry?: (Policies.Settings & { readonly schedule?: Schedule.Schedule<unknown, unknown> }) | false
  /** Default: a breaker of its own, by the pipeline's name, with the defaults of `CircuitBreaker`. */
  readonly circuitBreaker?: Breakers.CircuitBreaker | Breakers.Settings | false
  /** Default: a bulkhead of its own with the defaults of `Bulkhead`. */
  readonly bulkhead?: Bulkheads.Bulkhead | Bulkheads.Settings | false
}

/** How a call went, for whoever reports on it. `attempts` counts those that reached the call. */
export interface CallReport {
  readonly attempts: number
  readonly durationMs: number
}

/** A call's end together with its report. */
export interface Counted<A, E> extends CallReport {
  readonly exit: Exit.Exit<A, E>
}

// ----------------------------------------------------------------------------
// Errors
// ----------------------------------------------------------------------------

/** The circuit is open; there is no chance before `retryAfterMs`. */
export const CircuitOpen = Schema.TaggedStruct("CircuitOpen", { retryAfterMs: Schema.Finite })
/** As many calls as allowed are in flight, and no place became free within `waitedMs`. */
export const BulkheadFull = Schema.TaggedStruct("BulkheadFull", { limit: Schema.Finite, waitedMs: Schema.Finite })
/** The last attempt took longer than `timeoutMs`. */
export const AttemptTimeout = Schema.TaggedStruct("AttemptTimeout", { timeoutMs: Schema.Finite })
/** The deadline came `deadlineMs` after the call. */
export const DeadlineExceeded = Schema.TaggedStruct("DeadlineExceeded", { deadlineMs: Schema.Finite })

export const PipelineErrorReason = Schema.Union([CircuitOpen, BulkheadFull, AttemptTimeout, DeadlineExceeded])
export type PipelineErrorReason = typeof PipelineErrorReason.Type

const sentence = (pipeline: string, reason: PipelineErrorReason): string => {
  switch (reason._tag) {
    case "CircuitOpen":
      return `${pipeline} is not being called: its circuit is open for another ${Math.ceil(reason.retryAfterMs)} ms`
    case "BulkheadFull":
      return `${pipeline} is not being called: ${reason.limit} calls are in flight already`
    case "AttemptTimeout":
      return `${pipeline} did not answer within ${reason.timeoutMs} ms`
    case "DeadlineExceeded":
      return `${pipeline} did not answer within the deadline of ${reason.deadlineMs} ms`
  }
}

/** What the pipeline itself has to say; the call's own errors pass through unchanged. */
export class PipelineError extends Schema.TaggedError<PipelineError>()("PipelineError", {
  pipeline: Schema.String,
  reason: PipelineErrorReason
}) {
  override get message(): string {
    return sentence(this.pipeline, this.reason)
  }
}

// ----------------------------------------------------------------------------
// The pipeline
// ----------------------------------------------------------------------------

/** Every error is transient and the peer's fault. */
export const transient = (): Classification => ({ retry: true, breaker: "failure" })

export class Pipeline {
  readonly name: string
  readonly circuitBreaker: Breakers.CircuitBreaker | undefined
  readonly bulkhead: Bulkheads.Bulkhead | undefined
  readonly retryBudget: Budgets.RetryBudget | undefined
  readonly retry: Policies.RetryPolicy | undefined
  /** Infinity where there is none. */
  readonly deadlineMs: number
  /** Infinity where there is none. */
  readonly attemptTimeoutMs: number
  /** @internal */
  readonly hub: EventHub<ResilienceEvent>
  #rejection: Exit.Exit<never, PipelineError> | undefined = undefined
  #rejectedMs = -1

  constructor(name: string, parts: Parts) {
    this.name = name
    this.circuitBreaker = parts.circuitBreaker
    this.bulkhead = parts.bulkhead
    this.retryBudget = parts.retryBudget
    this.retry = parts.retry
    this.deadlineMs = parts.deadlineMs
    this.attemptTimeoutMs = parts.attemptTimeoutMs
    this.hub = parts.hub
  }

  /**
   * Runs a call through all parts. `classify` says what an error means; `report`, if given, is told how many attempts
   * it took and how long, however it ended.
   */
  execute<A, E, R>(
    call: Effect.Effect<A, E, R>,
    classify: (error: E) => Classification = transient,
    report?: (report: CallReport) => void
  ): Effect.Effect<A, E | PipelineError, R> {
    return Effect.withFiber((fiber) => {
      const turnedAway = report === undefined ? this.#turnAway(fiber) : undefined
      if (turnedAway !== undefined) return turnedAway
      const execution = new Execution<A, E, R>(this, call, classify, report, fiber)
      // The one frame that cleans up, pushed before anything is taken.
      return Effect.onExitPrimitive(
        Effect.suspend(() => execution.begin()),
        (exit) => execution.settle(exit)
      )
    })
  }

  /** Like `execute`, but ends with the exit, the attempts it took and the time, whichever way it went. */
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

  // What the execution would come to while the circuit is open, when nobody
  // wants to know of it: the path a storm takes.
  #turnAway(fiber: Fiber.Fiber<unknown, unknown>): Exit.Exit<never, PipelineError> | undefined {
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
  error(reason: PipelineErrorReason): PipelineError {
    return new PipelineError({ pipeline: this.name, reason })
  }

  /** @internal */
  rejection(retryAfterMs: number): Exit.Exit<never, PipelineError> {
    if (this.#rejection === undefined || this.#rejectedMs !== retryAfterMs) {
      this.#rejectedMs = retryAfterMs
      this.#rejection = Exit.fail(this.error({ _tag: "CircuitOpen", retryAfterMs }))
    }
    return this.#rejection
  }
}

interface Parts {
  readonly circuitBreaker: Breakers.CircuitBreaker | undefined
  readonly bulkhead: Bulkheads.Bulkhead | undefined
  readonly retryBudget: Budgets.RetryBudget | undefined
  readonly retry: Policies.RetryPolicy | undefined
  readonly deadlineMs: number
  readonly attemptTimeoutMs: number
  readonly hub: EventHub<ResilienceEvent>
}

// ----------------------------------------------------------------------------
// Constructor
// ----------------------------------------------------------------------------

const limitMs = (input: Duration.Input | false | undefined, otherwise: Duration.Input): number =>
  input === false ? Number.POSITIVE_INFINITY : Duration.toMillis(Duration.fromInputUnsafe(input ?? otherwise))

const isBulkhead = (option: Bulkheads.Bulkhead | Bulkheads.Settings): option is Bulkheads.Bulkhead =>
  "takeUnsafe" in option

/** Makes a pipeline to one peer. Parts that are not given get their defaults; events go to the hub in the context. */
export const make = Effect.fnUntraced(function* (name: string, options: Options = {}): Effect.fn.Return<Pipeline> {
  const { bulkhead, circuitBreaker, retryBudget } = options
  return new Pipeline(name, {
    hub: yield* Effect.service(ResilienceEvents),
    deadlineMs: limitMs(options.deadline, "30 seconds"),
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
        : bulkhead !== undefined && isBulkhead(bulkhead)
          ? bulkhead
          : yield* Bulkheads.make(bulkhead)
  })
})
