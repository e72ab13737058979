/**
 * What has replaced an object that would be created again, or a value that would be put back: somebody may have given
 * the object another name, and both together are more than either.
 *
 * | would be there again                   | and there is another one with                     | then                       |
 * | -------------------------------------- | ------------------------------------------------- | -------------------------- |
 * | a HorizontalPodAutoscaler              | the same workload                                 | refused `autoscaler-owned` |
 * | a PodDisruptionBudget                  | the same pods: both together let nobody evict one | asks `replaced`            |
 * | a host and path of an Ingress or route | the same host and path, created or changed lately | asks `replaced`            |
 * | a NetworkPolicy                        | the same traffic of the same pods: see below      | asks: see below            |
 * | a line of a ResourceQuota, LimitRange  | the same line, created lately                     | asks `replaced`            |
 * | a CronJob                              | the same schedule and containers, created lately  | asks `replaced`            |
 * | the pods of a workload that had none   | pods of the same Service or selector, lately; or  | asks `replaced`            |
 * |                                        | somebody has sized it lately                      |                            |
 *
 * Lately is after the object went, or in the week before that: a successor is watched before its predecessor goes. What
 * has been there for longer is a companion, such as a canary. So is what is as old as the object itself, to the minute:
 * both belong to one setup, and in a young namespace everything is young. One that was created again is as old as the
 * first of its name. A Service, a ConfigMap or an account of another name takes nothing away, so its predecessor is
 * created again.
 *
 * Policies add up, so a wide one opens what a narrower one has closed (`PolicyTraffic`). An undo asks `opens-network`
 * if it lets something through that the other may not, and `replaced` if both say the same. Which ones count:
 *
 * | the policy was | and the other one, about the same traffic        | then                                           |
 * | -------------- | ------------------------------------------------ | ---------------------------------------------- |
 * | deleted        | is younger, however long somebody has watched it | counts                                         |
 * | deleted        | is older, and was changed after it, or the week  | counts; if it lets nothing through now, only   |
 * |                | before                                           | where that was an hour before or later         |
 * | modified       | was created or changed after it, or the hour     | counts: a tightening may take two steps        |
 * |                | before                                           |                                                |
 * | modified       | is as it was before that                         | is a companion: the undo makes what was before |
 *
 * What Kubernaut or a controller has written is nobody's switch to a successor. Neither is what one and the same apply
 * has changed in both. What Kubernaut has put back since counts as it did before: as old as the one that it has put
 * back, and with the changes of others that it still has. Where the journal does not know that, it counts as new. The
 * journal must know of six days before the change, and of one day for a size: it keeps a week, and the change itself is
 * up to a day old.
 *
 * `SelectedPods` says which pods are the same. Where some of what has pods cannot be read, and the rest shows nothing
 * against the undo, it asks `unread` if another policy or budget counts that may be about the same pods. A budget
 * without a selector is about none.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { selects, valueOf } from "../../changes/ObjectFields.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName, sameRef } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, hasLabels, type Kind } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, type PlanRefusal, refuse, relatedOf, unreadAsk } from "../Plan.ts"
import { claimsOf } from "./Claims.ts"
import { type Effort, effortOf } from "./Effort.ts"
import { podAddresses, podSelectorsOf, podsOf, together } from "./PolicyTraffic.ts"
import { excludeEachOther, overlap, requirementsOf, type SelectedPods, selectedPods } from "./SelectedPods.ts"
import { selectorOf } from "./ServicePods.ts"
import { isWorkload, type LateTime, lateTimes, workloadKinds } from "./SuccessorAge.ts"

/** The kinds of which another one can be the successor of an object. */
const ownKinds: ReadonlySet<string> = new Set([
  "HorizontalPodAutoscaler",
  "PodDisruptionBudget",
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "NetworkPolicy",
  "ResourceQuota",
  "LimitRange",
  "CronJob"
])

/** The kinds that are about pods by a selector: what has pods shows whether two of them are about the same ones. */
const ofPods: ReadonlySet<string> = new Set(["PodDisruptionBudget", "NetworkPolicy"])

/** The kinds of the namespace among which a successor may be. */
export const successorKinds = (kind: string): ReadonlyArray<string> =>
  workloadKinds.includes(kind)
    ? [...workloadKinds, "Service"]
    : [...(ownKinds.has(kind) ? [kind] : []), ...(ofPods.has(kind) ? workloadKinds : [])]

/** The kinds of those that can be successors themselves. What only has pods is not asked for its age. */
export const rivalKinds = (kind: string): ReadonlyArray<string> =>
  workloadKinds.includes(kind) ? workloadKinds : ownKinds.has(kind) ? [kind] : []

/** What has pods that come and go. */
const podSources: ReadonlyArray<Kind> = ["CronJob", "Job", "Pod"]

/** What shows, beside workloads, whether two of a kind are about the same pods. It is read only beside another one. */
export const podKinds = (kind: string): ReadonlyArray<Kind> => (ofPods.has(kind) ? podSources : [])

interface Successor {
  readonly object: KubernetesObject
  /** Whether both together let traffic through that the successor does not. */
  readonly letsMore: boolean
  /** Whether both are shown to be about the same pods, and not only may be. */
  readonly meets: boolean
  /** When it may have taken the place. */
  readonly times: ReadonlyArray<LateTime>
}

/** An object, and when it may have taken the place of another one. */
type Late = Pick<Successor, "object" | "times">

/** These exclude each other however old they are. */
const exclusive: ReadonlySet<string> = new Set(["HorizontalPodAutoscaler", "PodDisruptionBudget"])

const hasPods = (workload: KubernetesObject): boolean => valueOf(workload, "spec", "replicas") !== 0

/** Whether two workloads stand behind the same Service, or one of them selects the pods of the other. */
const standsInFor = (workload: KubernetesObject, other: KubernetesObject, { related }: PlanObjects): boolean => {
  const [labels, others] = [podLabelsOf(workload), podLabelsOf(other)]
  if (labels === undefined || others === undefined) return false
  const services = related.flatMap((each) => (each.kind === "Service" ? [selectorOf(each)] : []))
  return (
    services.some((selector) => selector !== undefined && hasLabels(labels, selector) && hasLabels(others, selector))
    || selects(others, workload, "spec", "selector")
    || selects(labels, other, "spec", "selector")
  )
}

/** The pods of the namespace, as the selectors of some objects see them. */
const selectedIn = ({ related }: PlanObjects, selectors: ReadonlyArray<unknown>, effort: Effort): SelectedPods =>
  selectedPods(
    related.filter(isWorkload),
    related.filter(({ kind }) => podSources.includes(kind as Kind)),
    selectors,
    effort
  )

/** Which pods a policy or budget is about; `undefined` for none: an empty selector of a budget selects all of them. */
const selectorIn = (object: KubernetesObject): unknown =>
  object.kind === "NetworkPolicy" ? podsOf(object) : valueOf(object, "spec", "selector")

/** A disruption budget of the same pods: by its selector, or by a workload, CronJob, Job or live pod of both. */
const budgetOf = (
  earlier: KubernetesObject,
  others: ReadonlyArray<Late>,
  objects: PlanObjects
): Successor | undefined => {
  const own = selectorIn(earlier)
  const selected = selectedIn(objects, [own, ...others.map(({ object }) => selectorIn(object))], effortOf())
  const found = others.find(({ object }) => {
    const selector = selectorIn(object)
    return own !== undefined && (sameJson(own, selector) || selected.meet(own, selector) !== false)
  })
  return found && { ...found, letsMore: false, meets: true }
}

/** A policy with which more would be let through, or else one that says the same, as far as pods are known. */
const policyOf = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  others: ReadonlyArray<Late>,
  objects: PlanObjects
): Successor | undefined => {
  const [own, effort] = [podsOf(earlier), effortOf()]
  const selected = selectedIn(objects, [earlier, ...others.map(({ object }) => object)].flatMap(podSelectorsOf), effort)
  const withOther = together(now, earlier, { selected, addresses: podAddresses(relatedOf(objects, "Pod")), effort })
  let found: { readonly late: Late; readonly letsMore: boolean } | undefined
  for (const late of others) {
    const both = withOther(late.object)
    if (both !== undefined) found ??= { late, letsMore: both === "more" }
    if (both === "more") {
      found = { late, letsMore: true }
      break
    }
  }
  if (found === undefined) return undefined
  const pods = podsOf(found.late.object)
  return { ...found.late, letsMore: found.letsMore, meets: overlap(own, pods) || selected.meet(own, pods) === true }
}

/** The objects that may have taken the place of the earlier one, as far as their age says. */
const lateOnes = (change: ObjectChange, earlier: KubernetesObject, objects: PlanObjects): ReadonlyArray<Late> =>
  objects.related
    .filter(
      (each) =>
        each.metadata.namespace === earlier.metadata.namespace
        && each.metadata.deletionTimestamp === undefined
        && controllerOf(each) === undefined
        && !sameRef(refOf(each), refOf(earlier))
    )
    .map((object): Late => ({ object, times: lateTimes(object, change, earlier, objects) }))
    .filter(({ object, times }) => exclusive.has(object.kind) || times.length > 0)

/** The one that has taken the place of what would be there again. `now` is `undefined` for an object that was deleted. */
const successorOf = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  others: ReadonlyArray<Late>,
  objects: PlanObjects
): Successor | undefined => {
  const first = (isRival: (object: KubernetesObject) => boolean): Successor | undefined => {
    const found = others.find(({ object }) => isRival(object))
    return found && { ...found, letsMore: false, meets: true }
  }
  if (isWorkload(earlier))
    return (now !== undefined && hasPods(now)) || !hasPods(earlier)
      ? undefined
      : first((each) => isWorkload(each) && hasPods(each) && standsInFor(earlier, each, objects))
  const ofKind = others.filter(({ object }) => object.kind === earlier.kind)
  if (earlier.kind === "PodDisruptionBudget")
    return now !== undefined && sameJson(selectorIn(now), selectorIn(earlier))
      ? undefined
      : budgetOf(earlier, ofKind, objects)
  if (earlier.kind === "NetworkPolicy") return policyOf(now, earlier, ofKind, objects)
  const present = new Set(now === undefined ? [] : claimsOf(now))
  const again = new Set(claimsOf(earlier).filter((each) => !present.has(each)))
  return first((each) => each.kind === earlier.kind && claimsOf(each).some((claim) => again.has(claim)))
}

/** Whether nobody is known to have made or changed a successor: only we have, in place of others that may have. */
const isOwnOnly = ({ times }: Successor): boolean => times.length > 0 && times.every(({ what }) => what === "own")

/** Since when a successor may have been one, in words that are true of it. */
const sinceWhen = (successor: Successor, { at }: ObjectChange): string => {
  const { object, times } = successor
  if (isOwnOnly(successor))
    return `was put back ${isWorkload(object) ? "or scaled " : ""}by Kubernaut, which may have no record of who created or changed it before`
  const isAfter = (time: string) => toMillis(time) > toMillis(at)
  const created = times.find(({ what }) => what === "created")?.time
  if (created !== undefined) return isAfter(created) ? "was created later" : `has been beside it since ${created}`
  const changed = times.flatMap(({ time, what }) => (what === "changed" ? [time] : []))
  const latest = changed.reduce((one, other) => (toMillis(other) > toMillis(one) ? other : one))
  return isAfter(latest) ? "was changed later" : `was changed at ${latest}`
}

/** The most that another policy or budget may be to the earlier one, whatever pods there are. */
const atMost = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject
): ((other: KubernetesObject) => "the same" | "more" | undefined) => {
  const effort = effortOf()
  if (earlier.kind === "NetworkPolicy")
    return together(now, earlier, { selected: undefined, addresses: new Set(), effort })
  const own = selectorIn(earlier)
  const required = requirementsOf(own)
  return (other) => {
    const theirs = selectorIn(other)
    const mayMeet =
      now === undefined
      && own !== undefined
      && theirs !== undefined
      && !excludeEachOther(required, requirementsOf(theirs), effort)
    return mayMeet ? "the same" : undefined
  }
}

/**
 * What is not known about successors, beside the one that was found. What has pods says something only where another
 * one may be about the same pods.
 */
const unreadAsks = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  others: ReadonlyArray<Late>,
  found: Successor | undefined,
  objects: PlanObjects
): ReadonlyArray<Ask> => {
  const [{ kind }, name] = [earlier, displayName(refOf(earlier))]
  const unread = (kinds: ReadonlyArray<string>) => kinds.filter((each): each is Kind => isUnread(objects, each as Kind))
  const rivals =
    now === undefined && found === undefined ? unread(ofPods.has(kind) ? [kind] : successorKinds(kind)) : []
  const asks = rivals.map((each) => unreadAsk(each, `whether one has replaced ${name}`))
  const [workloads, pods] = ofPods.has(kind) ? [unread(workloadKinds), unread(podKinds(kind))] : [[], []]
  if (workloads.length + pods.length === 0) return asks
  const most = atMost(now, earlier)
  const isInDoubt = others.some(({ object }) => {
    const both = object.kind === kind ? most(object) : undefined
    return both === "more" || (both === "the same" && found === undefined)
  })
  if (!isInDoubt) return asks
  const about = `whether another ${kind} has to do with the pods of ${name}`
  return [
    ...asks,
    ...workloads.map((each) => unreadAsk(each, about)),
    ...pods.map((each) =>
      ask("unread", `Kubernaut could not read ${each} objects, so what they say about ${about} is unknown.`, {
        kind: each
      })
    )
  ]
}

/** Why something has taken the place of what would be there again. */
export const successorObjections = (
  change: ObjectChange,
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  objects: PlanObjects
): PlanRefusal | ReadonlyArray<Ask> => {
  const name = displayName(change.ref)
  const others = lateOnes(change, earlier, objects)
  const successor = successorOf(now, earlier, others, objects)
  if (successor === undefined) return unreadAsks(now, earlier, others, undefined, objects)
  const other = displayName(refOf(successor.object))
  if (successor.letsMore)
    return [
      ask(
        "opens-network",
        `What ${name} was may let traffic through that ${other} does not. That one ${successor.meets ? "is" : "may be"} about the same pods, and ${sinceWhen(successor, change)}, so having both needs an approval.`,
        { successor: other }
      )
    ]
  return earlier.kind === "HorizontalPodAutoscaler"
    ? refuse("autoscaler-owned", `${name} is not put back, because ${other} scales its workload now.`)
    : [
        ask(
          "replaced",
          `${other} ${isOwnOnly(successor) ? `may have taken the place of ${name}, and ${sinceWhen(successor, change)}` : `seems to have taken the place of ${name}`}, so having both needs an approval.`,
          { successor: other }
        ),
        ...unreadAsks(now, earlier, others, successor, objects)
      ]
}
