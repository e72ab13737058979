/** What single objects of the cluster contribute to the evidence. Pure. */

import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { isLimited } from "../../kubernetes/AutoscalerState.ts"
import { failureNow } from "../../kubernetes/ContainerFailure.ts"
import { lastSeen } from "../../kubernetes/FailedCreate.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import {
  type ContainerStatus,
  type Deployment,
  type Event,
  type HorizontalPodAutoscaler,
  type Pod,
  type PodTemplate,
  type ReplicaSet
} from "../../kubernetes/ObjectModel.ts"
import { sameTemplate } from "../../kubernetes/Revision.ts"
import { historyOf, type PastTemplate } from "../../kubernetes/RevisionHistory.ts"
import { currentReplicaSet } from "../../kubernetes/WorkloadRollout.ts"
import type { Autoscaler, ContainerSpec, EventLine, FailingContainer, OfRevision, Revision } from "./Evidence.ts"

// Length of an event message. Some contain a whole stack trace.
const eventCharacters = 400

export const containersOf = (object: KubernetesObject): ReadonlyArray<ContainerSpec> => {
  const spec = object["spec"] as
    | { readonly template?: PodTemplate; readonly containers?: PodTemplate["spec"]["containers"] }
    | undefined
  return (spec?.template?.spec?.containers ?? spec?.containers ?? []).map((container) => ({
    name: container.name,
    requests: container.resources?.requests ?? {},
    limits: container.resources?.limits ?? {}
  }))
}

export const autoscalerOf = (object: KubernetesObject): Autoscaler => {
  const autoscaler = object as HorizontalPodAutoscaler
  const { metadata, spec, status } = autoscaler
  return {
    name: metadata.name,
    minReplicas: spec.minReplicas ?? 1,
    maxReplicas: spec.maxReplicas,
    currentReplicas: status?.currentReplicas ?? null,
    desiredReplicas: status?.desiredReplicas ?? null,
    limited: isLimited(autoscaler)
  }
}

const imagesOf = ({ spec }: PodTemplate): ReadonlyArray<string> =>
  spec.containers.flatMap(({ image }) => (image === undefined ? [] : [image]))

/** Whether a revision of a StatefulSet or DaemonSet has the present template. */
const isPresent = (workload: KubernetesObject, { hash, template }: PastTemplate, newest: string | null): boolean =>
  newest === null ? sameTemplate(template, (workload as Deployment).spec.template) : hash === newest

/**
 * The revisions of a workload, newest first: the ReplicaSets or ControllerRevisions that it controls. Those of a
 * StatefulSet or DaemonSet count no pods themselves, so the observed pods are counted.
 */
export const revisionsOf = (
  workload: KubernetesObject,
  kept: ReadonlyArray<KubernetesObject>,
  observed: WorkloadState | null
): ReadonlyArray<Revision> => {
  const current = workload.kind === "Deployment" ? currentReplicaSet(workload as Deployment, kept) : undefined
  return historyOf(workload, kept).map((past): Revision => {
    const { hash = null, holder, revision, template } = past
    const set = holder as ReplicaSet
    const pods = observed?.pods.filter(({ templateHash }) => hash !== null && templateHash === hash) ?? []
    const counts =
      holder.kind === "ReplicaSet"
        ? { replicas: set.spec.replicas ?? 0, readyReplicas: set.status?.readyReplicas ?? 0 }
        : { replicas: pods.length, readyReplicas: pods.filter(({ ready }) => ready).length }
    return {
      revision,
      templateHash: hash,
      current:
        holder.kind === "ReplicaSet"
          ? holder.metadata.uid === current?.metadata.uid
          : isPresent(workload, past, observed?.rollout?.templateHash ?? null),
      ...counts,
      createdAt: holder.metadata.creationTimestamp ?? null,
      images: imagesOf(template)
    }
  })
}

/**
 * A container that is ready counts as failing when its previous run failed this recently, because a crash-looping
 * container is ready in between.
 */
export const recentlyMs = 60 * 60 * 1000

const endedRecently = ({ lastState }: ContainerStatus, nowMs: number): boolean =>
  lastState?.terminated !== undefined
  && lastState.terminated.exitCode !== 0
  && Date.parse(lastState.terminated.finishedAt ?? "") >= nowMs - recentlyMs

const failing = (pod: Pod, of: OfRevision, status: ContainerStatus, nowMs: number): FailingContainer | undefined => {
  const ended = status.state?.terminated ?? status.lastState?.terminated
  const reason = status.state?.waiting?.reason ?? status.state?.terminated?.reason ?? null
  // A container that is starting and has never failed is not failing.
  const isStarting =
    ended === undefined && (reason === null || reason === "ContainerCreating" || reason === "PodInitializing")
  if (status.ready ? !endedRecently(status, nowMs) : isStarting) return undefined
  return {
    pod: pod.metadata.name,
    ...of,
    container: status.name,
    ready: status.ready,
    restarts: status.restartCount,
    failsNow: failureNow(pod, status, nowMs),
    reason,
    lastReason: status.lastState?.terminated?.reason ?? null,
    exitCode: ended?.exitCode ?? null,
    endedAt: ended?.finishedAt ?? null
  }
}

/**
 * The containers of a pod that fail, failed recently, or are not ready after an exit. `observed` tells the pod's
 * revision.
 */
export const failingContainersOf = (
  object: KubernetesObject,
  observed: WorkloadState | null,
  nowMs: number
): ReadonlyArray<FailingContainer> => {
  const { metadata, status } = object as Pod
  // A pod of a StatefulSet that was replaced meanwhile has the same name and another uid.
  const known = observed?.pods.find(({ uid }) => uid === metadata.uid)
  const of = { revision: known?.revision ?? null, current: known?.current ?? null }
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap(
    (container) => failing(object as Pod, of, container, nowMs) ?? []
  )
}

export const eventLines = (objects: ReadonlyArray<KubernetesObject>, limit: number): ReadonlyArray<EventLine> =>
  (objects as ReadonlyArray<Event>)
    .map((event) => ({
      object: `${event.involvedObject.kind ?? ""} ${event.involvedObject.name ?? ""}`.trim(),
      type: event.type ?? "Normal",
      reason: event.reason ?? "",
      message: (event.message ?? "").slice(0, eventCharacters),
      count: event.count ?? 1,
      lastSeen: lastSeen(event)
    }))
    .sort((left, right) => (right.lastSeen ?? "").localeCompare(left.lastSeen ?? ""))
    .slice(0, limit)

/** The last whole lines of a log. A cut within a line could remove the name that marks a secret. */
export const endOf = (log: string, characters: number): string => {
  if (log.length <= characters) return log
  const from = log.length - characters
  return log[from - 1] === "\n" ? log.slice(from) : log.slice(log.indexOf("\n", from) + 1 || log.length)
}
