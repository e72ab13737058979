/** Reads fields of objects of any kind. What has another shape than expected is absent; nothing throws. */

import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { LabelSelector, Labels } from "../kubernetes/ObjectModel.ts"
import { selectorMatches } from "../kubernetes/ObjectModel.ts"

/** The fields of a value; none if it is no object. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

/** The value at a path of names. */
export const valueOf = (value: unknown, ...names: ReadonlyArray<string>): unknown =>
  names.reduce<unknown>((found, name) => {
    const fields = fieldsOf(found)
    return Object.hasOwn(fields, name) ? fields[name] : undefined
  }, value)

/** The items of a list; none if there is no list. */
export const listOf = (value: unknown, ...names: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const found = valueOf(value, ...names)
  return Array.isArray(found) ? found : []
}

/** A text that is not empty. */
export const textOf = (value: unknown, ...names: ReadonlyArray<string>): string | undefined => {
  const found = valueOf(value, ...names)
  return typeof found === "string" && found !== "" ? found : undefined
}

/** The entries that are text, such as labels; `undefined` if there is no object. */
export const labelsOf = (value: unknown, ...names: ReadonlyArray<string>): Labels | undefined => {
  const found = valueOf(value, ...names)
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined
  return Object.fromEntries(
    Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === "string")
  )
}

/** Whether labels satisfy the selector at a path. A selector of another shape matches nothing. */
export const selects = (labels: Labels | undefined, value: unknown, ...names: ReadonlyArray<string>): boolean => {
  const selector = valueOf(value, ...names)
  if (typeof selector !== "object" || selector === null || Array.isArray(selector)) return false
  const expressions = listOf(selector, "matchExpressions").filter(
    (each) => textOf(each, "key") !== undefined && textOf(each, "operator") !== undefined
  )
  const checked = { ...fieldsOf(selector), matchExpressions: expressions } as unknown as LabelSelector
  return selectorMatches(checked, labels ?? {})
}

/** The pod template of a workload, or the pod itself; `undefined` for other kinds. */
export const templateOf = (object: KubernetesObject): unknown => {
  switch (object.kind) {
    case "Pod":
      return { metadata: { labels: valueOf(object, "metadata", "labels") }, spec: valueOf(object, "spec") }
    case "CronJob":
      return valueOf(object, "spec", "jobTemplate", "spec", "template")
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
    case "ReplicaSet":
    case "Job":
    case "ReplicationController":
      return valueOf(object, "spec", "template")
    default: {
      // An operator's own workload, such as a Rollout of Argo.
      const template = valueOf(object, "spec", "template")
      return listOf(template, "spec", "containers").length > 0 ? template : undefined
    }
  }
}
