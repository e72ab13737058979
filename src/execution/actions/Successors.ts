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
 * has changed in both.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, labelsOf, listOf, selects, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { kindOf } from "../../changes/Writers.ts"
import type { ObjectChange, WriterKind } from "../../domain/ObjectChange.ts"
import { displayName, sameRef } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, hasLabels, type Kind } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { ordered } from "../../kubernetes/SpecDigest.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, type PlanRefusal, refuse, unreadAsk } from "../Plan.ts"
import { letsNothing, together } from "./PolicyTraffic.ts"
import { selectorOf } from "./ServicePods.ts"

/** How long a successor may have been there before its predecessor goes. */
const watchedMs = 7 * 24 * 3_600_000
/** How long before its predecessor loses its pods a successor may have been sized. */
const sizedMs = 24 * 3_600_000
/**
 * The objects of one setup are created within so long: one `apply` takes seconds. What was created minutes later may be
 * a successor as well as a companion, and in doubt a person is asked.
 */
const setupMs = 60_000
/** Within so long somebody tightens a policy in two steps: the narrower one first, and then the wide one. */
const stepsMs = 3_600_000
/** Two writes of one apply may be on both sides of a full second. */
const sameApplyMs = 1000

/** The kinds of which another one can be the successor of an object. */
const workloadKinds: ReadonlyArray<string> = ["Deployment", "StatefulSet", "DaemonSet"]
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

/** Those show pods, and so do these: a pod of an operator has no workload of a known kind. */
const withPods: ReadonlyArray<string> = [...workloadKinds, "CronJob", "Pod"]

/** The kinds that are about pods by a selector: what has pods shows whether two of them are about the same ones. */
const ofPods: ReadonlySet<string> = new Set(["PodDisruptionBudget", "NetworkPolicy"])

/** The kinds of the namespace among which a successor may be. */
export const successorKinds = (kind: string): ReadonlyArray<string> =>
  workloadKinds.includes(kind)
    ? [...workloadKinds, "Service"]
    : [...(ownKinds.has(kind) ? [kind] : []), ...(ofPods.has(kind) ? withPods : [])]

interface Successor {
  readonly object: KubernetesObject
  /** Whether both together let traffic through that the successor does not. */
  readonly letsMore: boolean
  /** When it may have taken the place. */
  readonly times: ReadonlyArray<string>
}

/** An object, and when it may have taken the place of another one. */
type Late = Omit<Successor, "letsMore">

const key = (...parts: ReadonlyArray<unknown>): string => JSON.stringify(parts.map(ordered))

/** The class of an Ingress, which older ones state by an annotation. */
const classOf = (object: KubernetesObject): string | undefined =>
  textOf(object, "spec", "ingressClassName")
  ?? labelsOf(object, "metadata", "annotations")?.["kubernetes.io/ingress.class"]

const hostsAndPaths = (object: KubernetesObject): ReadonlyArray<string> => {
  const canary = labelsOf(object, "metadata", "annotations")?.["nginx.ingress.kubernetes.io/canary"]
  if (object.kind === "Ingress")
    return canary === "true"
      ? []
      : listOf(object, "spec", "rules").flatMap((rule) =>
          listOf(rule, "http", "paths").map((path) =>
            key(classOf(object), textOf(rule, "host"), textOf(path, "path") ?? "/")
          )
        )
  const hosts = listOf(object, "spec", "hostnames")
  const gateways = listOf(object, "spec", "parentRefs").map((each) =>
    key(textOf(each, "name"), textOf(each, "sectionName"))
  )
  const matches = listOf(object, "spec", "rules").flatMap((rule) => {
    const all = listOf(rule, "matches")
    return all.length === 0 ? [{}] : all
  })
  return (hosts.length === 0 ? ["*"] : hosts).flatMap((host) =>
    gateways.flatMap((gateway) => matches.map((match) => key(host, gateway, match)))
  )
}

/** Some lines of a quota have two names. */
const lineOf = (line: string): string =>
  line.replace(/^requests\.(?=(cpu|memory|ephemeral-storage)$)/, "").replace(/^count\/(?=[a-z]+$)/, "")

/** What an object claims for itself, so that another one with the same claim is its rival. */
const claimsOf = (object: KubernetesObject): ReadonlyArray<string> => {
  switch (object.kind) {
    case "HorizontalPodAutoscaler": {
      const scaled = valueOf(object, "spec", "scaleTargetRef")
      return scaled === undefined ? [] : [key(textOf(scaled, "kind"), textOf(scaled, "name"))]
    }
    case "Ingress":
    case "HTTPRoute":
    case "GRPCRoute":
      return hostsAndPaths(object)
    case "ResourceQuota":
      return Object.keys(fieldsOf(valueOf(object, "spec", "hard"))).map((line) =>
        key(lineOf(line), valueOf(object, "spec", "scopes"), valueOf(object, "spec", "scopeSelector"))
      )
    case "LimitRange":
      return listOf(object, "spec", "limits").map((line) => key(textOf(line, "type")))
    case "CronJob": {
      const spec = valueOf(object, "spec", "jobTemplate", "spec", "template", "spec")
      const containers = listOf(spec, "containers").map((each) => [
        (textOf(each, "image") ?? "").replace(/[:@][^/]*$/, ""),
        valueOf(each, "command"),
        valueOf(each, "args")
      ])
      return [key(textOf(object, "spec", "schedule"), containers)]
    }
    default:
      return []
  }
}

/** These exclude each other however old they are. */
const exclusive: ReadonlySet<string> = new Set(["HorizontalPodAutoscaler", "PodDisruptionBudget"])

/** These may have claimed what was given up by a change of their own. */
const claiming: ReadonlySet<string> = new Set(["Ingress", "HTTPRoute", "GRPCRoute", "NetworkPolicy"])

const isWorkload = ({ kind }: KubernetesObject): boolean => workloadKinds.includes(kind)
const showsPods = ({ kind }: KubernetesObject): boolean => withPods.includes(kind)

type Entry = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]

/** Autoscalers and other controllers write all the time, and our own writes are nobody's switch to a successor. */
const isSwitch = (kind: WriterKind): boolean => kind !== "controller" && kind !== "kubernaut"

/** When an object was created. One that we have put back since the change was there before it. */
const createdAt = ({ metadata }: KubernetesObject, { at }: ObjectChange): ReadonlyArray<string> => {
  const { creationTimestamp: created, managedFields = [] } = metadata
  if (created === undefined) return []
  const makers = managedFields.filter(({ time }) => time !== undefined && toMillis(time) === toMillis(created))
  const isOurs = makers.length > 0 && makers.every(({ manager = "" }) => kindOf(manager) === "kubernaut")
  return isOurs && toMillis(created) > toMillis(at) ? [] : [created]
}

/** Whether an entry is of the same apply as the change. An update that only removes fields names nobody. */
const isOfSameApply = ({ manager, time = "" }: Entry, { at, by, operation }: ObjectChange): boolean =>
  operation === "modified"
  && (by.name === undefined || by.name === manager)
  && Math.abs(toMillis(time) - toMillis(at)) <= sameApplyMs

/** When an object may have got what it claims with a change of its spec. */
const changedAt = ({ kind, metadata }: KubernetesObject, change: ObjectChange): ReadonlyArray<string> =>
  claiming.has(kind)
    ? (metadata.managedFields ?? []).flatMap((entry) => {
        const { fieldsV1 = { "f:spec": {} }, manager = "", time } = entry
        return time === undefined
          || !Object.hasOwn(fieldsV1, "f:spec")
          || !isSwitch(kindOf(manager))
          || isOfSameApply(entry, change)
          ? []
          : [time]
      })
    : []

/**
 * When somebody may have set the size of a workload. A release writes the size together with the template, and its time
 * says nothing about the size; the record of a change does.
 */
const sizedAt = (object: KubernetesObject, { later = [] }: PlanObjects): ReadonlyArray<string> => {
  if (!isWorkload(object)) return []
  const scaled = (object.metadata.managedFields ?? []).flatMap(({ fieldsV1, manager = "", time }) => {
    const spec = valueOf(fieldsV1, "f:spec")
    const isSize = valueOf(spec, "f:replicas") !== undefined && valueOf(spec, "f:template") === undefined
    return time !== undefined && isSize && isSwitch(kindOf(manager)) ? [time] : []
  })
  const recorded = later.filter(
    ({ by, fields, ref }) =>
      isSwitch(by.kind)
      && sameRef(ref, refOf(object))
      && fields.some(({ path }) => sameJson(path, ["spec", "replicas"]))
  )
  return [...scaled, ...recorded.map(({ at }) => at)]
}

/** When the first object of its name was created, which others may have replaced since; -∞ if that is unknown. */
const bornMs = ({ metadata: { creationTimestamp } }: KubernetesObject, { bornAt }: PlanObjects): number => {
  const known = [creationTimestamp, bornAt].flatMap((time) => (time === undefined ? [] : [toMillis(time)]))
  return known.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...known)
}

/** When another object may have taken the place of the earlier one; none if it is a companion. */
const lateTimes = (
  other: KubernetesObject,
  change: ObjectChange,
  earlier: KubernetesObject,
  objects: PlanObjects
): ReadonlyArray<string> => {
  const afterSetup = bornMs(earlier, objects) + setupMs + 1
  const since = (times: ReadonlyArray<string>, beforeMs: number) =>
    times.filter((time) => toMillis(time) >= Math.max(toMillis(change.at) - beforeMs, afterSetup))
  const [created, changed] = [createdAt(other, change), changedAt(other, change)]
  if (other.kind !== "NetworkPolicy")
    return [...since([...created, ...changed], watchedMs), ...since(sizedAt(other, objects), sizedMs)]
  if (change.operation !== "deleted") return since([...created, ...changed], stepsMs)
  return [
    // A protection may be watched for longer, and to open it is worse than to ask.
    ...since(created, Number.isFinite(afterSetup) ? Number.POSITIVE_INFINITY : watchedMs),
    ...since(changed, letsNothing(other) ? stepsMs : watchedMs)
  ]
}

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

/** Whether two disruption budgets are about the same pods: by their selectors, or by a pod or workload of both. */
const protectsSame = (budget: KubernetesObject, other: KubernetesObject, { related }: PlanObjects): boolean =>
  sameJson(valueOf(budget, "spec", "selector"), valueOf(other, "spec", "selector"))
  || related.some((each) => {
    const labels = showsPods(each) ? podLabelsOf(each) : undefined
    return labels !== undefined && [budget, other].every((one) => selects(labels, one, "spec", "selector"))
  })

/** A policy with which more would be let through, or else one that says the same. */
const policyOf = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  others: ReadonlyArray<Late>,
  objects: PlanObjects
): Successor | undefined => {
  // One that cannot be read may be selected by both.
  const areRead = !withPods.some((kind) => isUnread(objects, kind as Kind))
  const workloads = areRead ? objects.related.filter(showsPods) : []
  const found = others.flatMap((late) => {
    const both = together(now, earlier, late.object, workloads)
    return both === undefined ? [] : [{ ...late, letsMore: both === "more" }]
  })
  return found.find(({ letsMore }) => letsMore) ?? found[0]
}

/** The one that has taken the place of what would be there again. `now` is `undefined` for an object that was deleted. */
const successorOf = (
  change: ObjectChange,
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  objects: PlanObjects
): Successor | undefined => {
  const others = objects.related
    .filter(
      (each) =>
        each.metadata.namespace === earlier.metadata.namespace
        && each.metadata.deletionTimestamp === undefined
        && controllerOf(each) === undefined
        && !sameRef(refOf(each), refOf(earlier))
    )
    .map((object): Late => ({ object, times: lateTimes(object, change, earlier, objects) }))
    .filter(({ object, times }) => exclusive.has(object.kind) || times.length > 0)
  const first = (isRival: (object: KubernetesObject) => boolean): Successor | undefined => {
    const found = others.find(({ object }) => isRival(object))
    return found && { ...found, letsMore: false }
  }
  if (isWorkload(earlier))
    return (now !== undefined && hasPods(now)) || !hasPods(earlier)
      ? undefined
      : first((each) => isWorkload(each) && hasPods(each) && standsInFor(earlier, each, objects))
  const isOfKind = ({ kind }: KubernetesObject) => kind === earlier.kind
  if (earlier.kind === "PodDisruptionBudget")
    return now !== undefined && sameJson(valueOf(now, "spec", "selector"), valueOf(earlier, "spec", "selector"))
      ? undefined
      : first((each) => isOfKind(each) && protectsSame(earlier, each, objects))
  if (earlier.kind === "NetworkPolicy")
    return policyOf(
      now,
      earlier,
      others.filter(({ object }) => isOfKind(object)),
      objects
    )
  const present = new Set(now === undefined ? [] : claimsOf(now))
  const again = new Set(claimsOf(earlier).filter((each) => !present.has(each)))
  return first((each) => isOfKind(each) && claimsOf(each).some((claim) => again.has(claim)))
}

/** Since when a successor may have been one, in words that are true of it. */
const sinceWhen = ({ object, times }: Successor, { at }: ObjectChange): string => {
  const { creationTimestamp: created } = object.metadata
  const isAfter = (time: string) => toMillis(time) > toMillis(at)
  const latest = times.reduce((one, other) => (toMillis(other) > toMillis(one) ? other : one))
  if (created !== undefined && times.includes(created))
    return isAfter(created) ? "was created later" : `has been beside it since ${created}`
  return isAfter(latest) ? "was changed later" : `was changed at ${latest}`
}

/** Why something has taken the place of what would be there again. */
export const successorObjections = (
  change: ObjectChange,
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  objects: PlanObjects
): PlanRefusal | ReadonlyArray<Ask> => {
  const name = displayName(change.ref)
  const successor = successorOf(change, now, earlier, objects)
  const unread = successorKinds(earlier.kind).filter((kind) => isUnread(objects, kind as Kind))
  if (successor === undefined)
    return now === undefined ? unread.map((kind) => unreadAsk(kind as Kind, `whether one has replaced ${name}`)) : []
  const other = displayName(refOf(successor.object))
  if (successor.letsMore)
    return [
      ask(
        "opens-network",
        `What ${name} was may let traffic through that ${other} does not. That one is about the same pods, and ${sinceWhen(successor, change)}, so having both needs an approval.`,
        { successor: other }
      )
    ]
  return earlier.kind === "HorizontalPodAutoscaler"
    ? refuse("autoscaler-owned", `${name} is not put back, because ${other} scales its workload now.`)
    : [
        ask("replaced", `${other} seems to have taken the place of ${name}, so having both needs an approval.`, {
          successor: other
        })
      ]
}
