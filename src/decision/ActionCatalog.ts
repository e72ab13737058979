/**
 * The typed action catalog: the risk of each action, how it is undone, at which degradation levels it may run
 * automatically, which kinds it applies to, and whose fields it writes.
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
 * | CollectDiagnostics | none   | changes nothing | 0 1 2               |
 * | Notify             | none   | changes nothing | 0 1 2               |
 *
 * _Priority_ actions restore service; only they run automatically at level 1. _Safe_ actions are the priority actions
 * that affect one workload, pod or node and are undone exactly or need no undoing; only they run automatically at level
 * 2, and only they may come from a rule at any level. At every level guardrails and the plan limit how far an action
 * may change a scale, a resource or an autoscaler without an approval.
 */

import { type ActionType, kindsOf } from "../domain/Action.ts"
import type { Risk } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Manager } from "../domain/WorkloadState.ts"

/** How an action is undone. */
export type Reversibility =
  /** The inverse restores the previous state exactly. */
  | "exact"
  /** The inverse restores a declared part. */
  | "partial"
  /** Nothing to restore: the owner recreates what the action removed. */
  | "not-needed"
  /** It can't be undone, so it always needs an approval. */
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
  /** The kinds that it applies to; `any` if it changes nothing. */
  readonly kinds: ReadonlyArray<string> | "any"
  /** The managers that declare the fields it writes, and would revert it now or at the next release. */
  readonly contested: ReadonlyArray<Manager>
  readonly description: string
}

// No Git repository or chart declares a restart annotation, an eviction or a cordon, so nobody reverts those.
const declared: ReadonlyArray<Manager> = ["helm", "argocd", "flux"]

const entries: Readonly<Record<ActionType, Omit<CatalogEntry, "type" | "kinds">>> = {
  RestartWorkload: {
    risk: "low",
    reversibility: "not-needed",
    priority: true,
    safe: true,
    contested: [],
    description:
      "Replaces every pod, a few at a time, through a new template annotation. Local data of the pods is lost."
  },
  ScaleWorkload: {
    risk: "low",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: [...declared, "hpa"],
    description: "Sets the replica count. Refused if a HorizontalPodAutoscaler controls it."
  },
  RollbackDeployment: {
    risk: "medium",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: declared,
    description: "Restores the pod template of an earlier revision. ConfigMaps, Secrets and data do not change."
  },
  AdjustResources: {
    risk: "medium",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: declared,
    description: "Changes the requests or limits of one container, which replaces the pods."
  },
  PatchHpa: {
    risk: "low",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: declared,
    description: "Changes the minimum or maximum replicas of an autoscaler."
  },
  EvictPod: {
    risk: "low",
    reversibility: "not-needed",
    priority: true,
    safe: true,
    contested: [],
    description: "Evicts one pod within its disruption budget; its owner creates a replacement."
  },
  CordonNode: {
    risk: "low",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: [],
    description: "Marks a node unschedulable. Running pods stay."
  },
  UncordonNode: {
    // Somebody may have cordoned it for a reason that the cluster does not show.
    risk: "medium",
    reversibility: "exact",
    priority: true,
    safe: false,
    contested: [],
    description: "Marks a node schedulable again."
  },
  DrainNode: {
    risk: "high",
    reversibility: "partial",
    priority: false,
    safe: false,
    contested: [],
    description: "Cordons a node and evicts its pods within their budgets. Evicted pods are not moved back."
  },
  ExpandVolume: {
    risk: "high",
    reversibility: "irreversible",
    priority: false,
    safe: false,
    contested: declared,
    description: "Requests more storage. A volume can't shrink again."
  },
  SuspendCronJob: {
    // Missed runs may be part of a business process.
    risk: "medium",
    reversibility: "exact",
    priority: false,
    safe: false,
    contested: declared,
    description: "Starts no new Jobs. Running Jobs continue."
  },
  QuarantinePod: {
    risk: "medium",
    reversibility: "partial",
    priority: false,
    safe: false,
    contested: [],
    description:
      "Removes one pod from its Service and its owner by changing its labels; the owner creates a replacement."
  },
  CollectDiagnostics: {
    risk: "none",
    reversibility: "read-only",
    priority: true,
    safe: true,
    contested: [],
    description: "Collects the state, the events and, if redaction is configured, the logs of the target."
  },
  Notify: {
    risk: "none",
    reversibility: "read-only",
    priority: true,
    safe: true,
    contested: [],
    description: "Escalates the alert to a person, with the reason."
  }
}

/** The entry of one type of action. */
export const entryOf = (type: ActionType): CatalogEntry => ({ ...entries[type], type, kinds: kindsOf[type] ?? "any" })

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

/**
 * The levels at which an action may run automatically.
 *
 * ```ts
 * import * as ActionCatalog from "./ActionCatalog.ts"
 *
 * ActionCatalog.levelsOf("RollbackDeployment") // => [0, 1, 2]
 * ActionCatalog.levelsOf("DrainNode") // => [0]
 * ```
 */
export const levelsOf = (type: ActionType): ReadonlyArray<DegradationLevel> =>
  ([0, 1, 2, 3] as const).filter((level) => isAllowedAt(type, level))

/** Whether a rule may propose the action: safe actions, and those that change nothing. */
export const isSafe = (type: ActionType): boolean => entryOf(type).safe

const rank: Readonly<Record<Risk, number>> = { none: 0, low: 1, medium: 2, high: 3 }

/** Whether the first risk is higher than the second. */
export const exceeds = (risk: Risk, limit: Risk): boolean => rank[risk] > rank[limit]
