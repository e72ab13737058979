/**
 * Why a peer that responds is of no use until somebody changes something: its account has no money left, or it rejects
 * our key. Waiting does not help and every call costs something, so its circuit is _suspended_ for much longer than an
 * outage opens it. Pure.
 *
 * | the call that suspends it               | it is suspended for                                               |
 * | --------------------------------------- | ----------------------------------------------------------------- |
 * | the first                               | a minute: a gateway without its database rejects good keys too    |
 * | the trial after that, and each next one | twice as long as before, up to an hour: somebody has to pay first |
 * | any, and the peer says until when       | as long as it says, at least a minute and at most a day           |
 */

import type { Resolved } from "./CircuitSettings.ts"

/** What a call has found out. */
export interface Suspension {
  /** A code such as `out-of-money`. */
  readonly reason: string
  /** For how long, if the peer says so. */
  readonly statedMs?: number
}

/** A statement that is longer than a day may be a mistake, and one call a day costs nothing. */
const longestStatedMs = 24 * 60 * 60_000

/** For how many milliseconds the circuit is suspended. `times`: which suspension in a row it is, from 1. */
export const suspensionMs = (
  times: number,
  { statedMs }: Pick<Suspension, "statedMs">,
  { longestSuspensionMs, suspensionMs: firstMs }: Pick<Resolved, "longestSuspensionMs" | "suspensionMs">
): number =>
  statedMs === undefined || Number.isNaN(statedMs)
    ? Math.min(longestSuspensionMs, firstMs * 2 ** (times - 1))
    : Math.min(Math.max(statedMs, firstMs), longestStatedMs)
