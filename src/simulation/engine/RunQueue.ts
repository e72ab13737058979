/**
 * The tasks that can run now. A step of the simulation takes one of them at random and runs it.
 *
 * Effect's priorities are ignored on purpose: a fiber that yields with a lower priority may run before others. A
 * program that is correct only in the order in which Effect happens to schedule it is not correct.
 */

import type { SeededRandom } from "./SeededRandom.ts"

/** Work that belongs to a process, and is dropped when the process ends. */
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

  /** Removes one task at random and returns it. A single task is taken without a draw. */
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

  /** Removes all tasks of an owner and returns them in their order in the queue. */
  takeAll(owner: Owner): Array<() => void> {
    const taken = this.runs.filter((_, index) => this.owners[index] === owner)
    if (taken.length === 0) return taken
    this.runs = this.runs.filter((_, index) => this.owners[index] !== owner)
    this.owners = this.owners.filter((each) => each !== owner)
    return taken
  }

  /** The owners of the tasks, each once. */
  get distinctOwners(): ReadonlyArray<Owner> {
    return [...new Set(this.owners)]
  }
}
