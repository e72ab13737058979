/** When the hops of an investigation ran, by what the journal has of them: how long each took, and when the last ended. */

import type { Hop } from "../../domain/Investigation.ts"

/** One hop in time. */
export interface HopTime {
  readonly hop: Hop
  readonly fromMs: number
  readonly toMs: number
}

/**
 * One after the other, so that the last ends at `endedMs`. A hop beside another one counts as ended together with it:
 * how much later it ended is not known.
 */
export const hopTimes = (hops: ReadonlyArray<Hop>, endedMs: number): ReadonlyArray<HopTime> => {
  const times: Array<HopTime> = []
  let toMs = endedMs
  for (const hop of hops.toReversed()) {
    const fromMs = toMs - hop.durationMs
    times.push({ hop, fromMs, toMs })
    if (hop.hedge !== "beside") toMs = fromMs
  }
  return times.toReversed()
}
