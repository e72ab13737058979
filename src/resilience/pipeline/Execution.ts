/**
 * One call on its way through a `Pipeline`. Internal to it: see there for what happens when.
 *
 * Everything that takes or gives back something (a place, an admission, a child fiber) happens synchronously together
 * with the field that says so, and `settle` runs whatever happens. So no interruption can fall in between.
 *
 * It is written with few effects and no generators because each call makes one.
 */

import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Option } from "effect"
import type { Outcome } from "../breaker/Circuit.ts"
import type * as Breakers from "../breaker/CircuitBreaker.ts"
import * as Monotonic from "../Monotonic.ts"
import { inAttemptSpan } from "./AttemptSpan.ts"
import type * as Bulkheads from "./Bulkhead.ts"
import { CurrentDeadline } from "./Deadline.ts"
import type { CallReport, Classification, Pipeline, PipelineError } from "./Pipeline.ts"
import * as Policies from "./RetryPolicy.ts"

type CallEnding =
  | { readonly _tag: "CallSucceeded" }
  | { readonly _tag: "CallFailed"; readonly reason: "error" | "attempt-timeout" | "deadline" | "defect" }
  | { readonly _tag: "CallIgnored"; readonly reason: "error" | "interrupted" }
  | { readonly _tag: "CallRejected"; readonly reason: "circuit-open" | "bulkhead-full" | "deadline" }

const succeeded: CallEnding = { _tag: "CallSucceeded" }
const interrupted: CallEnding = { _tag: "CallIgnored", reason: "interrupted" }

export class Execution<A, E, R> {
  readonly pipeline: Pipeline
  readonly call: Effect.Effect<A, E, R>
  readonly classify: (error: E) => Classification
  readonly report: ((report: CallReport) => void) | undefined
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly clock: Clock.Clock
  readonly startedMs: number
  readonly deadlineAtMs: number
  readonly deadlineIsOwn: boolean
  attempts = 0
  attemptStartedMs = 0
  ending: CallEnding = interrupted
  admission: Breakers.Admission | undefined = undefined
  holdsPlace = false
  leaveQueue: (() => void) | undefined = undefined
  child: Fiber.Fiber<A, E> | undefined = undefined
  timer: Fiber.Fiber<void> | undefined = undefined
  wake: (() => void) | undefined = undefined
  cut: "attempt-timeout" | "deadline" | undefined = undefined
  classification: Classification | undefined = undefined
  classifierDefect: Cause.Cause<E> | undefined = undefined
  lastFailure: Cause.Cause<E | PipelineError> | undefined = undefined
  waits: Policies.Waits | undefined = undefined

  constructor(
    pipeline: Pipeline,
    call: Effect.Effect<A, E, R>,
    classify: (error: E) => Classification,
    report: ((report: CallReport) => void) | undefined,
    fiber: Fiber.Fiber<unknown, unknown>
  ) {
    this.pipeline = pipeline
    this.call = call
    this.classify = classify
    this.report = report
    this.fiber = fiber
    this.clock = fiber.getRef(Clock.Clock)
    this.startedMs = Monotonic.nowMsUnsafe(this.clock)
    const ownMs = this.startedMs + pipeline.deadlineMs
    const inheritedMs = fiber.getRef(CurrentDeadline)
    this.deadlineIsOwn = inheritedMs === undefined || ownMs <= inheritedMs
    this.deadlineAtMs = this.deadlineIsOwn ? ownMs : inheritedMs!
  }

  begin(): Effect.Effect<A, E | PipelineError, R> {
    if (this.startedMs >= this.deadlineAtMs) return this.exceeded("CallRejected")
    this.pipeline.retryBudget?.depositUnsafe()
    return this.attempt(this.startedMs)
  }

  // -- one attempt: circuit breaker, bulkhead, attempt timeout, call ----------

  attempt(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    const { bulkhead, circuitBreaker } = this.pipeline
    if (circuitBreaker !== undefined) {
      const admitted = circuitBreaker.admitUnsafe(nowMs)
      if (typeof admitted === "number") return this.rejectedByCircuit(admitted)
      this.admission = admitted
    }
    if (bulkhead === undefined) return this.run(nowMs)
    this.holdsPlace = bulkhead.takeUnsafe()
    return this.holdsPlace ? this.run(nowMs) : this.queue(bulkhead, nowMs)
  }

  queue(bulkhead: Bulkheads.Bulkhead, nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    let expired = false
    this.leaveQueue = bulkhead.enqueueUnsafe(() => {
      this.holdsPlace = true
      this.leaveQueue = undefined
      this.stopTimer()
      this.wake?.()
    })
    if (this.holdsPlace) {
      this.leaveQueue = undefined
      return this.run(nowMs)
    }
    if (this.leaveQueue === undefined) return this.rejectedByBulkhead(bulkhead, 0)
    const leftMs = this.deadlineAtMs - nowMs
    this.startTimer(Math.min(bulkhead.maxWaitMs, leftMs), () => {
      this.leaveQueue?.()
      this.leaveQueue = undefined
      expired = true
      this.wake?.()
    })
    const granted = Effect.callback<void>((resume) => {
      if (this.holdsPlace || expired) return resume(Effect.void)
      // A turn of the event loop in between, so that calls that hand the place on
      // to each other do not nest.
      this.wake = () => resume(Effect.yieldNow)
    })
    return Effect.flatMap(granted, () => {
      this.wake = undefined
      if (this.holdsPlace) return this.enter(Monotonic.nowMsUnsafe(this.clock))
      return leftMs <= bulkhead.maxWaitMs
        ? this.exceeded("CallRejected")
        : this.rejectedByBulkhead(bulkhead, bulkhead.maxWaitMs)
    })
  }

  /**
   * Runs a call that has waited for its place. Others may have found out meanwhile that the peer is down, and a queue
   * of them would all be sent to it.
   */
  enter(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    if (this.admission === undefined) return this.run(nowMs)
    const admitted = this.pipeline.circuitBreaker!.readmitUnsafe(this.admission, nowMs)
    if (typeof admitted !== "number") {
      this.admission = admitted
      return this.run(nowMs)
    }
    // It is of an earlier generation: nothing to give back.
    this.admission = undefined
    return this.rejectedByCircuit(admitted)
  }

  run(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    if (nowMs >= this.deadlineAtMs) return this.exceeded("CallRejected")
    this.attempts++
    this.attemptStartedMs = nowMs
    this.cut = undefined
    // The caller's fiber runs an effect that needs `R`, so its context holds it.
    const inherited = this.fiber.context as Context.Context<R>
    const context =
      this.deadlineIsOwn && this.deadlineAtMs < Number.POSITIVE_INFINITY
        ? Context.add(inherited, CurrentDeadline, this.deadlineAtMs)
        : inherited
    const child = Effect.runForkWith(context)(this.traced(this.call))
    const exit = child.pollUnsafe()
    if (exit !== undefined) {
      this.finish(exit)
      return this.decide(exit)
    }
    return this.await(child)
  }

  await(child: Fiber.Fiber<A, E>): Effect.Effect<A, E | PipelineError, R> {
    this.child = child
    let ended: Exit.Exit<A, E> | undefined
    child.addObserver((exit) => {
      ended = exit
      this.finish(exit)
      this.wake?.()
    })
    const { attemptTimeoutMs } = this.pipeline
    const leftMs = this.deadlineAtMs - this.attemptStartedMs
    this.startTimer(Math.min(attemptTimeoutMs, leftMs), () => {
      this.cut = leftMs <= attemptTimeoutMs ? "deadline" : "attempt-timeout"
      child.interruptUnsafe(this.fiber.id)
    })
    return Effect.callback<A, E | PipelineError, R>((resume) => {
      const next = Effect.suspend(() => {
        this.wake = undefined
        return this.decide(ended!)
      })
      if (ended !== undefined) return resume(next)
      this.wake = () => resume(next)
    })
  }

  /** Gives back what the attempt had and tells the breaker how it went. */
  finish(exit: Exit.Exit<A, E>): void {
    this.child = undefined
    this.stopTimer()
    const outcome = Exit.isSuccess(exit) ? "success" : this.outcomeOf(exit.cause)
    this.giveBack(outcome)
  }

  giveBack(outcome: Outcome): void {
    if (this.admission !== undefined) {
      const admission = this.admission
      this.admission = undefined
      const nowMs = Monotonic.nowMsUnsafe(this.clock)
      this.pipeline.circuitBreaker!.recordUnsafe(admission, outcome, nowMs - this.attemptStartedMs, nowMs)
    }
    if (this.holdsPlace) {
      this.holdsPlace = false
      this.pipeline.bulkhead!.releaseUnsafe()
    }
  }

  outcomeOf(cause: Cause.Cause<E>): Outcome {
    this.classification = undefined
    if (Cause.hasDies(cause)) return "failure"
    const error = cause.reasons.find(Cause.isFailReason)
    if (error !== undefined) {
      try {
        this.classification = this.classify(error.error)
      } catch (defect) {
        // A classifier that throws is our fault and says nothing about the peer.
        this.classification = { retry: false, breaker: "ignored" }
        this.classifierDefect = Cause.combine(cause, Cause.die(defect))
        return "ignored"
      }
      return this.classification.breaker
    }
    if (this.cut === undefined) return "ignored"
    return this.cut === "attempt-timeout" || this.deadlineIsOwn ? "failure" : "ignored"
  }

  // -- after an attempt: retry, retry budget, deadline -------------------------

  decide(exit: Exit.Exit<A, E>): Effect.Effect<A, E | PipelineError, R> {
    if (Exit.isSuccess(exit)) {
      this.ending = succeeded
      return exit
    }
    const cause = exit.cause
    if (Cause.hasDies(cause)) {
      this.ending = { _tag: "CallFailed", reason: "defect" }
      return exit
    }
    if (this.classification !== undefined) return this.decideFailed(cause, this.classification)
    if (this.cut === "deadline") return this.exceeded("CallFailed")
    if (this.cut === "attempt-timeout") {
      const timeout = this.pipeline.error({ _tag: "AttemptTimeout", timeoutMs: this.pipeline.attemptTimeoutMs })
      this.ending = { _tag: "CallFailed", reason: "attempt-timeout" }
      return this.retryOrFail(Cause.fail(timeout), undefined)
    }
    // The call interrupted itself.
    return exit
  }

  decideFailed(cause: Cause.Cause<E>, classification: Classification): Effect.Effect<A, E | PipelineError, R> {
    if (this.classifierDefect !== undefined) {
      this.ending = { _tag: "CallFailed", reason: "defect" }
      return Effect.failCause(this.classifierDefect)
    }
    this.ending = { _tag: classification.breaker === "failure" ? "CallFailed" : "CallIgnored", reason: "error" }
    return classification.retry ? this.retryOrFail(cause, classification.retryAfter) : Effect.failCause(cause)
  }

  retryOrFail(
    cause: Cause.Cause<E | PipelineError>,
    retryAfter: Duration.Duration | undefined
  ): Effect.Effect<A, E | PipelineError, R> {
    const policy = this.pipeline.retry
    if (policy === undefined || this.attempts >= policy.attempts) return Effect.failCause(cause)
    this.lastFailure = cause
    const begun =
      this.waits === undefined
        ? Effect.map(Policies.begin(policy.schedule), (waits) => (this.waits = waits))
        : Effect.succeed(this.waits)
    const input = cause.reasons.find(Cause.isFailReason)?.error
    return Effect.flatMap(
      Effect.flatMap(begun, (waits) => waits(input)),
      (wait) =>
        Option.isNone(wait)
          ? Effect.failCause(cause)
          : this.backOff(cause, Policies.honourRetryAfter(Duration.toMillis(wait.value), retryAfter, policy))
    )
  }

  backOff(cause: Cause.Cause<E | PipelineError>, delayMs: number): Effect.Effect<A, E | PipelineError, R> {
    const nowMs = Monotonic.nowMsUnsafe(this.clock)
    const refusal = this.refusal(nowMs, nowMs + delayMs)
    if (refusal !== undefined) return this.refuse(cause, refusal)
    if (this.pipeline.hub.active) {
      this.pipeline.hub.publish({
        _tag: "AttemptRetried",
        pipeline: this.pipeline.name,
        attempt: this.attempts + 1,
        delayMs
      })
    }
    const wait = delayMs > 0 ? this.clock.sleep(Duration.millis(delayMs)) : Effect.yieldNow
    return Effect.flatMap(wait, () => {
      const thenMs = Monotonic.nowMsUnsafe(this.clock)
      return thenMs >= this.deadlineAtMs ? this.refuse(cause, "deadline") : this.attempt(thenMs)
    })
  }

  // The budget comes last, so that no token is spent on an attempt that another
  // part would not allow.
  refusal(nowMs: number, thenMs: number): "budget" | "circuit-open" | "deadline" | undefined {
    const { circuitBreaker, retryBudget } = this.pipeline
    if (thenMs >= this.deadlineAtMs) return "deadline"
    if (circuitBreaker?.wouldRejectUnsafe(thenMs) === true) return "circuit-open"
    if (retryBudget?.withdrawUnsafe(nowMs) === false) return "budget"
    return undefined
  }

  refuse(
    cause: Cause.Cause<E | PipelineError>,
    refusal: "budget" | "circuit-open" | "deadline"
  ): Effect.Effect<never, E | PipelineError> {
    if (this.pipeline.hub.active) {
      this.pipeline.hub.publish({
        _tag: "RetryRefused",
        pipeline: this.pipeline.name,
        attempt: this.attempts + 1,
        cause: refusal
      })
    }
    return Effect.failCause(cause)
  }

  // -- endings ----------------------------------------------------------------

  rejectedByCircuit(retryAfterMs: number): Effect.Effect<never, E | PipelineError> {
    if (this.lastFailure !== undefined) return this.refuse(this.lastFailure, "circuit-open")
    this.ending = { _tag: "CallRejected", reason: "circuit-open" }
    return this.rejected(this.pipeline.rejection(retryAfterMs))
  }

  rejectedByBulkhead(bulkhead: Bulkheads.Bulkhead, waitedMs: number): Effect.Effect<never, PipelineError> {
    this.ending = { _tag: "CallRejected", reason: "bulkhead-full" }
    return this.rejected(Exit.fail(this.pipeline.error({ _tag: "BulkheadFull", limit: bulkhead.limit, waitedMs })))
  }

  exceeded(tag: "CallRejected" | "CallFailed"): Effect.Effect<never, PipelineError> {
    this.ending = { _tag: tag, reason: "deadline" }
    const deadlineMs = Math.max(0, this.deadlineAtMs - this.startedMs)
    const failure = Exit.fail(this.pipeline.error({ _tag: "DeadlineExceeded", deadlineMs }))
    return tag === "CallRejected" ? this.rejected(failure) : failure
  }

  /** A rejected call has a short span of its own. */
  rejected(failure: Exit.Exit<never, PipelineError>): Effect.Effect<never, PipelineError> {
    return this.traced(failure)
  }

  traced<A1, E1, R1>(self: Effect.Effect<A1, E1, R1>): Effect.Effect<A1, E1, R1> {
    const { circuitBreaker, name } = this.pipeline
    return inAttemptSpan(self, this.fiber, name, Math.max(1, this.attempts), circuitBreaker?.tagUnsafe)
  }

  /** Runs last, whatever happened. */
  settle(_exit: Exit.Exit<A, E | PipelineError>): Effect.Effect<void> | undefined {
    this.wake = undefined
    if (this.child !== undefined) {
      // Only an interruption gets here; the attempt's own end gives back what it has.
      const child = this.child
      return Effect.andThen(
        Fiber.interrupt(child),
        Effect.sync(() => this.announce(interrupted))
      )
    }
    if (this.admission !== undefined || this.holdsPlace || this.leaveQueue !== undefined) {
      this.leaveQueue?.()
      this.leaveQueue = undefined
      this.stopTimer()
      this.giveBack("ignored")
    }
    if (this.report !== undefined || this.pipeline.hub.active) {
      this.announce(Exit.isFailure(_exit) && Cause.hasInterruptsOnly(_exit.cause) ? interrupted : this.ending)
    }
    return undefined
  }

  announce(ending: CallEnding): void {
    const { hub, name: pipeline } = this.pipeline
    const report = { attempts: this.attempts, durationMs: Monotonic.nowMsUnsafe(this.clock) - this.startedMs }
    this.report?.(report)
    if (hub.active) hub.publish({ ...ending, pipeline, ...report })
  }

  startTimer(delayMs: number, onFire: () => void): void {
    if (delayMs === Number.POSITIVE_INFINITY) return
    const timer = Effect.runForkWith(this.fiber.context)(this.clock.sleep(Duration.millis(delayMs)))
    this.timer = timer
    timer.addObserver((exit) => {
      if (this.timer !== timer || Exit.isFailure(exit)) return
      this.timer = undefined
      onFire()
    })
  }

  stopTimer(): void {
    const timer = this.timer
    if (timer === undefined) return
    this.timer = undefined
    timer.interruptUnsafe()
  }
}
