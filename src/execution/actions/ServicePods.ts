/** The Services that were read, and the pods behind them. Pure. */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { labelsOf, textOf } from "../../changes/ObjectFields.ts"
import { type ResourceRef, sameRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { hasLabels, type Labels, type Pod } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { isUnread, type PlanObjects, relatedOf } from "../Plan.ts"
import { keyOf } from "./NamedObjects.ts"

/** The labels by which a Service selects pods; `undefined` if somebody else says where it leads. */
export const selectorOf = (service: KubernetesObject): Labels | undefined => {
  if (textOf(service, "spec", "type") === "ExternalName") return undefined
  const selector = labelsOf(service, "spec", "selector")
  return selector === undefined || Object.keys(selector).length === 0 ? undefined : selector
}

/** The Services that were read, by their keys. */
export const servicesIn = (objects: PlanObjects): ReadonlyMap<string, KubernetesObject> =>
  new Map(relatedOf(objects, "Service").map((each) => [keyOf(refOf(each)), each as KubernetesObject]))

/** Tells the names of Services that exist, or that somebody has deleted since. Without the right to read them, all. */
export const knownIn = (objects: PlanObjects): ((service: ResourceRef) => boolean) => {
  if (isUnread(objects, "Service")) return () => true
  const deleted = (objects.later ?? []).flatMap(({ operation, ref }) => (operation === "deleted" ? [keyOf(ref)] : []))
  const known = new Set([...servicesIn(objects).keys(), ...deleted])
  return (service) => known.has(keyOf(service))
}

/** The pods that a Service selects and that have not ended. */
export const selectedBy = (service: KubernetesObject, objects: PlanObjects): ReadonlyArray<Pod> => {
  const selector = selectorOf(service)
  const pods: ReadonlyArray<Pod> = selector === undefined ? [] : relatedOf(objects, "Pod")
  const found = pods.filter(
    ({ metadata: { labels, namespace }, status }) =>
      namespace === service.metadata.namespace
      && status?.phase !== "Succeeded"
      && status?.phase !== "Failed"
      && hasLabels(labels, selector ?? {})
  )
  return [...new Map(found.map((pod) => [pod.metadata.uid, pod])).values()]
}

/** Whether a Service selects the pods of a workload. */
export const leadsTo = (services: ReadonlyArray<KubernetesObject>, workload: KubernetesObject | undefined): boolean => {
  const labels = workload && podLabelsOf(workload)
  return services.some((service) => {
    const selector = selectorOf(service)
    return (
      labels !== undefined
      && selector !== undefined
      && service.metadata.namespace === workload?.metadata.namespace
      && hasLabels(labels, selector)
    )
  })
}

/** Whether the workload of some pods was changed by somebody else since the change. */
export const changedSince = (
  services: ReadonlyArray<KubernetesObject>,
  { later = [], related }: PlanObjects
): boolean =>
  later.some(({ manifest, ref }) =>
    leadsTo(
      services,
      related.find((each) => sameRef(refOf(each), ref))
        ?? (manifest && ({ ...manifest, kind: ref.kind } as unknown as KubernetesObject))
    )
  )
