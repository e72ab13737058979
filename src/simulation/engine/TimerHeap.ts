/**
 * A binary heap of timers, ordered by when they are due.
 *
 * The order of timers of one moment does not matter: they all enter the run queue together, which picks among them at
 * random.
 */

export interface Timer<Owner> {
  /** On the monotonic clock. */
  readonly atMs: number
  readonly owner: Owner
  /** `undefined` once the timer was cancelled or has fired. */
  run: (() => void) | undefined
}

export class TimerHeap<Owner> {
  private heap: Array<Timer<Owner>> = []

  add(atMs: number, owner: Owner, run: () => void): Timer<Owner> {
    const timer: Timer<Owner> = { atMs, owner, run }
    const heap = this.heap
    let index = heap.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = heap[parent]!
      if (above.atMs <= atMs) break
      heap[index] = above
      index = parent
    }
    heap[index] = timer
    return timer
  }

  /** When the next timer is due; `Infinity` where there is none. Drops cancelled timers. */
  nextMs(): number {
    const heap = this.heap
    while (heap.length > 0) {
      const first = heap[0]!
      if (first.run !== undefined) return first.atMs
      this.removeFirst()
    }
    return Infinity
  }

  /** Removes the first timer and returns it. Only valid while `nextMs` is finite. */
  take(): Timer<Owner> {
    return this.removeFirst()
  }

  /** Cancels all timers of an owner. */
  dropAll(owner: Owner): void {
    for (const timer of this.heap) if (timer.owner === owner) timer.run = undefined
  }

  /** The timers that have neither fired nor been cancelled. */
  get active(): ReadonlyArray<Timer<Owner>> {
    return this.heap.filter((timer) => timer.run !== undefined)
  }

  private removeFirst(): Timer<Owner> {
    const heap = this.heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let index = 0
      while (true) {
        let child = 2 * index + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && heap[child + 1]!.atMs < heap[child]!.atMs) child++
        const below = heap[child]!
        if (below.atMs >= last.atMs) break
        heap[index] = below
        index = child
      }
      heap[index] = last
    }
    return first
  }
}
