/**
 * Keeps the long-lived parts of the service running, in OTP's terms.
 *
 * **Details**
 *
 * - A child is an effect that is meant to run for as long as the service. It gets a scope of its own, which closes when
 *   it ends, however it ends.
 * - **restart**: a `permanent` child is started again however it ended, a `transient` one only when it failed or died, a
 *   `temporary` one never.
 * - **strategy**: `one_for_one` restarts the child that ended. `rest_for_one` also stops those listed after it, last
 *   first, and starts them again in order, because they build on it.
 * - **intensity**: a child that ends again after `maxRestarts` restarts within `period` is left down and _escalates_: an
 *   event, an error in the log and `onEscalation`. Unlike in OTP the intensity is counted per child and the others go
 *   on, since here a missing part costs a degradation level, not the service. `restart(name)` brings the child back.
 *   The period is one of the monotonic clock (`Monotonic`).
 * - **back-off**: a `Schedule` says how long a child stays down before each restart; it begins anew once the child has
 *   run for a whole `period`.
 *
 * Closing the scope stops all children, last first, each after the next one has let go.
 *
 * **Gotchas**
 *
 * A child that ends because it was interrupted from within counts as completed: a `transient` one stays down.
 */

import { Cause, Duration, Effect, Exit, Fiber, Option, Queue, Random, Schedule } from "effect"
import type { Context, Scope } from "effect"
import type { EventHub } from "../EventHub.ts"
import * as Monotonic from "../Monotonic.ts"
import * as Policies from "../pipeline/RetryPolicy.ts"
import { type ResilienceEvent, ResilienceEvents } from "../ResilienceEvent.ts"

// ----------------------------------------------------------------------------
// Public types
// ----------------------------------------------------------------------------

export interface ChildSpec<out E = unknown, out R = never> {
  /** Unique within the supervisor; the label of `kubernaut_supervisor_restarts_total`. */
  readonly name: string
  /** The child's whole life. */
  readonly start: Effect.Effect<unknown, E, R>
  /** Default `permanent`. */
  readonly restart?: "permanent" | "transient" | "temporary"
}

export interface Escalation {
  readonly supervisor: string
  readonly child: string
  /** What the child ended with, the last time. */
  readonly cause: Cause.Cause<unknown>
}

export interface Options<R = never> {
  /** For events and logs. Default `supervisor`. */
  readonly name?: string
  /** Default `one_for_one`. */
  readonly strategy?: "one_for_one" | "rest_for_one"
  /** Restarts of one child within `period` that are borne, 0 or more. Default 5. */
  readonly maxRestarts?: number
  /** Default 1 minute. */
  readonly period?: Duration.Input
  /** How long a child stays down before each restart. Default 100 ms, doubling up to 30 s, plus up to a tenth. */
  readonly backoff?: Schedule.Schedule<unknown>
  /** Runs in a fiber of its own when a child exceeds its intensity. A defect in it is only logged. */
  readonly onEscalation?: (escalation: Escalation) => Effect.Effect<void, never, R>
}

export interface ChildStatus {
  readonly name: string
  readonly status: "running" | "backing-off" | "ended" | "escalated"
  /** Since the supervisor was made. */
  readonly restarts: number
}

export interface Supervisor {
  readonly status: Effect.Effect<ReadonlyArray<ChildStatus>>
  /** Starts a child anew whatever its status and forgets its earlier restarts; `false` where there is no such child. */
  readonly restart: (child: string) => Effect.Effect<boolean>
}

// ----------------------------------------------------------------------------
// Decisions
// ----------------------------------------------------------------------------

type Ending = "completed" | "failed" | "died"

/** How a child ended, as far as its supervisor cares. */
export const endingOf = (exit: Exit.Exit<unknown, unknown>): Ending =>
  Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)
    ? "completed"
    : Cause.hasDies(exit.cause)
      ? "died"
      : "failed"

/** Whether a child of this kind is started again after such an ending. */
export const restarts = (kind: "permanent" | "transient" | "temporary", ending: Ending): boolean =>
  kind === "permanent" || (kind === "transient" && ending !== "completed")

/** The restarts that still count at `nowMs`. */
export const withinPeriod = (restartedMs: ReadonlyArray<number>, periodMs: number, nowMs: number) =>
  restartedMs.filter((atMs) => nowMs - atMs < periodMs)

/** 100 ms, doubling up to 30 s, plus up to a tenth, for ever. */
export const defaultBackoff: Schedule.Schedule<unknown> = Schedule.fromStepWithMetadata(
  Effect.succeed(({ attempt }) =>
    Effect.map(Random.next, (random): [Duration.Duration, Duration.Duration] => {
      const wait = Duration.millis(
        Policies.delayBeforeMs(attempt + 1, { ...Policies.defaults, maxDelayMs: 30_000 }, random)
      )
      return [wait, wait]
    })
  )
)

// ----------------------------------------------------------------------------
// The machinery
// ----------------------------------------------------------------------------

interface Child {
  readonly name: string
  readonly kind: "permanent" | "transient" | "temporary"
  readonly life: Effect.Effect<Exit.Exit<unknown, unknown>>
  readonly index: number
  status: ChildStatus["status"]
  fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>> | undefined
  /** Backing off: the child after whose back-off this one starts. */
  waitsFor: Child | undefined
  timer: Fiber.Fiber<void> | undefined
  startedMs: number
  restarts: number
  restartedMs: ReadonlyArray<number>
  backoff: Policies.Waits | undefined
}

type Message =
  | { readonly _tag: "Ended"; readonly child: Child; readonly fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>> }
  | { readonly _tag: "BackedOff"; readonly child: Child; readonly timer: Fiber.Fiber<void> }
  | { readonly _tag: "Restart"; readonly child: Child; readonly done: () => void }

interface Settings {
  readonly name: string
  readonly strategy: "one_for_one" | "rest_for_one"
  readonly maxRestarts: number
  readonly periodMs: number
  readonly backoff: Schedule.Schedule<unknown>
  readonly onEscalation: (escalation: Escalation) => Effect.Effect<void>
}

/** All messages are worked one at a time by one fiber, so no state here is ever seen half-changed. */
class Machine {
  readonly settings: Settings
  readonly children: ReadonlyArray<Child>
  readonly mailbox: Queue.Queue<Message>
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly hub: EventHub<ResilienceEvent>

  constructor(
    settings: Settings,
    children: ReadonlyArray<Child>,
    mailbox: Queue.Queue<Message>,
    fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>,
    hub: EventHub<ResilienceEvent>
  ) {
    this.settings = settings
    this.children = children
    this.mailbox = mailbox
    this.fork = fork
    this.hub = hub
  }

  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.flatMap(
      Effect.suspend(() => Queue.take(this.mailbox)),
      (message) => this.work(message)
    )
  )

  work(message: Message): Effect.Effect<void> {
    switch (message._tag) {
      case "Ended":
        // An earlier life of the child, stopped by ourselves.
        if (message.child.fiber !== message.fiber) return Effect.void
        return this.ended(
          message.child,
          Exit.match(message.fiber.pollUnsafe()!, { onFailure: Exit.failCause, onSuccess: (exit) => exit })
        )
      case "BackedOff":
        if (message.child.timer !== message.timer) return Effect.void
        message.child.timer = undefined
        return this.startAll(this.children.filter((child) => child.waitsFor === message.child))
      case "Restart":
        message.child.restartedMs = []
        message.child.backoff = undefined
        return Effect.andThen(
          this.stop(message.child),
          Effect.andThen(
            // Those that waited for this child's back-off start with it.
            Effect.suspend(() =>
              this.startAll(
                this.children.filter((child) => child === message.child || child.waitsFor === message.child)
              )
            ),
            Effect.sync(message.done)
          )
        )
    }
  }

  start(child: Child, nowMs: number): void {
    child.status = "running"
    child.waitsFor = undefined
    child.startedMs = nowMs
    // Begins with a yield, so that a child that ends at once has its fiber noted first.
    const fiber = this.fork(Effect.andThen(Effect.yieldNow, child.life))
    child.fiber = fiber
    fiber.addObserver(() => Queue.offerUnsafe(this.mailbox, { _tag: "Ended", child, fiber }))
  }

  startAll(children: ReadonlyArray<Child>): Effect.Effect<void> {
    return Effect.map(Monotonic.nowMs, (nowMs) => {
      for (const child of children) this.start(child, nowMs)
    })
  }

  /** Stops a child, wherever it is in its life, and waits until it has let go. */
  stop(child: Child): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { fiber, timer } = child
      child.fiber = undefined
      child.timer = undefined
      child.waitsFor = undefined
      timer?.interruptUnsafe()
      return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
    })
  }

  readonly stopAll: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.children.toReversed(), (child) => this.stop(child), { discard: true })
  )

  ended(child: Child, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    child.fiber = undefined
    const ending = endingOf(exit)
    const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
    if (!restarts(child.kind, ending)) {
      child.status = "ended"
      this.publish({ _tag: "ChildEnded", supervisor: this.settings.name, child: child.name, reason: ending })
      return ending === "completed" ? Effect.void : this.log(Effect.logError("a supervised child ended", cause), child)
    }
    return Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      const { maxRestarts, periodMs } = this.settings
      if (nowMs - child.startedMs >= periodMs) child.backoff = undefined
      const recent = withinPeriod(child.restartedMs, periodMs, nowMs)
      if (recent.length >= maxRestarts) return this.escalate(child, cause)
      child.restartedMs = [...recent, nowMs]
      return Effect.flatMap(this.delay(child, cause), (delay) =>
        Option.isNone(delay) ? this.escalate(child, cause) : this.backOff(child, delay.value, ending, cause)
      )
    })
  }

  /** `None`: the schedule allows no further restart. */
  delay(child: Child, cause: Cause.Cause<unknown>): Effect.Effect<Option.Option<Duration.Duration>> {
    const begun =
      child.backoff === undefined
        ? Effect.map(Policies.begin(this.settings.backoff), (waits) => (child.backoff = waits))
        : Effect.succeed(child.backoff)
    return Effect.flatMap(begun, (waits) => waits(cause))
  }

  backOff(child: Child, delay: Duration.Duration, ending: Ending, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const delayMs = Duration.toMillis(delay)
    const rest =
      this.settings.strategy === "one_for_one"
        ? []
        : this.children.filter(
            (other) => other.index > child.index && (other.status === "running" || other.status === "backing-off")
          )
    const stopRest = Effect.forEach(
      rest.toReversed(),
      (other) => Effect.map(this.stop(other), () => this.awaitRestart(other, child, delayMs, "sibling")),
      { discard: true }
    )
    return Effect.andThen(
      stopRest,
      Effect.suspend(() => {
        this.awaitRestart(child, child, delayMs, ending)
        const timer = this.fork(Effect.sleep(delay))
        child.timer = timer
        timer.addObserver((exit) => {
          if (Exit.isSuccess(exit)) Queue.offerUnsafe(this.mailbox, { _tag: "BackedOff", child, timer })
        })
        return this.log(Effect.logWarning("a supervised child ended and is started again", cause), child, {
          delayMs,
          ending
        })
      })
    )
  }

  awaitRestart(child: Child, waitsFor: Child, delayMs: number, reason: Ending | "sibling"): void {
    if (reason === "sibling" && child.kind === "temporary") {
      child.status = "ended"
      this.publish({ _tag: "ChildEnded", supervisor: this.settings.name, child: child.name, reason: "completed" })
      return
    }
    child.status = "backing-off"
    child.waitsFor = waitsFor
    child.restarts++
    this.publish({
      _tag: "ChildRestarted",
      supervisor: this.settings.name,
      child: child.name,
      restarts: child.restarts,
      delayMs,
      reason
    })
  }

  escalate(child: Child, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const { maxRestarts, name, onEscalation, periodMs } = this.settings
    child.status = "escalated"
    this.publish({ _tag: "ChildEscalated", supervisor: name, child: child.name, maxRestarts, periodMs })
    this.fork(
      Effect.catchCause(
        Effect.suspend(() => onEscalation({ supervisor: name, child: child.name, cause })),
        (failure) => this.log(Effect.logError("an escalation failed", failure), child)
      )
    )
    return this.log(Effect.logError("a supervised child exceeded its intensity and is left down", cause), child, {
      maxRestarts,
      periodMs
    })
  }

  publish(event: ResilienceEvent): void {
    if (this.hub.active) this.hub.publish(event)
  }

  log(entry: Effect.Effect<void>, child: Child, fields: Record<string, unknown> = {}): Effect.Effect<void> {
    return Effect.annotateLogs(entry, { supervisor: this.settings.name, child: child.name, ...fields })
  }
}

// ----------------------------------------------------------------------------
// Constructor
// ----------------------------------------------------------------------------

const refuse = (problem: string): never => {
  throw new RangeError(`Supervisor: ${problem}`)
}

const resolve = <R>(options: Options<R>, context: Context.Context<R>): Settings => {
  const maxRestarts = options.maxRestarts ?? 5
  if (!Number.isInteger(maxRestarts) || maxRestarts < 0) {
    refuse(`maxRestarts must be a whole number of 0 or more, got ${maxRestarts}`)
  }
  const onEscalation = options.onEscalation
  return {
    name: options.name ?? "supervisor",
    strategy: options.strategy ?? "one_for_one",
    maxRestarts,
    periodMs: Duration.toMillis(Duration.fromInputUnsafe(options.period ?? "1 minute")),
    backoff: options.backoff ?? defaultBackoff,
    onEscalation:
      onEscalation === undefined
        ? () => Effect.void
        : (escalation) => Effect.provideContext(onEscalation(escalation), context)
  }
}

/** Starts the children in order and watches over them until the scope closes. */
export const make = Effect.fnUntraced(function* <E = never, R = never, R2 = never>(
  options: Options<R2>,
  specs: ReadonlyArray<ChildSpec<E, R>>
): Effect.fn.Return<Supervisor, never, Exclude<R, Scope.Scope> | R2 | Scope.Scope> {
  const context = yield* Effect.context<Exclude<R, Scope.Scope> | R2>()
  const settings = resolve(options, context)
  if (new Set(specs.map((spec) => spec.name)).size < specs.length) refuse("two children have the same name")
  const children = specs.map((spec, index): Child => ({
    name: spec.name,
    kind: spec.restart ?? "permanent",
    life: Effect.exit(Effect.provideContext(Effect.scoped(spec.start), context)),
    index,
    status: "running",
    fiber: undefined,
    waitsFor: undefined,
    timer: undefined,
    startedMs: 0,
    restarts: 0,
    restartedMs: [],
    backoff: undefined
  }))
  const machine = new Machine(
    settings,
    children,
    yield* Queue.unbounded<Message>(),
    Effect.runForkWith(context),
    yield* Effect.service(ResilienceEvents)
  )
  yield* Effect.acquireRelease(
    Effect.map(machine.startAll(children), () => machine.fork(machine.run)),
    (manager) => Effect.andThen(Fiber.interrupt(manager), machine.stopAll)
  )
  return {
    status: Effect.sync(() =>
      children.map((child) => ({ name: child.name, status: child.status, restarts: child.restarts }))
    ),
    restart: (name) => {
      const child = children.find((candidate) => candidate.name === name)
      if (child === undefined) return Effect.succeed(false)
      return Effect.callback<boolean>((resume) => {
        Queue.offerUnsafe(machine.mailbox, { _tag: "Restart", child, done: () => resume(Effect.succeed(true)) })
      })
    }
  }
})
