/**
 * Which created objects belong to the setup of the target: they were there when it first served, so they have not
 * broken it. Pure.
 *
 * | what says when the target first served      | it is             |
 * | ------------------------------------------- | ----------------- |
 * | its condition `Available`, while it is true | since then        |
 * | the pods of its creation that are ready     | the first of them |
 * | nothing: none of those is ready             | its creation      |
 *
 * Pods that replaced others, and a workload that became available again, are younger than the target.
 *
 * An object that was created and then changed is judged by its later changes. A target that was deleted does not exist
 * because of that, so every other change is only around it.
 */

import type { ObjectChange } from "../domain/ObjectChange.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { type Condition, conditionOf } from "../kubernetes/ObjectModel.ts"
import { runsPods } from "./ObjectRelations.ts"

/** People create the objects of a new workload one after the other, with shorter pauses. */
const togetherMs = 3000
/** A workload that became available later than so long after its creation had been available before, or had failed. */
const firstServesWithinMs = 600_000

const timeOf = (text: string | null | undefined): ReadonlyArray<number> => {
  const millis = Date.parse(text ?? "")
  return Number.isNaN(millis) ? [] : [millis]
}

/** What is known of the target. */
export interface SetupFacts {
  readonly target: ResourceRef
  /** The target, and the workloads around it. */
  readonly objects: ReadonlyArray<KubernetesObject>
  readonly observed: WorkloadState | null
  /** The recorded creations, in any order: of which object, how far from the target, and when in milliseconds. */
  readonly creations: ReadonlyArray<{ readonly ref: ResourceRef; readonly distance: number; readonly atMs: number }>
  /** Whether it was deleted, and does not exist. */
  readonly isDeleted: boolean
}

const isTarget = ({ kind, metadata: { name, namespace = "" } }: KubernetesObject, target: ResourceRef): boolean =>
  sameRef({ kind, name, namespace }, target)

const availableSince = (object: KubernetesObject): ReadonlyArray<number> => {
  const { conditions } = (object["status"] ?? {}) as { readonly conditions?: ReadonlyArray<Condition> }
  const available = conditionOf(Array.isArray(conditions) ? conditions : [], "Available")
  return available?.status === "True" ? timeOf(available.lastTransitionTime) : []
}

/** When the target was there, with the workload that it needs; `undefined` if it is not known. */
const beganAt = ({ creations, objects, target }: Pick<SetupFacts, "creations" | "objects" | "target">) => {
  const times = [
    ...objects
      .filter((object) => isTarget(object, target) || runsPods(object.kind))
      .flatMap(({ metadata }) => timeOf(metadata.creationTimestamp)),
    ...creations
      .filter(({ distance, ref }) => distance === 0 || (distance === 1 && runsPods(ref.kind)))
      .map(({ atMs }) => atMs)
  ]
  return times.length === 0 ? undefined : Math.max(...times)
}

/**
 * The pods that were created with the workload. A pod that replaced another one is younger than the target: since when
 * it is ready says nothing about when the target first served.
 */
const firstPods = (observed: WorkloadState | null, began: number | undefined) =>
  (observed?.pods ?? []).filter(
    ({ createdAt }) => began === undefined || timeOf(createdAt).every((atMs) => atMs <= began + togetherMs)
  )

/** When the target first served, at the latest; `undefined` if nothing says it. */
const servedSince = ({ creations, objects, observed, target }: SetupFacts): number | undefined => {
  const own = objects.filter((object) => isTarget(object, target))
  const began = beganAt({ creations, objects, target })
  const available = (own.some(({ kind }) => runsPods(kind)) ? own : objects).flatMap(availableSince)
  const times = [
    ...firstPods(observed, began).flatMap(({ readinessSince, ready }) => (ready ? timeOf(readinessSince) : [])),
    // A Service serves since its workload does.
    ...available.filter((atMs) => began === undefined || atMs <= began + firstServesWithinMs)
  ]
  if (times.length > 0) return Math.min(...times)
  return began === undefined
    ? undefined
    : creations
        .map(({ atMs }) => atMs)
        .toSorted((left, right) => left - right)
        .reduce((last, millis) => (millis > last && millis <= last + togetherMs ? millis : last), began)
}

/** Why a change belongs to the setup; `undefined` if it does not. `others` are the changes of the same object. */
export const setupOf = (
  facts: SetupFacts
): ((change: ObjectChange, others: ReadonlyArray<ObjectChange>) => string | undefined) => {
  const servedMs = servedSince(facts)
  return ({ at, id, operation, ref }, others) => {
    if (facts.isDeleted && !sameRef(ref, facts.target)) return "The target was deleted, and this is only around it."
    if (operation !== "created") return undefined
    if (others.some((other) => other.at > at && other.id !== id && other.operation === "modified"))
      return "It was changed after it was created."
    return servedMs !== undefined && toMillis(at) <= servedMs && !sameRef(ref, facts.target)
      ? "It was there when the target first served."
      : undefined
  }
}
