/** The scheduled future of the sandbox: a binary heap of due times. Nothing sleeps; the next request runs what is due. */

interface Entry {
  readonly atMs: number
  /** Entries that are due at the same time run in the order in which they were scheduled. */
  readonly order: number
  readonly run: () => void
}

const before = (a: Entry, b: Entry): boolean => (a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order)

export class Timeline {
  private readonly heap: Array<Entry> = []
  private planned = 0

  /** When the next entry is due; `Infinity` without entries. */
  get nextMs(): number {
    return this.heap[0]?.atMs ?? Infinity
  }

  plan(atMs: number, run: () => void): void {
    const entry: Entry = { atMs, order: this.planned++, run }
    const heap = this.heap
    let index = heap.push(entry) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(entry, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  /** Removes and returns the first entry. Requires a finite `nextMs`. */
  take(): Entry {
    const heap = this.heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let index = 0
      while (true) {
        let child = 2 * index + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
        if (!before(heap[child]!, last)) break
        heap[index] = heap[child]!
        index = child
      }
      heap[index] = last
    }
    return first
  }
}
