/**
 * What the pods of a workload say about its revisions. Pure.
 *
 * A pod's failure says something about the revision that it was created from, and about no other. A rollout that has
 * only begun says nothing about its revision yet.
 */

import { type Timestamp, toMillis } from "./Timestamp.ts"
import type { WorkloadState } from "./WorkloadState.ts"

type Pod = WorkloadState["pods"][number]

/** The reasons of a pod whose image cannot be pulled. */
export const imageReasons = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
/** The reasons of a pod that refers to something that does not exist. */
export const configurationReasons = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]

const failureReasons: ReadonlySet<string> = new Set([
  "CrashLoopBackOff",
  "Error",
  "OOMKilled",
  "ContainerCannotRun",
  "StartError",
  ...imageReasons,
  ...configurationReasons
])

/** Whether a reason of a pod or container means that it fails, and not that it only starts. */
export const isFailure = (reason: string | null): boolean => {
  // The reasons of an init container have a prefix.
  const own = reason?.startsWith("Init:") === true ? reason.slice("Init:".length) : reason
  return own !== null && failureReasons.has(own)
}

/** Whether a pod fails now. One that is ready again does not, and one that starts does not yet. */
export const fails = (pod: Pod): boolean => !pod.ready && isFailure(pod.reason)

/**
 * The pods that were created from the newest template. Pods of a template that is meant to stay, because of a partition
 * or the strategy `OnDelete`, count too. No pod counts while the newest template is not known, and every pod of a kind
 * that has no rollout does.
 */
export const podsOfNewest = ({ pods, ref, rollout }: WorkloadState): ReadonlyArray<Pod> => {
  if (rollout === undefined) return ["Deployment", "StatefulSet", "DaemonSet"].includes(ref.kind) ? [] : pods
  if (rollout === null || rollout.strategy === "OnDelete" || rollout.partition > 0) return pods
  if (rollout.templateHash === null) return rollout.inProgress ? [] : pods
  return pods.filter((pod) => pod.current === true)
}

/** How long a pod must have been ready again after a restart, before its recovery counts. */
const recoveredAfterMs = 60_000

/** A container that has run for so long since it restarted does not crash any more: the kubelet forgets its back-off. */
export const runsAgainAfterMs = 10 * 60_000

const msSince = (time: Timestamp | null | undefined, observedAt: Timestamp): number =>
  typeof time === "string" ? toMillis(observedAt) - toMillis(time) : 0

/**
 * Whether a pod has recovered from its last restart. A pod that was ready again, and lost its readiness long after the
 * restart, has: its node is away, or it has more work than it can do.
 */
const hasRecovered = ({ readinessSince, ready, restartedAt, restarts }: Pod, observedAt: Timestamp): boolean => {
  if (restarts === 0) return true
  if (ready && msSince(readinessSince, observedAt) >= recoveredAfterMs) return true
  const wasReadySince = msSince(readinessSince, observedAt) < msSince(restartedAt, observedAt)
  return typeof readinessSince === "string" && wasReadySince && msSince(restartedAt, observedAt) >= runsAgainAfterMs
}

/**
 * Whether a pod fails now, or has failed and has not recovered. Between two crashes a container runs for a while, shows
 * no failure and may even be ready.
 */
const isUnfit = (pod: Pod, observedAt: Timestamp): boolean => fails(pod) || !hasRecovered(pod, observedAt)

/** The revisions, by number, that are not fit to be restored, because a pod of them fails or has not recovered. */
export const failingRevisions = ({ observedAt, pods }: WorkloadState): ReadonlySet<number> =>
  new Set(pods.flatMap((pod) => (isUnfit(pod, observedAt) && typeof pod.revision === "number" ? [pod.revision] : [])))

/**
 * Whether the newest revision has failed: the controller rolls it out, none of its pods is ready, and one of them
 * fails. Pods of an earlier revision never make it so.
 */
export const newestHasFailed = (state: WorkloadState): boolean => {
  const own = podsOfNewest(state)
  return (
    state.rollout?.inProgress === true
    && state.rollout.templateHash !== null
    && !own.some(({ ready }) => ready)
    && own.some(fails)
  )
}

/**
 * Whether a rollout runs that has not failed: it is within the deadline since its last progress, and none of its pods
 * fails. It is a reason to wait, never one to undo it.
 */
export const isRollingOut = (state: WorkloadState): boolean => {
  const { rollout } = state
  if (rollout === undefined || rollout === null || !rollout.inProgress) return false
  if (rollout.paused || rollout.deadlineExceeded || podsOfNewest(state).some(fails)) return false
  if (rollout.lastProgressAt === null || rollout.progressDeadlineSeconds === null) return true
  return toMillis(state.observedAt) - toMillis(rollout.lastProgressAt) <= rollout.progressDeadlineSeconds * 1000
}

/**
 * How many of the desired replicas the controller gives the newest template by itself. Pods below the partition of a
 * StatefulSet, and with `OnDelete`, keep the earlier template on purpose.
 */
export const meantToChange = ({ rollout }: WorkloadState, desired: number): number =>
  rollout?.strategy === "OnDelete" ? 0 : Math.max(0, desired - (rollout?.partition ?? 0))

/** Whether every desired pod is of the newest template, available, and the controller reports no problem. */
export const isRolledOut = (state: WorkloadState): boolean => {
  const { availableReplicas, conditions, desiredReplicas, failedCreate, generation, observedGeneration, rollout } =
    state
  if (generation !== null && observedGeneration !== null && observedGeneration < generation) return false
  if (typeof failedCreate === "string") return false
  if (conditions.some(({ status, type }) => type === "Progressing" && status === "False")) return false
  if (conditions.some(({ status, type }) => type === "ReplicaFailure" && status === "True")) return false
  if (rollout === undefined || rollout === null) return true
  const desired = desiredReplicas ?? 0
  return (
    !rollout.inProgress
    && (state.updatedReplicas ?? 0) >= meantToChange(state, desired)
    && (availableReplicas ?? 0) >= desired
  )
}
