/**
 * How often an action has helped against an alert, and how sure that is. Pure.
 *
 * **Details**
 *
 * Of each target the last use counts, so that one broken object says as little as any other. A few uses prove little,
 * so a share is an interval: Wilson's score interval, which is also right for few uses and for shares of 0 and 1. Each
 * bound is wrong in one of ten cases. Without any use the interval is 0 to 1.
 *
 * | fixed of verified uses | at least | at most |
 * | ---------------------- | -------- | ------- |
 * | 0 of 3                 | 0        | 0.35    |
 * | 0 of 4                 | 0        | 0.29    |
 * | 1 of 6                 | 0.05     | 0.43    |
 * | 5 of 6                 | 0.57     | 0.95    |
 * | 33 of 100              | 0.27     | 0.39    |
 */

import type { ActionRecord } from "../../domain/PastAction.ts"

/** The share of the verified uses that fixed the alert, 0 to 1, as an interval. */
export interface SuccessRate {
  readonly atLeast: number
  readonly atMost: number
}

/** The quantile of the normal distribution that one value in ten exceeds. */
const z = 1.2816

/** The interval of a record. */
export const successRate = ({ fixed, verified }: ActionRecord): SuccessRate => {
  if (verified === 0) return { atLeast: 0, atMost: 1 }
  const share = fixed / verified
  const spread = z * Math.sqrt((share * (1 - share)) / verified + (z / (2 * verified)) ** 2)
  const centre = share + z ** 2 / (2 * verified)
  const scale = 1 + z ** 2 / verified
  return { atLeast: Math.max(0, (centre - spread) / scale), atMost: Math.min(1, (centre + spread) / scale) }
}

/** A use that fails more often than that does more harm, by its restarts, than good. */
const leastShare = 1 / 3

/** Whether an action surely helps less often than in one of three uses. */
export const keepsFailing = ({ atMost }: SuccessRate): boolean => atMost < leastShare

/** Whether an action surely helps more often than another one. */
export const isClearlyBetter = (left: SuccessRate, right: SuccessRate): boolean => left.atLeast > right.atMost
