/**
 * When the system is in an emergency (level 3), and when it has left it. Pure.
 *
 * | cause                                                            | stated as                                 | ends                                 |
 * | ---------------------------------------------------------------- | ----------------------------------------- | ------------------------------------ |
 * | an operator has declared it                                      | who, since when and why                   | when an operator ends it, at once    |
 * | more than 3 services are out                                     | how many, and which                       | when it has been gone for 30 seconds |
 * | every model is out, and `allAiDown` is `emergency` (default: no) | that all AI is down, and nothing replaces | when it has been gone for 30 seconds |
 *
 * A cause counts from the moment it is there. It is gone only after a settling time, so that a service which comes and
 * goes does not make the level flap. The number of services is that of `docs/requirements.md` ("Emergency Mode").
 */

import { describe, type StandingOrder } from "../domain/StandingOrder.ts"

/** What is done when every configured model is out: the rules go on (level 2), or it is an emergency (level 3). */
export type AllAiDown = "rules" | "emergency"

/** What speaks for an emergency now. */
export interface Signs {
  /** An emergency that an operator has declared. */
  readonly declared: StandingOrder | undefined
  /** The services that are out. */
  readonly out: ReadonlyArray<string>
  /** Whether models are configured, and all of them are out. */
  readonly isWithoutModels: boolean
}

/** With more services out than this it is an emergency. */
const mostOut = 3

/** How long a cause must be gone. */
const settleMs = 30_000

/** The causes that end by themselves, one sentence each. */
const ownCauses = ({ isWithoutModels, out }: Signs, allAiDown: AllAiDown): ReadonlyArray<string> => [
  ...(out.length > mostOut ? [`${out.length} services are out at once: ${out.join(", ")}`] : []),
  ...(isWithoutModels && allAiDown === "emergency" ? ["all AI services are down"] : [])
]

/** The causes that were seen last, and until when they count. */
export interface Settling {
  readonly causes: ReadonlyArray<string>
  readonly untilMs: number
}

/** An emergency: its causes, none if there is none, and what it takes to leave it. */
export interface Emergency {
  readonly causes: ReadonlyArray<string>
  readonly settling: Settling | undefined
}

/**
 * Whether it is an emergency now, after what was found before. Times are of the monotonic clock.
 *
 * @see `Degradation`, which asks at each change and at the end of the settling time.
 */
export const emergencyOf = (
  signs: Signs,
  allAiDown: AllAiDown,
  before: Settling | undefined,
  nowMs: number
): Emergency => {
  const declared = signs.declared === undefined ? [] : [describe("emergency", signs.declared)]
  const own = ownCauses(signs, allAiDown)
  if (own.length > 0) return { causes: [...declared, ...own], settling: { causes: own, untilMs: nowMs + settleMs } }
  if (before === undefined || before.untilMs <= nowMs) return { causes: declared, settling: undefined }
  const waits = before.causes.map((cause) => `${cause}, until less than ${settleMs / 1000} seconds ago`)
  return { causes: [...declared, ...waits], settling: before }
}
