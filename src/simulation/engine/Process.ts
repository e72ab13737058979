/**
 * A process of the simulated world: fibers that live and die together, with their own clock, scheduler, randomness and
 * tracer.
 *
 *     running ──pause──> paused ──(time elapses)──> running
 *        │ │               │
 *        │ └──(main effect ends)──> exited
 *        └──crash─────────────────> crashed
 *
 * - **crash** is `kill -9`: between two steps every fiber vanishes. No finalizer runs, no timer fires, no callback
 *   arrives. What was committed outside stays.
 * - **pause** is SIGSTOP, a long garbage collection or a frozen virtual machine: nothing runs, and afterwards everything
 *   that became due meanwhile is due at once. A pause longer than a lease makes two owners.
 * - **exited**: the main effect has completed. Fibers that it left behind end too, as in a real process.
 *
 * Code of another process never resumes a fiber of this one directly. It uses `post`, a message that is lost when the
 * process has ended.
 */

import {
  Clock,
  Context,
  Effect,
  type Exit,
  type Fiber,
  Logger,
  Metric,
  Random,
  References,
  Scheduler,
  Tracer
} from "effect"
import type { SeededRandom } from "./SeededRandom.ts"
import { SimulatedClock, type TimeSource } from "./SimulatedClock.ts"
import * as SimulatedTracer from "./SimulatedTracer.ts"

/** Options of `World.boot`. */
export interface ProcessOptions {
  /** How far this process' wall clock is ahead of the world's, in milliseconds. Default 0. */
  readonly wallSkewMs?: number
  /**
   * The number of operations after which a fiber yields. Default 2,048, as in Effect. Lower numbers let other fibers
   * run, and the process crash, between more pairs of operations. The minimum is 4.
   */
  readonly yieldEvery?: number
  /** Receives every log line. Default: nothing is logged, which is also the fastest. */
  readonly logger?: Logger.Logger<unknown, void>
  /** Called when a span ends. */
  readonly onSpan?: SimulatedTracer.SpanListener
}

/** The state of a process; the module's comment shows the transitions. `crashed` and `exited` are final. */
export type ProcessState = "running" | "paused" | "crashed" | "exited"

/** What a process needs from its world. `World` implements it. */
export interface Host {
  readonly nowMs: number
  /** The world's wall clock minus `nowMs`, jumps included. */
  readonly wallOriginMs: number
  /** The same, without jumps. */
  readonly trueOriginMs: number
  readonly watchFibers: boolean
  readonly enqueue: (process: Process, run: () => void) => void
  readonly after: (process: Process, delayMs: number, run: () => void) => () => void
  /** Resumes a paused process after that time. */
  readonly resumeAfter: (process: Process, delayMs: number) => void
  /** Drops all tasks and timers of a process. */
  readonly forget: (process: Process) => void
  /** Removes the tasks of a process from the run queue and returns them. */
  readonly withhold: (process: Process) => Array<() => void>
  readonly random: (stream: string) => SeededRandom
}

const leastYieldEvery = 4

/**
 * A process, as `World.boot` returns it.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { World } from "kubernaut/simulation"
 *
 * const world = World.make(1)
 * const process = world.boot("worker", Effect.sleep("10 seconds"))
 * world.at(1_000, () => process.pause(60_000))
 * world.run()
 * process.state // => "exited"
 * world.nowMs // => 61000
 * ```
 */
export class Process {
  readonly name: string
  /** Processes are numbered in the order of their boots: a restart has the same name and a new number. */
  readonly number: number
  readonly clock: SimulatedClock
  /** As `clock`, but with the world's time, which the rest of the world sees while this process' clock is wrong. */
  readonly trueClock: SimulatedClock
  /** The services that every fiber of the process gets. */
  readonly context: Context.Context<never>
  state: ProcessState = "running"
  /** How the main effect ended; `undefined` until then, and after a crash. */
  exit: Exit.Exit<unknown, unknown> | undefined
  /** How far its wall clock is ahead of the world's. Changed by faults. */
  wallSkewMs: number
  /** The number of fibers that have started and not ended. */
  fibers = 0
  private readonly host: Host
  private held: Array<() => void> = []
  private readonly endListeners = new Set<() => void>()
  private readonly watched = new Set<Fiber.Fiber<unknown, unknown>>()

  constructor(host: Host, name: string, number: number, options: ProcessOptions = {}) {
    this.host = host
    this.name = name
    this.number = number
    this.wallSkewMs = options.wallSkewMs ?? 0
    this.clock = new SimulatedClock(this.timeSource(() => host.wallOriginMs + this.wallSkewMs))
    this.trueClock = new SimulatedClock(this.timeSource(() => host.trueOriginMs))
    const random = host.random(`process ${name} ${number}`)
    this.context = Context.make(Clock.Clock, this.clock).pipe(
      Context.add(Scheduler.Scheduler, this.makeScheduler(options.yieldEvery)),
      Context.add(Random.Random, random),
      Context.add(Tracer.Tracer, SimulatedTracer.make(host.random(`spans ${name} ${number}`), options.onSpan)),
      Context.add(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => this.fibers++,
        recordFiberEnd: () => this.fibers--
      }),
      options.logger === undefined
        ? Context.add(References.MinimumLogLevel, "None")
        : Context.add(Logger.CurrentLoggers, new Set([options.logger]))
    )
  }

  get isAlive(): boolean {
    return this.state === "running" || this.state === "paused"
  }

  /** Schedules `run` as a step of this process. Lost if the process ends before. */
  post(run: () => void): void {
    if (this.state === "running") this.host.enqueue(this, run)
    else if (this.state === "paused") this.held.push(run)
  }

  /** Forks another fiber of this process. `onExit` is not called if the process ends first. */
  fork<A, E>(effect: Effect.Effect<A, E>, onExit?: (exit: Exit.Exit<A, E>) => void): void {
    this.post(() => {
      const fiber = Effect.runForkWith(this.context)(effect)
      if (onExit !== undefined) fiber.addObserver(onExit)
    })
  }

  /** Forks the main effect: the process ends with it. Called once, by the world. */
  start<A, E>(effect: Effect.Effect<A, E>): void {
    this.fork(effect, (exit) => {
      if (!this.isAlive) return
      this.exit = exit
      this.end("exited")
    })
  }

  /** Ends the process between two steps. Does nothing if it has ended. */
  crash(): void {
    if (this.isAlive) this.end("crashed")
  }

  /** Freezes the process for that time. Does nothing unless it is running. */
  pause(forMs: number): void {
    if (this.state !== "running") return
    this.state = "paused"
    this.held = this.host.withhold(this)
    this.host.resumeAfter(this, forMs)
  }

  /** Ends a pause. The world calls it when the time has elapsed. */
  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    const held = this.held
    this.held = []
    for (const run of held) this.host.enqueue(this, run)
  }

  /**
   * Calls `listener` once, when the process crashes or exits; immediately if it already has. Returns a function that
   * unsubscribes.
   */
  onEnd(listener: () => void): () => void {
    if (!this.isAlive) {
      listener()
      return () => {}
    }
    this.endListeners.add(listener)
    return () => void this.endListeners.delete(listener)
  }

  /** The names of the spans in which its fibers wait. Only where the world watches fibers. */
  get waitingIn(): ReadonlyArray<string> {
    const names: Array<string> = []
    for (const fiber of this.watched)
      if (fiber.pollUnsafe() === undefined)
        names.push(fiber.cache.span?._tag === "Span" ? fiber.cache.span.name : "(no span)")
    return names
  }

  private timeSource(wallOriginMs: () => number): TimeSource {
    const { host } = this
    return {
      get nowMs() {
        return host.nowMs
      },
      get wallOriginMs() {
        return wallOriginMs()
      },
      after: (delayMs, run) => host.after(this, delayMs, run)
    }
  }

  private end(state: "crashed" | "exited"): void {
    this.state = state
    this.held = []
    this.host.forget(this)
    this.watched.clear()
    for (const listener of this.endListeners) listener()
    this.endListeners.clear()
  }

  private makeScheduler(yieldEvery = 2048): Scheduler.Scheduler {
    const limit = Math.max(leastYieldEvery, yieldEvery)
    const dispatcher: Scheduler.SchedulerDispatcher = { scheduleTask: (task) => this.post(task), flush: () => {} }
    return {
      executionMode: "async",
      shouldYield: this.host.watchFibers
        ? (fiber) => {
            this.watched.add(fiber)
            return fiber.currentOpCount >= limit
          }
        : (fiber) => fiber.currentOpCount >= limit,
      makeDispatcher: () => dispatcher
    }
  }
}
