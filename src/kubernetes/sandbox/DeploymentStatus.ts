/** The status of a Deployment: counts, conditions and the progress deadline. */

import { type Condition, conditionOf, type Deployment, type ReplicaSet } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { activePods } from "./OwnedPods.ts"
import { available, rollingBounds, sum } from "./Rollout.ts"
import { putStatus, withCondition } from "./Status.ts"

type Conditions = ReadonlyArray<Condition>

interface Progress {
  readonly updated: number
  readonly old: number
  readonly available: number
}

/** Whether a rollout came closer to its goal since the last look. `stalled`: not once within its deadline. */
type Pace = "progress" | "none" | "stalled"

/** Compares the counts with those of the last look. Schedules the reconciliation that detects a stalled rollout. */
const paceOf = (cluster: Cluster, deployment: Deployment, counts: Progress, complete: boolean): Pace => {
  const { uid, name, namespace = "" } = deployment.metadata
  if (complete) {
    cluster.progress.delete(uid)
    return "none"
  }
  const deadlineMs = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000
  const last = cluster.progress.get(uid)
  const newSpec = (deployment.status?.observedGeneration ?? 0) < (deployment.metadata.generation ?? 1)
  if (
    last === undefined
    || newSpec
    || counts.updated > last.updated
    || counts.old < last.old
    || counts.available > last.available
  ) {
    cluster.progress.set(uid, { ...counts, atMs: cluster.nowMs })
    cluster.after(deadlineMs, () => cluster.enqueue("Deployment", namespace, name))
    return "progress"
  }
  return cluster.nowMs - last.atMs >= deadlineMs ? "stalled" : "none"
}

const withAvailability = (conditions: Conditions, isAvailable: boolean, now: string): Conditions =>
  withCondition(
    conditions,
    isAvailable
      ? {
          type: "Available",
          status: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability."
        }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability."
        },
    now
  )

/**
 * Whether the controller has reported that this ReplicaSet is completely rolled out. A later failure of its pods counts
 * no more.
 */
const wasComplete = (conditions: Conditions, name: string): boolean => {
  const known = conditionOf(conditions, "Progressing")
  return known?.reason === "NewReplicaSetAvailable" && known.message?.includes(`"${name}"`) === true
}

/** `name` is the current ReplicaSet. Each progress renews `lastUpdateTime`, from which the deadline counts. */
const withProgress = (
  conditions: Conditions,
  rollout: { readonly name: string; readonly complete: boolean; readonly pace: Pace },
  now: string
): Conditions => {
  const { name, complete, pace } = rollout
  const progressing = (status: "True" | "False", reason: string, message: string) =>
    withCondition(conditions, { type: "Progressing", status, reason, message }, now)
  if (complete)
    return progressing("True", "NewReplicaSetAvailable", `ReplicaSet "${name}" has successfully progressed.`)
  if (pace === "stalled")
    return progressing("False", "ProgressDeadlineExceeded", `ReplicaSet "${name}" has timed out progressing.`)
  const updated = progressing("True", "ReplicaSetUpdated", `ReplicaSet "${name}" is progressing.`)
  return pace === "none"
    ? updated
    : updated.map((each) => (each.type === "Progressing" ? { ...each, lastUpdateTime: now } : each))
}

/** Repeats the `ReplicaFailure` of a ReplicaSet that could not create its pods. */
const withReplicaFailure = (conditions: Conditions, sets: ReadonlyArray<ReplicaSet>, now: string): Conditions => {
  const failure = sets
    .map((set) => conditionOf(set.status?.conditions, "ReplicaFailure"))
    .find((each) => each !== undefined)
  if (failure === undefined) return conditions.filter((each) => each.type !== "ReplicaFailure")
  const { reason = "FailedCreate", message = "" } = failure
  return withCondition(conditions, { type: "ReplicaFailure", status: "True", reason, message }, now)
}

/** Stores the status that follows from the ReplicaSets. `current` is the one of the current template. */
export const report = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet | undefined,
  sets: ReadonlyArray<ReplicaSet>
): Deployment => {
  const desired = deployment.spec.replicas ?? 1
  const count = (set: ReplicaSet) => activePods(cluster, set.metadata.uid).length
  const replicas = sum(sets, count)
  const updated = current === undefined ? 0 : count(current)
  const availableReplicas = sum(sets, available)
  const name = current?.metadata.name ?? deployment.metadata.name
  const known = deployment.status?.conditions ?? []
  const complete =
    (updated === desired && replicas === desired && availableReplicas === desired)
    || (replicas === updated && wasComplete(known, name))
  const { unavailable } = rollingBounds(deployment.spec.strategy?.rollingUpdate, desired)
  const counts = { updated, old: replicas - updated, available: availableReplicas }
  const pace = paceOf(cluster, deployment, counts, complete)
  const now = cluster.stamp()
  let conditions = withAvailability(known, availableReplicas >= desired - unavailable, now)
  conditions = withProgress(conditions, { name, complete, pace }, now)
  conditions = withReplicaFailure(conditions, sets, now)
  return putStatus(cluster, deployment, {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas,
    updatedReplicas: updated,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, Math.max(desired, replicas) - availableReplicas),
    conditions
  })
}
