/**
 * What can run now. A step of the simulation takes one task out, at random, and runs it.
 *
 * Effect's priorities are left out on purpose: a fiber that yields with a lower priority may run before others here,
 * and a program that is correct only in the order in which Effect happens to run things is not correct.
 */

import type { SeededRandom } from "./SeededRandom.ts"

/** A piece of work that belongs to a process: when that is gone, so is the work. */
export interface Task<Owner> {
  readonly owner: Owner
  readonly run: () => void
}

export class RunQueue<Owner> {
  private owners: Array<Owner> = []
  private runs: Array<() => void> = []

  get length(): number {
    return this.runs.length
  }

  add(owner: Owner, run: () => void): void {
    this.owners.push(owner)
    this.runs.push(run)
  }

  /** Takes one out. A single task is taken without a draw. */
  take(random: SeededRandom): Task<Owner> {
    const { owners, runs } = this
    const index = runs.length > 1 ? random.below(runs.length) : 0
    const task: Task<Owner> = { owner: owners[index]!, run: runs[index]! }
    const lastOwner = owners.pop()!
    const lastRun = runs.pop()!
    if (index < runs.length) {
      owners[index] = lastOwner
      runs[index] = lastRun
    }
    return task
  }

  /** Takes all tasks of an owner out, in the order in which they stand. */
  takeAll(owner: Owner): Array<() => void> {
    const taken = this.runs.filter((_, index) => this.owners[index] === owner)
    if (taken.length === 0) return taken
    this.runs = this.runs.filter((_, index) => this.owners[index] !== owner)
    this.owners = this.owners.filter((each) => each !== owner)
    return taken
  }

  /** To whom the tasks belong, each owner once. */
  get distinctOwners(): ReadonlyArray<Owner> {
    return [...new Set(this.owners)]
  }
}
