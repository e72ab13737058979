/**
 * A world in which real Effect code runs on one seed: the order in which things run, time, randomness and ids all come
 * from it, so a run is a function of the seed and the code, and can be had again.
 *
 * **When to use**
 *
 * `Simulation` builds the whole service on it. Use it directly to look for races in a few fibers of your own.
 *
 * **Details**
 *
 * - **Processes** (`boot`) are groups of fibers that run, pause and crash together; see `Process`.
 * - **Order.** A step takes one task of those that can run, at random, and runs it until its fiber waits or gives way
 *   (`yieldEvery`).
 * - **Time** stands still while anything can run, then jumps to the next timer; all timers of that moment can run then.
 *   So days take seconds, and a program that never waits is found by its steps instead (`livelockSteps`).
 * - **Wall clock.** `jumpWallClock` moves what processes are told the time is, forward or back; sleeps don't notice.
 * - **Plans.** `at` and `atStep` call back at a moment or just before a step: crashes at _every_ step are had by counting
 *   steps.
 * - **Randomness** comes in streams by name (`random`), so that what one part draws changes nothing for the others.
 * - **Trace.** `trace` is a hash over everything that was chosen: equal traces mean equal runs.
 *
 * **Gotchas**
 *
 * Only what Effect's services give is controlled. Code that uses promises, real timers, `Math.random` or sockets
 * escapes: it never comes to an end here, as `run` is synchronous.
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

export interface WorldOptions {
  /** What the wall clock shows at the beginning, in milliseconds since 1970. Default 2026-11-24T03:00:00Z. */
  readonly wallStartMs?: number
  /** Remembers all fibers, so that a deadlock can say what they wait in. Costs time. Default false. */
  readonly watchFibers?: boolean
}

export interface RunOptions {
  /** Looked at after every step. Default: never. */
  readonly until?: () => boolean
  /**
   * Ends the run when time would go beyond this moment (monotonic, since the world began). The world then stands at
   * that moment.
   */
  readonly untilMs?: number
  /** Steps that this run may take. Default: no limit. */
  readonly limitSteps?: number
  /**
   * Steps without time going on that count as a livelock. Default 1,000,000: a storm of 10,000 alerts takes a tenth of
   * that.
   */
  readonly livelockSteps?: number
}

/** How a run ended. */
export type RunEnd =
  /** `until` holds. */
  | { readonly _tag: "Reached" }
  /** Nothing is left to do, and every process has ended. */
  | { readonly _tag: "Done" }
  | { readonly _tag: "TimeLimit" }
  | { readonly _tag: "StepLimit" }
  /**
   * Nothing can run, no timer is set, and some process has not ended. `waiting` names each, with what its fibers are in
   * where that is known.
   */
  | { readonly _tag: "Deadlock"; readonly waiting: ReadonlyArray<string> }
  /** Many steps without time going on. `busy` names the processes that could run then. */
  | { readonly _tag: "Livelock"; readonly busy: ReadonlyArray<string> }

const defaultWallStartMs = Date.UTC(2026, 10, 24, 3)

export class World {
  readonly seed: number
  readonly wallStartMs: number
  /** All processes that were ever booted. */
  readonly processes: Array<Process> = []
  /** The monotonic clock, in whole milliseconds since the world began. */
  nowMs = 0
  /** Steps taken. */
  steps = 0
  /** How much all wall clocks are ahead of the time that has passed. Changed by `jumpWallClock`. */
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

  /** What the wall clock of a process without skew shows. */
  get wallMs(): number {
    return this.wallStartMs + this.wallOffsetMs + this.nowMs
  }

  /** A hash over all that was chosen so far. Equal for equal runs. */
  get trace(): string {
    return (this.hash >>> 0).toString(16).padStart(8, "0")
  }

  /** A new stream of randomness. Two of one name give the same numbers. */
  random(stream: string): SeededRandom {
    return new SeededRandom(this.seed, stream)
  }

  /** Begins a process. Its first step comes with the next run. */
  boot<A, E>(name: string, effect: Effect.Effect<A, E>, options?: ProcessOptions): Process {
    const process = new Process(this.host, name, this.processes.length, options)
    this.processes.push(process)
    process.start(effect)
    return process
  }

  /** Calls back at a moment, as a step among those of that moment; soon, where it is past. The answer cancels. */
  at(ms: number, action: () => void): () => void {
    const timer = this.timers.add(Math.max(ms, this.nowMs), undefined, action)
    return () => {
      timer.run = undefined
    }
  }

  /** Calls back just before the step of this number (the first is 1) is taken. It is not a step itself. */
  atStep(step: number, action: () => void): void {
    const planned = this.planned.get(step)
    if (planned === undefined) this.planned.set(step, [action])
    else planned.push(action)
  }

  /** How many timers of a process are set. */
  timersOf(process: Process): number {
    return this.timers.active.filter(({ owner }) => owner === process).length
  }

  /** Moves the wall clocks of all processes, forward or (below 0) back. */
  jumpWallClock(byMs: number): void {
    this.wallOffsetMs += byMs
  }

  /** Lets the world go on. Synchronous: when it answers, nothing runs. */
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
        // A crash may have left nothing to run.
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

/** A world at its beginning. */
export const make = (seed: number, options?: WorldOptions): World => new World(seed, options)
