/**
 * What was done to each target and whether it helped: the memory behind cooldowns, action budgets and the rule that
 * three ineffective actions in a row block a target.
 *
 * Rows are written by `RemediationStore.append` in the transaction of the `Intended`, `Executed` and `Verified` events;
 * this service reads.
 */

import { Context, type Effect } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { ActionRecord, PastAction } from "../domain/PastAction.ts"
import type { TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

export class ActionHistory extends Context.Service<
  ActionHistory,
  {
    /** The newest actions on a target, newest first. */
    readonly ofTarget: (target: TargetKey, limit: number) => Effect.Effect<ReadonlyArray<PastAction>, StorageError>
    /** How many actions were begun on the whole cluster since then, counted up to `atMost`. */
    readonly countSince: (cluster: string, since: Timestamp, atMost: number) => Effect.Effect<number, StorageError>
    /** What became of an action's verified uses against an alert since then, the newest 100 at most. */
    readonly recordOf: (
      alertName: string,
      action: ActionType,
      since: Timestamp
    ) => Effect.Effect<ActionRecord, StorageError>
  }
>()("kubernaut/storage/ActionHistory") {}
