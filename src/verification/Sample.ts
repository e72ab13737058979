/** What verification reads from the cluster at one moment. */

import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

export interface Sample {
  /** By the monotonic clock (`Monotonic`). */
  readonly atMs: number
  /** The target; `null` if the cluster could not be read. */
  readonly state: WorkloadState | null
  /**
   * Whether only the target's own object was read, so that the pods, endpoints and autoscaler of `state` are not known.
   * Default false.
   */
  readonly targetOnly?: boolean
  /** Who else last wrote to the spec of the target. Absent: not known. */
  readonly otherWriter?: string
  /** The objects that the intent's patches wrote to, in their order; `undefined` for one that does not exist. */
  readonly written: ReadonlyArray<KubernetesObject | undefined>
  /** The uids of pods that a drain evicted and that are still on the node. */
  readonly remaining: ReadonlyArray<string>
}

/** Whether a state counts replicas that serve. The numbers of a Job count work, not service. */
export const countsReplicas = (state: WorkloadState): boolean =>
  state.desiredReplicas !== null && state.ref.kind !== "Job"
