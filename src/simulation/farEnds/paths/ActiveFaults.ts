/** The faults that are active in one place, in the order in which they began. Adding the same fault twice counts twice. */
export class ActiveFaults<A> implements Iterable<A> {
  private readonly entries = new Set<{ readonly fault: A }>()

  /** Activates a fault until the returned function is called. */
  add(fault: A): () => void {
    const entry = { fault }
    this.entries.add(entry)
    return () => void this.entries.delete(entry)
  }

  get size(): number {
    return this.entries.size
  }

  *[Symbol.iterator](): Generator<A> {
    for (const { fault } of this.entries) yield fault
  }
}
