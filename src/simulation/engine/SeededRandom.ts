/**
 * Randomness from a seed, in streams.
 *
 * Each purpose (scheduling, one kind of fault, one far end, one process) draws from its own named stream, derived from
 * the seed. An additional draw for one purpose does not affect the others: a run to which a fault is added still begins
 * the same way, which is what makes shrinking work.
 *
 * The generator is sfc32. It uses 32-bit integers only, so it is fast and gives the same numbers on every machine. It
 * is not suitable for secrets.
 */

import type { Random } from "effect"

/** FNV-1a over UTF-16 units. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}

const range = 2 ** 32

/**
 * A stream of random numbers. Fault kinds and far ends receive one; `World.random` makes one. It is also Effect's
 * `Random` service within a process of the world.
 *
 * ```ts
 * import { SeededRandom } from "kubernaut/simulation"
 *
 * const draw = (seed: number, stream: string) => new SeededRandom.SeededRandom(seed, stream).between(1, 1_000_000)
 * draw(7, "storms") === draw(7, "storms") // => true
 * draw(7, "storms") === draw(7, "crashes") // => false
 * ```
 */
export class SeededRandom implements Random.Random {
  private a: number
  private b: number
  private c: number
  private d = 1

  /** `seed` is taken modulo 2^53. Streams of one seed with different names are independent. */
  constructor(seed: number, stream: string) {
    this.a = seed >>> 0
    this.b = Math.floor(seed / range) >>> 0
    this.c = hashOf(stream)
    // The first numbers of neighbouring seeds are similar.
    for (let round = 0; round < 15; round++) this.next32()
  }

  /** 32 random bits as an unsigned integer. */
  next32(): number {
    const sum = (((this.a + this.b) | 0) + this.d) | 0
    this.d = (this.d + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** An integer from 0 to `count - 1`. `count` is at most 2^32. */
  below(count: number): number {
    return Math.floor((this.next32() / range) * count)
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next32() < probability * range
  }

  /** One of the items. Throws a `RangeError` for an empty list. */
  pick<A>(items: ReadonlyArray<A>): A {
    if (items.length === 0) throw new RangeError("SeededRandom.pick: the list is empty")
    return items[this.below(items.length)] as A
  }

  /**
   * From `low` to `high`, each order of magnitude with the same probability. Both bounds must be above 0. For rates and
   * durations.
   */
  magnitude(low: number, high: number): number {
    return low * (high / low) ** this.nextDoubleUnsafe()
  }

  /** As in Effect's `Random`: at least 0 and below 1. */
  nextDoubleUnsafe(): number {
    return (this.next32() * 2 ** 21 + (this.next32() >>> 11)) / 2 ** 53
  }

  /** As in Effect's `Random`: a safe integer. */
  nextIntUnsafe(): number {
    return (
      Math.floor(this.nextDoubleUnsafe() * (Number.MAX_SAFE_INTEGER - Number.MIN_SAFE_INTEGER + 1))
      + Number.MIN_SAFE_INTEGER
    )
  }

  /** Lower-case hexadecimal digits, for ids of traces and spans. `digits` is a multiple of 8. */
  hex(digits: number): string {
    let text = ""
    while (text.length < digits) text += this.next32().toString(16).padStart(8, "0")
    return text
  }
}
