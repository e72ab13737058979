/**
 * Why a controller cannot create a pod. The API server accepts a workload of which no pod may exist: the refusal by a
 * quota, a LimitRange, Pod Security or another admission comes later, to the controller. Pure.
 *
 * | controller                    | says it in                                                    |
 * | ----------------------------- | ------------------------------------------------------------- |
 * | ReplicaSet, and so Deployment | the condition `ReplicaFailure` with the reason `FailedCreate` |
 * | StatefulSet, DaemonSet, Job   | events of the reason `FailedCreate`, and nothing else         |
 *
 * An event counts until a newer one says `SuccessfulCreate`.
 */

import type { KubernetesObject } from "./KubernetesClient.ts"
import { conditionOf, controllerOf, type Event, type ReplicaSet } from "./ObjectModel.ts"

// A refusal can quote a whole policy.
const messageCharacters = 400

/** The kinds that report a refusal only by events. */
export const reportsByEvent: ReadonlySet<string> = new Set(["StatefulSet", "DaemonSet", "Job"])

/** Why the controller cannot create a pod, as conditions say it; `null` when they do not. */
export const failedCreateOf = (
  object: KubernetesObject,
  replicaSets: ReadonlyArray<KubernetesObject>
): string | null => {
  const owned = replicaSets.filter((set) => controllerOf(set)?.uid === object.metadata.uid)
  const failures = [object, ...(object.kind === "Deployment" ? owned : [])].map((each) =>
    conditionOf((each["status"] as ReplicaSet["status"])?.conditions, "ReplicaFailure")
  )
  const failure = failures.find((condition) => condition?.status === "True" && condition.reason === "FailedCreate")
  return failure === undefined ? null : (failure.message ?? "").slice(0, messageCharacters)
}

/** When an event was seen last. */
export const lastSeen = (event: Event): string | null =>
  event.lastTimestamp ?? event.firstTimestamp ?? event.metadata.creationTimestamp ?? null

const newest = (events: ReadonlyArray<Event>, reason: string): Event | undefined =>
  events
    .filter((event) => event.reason === reason)
    .reduce<Event | undefined>(
      (last, event) => (last === undefined || (lastSeen(event) ?? "") > (lastSeen(last) ?? "") ? event : last),
      undefined
    )

/** Why a controller cannot create a pod, as its events say it; `null` when it has created one since. */
export const failedCreateIn = (objects: ReadonlyArray<KubernetesObject>): string | null => {
  const events = objects as ReadonlyArray<Event>
  const failed = newest(events, "FailedCreate")
  const created = newest(events, "SuccessfulCreate")
  if (failed === undefined || (lastSeen(failed) ?? "") < (created === undefined ? "" : (lastSeen(created) ?? "")))
    return null
  return (failed.message ?? "").slice(0, messageCharacters)
}
