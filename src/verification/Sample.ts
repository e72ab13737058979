/** What verification reads from the cluster at one moment. */

import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

export interface Sample {
  /** When the last part was read, by the monotonic clock (`Monotonic`). */
  readonly atMs: number
  /**
   * When the target's own object was read. The other parts may follow minutes later, while our own limits hold requests
   * up. Default `atMs`.
   */
  readonly objectAtMs?: number
  /** The target; `null` if the cluster could not be read. */
  readonly state: WorkloadState | null
  /** Whether it could not be read because a limit of our own turned the request away. Default false. */
  readonly heldUp?: boolean
  /**
   * Whether only the target's own object was read, so that the pods, endpoints and autoscaler of `state` are not known.
   * Default false.
   */
  readonly targetOnly?: boolean
  /** Who else last wrote to the spec of the target. Absent: not known. */
  readonly otherWriter?: string
  /** The objects of `readBack`, in their order; `undefined` for one that does not exist. */
  readonly written: ReadonlyArray<KubernetesObject | undefined>
  /** The uids of the pods that a drain evicts and that are still on the node. */
  readonly remaining: ReadonlyArray<string>
}

/** The writes of an intent whose effect can be read back from their object. */
export const readBack = ({ changes }: Pick<Intent, "changes">): ReadonlyArray<Exclude<Change, { _tag: "Evict" }>> =>
  changes.filter((change): change is Exclude<Change, { _tag: "Evict" }> => change._tag !== "Evict")

/** Whether a state counts replicas that serve. The numbers of a Job count work, not service. */
export const countsReplicas = (state: WorkloadState): boolean =>
  state.desiredReplicas !== null && state.ref.kind !== "Job"
