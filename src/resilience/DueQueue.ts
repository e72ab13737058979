/**
 * A queue of waiting work, served by due time: the item that is due earliest comes first, and of two that are due at
 * the same moment the one that was added first.
 *
 * A due time is the arrival of the work plus an allowance for its urgency. So urgent work overtakes what arrived before
 * it, and nothing waits forever: the due time of a waiting item stays, and work that arrives later is due later.
 */

/** A waiting item. Pass it to `remove`. */
export interface Entry<A> {
  readonly item: A
  readonly dueMs: number
  readonly number: number
}

const isBefore = (left: Entry<unknown>, right: Entry<unknown>): boolean =>
  left.dueMs === right.dueMs ? left.number < right.number : left.dueMs < right.dueMs

// The taken entries at the front are dropped together, so that taking one costs nothing.
const mostTaken = 64

export class DueQueue<A> {
  #entries: Array<Entry<A>> = []
  /** The number of entries at the front that were taken. */
  #taken = 0
  #number = 0

  get size(): number {
    return this.#entries.length - this.#taken
  }

  add(item: A, dueMs: number): Entry<A> {
    const entry = { item, dueMs, number: this.#number++ }
    const last = this.#entries[this.#entries.length - 1]
    if (this.size === 0 || last === undefined || isBefore(last, entry)) this.#entries.push(entry)
    else this.#entries.splice(this.#placeOf(entry), 0, entry)
    return entry
  }

  /** The item that is due first. */
  get first(): Entry<A> | undefined {
    return this.#entries[this.#taken]
  }

  /** The item that is due last. */
  get last(): Entry<A> | undefined {
    return this.size === 0 ? undefined : this.#entries[this.#entries.length - 1]
  }

  /** Removes the item that is due first. */
  take(): A | undefined {
    const { first } = this
    if (first === undefined) return undefined
    this.#taken++
    if (this.#taken === this.#entries.length) {
      this.#entries = []
      this.#taken = 0
    } else if (this.#taken >= mostTaken && this.#taken * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#taken)
      this.#taken = 0
    }
    return first.item
  }

  /** Removes an item. Does nothing when it was removed before. */
  remove(entry: Entry<A>): void {
    const place = this.#placeOf(entry)
    if (this.#entries[place] !== entry) return
    if (place === this.#taken) this.take()
    else this.#entries.splice(place, 1)
  }

  /** The place of an entry, or where it would belong. */
  #placeOf(entry: Entry<A>): number {
    let low = this.#taken
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(this.#entries[middle]!, entry)) low = middle + 1
      else high = middle
    }
    return low
  }
}
