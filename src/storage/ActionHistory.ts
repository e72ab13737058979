/**
 * The actions taken on each target and their verdicts. Cooldowns, action budgets and the limit on consecutive
 * ineffective actions are computed from it.
 *
 * This service only reads. `RemediationStore.append` writes the rows, in the transaction of the `Intended`, `Executed`
 * and `Verified` events.
 */

import { Context, type Effect } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { ActionRecord, PastAction } from "../domain/PastAction.ts"
import type { TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** Reads earlier actions. Provided by the layers of `Storage`. */
export class ActionHistory extends Context.Service<
  ActionHistory,
  {
    /** The latest actions on a target, newest first. */
    readonly ofTarget: (target: TargetKey, limit: number) => Effect.Effect<ReadonlyArray<PastAction>, StorageError>
    /** The number of actions started on the cluster since `since`, counted up to `atMost`. */
    readonly countSince: (cluster: string, since: Timestamp, atMost: number) => Effect.Effect<number, StorageError>
    /** The results of the verified uses of an action against an alert since `since`, limited to the newest 100. */
    readonly recordOf: (
      alertName: string,
      action: ActionType,
      since: Timestamp
    ) => Effect.Effect<ActionRecord, StorageError>
  }
>()("kubernaut/storage/ActionHistory") {}
