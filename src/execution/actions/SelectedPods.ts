/**
 * Whether two selectors select the same pods of a namespace. Pure.
 *
 * | two selectors | is shown by                                                                                 |
 * | ------------- | ------------------------------------------------------------------------------------------- |
 * | meet          | a workload that both select, or a live CronJob, Job or pod                                  |
 * | are apart     | no value of one label that satisfies both; or that each selects workloads, and no workload, |
 * |               | CronJob, Job or pod is selected by both, with all of those known                            |
 *
 * Workloads are Deployments, StatefulSets and DaemonSets: their pods stay. CronJobs, Jobs and pods come and go. That
 * none is of both now says nothing about the next ones, so one that a single selector selects never shows that the two
 * are apart. What has ended or is being deleted is no reason to say that two meet, but one of both shows that such pods
 * come. A Job that has ended counts for nothing, and its pods as others do. One that is held back has its pods to
 * come.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, selects, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { Labels } from "../../kubernetes/ObjectModel.ts"
import { textOfJson } from "../../kubernetes/SpecDigest.ts"
import type { Effort } from "./Effort.ts"

/** What a selector requires of one label. */
interface Requirement {
  readonly key: string | undefined
  readonly operator: string | undefined
  readonly values: ReadonlyArray<unknown>
}

/** What a selector requires. */
export interface Requirements {
  readonly each: ReadonlyArray<Requirement>
  /** How many values it has, which is how long a comparison with one value takes. */
  readonly size: number
}

const listed = (selector: unknown): ReadonlyArray<Requirement> => [
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

export const requirementsOf = (selector: unknown): Requirements => {
  const each = listed(selector)
  return {
    each,
    size: Math.max(
      each.reduce((sum, { values }) => sum + Math.max(values.length, 1), 0),
      1
    )
  }
}

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

/** Whether no labels at all satisfy both selectors. Where that takes too long, they may. */
export const excludeEachOther = (one: Requirements, other: Requirements, effort: Effort): boolean =>
  effort.take(one.size * other.size)
  && one.each.some((each) => other.each.some((their) => contradicts(each, their) || contradicts(their, each)))

/** Whether whatever satisfies the one selector surely satisfies the other. */
const implies = (one: unknown, other: unknown): boolean => {
  const required = new Set(listed(one).map(textOfJson))
  return listed(other).every((each) => required.has(textOfJson(each)))
}

/** Whether one of two selectors selects nothing that the other does not, by what they say. */
export const overlap = (one: unknown, other: unknown): boolean => implies(one, other) || implies(other, one)

/** The workloads, CronJobs, Jobs and pods of one namespace, as selectors see them. */
export interface SelectedPods {
  /** Whether a workload, or a live CronJob, Job or pod, is selected by both. `undefined`: to find out takes too long. */
  readonly meet: (one: unknown, other: unknown) => boolean | undefined
  /**
   * Whether each selects workloads, and no workload, CronJob, Job or pod is selected by both, not even one that has
   * ended. Where that takes too long, they are not.
   */
  readonly areApart: (one: unknown, other: unknown) => boolean
}

/** Whether a CronJob, Job or pod has neither ended nor is being deleted. */
const isLive = ({ metadata, ...object }: KubernetesObject): boolean => {
  const phase = valueOf(object, "status", "phase")
  return metadata.deletionTimestamp === undefined && phase !== "Succeeded" && phase !== "Failed"
}

/** Whether a Job will have no more pods. */
const hasEnded = (object: KubernetesObject): boolean =>
  object.kind === "Job"
  && listOf(object, "status", "conditions").some(
    (each) => ["Complete", "Failed"].includes(textOf(each, "type") ?? "") && textOf(each, "status") === "True"
  )

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
  /** The live CronJobs, Jobs and pods, and then the others. */
  readonly live: ReadonlySet<Labels>
  readonly past: ReadonlySet<Labels>
}

const sizeOf = ({ live, past, workloads }: Selected): number => workloads.size + live.size + past.size

const share =
  (which: keyof Selected) =>
  (one: Selected, other: Selected): boolean =>
    !one[which].isDisjointFrom(other[which])

const meet = (one: Selected, other: Selected): boolean => share("workloads")(one, other) || share("live")(one, other)

/**
 * Reads the labels once for all of the selectors, which are compared in pairs. Others must not be asked about.
 * `passing`: the CronJobs, Jobs and pods.
 */
export const selectedPods = (
  workloads: ReadonlyArray<KubernetesObject>,
  passing: ReadonlyArray<KubernetesObject>,
  selectors: ReadonlyArray<unknown>,
  effort: Effort
): SelectedPods => {
  const keys = new Set(selectors.flatMap((each) => listed(each).flatMap(({ key }) => (key === undefined ? [] : [key]))))
  const coming = passing.filter((each) => !hasEnded(each))
  const labels = {
    workloads: distinctLabels(workloads, keys),
    live: distinctLabels(coming.filter(isLive), keys),
    past: distinctLabels(
      coming.filter((each) => !isLive(each)),
      keys
    )
  }
  const count = labels.workloads.length + labels.live.length + labels.past.length
  const known = new Map<unknown, Selected | undefined>()
  const read = (selector: unknown): Selected | undefined => {
    if (!effort.take(count * requirementsOf(selector).size)) return undefined
    const among = (all: ReadonlyArray<Labels>) => new Set(all.filter((each) => selects(each, selector)))
    return { workloads: among(labels.workloads), live: among(labels.live), past: among(labels.past) }
  }
  const selectedBy = (selector: unknown): Selected | undefined => {
    if (!known.has(selector)) known.set(selector, read(selector))
    return known.get(selector)
  }
  /** The two as they select; `undefined` if to find out takes too long. */
  const both = (one: unknown, other: unknown): readonly [Selected, Selected] | undefined => {
    const [first, second] = [selectedBy(one), selectedBy(other)]
    return first !== undefined && second !== undefined && effort.take(Math.min(sizeOf(first), sizeOf(second)))
      ? [first, second]
      : undefined
  }
  return {
    meet: (one, other) => {
      const found = both(one, other)
      return found && meet(...found)
    },
    areApart: (one, other) => {
      const found = both(one, other)
      return found?.every(({ workloads: own }) => own.size > 0) === true && !meet(...found) && !share("past")(...found)
    }
  }
}
