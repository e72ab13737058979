/**
 * Generates the ids of remediations: `rem-` and a ULID, which consists of 48 bits of milliseconds and 80 random bits in
 * Crockford's base 32.
 *
 * Ids sort in the order of generation, even within one millisecond and when the clock moves backwards.
 * `RemediationStore.list` relies on this order. Time and randomness come from Effect, so a seeded run generates the
 * same ids.
 */

import { Clock, Effect, Random } from "effect"
import { RemediationId } from "../domain/Remediation.ts"
import { base32, half } from "../domain/Ulid.ts"

/** Creates a generator. Each call returns `count` new ids in order. */
export const make = (): ((count: number) => Effect.Effect<ReadonlyArray<RemediationId>>) => {
  let atMs = -1
  let high = 0
  let low = 0
  // Everything but the last eight digits. It is constant within a millisecond.
  let prefix = ""
  const setPrefix = (): void => {
    prefix = `rem-${base32(atMs, 10)}${base32(high, 8)}`
  }
  const next = (nowMs: number, random: () => number): RemediationId => {
    if (nowMs > atMs) {
      atMs = nowMs
      // The highest bit stays zero, so that counting up does not overflow.
      high = Math.floor((random() * half) / 2)
      low = Math.floor(random() * half)
      setPrefix()
    } else if (++low === half) {
      low = 0
      high++
      setPrefix()
    }
    return RemediationId.make(`${prefix}${base32(low, 8)}`)
  }
  return (count) =>
    Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const random = yield* Random.Random
      return Array.from({ length: count }, () => next(nowMs, () => random.nextDoubleUnsafe()))
    })
}
