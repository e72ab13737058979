/**
 * One call on its way through a `Pipeline`, and internal to it. `Pipeline` documents the order of the parts.
 *
 * Every acquisition and release (a permit, an admission, a child fiber) happens synchronously together with the field
 * that records it, and `settle` always runs. So no interruption can come in between.
 *
 * The code uses few effects and no generators because every call runs it.
 */

import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Option } from "effect"
import type { Outcome } from "../breaker/Circuit.ts"
import type { Admission } from "../breaker/CircuitBreaker.ts"
import type { Suspension } from "../breaker/Suspension.ts"
import { CurrentDue } from "../Due.ts"
import * as Monotonic from "../Monotonic.ts"
import type { CallRejected, RetryRefused } from "../ResilienceEvent.ts"
import { inAttemptSpan } from "./AttemptSpan.ts"
import { type AttemptVerdict, type Cut, judge, type RetryOf } from "./AttemptVerdict.ts"
import { type Bulkhead, BulkheadFull } from "./Bulkhead.ts"
import { type CallEnding, type CallReport, interrupted, succeeded } from "./CallReport.ts"
import { CurrentCheckpoint } from "./Checkpoint.ts"
import type { Classification } from "./Classification.ts"
import { CurrentDeadline, DeadlineExceeded } from "./Deadline.ts"
import { AttemptTimeout, PipelineError, type PipelineErrorReason } from "./PipelineError.ts"
import type { Parts } from "./PipelineParts.ts"
import * as Policies from "./RetryPolicy.ts"
import { Timer } from "./Timer.ts"

type Refusal = (typeof RetryRefused.Type)["cause"]

export class Execution<A, E, R> {
  readonly pipeline: Parts
  readonly call: Effect.Effect<A, E, R>
  readonly classify: (error: E) => Classification
  readonly report: ((report: CallReport) => void) | undefined
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly clock: Clock.Clock
  readonly timer: Timer
  readonly startedMs: number
  readonly deadlineAtMs: number
  readonly deadlineIsOwn: boolean
  attempts = 0
  /** Whether the attempt is not retried: only probes have shown that the peer is well. */
  isTrial = false
  attemptStartedMs = 0
  /** How long the call has waited for permits. */
  queuedMs = 0
  ending: CallEnding = interrupted
  admission: Admission | undefined = undefined
  holdsPermit = false
  leaveQueue: (() => void) | undefined = undefined
  child: Fiber.Fiber<A, E> | undefined = undefined
  wake: (() => void) | undefined = undefined
  cut: Cut = undefined
  /** Whether this process stood still when the time was over (`TimeLimit`). */
  isExcused = false
  /** Set where an attempt has not passed its checkpoint. */
  rejectedForMs: number | undefined = undefined
  verdict: AttemptVerdict<E> | undefined = undefined
  lastFailure: Cause.Cause<E | PipelineError> | undefined = undefined
  waits: Policies.Waits | undefined = undefined

  constructor(
    pipeline: Parts,
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
    this.timer = new Timer(this.clock, fiber)
    this.startedMs = Monotonic.nowMsUnsafe(this.clock)
    const ownMs = this.startedMs + pipeline.deadlineMs
    const inheritedMs = fiber.getRef(CurrentDeadline)
    this.deadlineIsOwn = inheritedMs === undefined || ownMs <= inheritedMs
    this.deadlineAtMs = this.deadlineIsOwn ? ownMs : inheritedMs!
  }

  begin(): Effect.Effect<A, E | PipelineError, R> {
    if (this.startedMs >= this.deadlineAtMs) return this.rejectedByDeadline()
    this.pipeline.retryBudget?.depositUnsafe()
    return this.attempt(this.startedMs)
  }

  // -- one attempt: circuit breaker, bulkhead, attempt timeout, call ----------

  attempt(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    const { bulkhead, circuitBreaker } = this.pipeline
    if (circuitBreaker !== undefined) {
      // A peer that only probes call well may serve none of its callers: one attempt shows it as well as five.
      this.isTrial = circuitBreaker.isUnprovenUnsafe
      const admitted = circuitBreaker.admitUnsafe(nowMs)
      if (typeof admitted === "number") return this.rejectedByCircuit(admitted)
      this.admission = admitted
    }
    if (bulkhead === undefined) return this.run(nowMs)
    this.holdsPermit = bulkhead.takeUnsafe()
    return this.holdsPermit ? this.run(nowMs) : this.queue(bulkhead, nowMs)
  }

  queue(bulkhead: Bulkhead, nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    let ended: "granted" | "displaced" | "expired" | undefined
    const end = (how: typeof ended) => () => {
      if (how === "granted") this.holdsPermit = true
      if (how === "expired") this.leaveQueue?.()
      else this.timer.stop()
      this.leaveQueue = undefined
      ended = how
      this.wake?.()
    }
    const due = this.fiber.getRef(CurrentDue) ?? nowMs
    this.leaveQueue = bulkhead.enqueueUnsafe(end("granted"), due, end("displaced"))
    if (this.leaveQueue === undefined) return this.rejectedByBulkhead(bulkhead, 0)
    const leftMs = this.deadlineAtMs - nowMs
    this.timer.start(Math.min(bulkhead.maxWaitMs, leftMs), end("expired"))
    const waited = Effect.callback<void>((resume) => {
      if (ended !== undefined) return resume(Effect.void)
      // A yield in between, so that calls that pass the permit on to each other do not nest.
      this.wake = () => resume(Effect.yieldNow)
    })
    return Effect.flatMap(waited, () => {
      this.wake = undefined
      const queuedMs = Monotonic.nowMsUnsafe(this.clock) - nowMs
      this.queuedMs += queuedMs
      if (this.holdsPermit) return this.enter(nowMs + queuedMs)
      if (ended === "displaced") return this.rejectedByBulkhead(bulkhead, queuedMs)
      return leftMs <= bulkhead.maxWaitMs
        ? this.rejectedByDeadline()
        : this.rejectedByBulkhead(bulkhead, bulkhead.maxWaitMs)
    })
  }

  /**
   * Renews the admission after a wait. The circuit may have opened meanwhile, and then all that waited would otherwise
   * reach a peer that is down. Returns for how long the circuit rejects calls then.
   */
  readmit(nowMs: number): number | undefined {
    if (this.admission === undefined) return undefined
    const admitted = this.pipeline.circuitBreaker!.readmitUnsafe(this.admission, nowMs)
    // An admission of an earlier generation is not given back.
    this.admission = typeof admitted === "number" ? undefined : admitted
    return typeof admitted === "number" ? admitted : undefined
  }

  /** Runs a call that has waited for its permit. */
  enter(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    const rejectedForMs = this.readmit(nowMs)
    return rejectedForMs === undefined ? this.run(nowMs) : this.rejectedByCircuit(rejectedForMs)
  }

  run(nowMs: number): Effect.Effect<A, E | PipelineError, R> {
    if (nowMs >= this.deadlineAtMs) return this.rejectedByDeadline()
    this.attempts++
    this.attemptStartedMs = nowMs
    this.cut = undefined
    // The caller's fiber runs an effect that needs `R`, so its context holds it.
    let context = this.fiber.context as Context.Context<R>
    if (this.deadlineIsOwn && this.deadlineAtMs < Number.POSITIVE_INFINITY)
      context = Context.add(context, CurrentDeadline, this.deadlineAtMs)
    if (this.admission !== undefined) context = Context.add(context, CurrentCheckpoint, this.checkpoint())
    const child = Effect.runForkWith(context)(this.traced(this.call))
    const exit = child.pollUnsafe()
    if (exit !== undefined) {
      this.finish(exit)
      return this.decide(exit)
    }
    return this.await(child)
  }

  /** Ends an attempt that has waited itself, and that the circuit no longer admits. Before its first request it is none. */
  checkpoint(): Effect.Effect<void> {
    let hasSent = false
    return Effect.suspend(() => {
      this.rejectedForMs = this.readmit(Monotonic.nowMsUnsafe(this.clock))
      if (this.rejectedForMs === undefined) {
        hasSent = true
        return Effect.void
      }
      if (!hasSent) this.attempts--
      this.cut = hasSent ? "circuit-opened" : "circuit-open"
      return Effect.interrupt
    })
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
    this.timer.start(Math.min(attemptTimeoutMs, leftMs), (limit) => {
      this.cut = leftMs <= attemptTimeoutMs ? "deadline" : "attempt-timeout"
      this.isExcused = this.pipeline.excuses.excuse(limit)
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

  /** Whether the peer had its time before the cut. A wait for a permit may have left less than half of the deadline. */
  get hadItsTime(): boolean {
    if (this.isExcused) return false
    if (this.cut !== "deadline" || !this.deadlineIsOwn) return this.cut !== "deadline"
    return this.queuedMs === 0 || this.deadlineAtMs - this.attemptStartedMs >= this.pipeline.deadlineMs / 2
  }

  /** Releases what the attempt held and records its outcome. */
  finish(exit: Exit.Exit<A, E>): void {
    this.child = undefined
    this.timer.stop()
    if (Exit.isSuccess(exit)) {
      this.pipeline.excuses.responded()
      return this.giveBack("success")
    }
    this.verdict = judge(exit.cause, this.classify, this.cut, this.hadItsTime)
    this.giveBack(this.verdict.outcome, this.verdict.suspension)
  }

  giveBack(outcome: Outcome, suspension?: Suspension): void {
    if (this.admission !== undefined) {
      const admission = this.admission
      this.admission = undefined
      const nowMs = Monotonic.nowMsUnsafe(this.clock)
      this.pipeline.circuitBreaker!.recordUnsafe(admission, outcome, nowMs - this.attemptStartedMs, nowMs, suspension)
    }
    if (this.holdsPermit) {
      this.holdsPermit = false
      this.pipeline.bulkhead!.releaseUnsafe()
    }
  }

  // -- after an attempt: retry, retry budget, deadline -------------------------

  decide(exit: Exit.Exit<A, E>): Effect.Effect<A, E | PipelineError, R> {
    if (Exit.isSuccess(exit)) {
      this.ending = succeeded
      return exit
    }
    const { cause: own, ending, retry } = this.verdict!
    this.ending = ending
    if (own === undefined && this.rejectedForMs !== undefined)
      return this.cut === "circuit-opened"
        ? this.pipeline.rejection(this.rejectedForMs)
        : this.rejectedByCircuit(this.rejectedForMs)
    const cause: Cause.Cause<E | PipelineError> = own ?? Cause.fail(this.cutError())
    return retry === undefined ? Effect.failCause(cause) : this.retryOrFail(cause, retry)
  }

  /** The pipeline's own error, after it interrupted an attempt. */
  cutError(): PipelineError {
    return this.cut === "deadline"
      ? this.deadlineExceeded()
      : this.error(new AttemptTimeout({ timeoutMs: this.pipeline.attemptTimeoutMs }))
  }

  retryOrFail(
    cause: Cause.Cause<E | PipelineError>,
    { attempts = Number.POSITIVE_INFINITY, retryAfter }: RetryOf
  ): Effect.Effect<A, E | PipelineError, R> {
    const policy = this.pipeline.retry
    if (policy === undefined || this.isTrial || this.attempts >= Math.min(policy.attempts, attempts))
      return Effect.failCause(cause)
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

  backOff(cause: Cause.Cause<E | PipelineError>, delayMs: number | undefined): Effect.Effect<A, E | PipelineError, R> {
    if (delayMs === undefined) return this.refuse(cause, "retry-after")
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

  // The budget comes last, so that no token is spent on an attempt that another part would refuse.
  refusal(nowMs: number, thenMs: number): Refusal | undefined {
    const { circuitBreaker, retryBudget } = this.pipeline
    if (thenMs >= this.deadlineAtMs) return "deadline"
    if (circuitBreaker?.wouldRejectUnsafe(thenMs) === true) return "circuit-open"
    if (retryBudget?.withdrawUnsafe(nowMs) === false) return "budget"
    return undefined
  }

  refuse(cause: Cause.Cause<E | PipelineError>, refusal: Refusal): Effect.Effect<never, E | PipelineError> {
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

  error(reason: PipelineErrorReason): PipelineError {
    return new PipelineError({ pipeline: this.pipeline.name, reason })
  }

  deadlineExceeded(): PipelineError {
    return this.error(new DeadlineExceeded({ deadlineMs: Math.max(0, this.deadlineAtMs - this.startedMs) }))
  }

  rejectedByCircuit(retryAfterMs: number): Effect.Effect<never, E | PipelineError> {
    if (this.lastFailure !== undefined) return this.refuse(this.lastFailure, "circuit-open")
    return this.rejected("circuit-open", this.pipeline.rejection(retryAfterMs))
  }

  rejectedByBulkhead(bulkhead: Bulkhead, waitedMs: number): Effect.Effect<never, PipelineError> {
    return this.rejected("bulkhead-full", Exit.fail(this.error(new BulkheadFull({ limit: bulkhead.limit, waitedMs }))))
  }

  rejectedByDeadline(): Effect.Effect<never, PipelineError> {
    return this.rejected("deadline", Exit.fail(this.deadlineExceeded()))
  }

  /** A rejected call has its own short span. */
  rejected(
    reason: (typeof CallRejected.Type)["reason"],
    failure: Exit.Exit<never, PipelineError>
  ): Effect.Effect<never, PipelineError> {
    this.ending = { _tag: "CallRejected", reason }
    return this.traced(failure)
  }
  traced<A1, E1, R1>(self: Effect.Effect<A1, E1, R1>): Effect.Effect<A1, E1, R1> {
    const { circuitBreaker, name } = this.pipeline
    return inAttemptSpan(self, this.fiber, name, Math.max(1, this.attempts), circuitBreaker?.tagUnsafe)
  }

  /** Runs last on every path. */
  settle(exit: Exit.Exit<A, E | PipelineError>): Effect.Effect<void> | undefined {
    this.wake = undefined
    if (this.child !== undefined) {
      // Only after an interruption: an attempt that ends releases what it holds.
      const child = this.child
      return Effect.andThen(
        Fiber.interrupt(child),
        Effect.sync(() => this.announce(interrupted))
      )
    }
    if (this.admission !== undefined || this.holdsPermit || this.leaveQueue !== undefined) {
      this.leaveQueue?.()
      this.leaveQueue = undefined
      this.timer.stop()
      this.giveBack("ignored")
    }
    if (this.report !== undefined || this.pipeline.hub.active) {
      this.announce(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) ? interrupted : this.ending)
    }
    return undefined
  }

  announce(ending: CallEnding): void {
    const { hub, name: pipeline } = this.pipeline
    const report = { attempts: this.attempts, durationMs: Monotonic.nowMsUnsafe(this.clock) - this.startedMs }
    this.report?.(report)
    if (hub.active) hub.publish({ ...ending, pipeline, ...report })
  }
}
