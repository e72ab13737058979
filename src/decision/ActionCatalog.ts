/**
 * The typed action catalog: the risk of each action, how it is undone, at which degradation levels it may run
 * automatically, and whose fields it writes.
 *
 * | action             | risk   | undone          | automatic at levels |
 * | ------------------ | ------ | --------------- | ------------------- |
 * | RestartWorkload    | low    | nothing to undo | 0 1 2               |
 * | ScaleWorkload      | low    | exactly         | 0 1 2               |
 * | RollbackDeployment | medium | exactly         | 0 1 2               |
 * | AdjustResources    | medium | exactly         | 0 1 2               |
 * | PatchHpa           | low    | exactly         | 0 1 2               |
 * | EvictPod           | low    | nothing to undo | 0 1 2               |
 * | CordonNode         | low    | exactly         | 0 1 2               |
 * | UncordonNode       | medium | exactly         | 0 1                 |
 * | DrainNode          | high   | partly          | 0, after approval   |
 * | ExpandVolume       | high   | never           | 0, after approval   |
 * | SuspendCronJob     | medium | exactly         | 0                   |
 * | QuarantinePod      | medium | partly          | 0                   |
 * | RestoreObject      | medium | exactly         | 0 1 2               |
 * | CollectDiagnostics | none   | changes nothing | 0 1 2               |
 * | Notify             | none   | changes nothing | 0 1 2               |
 *
 * _Priority_ actions restore service; only they run automatically at level 1. _Safe_ actions are the priority actions
 * that affect one workload, pod or node and are undone exactly or need no undoing; only they run automatically at level
 * 2, and only they may come from a rule at any level. At every level guardrails and the plan limit how far an action
 * may change a scale, a resource or an autoscaler without an approval.
 */

import type { ActionType } from "../domain/Action.ts"
import type { Risk } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import { Manager } from "../domain/WorkloadState.ts"

/** How an action is undone. */
export type Reversibility =
  /** The inverse restores the previous state exactly. */
  | "exact"
  /** The inverse restores a declared part. */
  | "partial"
  /** Nothing to restore: the owner recreates what the action removed. */
  | "not-needed"
  /** It can't be undone, so it always requires an approval. */
  | "irreversible"
  /** It writes nothing. */
  | "read-only"

/** The properties of one type of action. */
export interface CatalogEntry {
  readonly type: ActionType
  readonly risk: Risk
  readonly reversibility: Reversibility
  /** It restores service, so it may run automatically at level 1. */
  readonly priority: boolean
  /**
   * It affects a single object and is undone exactly or needs no undoing, so it may run automatically at level 2 and on
   * the proposal of a rule.
   */
  readonly safe: boolean
  /** The managers that declare the fields it writes, and would revert it now or at the next release. */
  readonly contested: ReadonlyArray<Manager>
}

// No Git repository or chart declares a restart annotation, an eviction or a cordon, so no manager reverts those. The
// controller of an object may: `Guardrails` asks about it whatever the action.
const declared: ReadonlyArray<Manager> = Manager.literals.filter((manager) => manager !== "hpa")

const entries: Readonly<Record<ActionType, Omit<CatalogEntry, "type">>> = {
  RestartWorkload: { risk: "low", reversibility: "not-needed", priority: true, safe: true, contested: [] },
  ScaleWorkload: { risk: "low", reversibility: "exact", priority: true, safe: true, contested: [...declared, "hpa"] },
  RollbackDeployment: { risk: "medium", reversibility: "exact", priority: true, safe: true, contested: declared },
  AdjustResources: { risk: "medium", reversibility: "exact", priority: true, safe: true, contested: declared },
  PatchHpa: { risk: "low", reversibility: "exact", priority: true, safe: true, contested: declared },
  EvictPod: { risk: "low", reversibility: "not-needed", priority: true, safe: true, contested: [] },
  CordonNode: { risk: "low", reversibility: "exact", priority: true, safe: true, contested: [] },
  // Somebody may have cordoned it for a reason that the cluster does not show.
  UncordonNode: { risk: "medium", reversibility: "exact", priority: true, safe: false, contested: [] },
  DrainNode: { risk: "high", reversibility: "partial", priority: false, safe: false, contested: [] },
  ExpandVolume: { risk: "high", reversibility: "irreversible", priority: false, safe: false, contested: declared },
  // Missed runs may be part of a business process.
  SuspendCronJob: { risk: "medium", reversibility: "exact", priority: false, safe: false, contested: declared },
  QuarantinePod: { risk: "medium", reversibility: "partial", priority: false, safe: false, contested: [] },
  // It puts back what was there, and the plan asks where that is risky. The plan reads who declares the changed object.
  RestoreObject: { risk: "medium", reversibility: "exact", priority: true, safe: true, contested: [] },
  CollectDiagnostics: { risk: "none", reversibility: "read-only", priority: true, safe: true, contested: [] },
  Notify: { risk: "none", reversibility: "read-only", priority: true, safe: true, contested: [] }
}

/** The entry of one type of action. */
export const entryOf = (type: ActionType): CatalogEntry => ({ ...entries[type], type })

/** Every entry, in the order of the table above. */
export const catalog: ReadonlyArray<CatalogEntry> = (Object.keys(entries) as ReadonlyArray<ActionType>).map(entryOf)

/** Whether an action may run automatically at a level. At level 3 none may, not even after an approval. */
export const isAllowedAt = (type: ActionType, level: DegradationLevel): boolean => {
  const entry = entryOf(type)
  switch (level) {
    case 0:
      return true
    case 1:
      return entry.priority
    case 2:
      return entry.safe
    case 3:
      return false
  }
}

/** Whether a rule may propose the action: safe actions, and those that change nothing. */
export const isSafe = (type: ActionType): boolean => entryOf(type).safe

const rank: Readonly<Record<Risk, number>> = { none: 0, low: 1, medium: 2, high: 3 }

/** Whether the first risk is higher than the second. */
export const exceeds = (risk: Risk, limit: Risk): boolean => rank[risk] > rank[limit]
