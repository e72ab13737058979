/**
 * The admission of the sandbox's API server: validation (422), immutable fields (422), the rules for new pods (403,
 * `PodAdmission`) and claims that cannot grow (403). Reads other objects of the cluster and changes nothing.
 */

import * as Quantity from "../../domain/Quantity.ts"
import type { KubernetesObject } from "../KubernetesClient.ts"
import {
  type Container,
  type CronJob,
  type Deployment,
  type HorizontalPodAutoscaler,
  type PersistentVolumeClaim,
  type Pod,
  type PodTemplate,
  selectorMatches
} from "../ObjectModel.ts"
import { sameJson } from "../SameJson.ts"
import type { Cluster } from "./Cluster.ts"
import { namespaceRefusal, podRefusal, type Refusal } from "./PodAdmission.ts"

const invalid = (fields: ReadonlyArray<string>): Refusal => ({
  reason: { _tag: "Invalid", fields },
  message: `Invalid value: ${fields.join(", ")}`
})

const isCount = (value: unknown): boolean =>
  value === undefined || (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31)

const containerFields = (containers: ReadonlyArray<Container> | undefined, path: string): ReadonlyArray<string> => {
  if (!Array.isArray(containers) || containers.length === 0) return [path]
  return (containers as ReadonlyArray<Container>).flatMap((container, index) => {
    const at = `${path}[${index}]`
    const bad: Array<string> = []
    if (typeof container.name !== "string" || container.name === "") bad.push(`${at}.name`)
    if (typeof container.image !== "string" || container.image === "") bad.push(`${at}.image`)
    const { requests = {}, limits = {} } = container.resources ?? {}
    for (const [kind, quantities] of [
      ["requests", requests],
      ["limits", limits]
    ] as const) {
      for (const [resource, quantity] of Object.entries(quantities))
        if ((Quantity.parse(quantity) ?? -1n) < 0n) bad.push(`${at}.resources.${kind}[${resource}]`)
    }
    for (const [resource, request] of Object.entries(requests)) {
      const limit = limits[resource]
      if (limit !== undefined && (Quantity.parse(request) ?? 0n) > (Quantity.parse(limit) ?? 0n))
        bad.push(`${at}.resources.requests`)
    }
    return bad
  })
}

const templateFields = (object: {
  readonly spec: { readonly selector?: Deployment["spec"]["selector"]; readonly template?: PodTemplate }
}): ReadonlyArray<string> => {
  const { selector, template } = object.spec
  const bad = [...containerFields(template?.spec?.containers, "spec.template.spec.containers")]
  if (selector !== undefined && !selectorMatches(selector, template?.metadata?.labels))
    bad.push("spec.template.metadata.labels")
  return bad
}

const autoscalerFields = ({ spec }: HorizontalPodAutoscaler): ReadonlyArray<string> => {
  const bad: Array<string> = []
  if (!Number.isInteger(spec.maxReplicas) || spec.maxReplicas < 1) bad.push("spec.maxReplicas")
  if (spec.minReplicas !== undefined && (!Number.isInteger(spec.minReplicas) || spec.minReplicas < 1))
    bad.push("spec.minReplicas")
  if ((spec.minReplicas ?? 1) > spec.maxReplicas) bad.push("spec.maxReplicas")
  return bad
}

const fieldsOf = (object: KubernetesObject): ReadonlyArray<string> => {
  switch (object.kind) {
    case "Deployment":
    case "StatefulSet":
    case "ReplicaSet": {
      const workload = object as Deployment
      const bad = [...templateFields(workload)]
      if (workload.spec.selector === undefined) bad.push("spec.selector")
      if (!isCount(workload.spec.replicas)) bad.push("spec.replicas")
      return bad
    }
    case "DaemonSet":
    case "Job":
      return templateFields(object as Deployment)
    case "Pod":
      return containerFields((object as Pod).spec?.containers, "spec.containers")
    case "HorizontalPodAutoscaler":
      return autoscalerFields(object as HorizontalPodAutoscaler)
    case "CronJob": {
      const { spec } = object as CronJob
      return [
        ...(typeof spec.schedule === "string" && spec.schedule.trim().split(/\s+/).length === 5
          ? []
          : ["spec.schedule"]),
        ...(spec.suspend === undefined || typeof spec.suspend === "boolean" ? [] : ["spec.suspend"]),
        ...containerFields(
          spec.jobTemplate?.spec?.template?.spec?.containers,
          "spec.jobTemplate.spec.template.spec.containers"
        )
      ]
    }
    case "PersistentVolumeClaim":
      return (Quantity.parse((object as PersistentVolumeClaim).spec.resources?.requests?.["storage"]) ?? 0n) <= 0n
        ? ["spec.resources.requests[storage]"]
        : []
    default:
      return []
  }
}

const without = (object: unknown, keys: ReadonlyArray<string>): Record<string, unknown> => {
  const copy = { ...(object as Record<string, unknown>) }
  for (const key of keys) delete copy[key]
  return copy
}

/** The fields of a spec that an update may change. Kinds that are absent here have no immutable fields. */
const mutable: Readonly<Record<string, ReadonlyArray<string>>> = {
  StatefulSet: [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
    "revisionHistoryLimit"
  ],
  Job: ["parallelism", "suspend", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"],
  PersistentVolumeClaim: ["resources", "volumeAttributesClassName"],
  Pod: ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "containers"]
}

const immutableFields = (next: KubernetesObject, previous: KubernetesObject): ReadonlyArray<string> => {
  const [after, before] = [next["spec"], previous["spec"]]
  const free = mutable[next.kind]
  if (free !== undefined && !sameJson(without(after, free), without(before, free))) return ["spec"]
  if (
    (next.kind === "Deployment" || next.kind === "DaemonSet" || next.kind === "ReplicaSet")
    && !sameJson((after as Deployment["spec"]).selector, (before as Deployment["spec"]).selector)
  ) {
    return ["spec.selector"]
  }
  if (next.kind === "Pod") {
    const shape = (spec: unknown) =>
      ((spec as Pod["spec"]).containers ?? []).map((container) => without(container, ["image"]))
    return sameJson(shape(after), shape(before)) ? [] : ["spec"]
  }
  return []
}

const claimRefusal = (
  cluster: Cluster,
  next: PersistentVolumeClaim,
  previous: PersistentVolumeClaim
): Refusal | undefined => {
  const size = (claim: PersistentVolumeClaim) => Quantity.parse(claim.spec.resources?.requests?.["storage"]) ?? 0n
  if (size(next) < size(previous)) return invalid(["spec.resources.requests.storage"])
  const storageClass = cluster.store.get("StorageClass", "", next.spec.storageClassName ?? "")
  if (size(next) > size(previous) && storageClass?.allowVolumeExpansion !== true) {
    return {
      reason: { _tag: "PolicyDenied" },
      message:
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
    }
  }
  return undefined
}

/** Why the object may not be stored; `undefined` if it may. `previous` is absent for a create. */
export const refusalOf = (
  cluster: Cluster,
  next: KubernetesObject,
  previous: KubernetesObject | undefined
): Refusal | undefined => {
  const fields = fieldsOf(next)
  if (fields.length > 0) return invalid(fields)
  if (previous === undefined)
    return next.kind === "Pod" ? podRefusal(cluster, next as Pod) : namespaceRefusal(cluster, next.metadata.namespace)
  const frozen = immutableFields(next, previous)
  if (frozen.length > 0) return invalid(frozen)
  return next.kind === "PersistentVolumeClaim"
    ? claimRefusal(cluster, next as PersistentVolumeClaim, previous as PersistentVolumeClaim)
    : undefined
}
