/**
 * Whether two selectors select the same pods of a namespace. Pure.
 *
 * | two selectors | is shown by                                                                                     |
 * | ------------- | ----------------------------------------------------------------------------------------------- |
 * | meet          | a workload that both select, or a live pod                                                      |
 * | are apart     | no value of one label that satisfies both; or that each selects workloads, and neither workload |
 * |               | nor live pod is selected by both, with all of those known                                       |
 *
 * A workload is what makes pods from a template, such as a CronJob; pods of an operator have none. Pods come and go, so
 * that none is of both now says nothing about the next ones. A pod that has ended, or is being deleted, says nothing at
 * all.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, selects, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { Labels } from "../../kubernetes/ObjectModel.ts"

/** What a selector requires of one label. */
interface Requirement {
  readonly key: string | undefined
  readonly operator: string | undefined
  readonly values: ReadonlyArray<unknown>
}

const requirementsOf = (selector: unknown): ReadonlyArray<Requirement> => [
  ...Object.entries(fieldsOf(valueOf(selector, "matchLabels"))).map(([key, value]) => ({
    key,
    operator: "In",
    values: [value]
  })),
  ...listOf(selector, "matchExpressions").map((each) => ({
    key: textOf(each, "key"),
    operator: textOf(each, "operator"),
    values: listOf(each, "values")
  }))
]

/** Whether no value of the label satisfies both. To be read in both orders. */
const contradicts = (one: Requirement, other: Requirement): boolean => {
  if (one.key !== other.key) return false
  switch (other.operator) {
    case "In":
      return one.operator === "In" && !one.values.some((value) => other.values.includes(value))
    case "NotIn":
      return one.operator === "In" && one.values.every((value) => other.values.includes(value))
    case "DoesNotExist":
      return one.operator === "In" || one.operator === "Exists"
    default:
      return false
  }
}

/** Whether no labels at all satisfy both selectors. */
export const excludeEachOther = (one: unknown, other: unknown): boolean => {
  const others = requirementsOf(other)
  return requirementsOf(one).some((each) =>
    others.some((their) => contradicts(each, their) || contradicts(their, each))
  )
}

/** The workloads and pods of one namespace, as selectors see them. */
export interface SelectedPods {
  /** Whether a workload or a live pod is selected by both. */
  readonly meet: (one: unknown, other: unknown) => boolean
  /** Whether each selects workloads, and neither workload nor live pod is selected by both. */
  readonly areApart: (one: unknown, other: unknown) => boolean
}

const isLive = ({ metadata, ...pod }: KubernetesObject): boolean => {
  const phase = valueOf(pod, "status", "phase")
  return metadata.deletionTimestamp === undefined && phase !== "Succeeded" && phase !== "Failed"
}

/**
 * The distinct labels, as far as they have these keys. Pods of one workload differ in labels that no selector names, so
 * thousands of pods have few.
 */
const distinctLabels = (objects: ReadonlyArray<KubernetesObject>, keys: ReadonlySet<string>): ReadonlyArray<Labels> => [
  ...new Map(
    objects.map((each) => {
      const labels = Object.entries(podLabelsOf(each) ?? {}).filter(([key]) => keys.has(key))
      return [JSON.stringify(labels.toSorted(([one], [other]) => (one < other ? -1 : 1))), Object.fromEntries(labels)]
    })
  ).values()
]

/** Reads the labels once for all of the selectors, which are compared in pairs. Others must not be asked about. */
export const selectedPods = (
  workloads: ReadonlyArray<KubernetesObject>,
  pods: ReadonlyArray<KubernetesObject>,
  selectors: ReadonlyArray<unknown>
): SelectedPods => {
  const keys = new Set(
    selectors.flatMap((each) => requirementsOf(each).flatMap(({ key }) => (key === undefined ? [] : [key])))
  )
  const [templates, live] = [distinctLabels(workloads, keys), distinctLabels(pods.filter(isLive), keys)]
  const known = new Map<unknown, readonly [workloads: ReadonlySet<Labels>, pods: ReadonlySet<Labels>]>()
  const selectedBy = (selector: unknown) => {
    const selected = (labels: ReadonlyArray<Labels>) => new Set(labels.filter((each) => selects(each, selector)))
    const both = known.get(selector) ?? ([selected(templates), selected(live)] as const)
    known.set(selector, both)
    return both
  }
  const meet = (one: unknown, other: unknown) => {
    const [[ours, ourPods], [theirs, theirPods]] = [selectedBy(one), selectedBy(other)]
    return !ours.isDisjointFrom(theirs) || !ourPods.isDisjointFrom(theirPods)
  }
  return {
    meet,
    areApart: (one, other) => selectedBy(one)[0].size > 0 && selectedBy(other)[0].size > 0 && !meet(one, other)
  }
}
