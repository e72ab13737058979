/**
 * What the action history records about earlier actions: the input of cooldowns, of the rule that three ineffective
 * actions in a row block a target, and of the success rates of the rulebook.
 */

import type { ActionType } from "./Action.ts"
import type { Applied } from "./Execution.ts"
import type { RemediationId } from "./Remediation.ts"
import type { Timestamp } from "./Timestamp.ts"
import type { Verdict } from "./Verification.ts"

/** One earlier action on a target. */
export interface PastAction {
  readonly remediationId: RemediationId
  readonly action: ActionType
  /** When the action was intended. */
  readonly at: Timestamp
  readonly applied: Applied
  /** Absent until the action is verified. Also `not-fixed` when the same alert came back after a fix. */
  readonly verdict?: Verdict
}

/** How many uses of an action were verified, and how many of those fixed the alert. */
export interface ActionRecord {
  readonly verified: number
  readonly fixed: number
}
