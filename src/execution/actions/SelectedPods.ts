/**
 * Whether two selectors select the same pods of a namespace. Pure.
 *
 * | two selectors | is shown by                                                                                 |
 * | ------------- | ------------------------------------------------------------------------------------------- |
 * | meet          | a workload that both select, or a live CronJob or pod                                       |
 * | are apart     | no value of one label that satisfies both; or that each selects workloads, and no workload, |
 * |               | CronJob or pod is selected by both, with all of those known                                 |
 *
 * Workloads are Deployments, StatefulSets and DaemonSets: their pods stay. CronJobs and pods come and go. That none is
 * of both now says nothing about the next ones, so one that a single selector selects never shows that the two are
 * apart. What has ended or is being deleted is no reason to say that two meet, but one of both shows that such pods
 * come.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, selects, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { Labels } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"

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

/** Whether whatever satisfies the one selector surely satisfies the other. */
const implies = (one: unknown, other: unknown): boolean => {
  const required = requirementsOf(one)
  return requirementsOf(other).every((each) => required.some((their) => sameJson(each, their)))
}

/** Whether one of two selectors selects nothing that the other does not, by what they say. */
export const overlap = (one: unknown, other: unknown): boolean => implies(one, other) || implies(other, one)

/** The workloads, CronJobs and pods of one namespace, as selectors see them. */
export interface SelectedPods {
  /** Whether a workload, or a live CronJob or pod, is selected by both. */
  readonly meet: (one: unknown, other: unknown) => boolean
  /** Whether each selects workloads, and no workload, CronJob or pod is selected by both, not even one that has ended. */
  readonly areApart: (one: unknown, other: unknown) => boolean
}

/** Whether a CronJob or pod has neither ended nor is being deleted. */
const isLive = ({ metadata, ...object }: KubernetesObject): boolean => {
  const phase = valueOf(object, "status", "phase")
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

/** What a selector selects, as distinct labels. */
interface Selected {
  readonly workloads: ReadonlySet<Labels>
  /** The live CronJobs and pods, and then the others. */
  readonly live: ReadonlySet<Labels>
  readonly past: ReadonlySet<Labels>
}

/**
 * Reads the labels once for all of the selectors, which are compared in pairs. Others must not be asked about.
 * `passing`: the CronJobs and pods.
 */
export const selectedPods = (
  workloads: ReadonlyArray<KubernetesObject>,
  passing: ReadonlyArray<KubernetesObject>,
  selectors: ReadonlyArray<unknown>
): SelectedPods => {
  const keys = new Set(
    selectors.flatMap((each) => requirementsOf(each).flatMap(({ key }) => (key === undefined ? [] : [key])))
  )
  const labels = {
    workloads: distinctLabels(workloads, keys),
    live: distinctLabels(passing.filter(isLive), keys),
    past: distinctLabels(
      passing.filter((each) => !isLive(each)),
      keys
    )
  }
  const known = new Map<unknown, Selected>()
  const selectedBy = (selector: unknown): Selected => {
    const among = (all: ReadonlyArray<Labels>) => new Set(all.filter((each) => selects(each, selector)))
    const selected = known.get(selector) ?? {
      workloads: among(labels.workloads),
      live: among(labels.live),
      past: among(labels.past)
    }
    known.set(selector, selected)
    return selected
  }
  const share = (one: unknown, other: unknown, which: keyof Selected) =>
    !selectedBy(one)[which].isDisjointFrom(selectedBy(other)[which])
  const meet = (one: unknown, other: unknown) => share(one, other, "workloads") || share(one, other, "live")
  const hasWorkloads = (selector: unknown) => selectedBy(selector).workloads.size > 0
  return {
    meet,
    areApart: (one, other) =>
      hasWorkloads(one) && hasWorkloads(other) && !meet(one, other) && !share(one, other, "past")
  }
}
