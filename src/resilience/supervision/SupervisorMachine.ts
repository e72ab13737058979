/** The process of a supervisor: a mailbox, and one fiber that processes its messages. Internal to `Supervisor`. */

import { Cause, Duration, Effect, Exit, Fiber, Option, Queue, type Schedule } from "effect"
import type { EventHub } from "../EventHub.ts"
import * as Monotonic from "../Monotonic.ts"
import * as Policies from "../pipeline/RetryPolicy.ts"
import type { ChildRestarted, ResilienceEvent } from "../ResilienceEvent.ts"
import { decide, type Ending, endingOf, type Restart } from "./RestartDecision.ts"

/** A child that exceeded its intensity and stays down. */
export interface Escalation {
  readonly supervisor: string
  readonly child: string
  /** How the child ended the last time. */
  readonly cause: Cause.Cause<unknown>
}

/** The status of a child, for status pages. */
export interface ChildStatus {
  readonly name: string
  readonly status: "running" | "backing-off" | "ended" | "escalated"
  /** Since the supervisor was made. */
  readonly restarts: number
}

export interface Child {
  readonly name: string
  readonly kind: Restart
  readonly life: Effect.Effect<Exit.Exit<unknown, unknown>>
  readonly index: number
  status: ChildStatus["status"]
  fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>> | undefined
  /** While backing off: this child starts after the back-off of that one. */
  waitsFor: Child | undefined
  timer: Fiber.Fiber<void> | undefined
  startedMs: number
  restarts: number
  restartedMs: ReadonlyArray<number>
  backoff: Policies.Waits | undefined
}

export type Message =
  | { readonly _tag: "Ended"; readonly child: Child; readonly fiber: Fiber.Fiber<Exit.Exit<unknown, unknown>> }
  | { readonly _tag: "BackedOff"; readonly child: Child; readonly timer: Fiber.Fiber<void> }
  | { readonly _tag: "Restart"; readonly child: Child; readonly done: () => void }

export interface Settings {
  readonly name: string
  readonly strategy: "one_for_one" | "rest_for_one"
  readonly maxRestarts: number
  readonly periodMs: number
  readonly backoff: Schedule.Schedule<unknown>
  readonly onEscalation: (escalation: Escalation) => Effect.Effect<void>
}

/** One fiber processes the messages one at a time, so no state is ever observed half-changed. */
export class SupervisorMachine {
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
      (message) => this.process(message)
    )
  )

  process(message: Message): Effect.Effect<void> {
    switch (message._tag) {
      case "Ended":
        // From an earlier life of the child, which this machine stopped.
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
            // Children that wait for this child's back-off start with it.
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
    // The yield lets `child.fiber` be set before a child can end.
    const fiber = this.fork(Effect.andThen(Effect.yieldNow, child.life))
    child.fiber = fiber
    fiber.addObserver(() => Queue.offerUnsafe(this.mailbox, { _tag: "Ended", child, fiber }))
  }

  startAll(children: ReadonlyArray<Child>): Effect.Effect<void> {
    return Effect.map(Monotonic.nowMs, (nowMs) => {
      for (const child of children) this.start(child, nowMs)
    })
  }

  /** Stops a child in any status and waits until its scope has closed. */
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
    return Effect.flatMap(Monotonic.nowMs, (nowMs) => {
      const decision = decide(child, ending, this.settings, nowMs)
      if (decision._tag === "End") return this.leaveEnded(child, ending, cause)
      if (decision.freshBackoff) child.backoff = undefined
      if (decision._tag === "Escalate") return this.escalate(child, cause)
      child.restartedMs = decision.restartedMs
      return Effect.flatMap(this.delay(child, cause), (delay) =>
        Option.isNone(delay) ? this.escalate(child, cause) : this.backOff(child, delay.value, ending, cause)
      )
    })
  }

  leaveEnded(child: Child, ending: Ending, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    child.status = "ended"
    this.publish({ _tag: "ChildEnded", supervisor: this.settings.name, child: child.name, reason: ending })
    return ending === "completed" ? Effect.void : this.log(Effect.logError("a supervised child ended", cause), child)
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
        return this.log(Effect.logWarning("a supervised child ended and will be restarted", cause), child, {
          delayMs,
          ending
        })
      })
    )
  }

  awaitRestart(child: Child, waitsFor: Child, delayMs: number, reason: (typeof ChildRestarted.Type)["reason"]): void {
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
    return this.log(Effect.logError("a supervised child exceeded its restart intensity and stays down", cause), child, {
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
