/**
 * Keeps long-lived effects running, in the terms of OTP supervisors.
 *
 * **Details**
 *
 * - A child is an effect that should run as long as the service. It has its own scope, which closes whenever the child
 *   ends.
 * - **restart**: a `permanent` child is always restarted, a `transient` one only after a failure or defect, and a
 *   `temporary` one never.
 * - **strategy**: `one_for_one` restarts the child that ended. `rest_for_one` also stops the children listed after it, in
 *   reverse order, and starts them again in order, because they depend on it.
 * - **intensity**: a child that ends again after `maxRestarts` restarts within `period` stays down and _escalates_: an
 *   event, an error in the log and `onEscalation`. Unlike in OTP the intensity is counted per child, and the other
 *   children continue. `restart(name)` starts the child again.
 * - **back-off**: a `Schedule` determines how long a child stays down before each restart. It starts again after the
 *   child has run for a whole `period`.
 *
 * Closing the scope stops all children in reverse order. Each must stop before the next one is interrupted.
 *
 * **When to use**
 *
 * For background loops: workers, probes, subscriptions. A `Pipeline` retries single calls.
 *
 * **Gotchas**
 *
 * A child that is interrupted from within counts as completed: a `transient` one stays down.
 *
 * **Example** (a child that fails is restarted)
 *
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { Supervisor } from "kubernaut/resilience"
 *
 * let starts = 0
 * const worker = Effect.suspend(() => (++starts < 3 ? Effect.fail("crashed") : Effect.never))
 *
 * const program = Effect.gen(function* () {
 *   const supervisor = yield* Supervisor.make({ backoff: Schedule.spaced("1 millis") }, [
 *     { name: "worker", start: worker }
 *   ])
 *   while (starts < 3) yield* Effect.sleep("1 millis")
 *   return yield* supervisor.status
 * })
 *
 * const [status] = await Effect.runPromise(Effect.scoped(program))
 * status!.restarts // => 2
 * ```
 */

import { Duration, Effect, Fiber, Queue, Random, Schedule } from "effect"
import type { Context, Scope } from "effect"
import * as Policies from "../pipeline/RetryPolicy.ts"
import { ResilienceEvents } from "../ResilienceEvent.ts"
import {
  type Child,
  type ChildStatus,
  type Escalation,
  type Message,
  type Settings,
  SupervisorMachine
} from "./SupervisorMachine.ts"

// ----------------------------------------------------------------------------
// Public types
// ----------------------------------------------------------------------------

export type { ChildStatus, Escalation } from "./SupervisorMachine.ts"

/** A child of a supervisor. */
export interface ChildSpec<out E = unknown, out R = never> {
  /** Unique within the supervisor; the label of `kubernaut_supervisor_restarts_total`. */
  readonly name: string
  /** Runs for the whole life of the child. */
  readonly start: Effect.Effect<unknown, E, R>
  /** After which endings the child is restarted. Default `permanent`. */
  readonly restart?: "permanent" | "transient" | "temporary"
}

/** Each option has a default. */
export interface Options<R = never> {
  /** Appears in events and logs. Default `supervisor`. */
  readonly name?: string
  /** Which children are restarted together. Default `one_for_one`. */
  readonly strategy?: "one_for_one" | "rest_for_one"
  /** The maximum number of restarts of one child within `period`, 0 or more. Default 5. */
  readonly maxRestarts?: number
  /** The period in which restarts are counted. Default 1 minute. */
  readonly period?: Duration.Input
  /** The wait before each restart. Default 100 ms, doubling up to 30 s, plus up to 10 % jitter. */
  readonly backoff?: Schedule.Schedule<unknown>
  /** Runs in a separate fiber when a child exceeds its intensity. A defect in it is only logged. */
  readonly onEscalation?: (escalation: Escalation) => Effect.Effect<void, never, R>
}

/** A running supervisor. It stops with the scope in which it was made. */
export interface Supervisor {
  /** All children in order. */
  readonly status: Effect.Effect<ReadonlyArray<ChildStatus>>
  /** Restarts a child in any status and resets its intensity; `false` means that there is no child of this name. */
  readonly restart: (child: string) => Effect.Effect<boolean>
}

// ----------------------------------------------------------------------------
// Constructor
// ----------------------------------------------------------------------------

// 100 ms, doubling up to 30 s, plus up to 10 % jitter, without end.
const defaultBackoff: Schedule.Schedule<unknown> = Schedule.fromStepWithMetadata(
  Effect.succeed(({ attempt }) =>
    Effect.map(Random.next, (random): [Duration.Duration, Duration.Duration] => {
      const wait = Duration.millis(
        Policies.delayBeforeMs(attempt + 1, { ...Policies.defaults, maxDelayMs: 30_000 }, random)
      )
      return [wait, wait]
    })
  )
)

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

/**
 * Starts the children in order and supervises them until the scope closes. A `RangeError` reports an invalid option or
 * a duplicate name.
 */
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
  const machine = new SupervisorMachine(
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
