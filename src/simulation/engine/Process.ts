/**
 * A process of the simulated world: fibers that live and die together, with a clock, a scheduler, randomness and a
 * tracer of their own.
 *
 *     running ──pause──> paused ──(its time is over)──> running
 *        │ │               │
 *        │ └──(main effect ends)──> exited
 *        └──crash─────────────────> crashed
 *
 * - **crash** is `kill -9`: between two steps every fiber vanishes, no finalizer runs, timers and callbacks lead nowhere.
 *   What was committed outside stays.
 * - **pause** is SIGSTOP, a long garbage collection or a frozen virtual machine: nothing runs, and afterwards all that
 *   was due meanwhile is due at once. Longer than a lease, it makes two owners.
 * - **exited**: the main effect has ended; fibers that it left behind go with it, as in a real process.
 *
 * Code of another process never resumes a fiber of this one by itself: it uses `post`, which is a message that is lost
 * where the process is gone.
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

export interface ProcessOptions {
  /** How much this process' wall clock is ahead of the world's, in milliseconds. Default 0. */
  readonly wallSkewMs?: number
  /**
   * After how many operations of Effect a fiber gives way to others. Default 2,048, as in Effect. A lower number makes
   * every pair of operations a place where others may come between, and where the process may crash: 4 is the least.
   */
  readonly yieldEvery?: number
  /** Gets every log line. Default: none is made, which is also the fastest. */
  readonly logger?: Logger.Logger<unknown, void>
  /** Sees every span as it ends. */
  readonly onSpan?: SimulatedTracer.SpanListener
}

export type ProcessState = "running" | "paused" | "crashed" | "exited"

/** What a process needs of its world. */
export interface Host {
  readonly nowMs: number
  /** What the world's wall clock shows, jumps included, less `nowMs`. */
  readonly wallOriginMs: number
  /** The same without jumps. */
  readonly trueOriginMs: number
  readonly watchFibers: boolean
  readonly enqueue: (process: Process, run: () => void) => void
  readonly after: (process: Process, delayMs: number, run: () => void) => () => void
  /** Wakes a paused process after that time. */
  readonly resumeAfter: (process: Process, delayMs: number) => void
  /** Forgets all tasks and timers of a process. */
  readonly forget: (process: Process) => void
  /** Takes the tasks of a process out of the run queue. */
  readonly withhold: (process: Process) => Array<() => void>
  readonly random: (stream: string) => SeededRandom
}

const least = 4

export class Process {
  readonly name: string
  /** Processes are numbered as they are booted: a restart has the same name and another number. */
  readonly number: number
  readonly clock: SimulatedClock
  /** As `clock`, but by the world's time: what the rest of the world sees while this process' clock is wrong. */
  readonly trueClock: SimulatedClock
  /** The services that every fiber of the process has. */
  readonly context: Context.Context<never>
  state: ProcessState = "running"
  exit: Exit.Exit<unknown, unknown> | undefined
  /** How much its wall clock is ahead of the world's. Changed by faults. */
  wallSkewMs: number
  /** Fibers that have begun and not ended. */
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

  /** Runs `run` as a step of this process, soon. Lost where it is gone by then. */
  post(run: () => void): void {
    if (this.state === "running") this.host.enqueue(this, run)
    else if (this.state === "paused") this.held.push(run)
  }

  /** Begins another fiber of this process. Nobody hears of its end where the process ends first. */
  fork<A, E>(effect: Effect.Effect<A, E>, onExit?: (exit: Exit.Exit<A, E>) => void): void {
    this.post(() => {
      const fiber = Effect.runForkWith(this.context)(effect)
      if (onExit !== undefined) fiber.addObserver(onExit)
    })
  }

  /** Begins the effect whose end is the end of the process. Called once, by the world. */
  start<A, E>(effect: Effect.Effect<A, E>): void {
    this.fork(effect, (exit) => {
      if (!this.isAlive) return
      this.exit = exit
      this.end("exited")
    })
  }

  crash(): void {
    if (this.isAlive) this.end("crashed")
  }

  pause(forMs: number): void {
    if (this.state !== "running") return
    this.state = "paused"
    this.held = this.host.withhold(this)
    this.host.resumeAfter(this, forMs)
  }

  /** Ends a pause early. The world calls it when the time is over. */
  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    const held = this.held
    this.held = []
    for (const run of held) this.host.enqueue(this, run)
  }

  /** Calls once when the process has crashed or exited; at once where it has already. The answer unsubscribes. */
  onEnd(listener: () => void): () => void {
    if (!this.isAlive) {
      listener()
      return () => {}
    }
    this.endListeners.add(listener)
    return () => void this.endListeners.delete(listener)
  }

  /** What its fibers are at, by the names of their spans. Only where the world watches fibers. */
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
    const limit = Math.max(least, yieldEvery)
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
