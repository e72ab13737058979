/**
 * How far a workload's rollout is: which template is the newest, and whether the controller still replaces pods by it.
 * Pure.
 *
 * The rules are those of `kubectl rollout status`. A Deployment is done once its controller reports
 * `NewReplicaSetAvailable`. Pods that fail later do not take that back. The controllers of the other kinds report no
 * such end. There a rollout is done once every pod that it has made was ready, or has run for a while (`NeverWorked`).
 * A pod that was made much later than its template replaces one of a rollout that is over. A template that comes back
 * uses its old revision again, so the age of the revision says nothing then: the API server recorded when it was put to
 * use again, or else its oldest pod is of the rollout.
 */

import type { Timestamp } from "../domain/Timestamp.ts"
import type { Rollout } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { neverWorked } from "./NeverWorked.ts"
import {
  conditionOf,
  type ControllerRevision,
  controllerOf,
  type DaemonSet,
  type Deployment,
  isPodReady,
  type Pod,
  type PodTemplate,
  type ReplicaSet,
  type StatefulSet
} from "./ObjectModel.ts"
import { timeOf } from "./PodState.ts"
import { revisionHashLabel, revisionOf, sameTemplate, templateHashLabel, templateHashOf } from "./Revision.ts"
import { historyOf } from "./RevisionHistory.ts"

/** The objects of a workload, as far as they were read. */
export interface RolloutObjects {
  readonly replicaSets: ReadonlyArray<KubernetesObject>
  readonly controllerRevisions: ReadonlyArray<KubernetesObject>
  /** The pods that the workload owns. */
  readonly pods: ReadonlyArray<Pod>
}

const templateOf = (object: KubernetesObject): PodTemplate =>
  (object["spec"] as { readonly template?: PodTemplate } | undefined)?.template ?? { spec: { containers: [] } }

const isObserved = (object: KubernetesObject): boolean =>
  ((object["status"] as { readonly observedGeneration?: number } | undefined)?.observedGeneration ?? 0)
  >= (object.metadata.generation ?? 0)

const ownedBy = <A extends KubernetesObject>(owner: KubernetesObject, objects: ReadonlyArray<KubernetesObject>) =>
  objects.filter((object) => controllerOf(object)?.uid === owner.metadata.uid) as unknown as ReadonlyArray<A>

/**
 * The ReplicaSet of a Deployment's newest template, found by the template as its controller does; `undefined` while the
 * controller has not created it, as when the Deployment is paused.
 */
export const currentReplicaSet = (
  deployment: Deployment,
  replicaSets: ReadonlyArray<KubernetesObject>
): ReplicaSet | undefined => {
  const owned = ownedBy<ReplicaSet>(deployment, replicaSets)
  const same = owned.find((set) => sameTemplate(templateOf(set), templateOf(deployment)))
  if (same !== undefined || !isObserved(deployment) || deployment.spec.paused === true) return same
  const revision = revisionOf(deployment)
  return revision === null ? undefined : owned.find((set) => revisionOf(set) === revision)
}

const earliest = (times: ReadonlyArray<Timestamp | null>): Timestamp | null =>
  times.reduce((first, time) => (time !== null && (first === null || time < first) ? time : first), null)

const latest = (times: ReadonlyArray<Timestamp | null>): Timestamp | null =>
  times.reduce((last, time) => (time !== null && (last === null || time > last) ? time : last), null)

const createdAt = (object: KubernetesObject): Timestamp | null => timeOf(object.metadata.creationTimestamp)

const readySince = (pod: Pod): Timestamp | null =>
  isPodReady(pod) ? timeOf(conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime) : null

/** How long after its template a pod counts as one that the rollout of this template has made. */
const rolloutMs = 10 * 60_000

/** Whether a pod that a rollout has made has never worked. `since`: when its template was first seen, if known. */
const hasPodThatNeverWorked = (current: ReadonlyArray<Pod>, since: Timestamp | null): boolean =>
  current.some((pod) => {
    const created = createdAt(pod)
    const isLater = since !== null && created !== null && Date.parse(created) - Date.parse(since) > rolloutMs
    return !isLater && neverWorked(pod)
  })

const podsOf = (objects: RolloutObjects, hash: string | null): ReadonlyArray<Pod> =>
  hash === null ? [] : objects.pods.filter((pod) => templateHashOf(pod) === hash)

/** Whether a newer revision has been replaced by this one: the template of this one has come back. */
const isUsedAgain = (
  owner: KubernetesObject,
  { controllerRevisions }: RolloutObjects,
  revision: ControllerRevision | undefined
): boolean =>
  ownedBy<ControllerRevision>(owner, controllerRevisions).some(
    (other) => revision !== undefined && (createdAt(other) ?? "") > (createdAt(revision) ?? "")
  )

/** When the rollout of a revision began; `null` if that is not known. `isAgain`: it is used again. */
const rolledOutSince = (
  revision: ControllerRevision | undefined,
  isAgain: boolean,
  current: ReadonlyArray<Pod>
): Timestamp | null => {
  if (revision === undefined || !isAgain) return revision === undefined ? null : createdAt(revision)
  const { managedFields = [] } = revision.metadata
  return latest(managedFields.map(({ time }) => timeOf(time))) ?? earliest(current.map(createdAt))
}

const ofDeployment = (deployment: Deployment, objects: RolloutObjects): Rollout => {
  const { spec, status = {} } = deployment
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  const progressing = conditionOf(status.conditions, "Progressing")
  const isAvailable = progressing?.reason === "NewReplicaSetAvailable"
  // Without a deadline, and while it is paused, the controller does not judge its progress.
  const isJudged = progressing?.status === "True" || progressing?.status === "False"
  const isComplete =
    replicas === updatedReplicas
    && (isJudged ? isAvailable : updatedReplicas >= (spec.replicas ?? 1) && availableReplicas >= updatedReplicas)
  const inProgress = !isObserved(deployment) || !isComplete
  const set = currentReplicaSet(deployment, objects.replicaSets)
  const templateHash = set?.metadata.labels?.[templateHashLabel] ?? null
  // A template that comes back uses its old ReplicaSet again, which is older than this rollout.
  const isReused = set?.metadata.annotations?.["deployment.kubernetes.io/revision-history"] !== undefined
  const isStale = inProgress && (isAvailable || !isObserved(deployment))
  return {
    templateHash,
    inProgress,
    startedAt:
      set === undefined ? null : isReused ? earliest(podsOf(objects, templateHash).map(createdAt)) : createdAt(set),
    lastProgressAt: progressing?.status === "True" && !isStale ? timeOf(progressing.lastUpdateTime) : null,
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? null,
    deadlineExceeded: isObserved(deployment) && progressing?.status === "False",
    paused: spec.paused === true,
    strategy: spec.strategy?.type ?? "RollingUpdate",
    partition: 0
  }
}

/** The part that StatefulSets and DaemonSets share. Their controllers have no deadline and cannot be paused. */
const ofRevisions = (
  objects: RolloutObjects,
  templateHash: string | null,
  strategy: string | undefined
): Omit<Rollout, "inProgress" | "partition"> => {
  const current = podsOf(objects, templateHash)
  return {
    templateHash,
    startedAt: earliest(current.map(createdAt)),
    lastProgressAt: latest(current.flatMap((pod) => [createdAt(pod), readySince(pod)])),
    progressDeadlineSeconds: null,
    deadlineExceeded: false,
    paused: false,
    strategy: strategy ?? "RollingUpdate"
  }
}

const ofStatefulSet = (set: StatefulSet, objects: RolloutObjects): Rollout => {
  const { spec, status = {} } = set
  const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0
  const isPartial = (status.updatedReplicas ?? 0) < Math.max(0, (spec.replicas ?? 1) - partition)
  const isOther = partition === 0 && status.updateRevision !== status.currentRevision
  const hash = isObserved(set) ? (status.updateRevision ?? null) : null
  const current = podsOf(objects, hash)
  const revision = ownedBy<ControllerRevision>(set, objects.controllerRevisions).find(
    ({ metadata }) => metadata.name === hash
  )
  const isAgain = isUsedAgain(set, objects, revision)
  // The two revisions do not say whether the updated pods work. With a partition they differ for good. A current
  // revision that comes back, before the one after it was complete, is the same as the updated one at once.
  const isFailing =
    (partition > 0 || isAgain)
    && (status.availableReplicas ?? 0) < (spec.replicas ?? 1)
    && hasPodThatNeverWorked(current, rolledOutSince(revision, isAgain, current))
  return {
    ...ofRevisions(objects, hash, spec.updateStrategy?.type),
    inProgress: spec.updateStrategy?.type !== "OnDelete" && (!isObserved(set) || isPartial || isOther || isFailing),
    partition
  }
}

const ofDaemonSet = (set: DaemonSet, objects: RolloutObjects): Rollout => {
  const { spec, status = {} } = set
  const newest = ownedBy<ControllerRevision>(set, objects.controllerRevisions).reduce<ControllerRevision | undefined>(
    (last, each) => (last === undefined || each.revision > last.revision ? each : last),
    undefined
  )
  const hash = isObserved(set) ? (newest?.metadata.labels?.[revisionHashLabel] ?? null) : null
  const desired = status.desiredNumberScheduled ?? 0
  const isPartial = (status.updatedNumberScheduled ?? 0) < desired
  const current = podsOf(objects, hash)
  const isFailing =
    (status.numberAvailable ?? 0) < desired
    && hasPodThatNeverWorked(current, rolledOutSince(newest, isUsedAgain(set, objects, newest), current))
  return {
    ...ofRevisions(objects, hash, spec.updateStrategy?.type),
    inProgress: spec.updateStrategy?.type !== "OnDelete" && (!isObserved(set) || isPartial || isFailing),
    partition: 0
  }
}

/** The rollout of a workload; `null` for a kind that has none. */
export const rolloutOf = (object: KubernetesObject, objects: RolloutObjects): Rollout | null => {
  switch (object.kind) {
    case "Deployment":
      return ofDeployment(object as Deployment, objects)
    case "StatefulSet":
      return ofStatefulSet(object as StatefulSet, objects)
    case "DaemonSet":
      return ofDaemonSet(object as DaemonSet, objects)
    default:
      return null
  }
}

/** The numbers of a workload's revisions by the hashes of their templates. */
export const revisionsOf = (
  object: KubernetesObject,
  { replicaSets, controllerRevisions }: Omit<RolloutObjects, "pods">
): ReadonlyMap<string, number> =>
  new Map(
    historyOf(object, [...replicaSets, ...controllerRevisions]).flatMap(({ hash, revision }) =>
      hash === undefined ? [] : [[hash, revision] as const]
    )
  )
