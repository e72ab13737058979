/**
 * Giving up: the same action on the same target, after so many tries without a shown effect, is over for a stated time.
 *
 * A try is an action that may have reached the cluster and whose verdict is not _fixed_. A fix begins the count again.
 * The tries count across all remediations of the target, from the durable history.
 */

import { Duration } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { PastAction } from "../domain/PastAction.ts"
import { fromMillis, type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"

/** An action that was tried too often. */
export interface GivenUp {
  readonly tries: number
  /** When the first of the tries that count began. */
  readonly since: Timestamp
  /** Until when the action is over. */
  readonly until: Timestamp
}

/** The tries since the last fix, newest first. */
const triesOf = (history: ReadonlyArray<PastAction>, action: ActionType): ReadonlyArray<PastAction> => {
  const same = history.filter((past) => past.action === action && past.applied !== "no")
  const fixed = same.findIndex(({ verdict }) => verdict === "fixed")
  return fixed === -1 ? same : same.slice(0, fixed)
}

/** Whether an action on a target is over; `undefined` if it is not. `history` is of the target, newest first. */
export const givenUp = (
  history: ReadonlyArray<PastAction>,
  action: ActionType,
  { cooldown, giveUp }: Pick<GuardrailSettings, "cooldown" | "giveUp">,
  nowMs: number
): GivenUp | undefined => {
  const tries = triesOf(history, action)
  const [last] = tries
  const first = tries[giveUp.tries - 1]
  if (first === undefined || last === undefined) return undefined
  // Within less time, the cooldown would keep the tries from ever being so many.
  const withinMs = Math.max(Duration.toMillis(giveUp.within), giveUp.tries * Duration.toMillis(cooldown))
  if (toMillis(last.at) - toMillis(first.at) > withinMs) return undefined
  const untilMs = toMillis(last.at) + Duration.toMillis(giveUp.for)
  return nowMs < untilMs ? { tries: giveUp.tries, since: first.at, until: fromMillis(untilMs) } : undefined
}
