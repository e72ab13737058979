/** How many actions on a target in a row had no demonstrated effect. */

import { Duration } from "effect"
import type { PastAction } from "../domain/PastAction.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"

/**
 * The number of actions without a demonstrated effect since the last fix. `history` is newest first. An action that
 * never reached the cluster, or was not verified, is skipped; one with an unknown verdict counts.
 */
const inARow = (history: ReadonlyArray<PastAction>): number => {
  const judged = history.filter((past) => past.applied !== "no" && past.verdict !== undefined)
  const fixed = judged.findIndex((past) => past.verdict === "fixed")
  return fixed === -1 ? judged.length : fixed
}

/** The number of actions in a row without a demonstrated effect, within the time for which it matters. */
export const recentlyIneffective = (
  history: ReadonlyArray<PastAction>,
  guardrails: GuardrailSettings,
  nowMs: number
): number => inARow(history.filter((past) => nowMs - toMillis(past.at) < Duration.toMillis(guardrails.ineffectiveFor)))
