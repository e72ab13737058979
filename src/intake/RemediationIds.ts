/**
 * Ids of remediations: `rem-` and a ULID, 48 bits of milliseconds and 80 random bits in Crockford's base 32.
 *
 * They sort as they were given out, also within one millisecond and when the clock goes back, which
 * `RemediationStore.list` relies on. Time and randomness are Effect's, so a seeded run gives the same ids again.
 */

import { Clock, Effect, Random } from "effect"
import { RemediationId } from "../domain/Remediation.ts"

// No I, L, O and U: ids are read out on the phone.
const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const base32 = (value: number, length: number): string => {
  let text = ""
  let rest = value
  for (let index = 0; index < length; index++) {
    text = digits.charAt(rest % 32) + text
    rest = Math.floor(rest / 32)
  }
  return text
}

// The random part in two halves that are exact as numbers.
const half = 2 ** 40

/** Answers a source of ids; each call gives `count` new ones in order. */
export const make = (): ((count: number) => Effect.Effect<ReadonlyArray<RemediationId>>) => {
  let atMs = -1
  let high = 0
  let low = 0
  // All but the last eight digits, which are the same for a whole millisecond.
  let prefix = ""
  const setPrefix = (): void => {
    prefix = `rem-${base32(atMs, 10)}${base32(high, 8)}`
  }
  const next = (nowMs: number, random: () => number): RemediationId => {
    if (nowMs > atMs) {
      atMs = nowMs
      // The topmost bit stays free for counting up.
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
