/**
 * The typed action catalogue: what each action risks, how it is undone, at which degradation levels it may run by
 * itself, what it applies to, and whose fields it would fight over.
 *
 * | action             | risk   | undone          | by itself at levels |
 * | ------------------ | ------ | --------------- | ------------------- |
 * | RestartWorkload    | low    | nothing to undo | 0 1 2               |
 * | ScaleWorkload      | low    | exactly         | 0 1 2               |
 * | RollbackDeployment | medium | exactly         | 0 1 2               |
 * | AdjustResources    | medium | exactly         | 0 1 2               |
 * | PatchHpa           | low    | exactly         | 0 1 2               |
 * | EvictPod           | low    | nothing to undo | 0 1 2               |
 * | CordonNode         | low    | exactly         | 0 1 2               |
 * | UncordonNode       | medium | exactly         | 0 1                 |
 * | DrainNode          | high   | partly          | 0, with a person    |
 * | ExpandVolume       | high   | never           | 0, with a person    |
 * | SuspendCronJob     | medium | exactly         | 0                   |
 * | QuarantinePod      | medium | partly          | 0                   |
 * | CollectDiagnostics | none   | changes nothing | 0 1 2               |
 * | Notify             | none   | changes nothing | 0 1 2               |
 *
 * _Priority_ actions (level 1) are those that restore service. _Safe_ actions (level 2, and the only ones that the
 * rulebook may have carried out at any level) are those of them that reach one workload, pod or node and are undone
 * exactly or need no undoing. How far a scale, a resource or an autoscaler may be moved without a person is bounded by
 * guardrails and by the plan, at every level.
 */

import { type ActionType, kindsOf } from "../domain/Action.ts"
import type { Risk } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Manager } from "../domain/WorkloadState.ts"

export type Reversibility =
  /** The inverse puts back exactly what was there. */
  | "exact"
  /** The inverse puts back a declared part. */
  | "partial"
  /** Nothing to put back: the owner makes anew what the action replaced. */
  | "not-needed"
  /** It can't be undone, so a person always decides. */
  | "irreversible"
  /** It writes nothing. */
  | "read-only"

export interface CatalogEntry {
  readonly type: ActionType
  readonly risk: Risk
  readonly reversibility: Reversibility
  /** Restores service: may run by itself at level 1. */
  readonly priority: boolean
  /**
   * Of small blast radius, and undone exactly or with nothing to undo: may run by itself at level 2, and on a rule's
   * word.
   */
  readonly safe: boolean
  /** What it applies to; `any` for those that change nothing. */
  readonly kinds: ReadonlyArray<string> | "any"
  /** Who would undo it, or be surprised by it at the next release, because the fields it writes are theirs. */
  readonly contested: ReadonlyArray<Manager>
  readonly description: string
}

// A restart annotation, a pod's eviction or a node's cordon is in nobody's Git repository or chart, so nobody reverts
// them.
const declared: ReadonlyArray<Manager> = ["helm", "argocd", "flux"]

const entries: Readonly<Record<ActionType, Omit<CatalogEntry, "type" | "kinds">>> = {
  RestartWorkload: {
    risk: "low",
    reversibility: "not-needed",
    priority: true,
    safe: true,
    contested: [],
    description: "Replaces every pod, a few at a time, by a new template annotation. Local data of the pods is lost."
  },
  ScaleWorkload: {
    risk: "low",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: [...declared, "hpa"],
    description: "Sets the replica count. Refused where a HorizontalPodAutoscaler owns it."
  },
  RollbackDeployment: {
    risk: "medium",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: declared,
    description: "Puts the pod template back to an earlier revision. ConfigMaps, Secrets and data stay as they are."
  },
  AdjustResources: {
    risk: "medium",
    reversibility: "exact",
    priority: true,
    safe: true,
    contested: declared,
    description: "Changes requests or limits of one container, which replaces the pods."
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
    description: "Evicts one pod within its disruption budget; its owner makes another."
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
    // Somebody may have cordoned it for a reason that the cluster doesn't show.
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
    description: "Asks for more storage. A volume never gets smaller again."
  },
  SuspendCronJob: {
    // Runs that are missed meanwhile are somebody's business process.
    risk: "medium",
    reversibility: "exact",
    priority: false,
    safe: false,
    contested: declared,
    description: "Starts no new Jobs. Jobs that run go on."
  },
  QuarantinePod: {
    risk: "medium",
    reversibility: "partial",
    priority: false,
    safe: false,
    contested: [],
    description: "Takes one pod out of its Service and its owner by its labels; the owner makes a replacement."
  },
  CollectDiagnostics: {
    risk: "none",
    reversibility: "read-only",
    priority: true,
    safe: true,
    contested: [],
    description: "Reads the state, the events and, where redaction is set up, the logs of the target."
  },
  Notify: {
    risk: "none",
    reversibility: "read-only",
    priority: true,
    safe: true,
    contested: [],
    description: "Puts the alert before a person, with the reason."
  }
}

export const entryOf = (type: ActionType): CatalogEntry => ({ ...entries[type], type, kinds: kindsOf[type] ?? "any" })

/** Every entry, in the order of the table above. */
export const catalog: ReadonlyArray<CatalogEntry> = (Object.keys(entries) as ReadonlyArray<ActionType>).map(entryOf)

/** Whether an action may run by itself at a level. At level 3 none may, and no approval changes that. */
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
 * The levels at which an action may run by itself.
 *
 * ```ts
 * import { ActionCatalog } from "kubernaut"
 *
 * ActionCatalog.levelsOf("RollbackDeployment") // => [0, 1, 2]
 * ActionCatalog.levelsOf("DrainNode") // => [0]
 * ```
 */
export const levelsOf = (type: ActionType): ReadonlyArray<DegradationLevel> =>
  ([0, 1, 2, 3] as const).filter((level) => isAllowedAt(type, level))

/** The proposals that a rulebook may make: safe ones, and those that change nothing. */
export const isSafe = (type: ActionType): boolean => entryOf(type).safe

const rank: Readonly<Record<Risk, number>> = { none: 0, low: 1, medium: 2, high: 3 }

/** Whether the first risk is greater than the second. */
export const exceeds = (risk: Risk, limit: Risk): boolean => rank[risk] > rank[limit]
