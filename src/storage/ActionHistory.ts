/**
 * The actions taken on each target and their verdicts. Cooldowns, budgets, the limit on consecutive ineffective
 * actions, and what is known about peers and other controllers are computed from it.
 *
 * This service only reads. `RemediationStore.append` writes the rows, in the transaction of the `Intended`, `Executed`,
 * `Verified` and `RollbackVerified` events. An action that was undone counts as one that did not help.
 */

import { Context, type Effect } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { ActionRecord, EndedAction, PastAction, SpentAction } from "../domain/PastAction.ts"
import type { TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** Reads earlier actions. Provided by the layers of `Storage`. */
export class ActionHistory extends Context.Service<
  ActionHistory,
  {
    /** The latest actions on a target, newest first. */
    readonly ofTarget: (target: TargetKey, limit: number) => Effect.Effect<ReadonlyArray<PastAction>, StorageError>
    /** The latest actions that wrote an object, whatever target they were for, newest first. */
    readonly ofObject: (object: TargetKey, limit: number) => Effect.Effect<ReadonlyArray<PastAction>, StorageError>
    /**
     * The actions that were started on the cluster since `since` and write to it, newest first. One that is known not
     * to have reached the cluster is left out.
     */
    readonly spentSince: (
      cluster: string,
      since: Timestamp,
      limit: number
    ) => Effect.Effect<ReadonlyArray<SpentAction>, StorageError>
    /** The actions on the cluster whose failure or verdict was recorded since `since`, newest first. */
    readonly endedSince: (
      cluster: string,
      since: Timestamp,
      limit: number
    ) => Effect.Effect<ReadonlyArray<EndedAction>, StorageError>
    /**
     * What an action did against an alert on the targets of a kind since `since`: of each of the newest 100 targets,
     * the last verdict. So one broken object does not outvote all others.
     */
    readonly recordOf: (
      use: {
        readonly alertName: string
        readonly cluster: string
        readonly kind: string
        readonly action: ActionType
      },
      since: Timestamp
    ) => Effect.Effect<ActionRecord, StorageError>
  }
>()("kubernaut/storage/ActionHistory") {}
