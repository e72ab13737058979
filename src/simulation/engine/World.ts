/**
 * A world in which real Effect code runs on one seed. Scheduling order, time, randomness and ids all derive from it, so
 * a run is a function of the seed and the code and can be reproduced.
 *
 * **When to use**
 *
 * `Simulation` builds the whole service on it. Use it directly to find races in your own fibers.
 *
 * **Details**
 *
 * - **Processes** (`boot`) are groups of fibers that run, pause and crash together; see `Process`.
 * - **Order.** A step takes one runnable task at random and runs it until its fiber waits or yields (`yieldEvery`).
 * - **Time** stands still while anything can run, then jumps to the next timer; all timers of that moment become
 *   runnable. Days take seconds. A program that never waits is detected by its number of steps (`livelockSteps`).
 * - **Wall clock.** `jumpWallClock` moves the wall clock of all processes, forward or back. Sleeps are not affected.
 * - **Plans.** `at` and `atStep` call back at a moment or just before a step, so a test can crash a process at _every_
 *   step.
 * - **Randomness** comes in named streams (`random`), so draws of one part do not affect the others.
 * - **Trace.** `trace` is a hash over all choices: equal traces mean equal runs.
 *
 * **Gotchas**
 *
 * Only Effect's services are controlled. Code that uses promises, real timers, `Math.random` or sockets never completes
 * here, because `run` is synchronous.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { World } from "kubernaut/simulation"
 *
 * const world = World.make(7)
 * const process = world.boot("sleeper", Effect.sleep("3 days"))
 * world.run() // => { _tag: "Done" }
 * process.state // => "exited"
 * world.nowMs // => 259200000
 * ```
 */

import type { Effect } from "effect"
import { type Host, Process, type ProcessOptions } from "./Process.ts"
import { RunQueue } from "./RunQueue.ts"
import { SeededRandom } from "./SeededRandom.ts"
import { TimerHeap } from "./TimerHeap.ts"

/** Options of `make`. */
export interface WorldOptions {
  /** The wall-clock time at the start, in milliseconds since 1970. Default 2026-11-24T03:00:00Z. */
  readonly wallStartMs?: number
  /** Tracks all fibers, so that a deadlock reports what they wait in. Costs time. Default false. */
  readonly watchFibers?: boolean
}

/** Options of `World.run`. */
export interface RunOptions {
  /** Checked before every step; ends the run when it holds. Default: never. */
  readonly until?: () => boolean
  /**
   * Ends the run before time passes this moment (monotonic, since the world began). The world then stands at that
   * moment.
   */
  readonly untilMs?: number
  /** The maximum number of steps of this run. Default: no limit. */
  readonly limitSteps?: number
  /**
   * The number of steps at one moment that counts as a livelock. Default 1,000,000: a storm of 10,000 alerts takes a
   * tenth of that.
   */
  readonly livelockSteps?: number
}

/** How a run ended. */
export type RunEnd =
  /** `until` holds. */
  | { readonly _tag: "Reached" }
  /** Every process has ended. */
  | { readonly _tag: "Done" }
  | { readonly _tag: "TimeLimit" }
  | { readonly _tag: "StepLimit" }
  /**
   * Nothing can run, no timer is set, and some process has not ended. `waiting` names each of them, with the spans of
   * its fibers where they are known.
   */
  | { readonly _tag: "Deadlock"; readonly waiting: ReadonlyArray<string> }
  /** Too many steps at one moment. `busy` names the processes that could run. */
  | { readonly _tag: "Livelock"; readonly busy: ReadonlyArray<string> }

const defaultWallStartMs = Date.UTC(2026, 10, 24, 3)

/**
 * A world. `make` creates one; `boot` starts processes in it; `run` runs it until nothing is left to do.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { World } from "kubernaut/simulation"
 *
 * // Two fibers read, wait and write: one update is lost in every order.
 * const lostUpdates = (seed: number): number => {
 *   const world = World.make(seed)
 *   let balance = 0
 *   const deposit = Effect.gen(function* () {
 *     const read = balance
 *     yield* Effect.sleep("1 milli")
 *     balance = read + 1
 *   })
 *   world.boot("bank", Effect.all([deposit, deposit], { concurrency: 2 }))
 *   world.run()
 *   return 2 - balance
 * }
 * lostUpdates(1) // => 1
 * ```
 */
export class World {
  readonly seed: number
  readonly wallStartMs: number
  /** All processes ever booted. */
  readonly processes: Array<Process> = []
  /** The monotonic clock, in whole milliseconds since the world began. */
  nowMs = 0
  /** Steps taken. */
  steps = 0
  /** How far all wall clocks are ahead of the elapsed time. Changed by `jumpWallClock`. */
  wallOffsetMs = 0
  private readonly queue = new RunQueue<Process | undefined>()
  private readonly timers = new TimerHeap<Process | undefined>()
  private readonly order: SeededRandom
  private readonly host: Host
  private readonly planned = new Map<number, Array<() => void>>()
  private hash = 0
  private lastMoveStep = 0

  constructor(seed: number, options: WorldOptions = {}) {
    this.seed = seed
    this.wallStartMs = options.wallStartMs ?? defaultWallStartMs
    this.order = this.random("order")
    const now = () => this.nowMs
    const wallOrigin = () => this.wallStartMs + this.wallOffsetMs
    this.host = {
      watchFibers: options.watchFibers ?? false,
      get nowMs() {
        return now()
      },
      get wallOriginMs() {
        return wallOrigin()
      },
      trueOriginMs: this.wallStartMs,
      enqueue: (process, run) => this.queue.add(process, run),
      after: (process, delayMs, run) => {
        const timer = this.timers.add(this.nowMs + delayMs, process, run)
        return () => {
          timer.run = undefined
        }
      },
      resumeAfter: (process, delayMs) => this.at(this.nowMs + delayMs, () => process.resume()),
      forget: (process) => {
        this.queue.takeAll(process)
        this.timers.dropAll(process)
      },
      withhold: (process) => this.queue.takeAll(process),
      random: (stream) => this.random(stream)
    }
  }

  /** The wall-clock time of a process without skew. */
  get wallMs(): number {
    return this.wallStartMs + this.wallOffsetMs + this.nowMs
  }

  /** A hash over all choices so far. Equal for equal runs. */
  get trace(): string {
    return (this.hash >>> 0).toString(16).padStart(8, "0")
  }

  /** A new random stream. Streams of the same name give the same numbers. */
  random(stream: string): SeededRandom {
    return new SeededRandom(this.seed, stream)
  }

  /** Boots a process. Its first step comes with the next run. */
  boot<A, E>(name: string, effect: Effect.Effect<A, E>, options?: ProcessOptions): Process {
    const process = new Process(this.host, name, this.processes.length, options)
    this.processes.push(process)
    process.start(effect)
    return process
  }

  /**
   * Calls `action` at a moment, as one of its steps; as soon as possible where it is past. Returns a function that
   * cancels it.
   */
  at(ms: number, action: () => void): () => void {
    const timer = this.timers.add(Math.max(ms, this.nowMs), undefined, action)
    return () => {
      timer.run = undefined
    }
  }

  /** Calls `action` just before the step of this number; the first step is 1. The call is not a step itself. */
  atStep(step: number, action: () => void): void {
    const planned = this.planned.get(step)
    if (planned === undefined) this.planned.set(step, [action])
    else planned.push(action)
  }

  /** The number of timers that a process has set. */
  timersOf(process: Process): number {
    return this.timers.active.filter(({ owner }) => owner === process).length
  }

  /** Moves the wall clocks of all processes, forward or (below 0) back. */
  jumpWallClock(byMs: number): void {
    this.wallOffsetMs += byMs
  }

  /** Runs the world. Synchronous: when it returns, nothing runs. */
  run(options: RunOptions = {}): RunEnd {
    const { limitSteps = Infinity, livelockSteps = 1_000_000, until, untilMs = Infinity } = options
    const lastStep = this.steps + limitSteps
    while (true) {
      if (until?.() === true) return { _tag: "Reached" }
      if (this.queue.length === 0) {
        const nextMs = this.timers.nextMs()
        if (nextMs > untilMs) {
          this.nowMs = Math.max(this.nowMs, untilMs)
          return { _tag: "TimeLimit" }
        }
        if (nextMs === Infinity) return this.standstill()
        this.moveTo(nextMs)
        continue
      }
      if (this.steps >= lastStep) return { _tag: "StepLimit" }
      if (this.steps - this.lastMoveStep >= livelockSteps)
        return { _tag: "Livelock", busy: this.queue.distinctOwners.map((process) => process?.name ?? "plan") }
      this.step()
    }
  }

  private step(): void {
    this.steps++
    if (this.planned.size > 0) {
      const planned = this.planned.get(this.steps)
      if (planned !== undefined) {
        this.planned.delete(this.steps)
        for (const action of planned) action()
        // After a crash nothing may be runnable.
        if (this.queue.length === 0) return
      }
    }
    const choices = this.queue.length
    const task = this.queue.take(this.order)
    this.hash = Math.imul(this.hash ^ choices, 0x01000193) + (task.owner?.number ?? -1) + 1
    task.run()
  }

  private moveTo(ms: number): void {
    this.hash = Math.imul(this.hash ^ ms, 0x01000193)
    this.nowMs = ms
    this.lastMoveStep = this.steps
    while (this.timers.nextMs() === ms) {
      const timer = this.timers.take()
      const fire = () => {
        const run = timer.run
        timer.run = undefined
        run?.()
      }
      if (timer.owner === undefined) this.queue.add(undefined, fire)
      else timer.owner.post(fire)
    }
  }

  private standstill(): RunEnd {
    const alive = this.processes.filter((process) => process.isAlive)
    if (alive.length === 0) return { _tag: "Done" }
    return {
      _tag: "Deadlock",
      waiting: alive.map((process) => {
        const fibers = process.waitingIn
        return fibers.length === 0 ? process.name : `${process.name}: ${fibers.join(", ")}`
      })
    }
  }
}

/** A new world at time 0, without processes. Worlds of the same seed behave alike. */
export const make = (seed: number, options?: WorldOptions): World => new World(seed, options)
