/**
 * The business figures: what became of all alerts, whether investigations were right, and whether actions could be
 * carried out, since the database exists.
 *
 * The API, `/metrics` and the database have one source: counts that the database keeps in the transactions of what they
 * count. So they survive restarts and crashes, and what moves to the archive stays counted. A remediation counts by the
 * state that it has now: one that is undone later moves from `Remediated` to `RolledBack`.
 */

import { Context, type Effect } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { Applied } from "../domain/Execution.ts"
import type { RemediationState } from "../domain/Remediation.ts"
import type { Verdict } from "../domain/Verification.ts"
import type { StorageError } from "./StorageError.ts"

/** How an action stands: whether it was applied, or `pending` until that is recorded. */
export type ActionOutcome = Applied | "pending"

/** A count of the actions of one type. Actions that write nothing to the cluster are not counted. */
export interface ActionCount {
  readonly action: ActionType
  readonly outcome: ActionOutcome
  readonly count: number
}

/** Counts of everything that the database has ever held. A count that is absent is 0. */
export interface BusinessFigures {
  /** Remediations by their state. `unrecorded`: an earlier version has archived them without their state. */
  readonly alerts: Readonly<Partial<Record<RemediationState | "unrecorded", number>>>
  /** Actions by their verdict. A verdict that is refuted later, because the alert came back, has changed here too. */
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>
  readonly actions: ReadonlyArray<ActionCount>
}

/** Reads the business figures. Provided by the layers of `Storage`. */
export class Figures extends Context.Service<
  Figures,
  {
    /** The figures as of the last commit. Its cost does not depend on how much is stored. */
    readonly current: Effect.Effect<BusinessFigures, StorageError>
    /** The same of the newest 100 actions: over a whole year, a failure of today would not show. */
    readonly recent: Effect.Effect<Pick<BusinessFigures, "actions" | "verdicts">, StorageError>
  }
>()("kubernaut/storage/Figures") {}

const share = (part: number, whole: number): number | undefined => (whole === 0 ? undefined : part / whole)

/**
 * The accuracy of investigations: the share of the judged actions that have fixed the problem, 0 to 1. Unknown is not
 * fixed. `undefined`: no action was judged yet.
 */
export const accuracyOf = ({ verdicts }: Pick<BusinessFigures, "verdicts">): number | undefined => {
  const { fixed = 0, "not-fixed": notFixed = 0, unknown = 0 } = verdicts
  return share(fixed, fixed + notFixed + unknown)
}

/**
 * The share of the actions that were applied, 0 to 1, among those whose execution has ended. One whose outcome is
 * unknown was not applied as far as anybody knows. `undefined`: no execution has ended yet.
 */
export const actionSuccessOf = ({ actions }: Pick<BusinessFigures, "actions">): number | undefined => {
  const ended = actions.filter(({ outcome }) => outcome !== "pending")
  const sum = (counts: ReadonlyArray<ActionCount>) => counts.reduce((total, { count }) => total + count, 0)
  return share(sum(ended.filter(({ outcome }) => outcome === "yes")), sum(ended))
}
