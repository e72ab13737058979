/** What verification sees at one moment, and what may be wrong with it. */

import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

/** Every word that a reason of a verdict begins with. */
export type ReasonWord =
  | "settled"
  | "alert-resolved"
  | "target-gone"
  | "scaled-to-nothing"
  | "not-observed"
  | "not-updated"
  | "not-ready"
  | "not-available"
  | "progress-deadline"
  | "endpoints-missing"
  | "restarting"
  | "node-not-ready"
  | "reverted"
  | "still-at-maximum"
  | "pod-remains"
  | "pods-remain"
  | "resize-pending"
  | "owners-unverified"
  | "alert-firing"
  | "unreadable"
  | "not-settled"
  | "nothing-to-tell-by"
  | "changes-nothing"

/** Something that keeps a sample from being healthy. */
export interface Problem {
  readonly word: ReasonWord
  /** The figures behind it. */
  readonly detail: string
  /**
   * `lasting`: waiting does not heal it. `bad`: demonstrably wrong, but may heal. `open`: nothing is known to be wrong,
   * nor to be right.
   */
  readonly weight: "lasting" | "bad" | "open"
}

/** What was seen at one moment. */
export interface Sample {
  /** By the monotonic clock (`Monotonic`). */
  readonly atMs: number
  /** The target; `null` where it could not be read. */
  readonly state: WorkloadState | null
  /**
   * Only the target's own object was read, because it alone shows that the target is not well: pods, endpoints and
   * autoscaler of `state` say nothing. Default false.
   */
  readonly glance?: boolean
  /** The objects that the intent's patches wrote to, in their order; `undefined` for one that does not exist. */
  readonly written: ReadonlyArray<KubernetesObject | undefined>
  /** The pods that a drain evicted and that are still on the node, by uid. */
  readonly remaining: ReadonlyArray<string>
}

/** Whether a state has replicas to count. A Job's numbers are of work done, not of replicas that serve. */
export const countsReplicas = (state: WorkloadState): boolean =>
  state.desiredReplicas !== null && state.ref.kind !== "Job"
