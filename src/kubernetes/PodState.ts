/** What a pod's status says: why it is not ready, how often it restarted, and which template it was created from. */

import * as Timestamp from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { failureNow, waitsFor } from "./ContainerFailure.ts"
import { conditionOf, type ContainerStatus, controllerOf, isPodReady, type Pod } from "./ObjectModel.ts"
import { templateHashOf } from "./Revision.ts"

type PodState = WorkloadState["pods"][number]

/** A time of the API server as a timestamp; `null` for an absent or unreadable one. */
export const timeOf = (time: string | undefined): Timestamp.Timestamp | null => {
  const millis = Date.parse(time ?? "")
  return Number.isNaN(millis) ? null : Timestamp.fromMillis(millis)
}

/** The most specific reason why a pod is not ready now; `null` when it is ready or no reason is known. */
export const podReason = (pod: Pod, nowMs: number): string | null => {
  if (isPodReady(pod)) return null
  const statuses: ReadonlyArray<ContainerStatus> = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? [])
  ].filter((status) => !status.ready)
  for (const status of statuses) {
    const reason = failureNow(pod, status, nowMs)
    if (reason === "OOMKilled" || waitsFor(status) !== undefined) return reason
  }
  const scheduled = conditionOf(pod.status?.conditions, "PodScheduled")
  if (scheduled?.status === "False") return scheduled.reason ?? "Unschedulable"
  if (pod.status?.reason !== undefined) return pod.status.reason
  for (const status of statuses) {
    const reason = failureNow(pod, status, nowMs) ?? status.state?.waiting?.reason
    if (reason !== undefined) return reason
  }
  return conditionOf(pod.status?.conditions, "Ready")?.reason ?? null
}

const sum = (statuses: ReadonlyArray<ContainerStatus>): number =>
  statuses.reduce((total, status) => total + status.restartCount, 0)

/**
 * The restarts of a pod as `kubectl get pods` counts them: those of its containers and native sidecars or, while it
 * initializes, those of all its init containers.
 */
export const restartsOf = (pod: Pod): number => {
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always").map(({ name }) => name)
  )
  const init = pod.status?.initContainerStatuses ?? []
  const waiting = init.findIndex((status) =>
    sidecars.has(status.name) ? status.started !== true : status.state?.terminated?.exitCode !== 0
  )
  const initialized = waiting < 0 || conditionOf(pod.status?.conditions, "Initialized")?.status === "True"
  return initialized
    ? sum(init.filter((status) => sidecars.has(status.name))) + sum(pod.status?.containerStatuses ?? [])
    : sum(init.slice(0, waiting + 1))
}

/** When a container last started again, or ended before that. */
const restartedAt = ({ status }: Pod): Timestamp.Timestamp | null =>
  [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    .filter(({ restartCount }) => restartCount > 0)
    .flatMap(({ lastState, state }) => [
      timeOf(state?.running?.startedAt),
      timeOf(state?.terminated?.finishedAt),
      timeOf(lastState?.terminated?.finishedAt)
    ])
    .reduce((latest, time) => (time !== null && (latest === null || time > latest) ? time : latest), null)

/** What is known of a workload's templates. */
export interface Templates {
  /** The hash of the newest template; `null` when it is not known. */
  readonly newest: string | null
  /** The numbers of the revisions by the hashes of their templates. */
  readonly revisions: ReadonlyMap<string, number>
}

/** The pod in a workload's state, which was observed at this time. */
export const podState = (pod: Pod, { newest, revisions }: Templates, observedAt: Timestamp.Timestamp): PodState => {
  const templateHash = templateHashOf(pod)
  return {
    name: pod.metadata.name,
    uid: pod.metadata.uid,
    ready: isPodReady(pod),
    restarts: restartsOf(pod),
    reason: podReason(pod, Timestamp.toMillis(observedAt)),
    ownerUid: controllerOf(pod)?.uid ?? null,
    templateHash,
    revision: revisions.get(templateHash ?? "") ?? null,
    current: newest === null || templateHash === null ? null : templateHash === newest,
    createdAt: timeOf(pod.metadata.creationTimestamp),
    readinessSince: timeOf(conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime),
    restartedAt: restartedAt(pod)
  }
}
