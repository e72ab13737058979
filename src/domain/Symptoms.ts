/**
 * How a target fails, as a set of codes that compare between targets: two targets whose pods cannot pull their images
 * fail in the same way.
 */

import type { WorkloadState } from "./WorkloadState.ts"

/** Names under which Kubernetes reports one failure by turns. */
const sameAs: Readonly<Record<string, string>> = {
  ErrImagePull: "ImagePullBackOff",
  RegistryUnavailable: "ImagePullBackOff",
  Error: "CrashLoopBackOff",
  RunContainerError: "CrashLoopBackOff"
}

/** Reasons that every pod has for a while. They say nothing about why it fails. */
const transient: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing", "ContainersNotReady"])

/** The codes of what is wrong with a target, in order. Empty: nothing is seen to be wrong. */
export const symptomsOf = ({ conditions, failedCreate, pods, ref }: WorkloadState): ReadonlyArray<string> => {
  const reasons = pods.flatMap(({ ready, reason }) => (ready || reason === null ? [] : [sameAs[reason] ?? reason]))
  const found = new Set(reasons.filter((reason) => !transient.has(reason)))
  if (failedCreate !== undefined && failedCreate !== null) found.add("FailedCreate")
  if (ref.kind === "Node" && conditions.some(({ status, type }) => type === "Ready" && status !== "True"))
    found.add("NodeNotReady")
  return [...found].sort()
}
