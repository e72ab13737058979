/**
 * What the action history records about earlier actions: the input of cooldowns, of the rule that three ineffective
 * actions in a row block a target, and of the success rates of the rulebook.
 */

import type { ActionType } from "./Action.ts"
import type { Applied } from "./Execution.ts"
import type { Places } from "./Places.ts"
import type { RemediationId } from "./Remediation.ts"
import type { TargetKey } from "./Target.ts"
import type { Timestamp } from "./Timestamp.ts"
import type { Reversion, Verdict } from "./Verification.ts"
import type { Writes } from "./Writes.ts"

/** One earlier action on a target. */
export interface PastAction {
  readonly remediationId: RemediationId
  readonly action: ActionType
  /**
   * From when it counts: when its execution was recorded, which may be minutes after it was intended. When it was
   * intended, if that is later, or if no execution is recorded.
   */
  readonly at: Timestamp
  readonly applied: Applied
  /**
   * Absent until the action is verified. Also `not-fixed` when the same alert came back after a fix, and when the
   * action was undone.
   */
  readonly verdict?: Verdict
  /** What it wrote. Absent: nothing that can be compared, or recorded by an earlier version. */
  readonly writes?: Writes
  /** That somebody else undid it, as far as its verification saw. */
  readonly reversion?: Reversion
  /** When the action was undone. Absent: it was not. */
  readonly rolledBackAt?: Timestamp
}

/** An action that has ended, with what its target has in common with others. */
export interface EndedAction {
  readonly target: TargetKey
  readonly action: ActionType
  /** When its failure or its verdict was recorded. */
  readonly at: Timestamp
  /** Absent: the write was refused. */
  readonly verdict?: Verdict
  /** How the target failed after it (`Symptoms`), or `refused:CODE`. Empty: it is not known to have failed. */
  readonly symptoms: ReadonlyArray<string>
  readonly places?: Places
}

/** An action as a budget counts it. */
export interface SpentAction {
  readonly target: TargetKey
  /** From when it counts, as for a `PastAction`. */
  readonly at: Timestamp
  /** It may still be written: it was intended, and no execution is recorded. */
  readonly unfinished?: true
  readonly pools: ReadonlyArray<string>
}

/** On how many targets the last use of an action was verified, and on how many of those it fixed the alert. */
export interface ActionRecord {
  readonly verified: number
  readonly fixed: number
}
