/** When another object may have taken the place of an earlier one: the table is that of `Successors`. Pure. */

import { valueOf } from "../../changes/ObjectFields.ts"
import { kindOf } from "../../changes/Writers.ts"
import { valueAt } from "../../domain/FieldPath.ts"
import type { ObjectChange, WriterKind } from "../../domain/ObjectChange.ts"
import { sameRef } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { firstBornAt } from "../LaterChanges.ts"
import { refOf } from "../ObjectPatch.ts"
import type { PlanObjects } from "../Plan.ts"
import { letsNothing } from "./PolicyTraffic.ts"

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

export const workloadKinds: ReadonlyArray<string> = ["Deployment", "StatefulSet", "DaemonSet"]

export const isWorkload = ({ kind }: KubernetesObject): boolean => workloadKinds.includes(kind)

/** These may have claimed what was given up by a change of their own. */
const claiming: ReadonlySet<string> = new Set(["Ingress", "HTTPRoute", "GRPCRoute", "NetworkPolicy"])

type Entry = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]

/** Autoscalers and other controllers write all the time, and our own writes are nobody's switch to a successor. */
const isSwitch = (kind: WriterKind): boolean => kind !== "controller" && kind !== "kubernaut"

/** The recorded changes of an object. */
const historyOf = (object: KubernetesObject, { history = [] }: PlanObjects): ReadonlyArray<ObjectChange> =>
  history.filter(({ ref }) => sameRef(ref, refOf(object)))

/**
 * When an object was created. One that we have put back since the change is as old as the first of its name; where that
 * is not recorded, it may be younger than the change.
 */
export const createdAt = (object: KubernetesObject, { at }: ObjectChange, objects: PlanObjects): string | undefined => {
  const { creationTimestamp: created, managedFields = [] } = object.metadata
  if (created === undefined) return undefined
  const makers = managedFields.filter(({ time }) => time !== undefined && toMillis(time) === toMillis(created))
  const isOurs = makers.length > 0 && makers.every(({ manager = "" }) => kindOf(manager) === "kubernaut")
  if (!isOurs || toMillis(created) <= toMillis(at)) return created
  const [newest, ...others] = historyOf(object, objects).toSorted((one, other) => (one.id < other.id ? 1 : -1))
  const first = newest && firstBornAt(newest, others)
  return first !== undefined && toMillis(first) < toMillis(created) ? first : created
}

/** Whether an entry is of the same apply as the change. An update that only removes fields names nobody. */
const isOfSameApply = ({ manager, time = "" }: Entry, { at, by, operation }: ObjectChange): boolean =>
  operation === "modified"
  && (by.name === undefined || by.name === manager)
  && Math.abs(toMillis(time) - toMillis(at)) <= sameApplyMs

/**
 * When others have made the changes that an object still has, of some fields. A write of ours hides them: what it took
 * back is gone, and what was there before that is as it was.
 */
const keptSince = (
  object: KubernetesObject,
  objects: PlanObjects,
  isOf: (path: ReadonlyArray<unknown>) => boolean
): ReadonlyArray<Entry & { readonly time: string }> =>
  historyOf(object, objects).flatMap(({ at, by, fields, operation }) =>
    operation === "modified"
    && isSwitch(by.kind)
    && fields.some(({ after, path }) => isOf(path) && sameJson(valueAt(object, path), after))
      ? [{ ...(by.name === undefined ? {} : { manager: by.name }), time: at }]
      : []
  )

/** When an object may have got what it claims with a change of its spec. */
const changedAt = (object: KubernetesObject, change: ObjectChange, objects: PlanObjects): ReadonlyArray<string> => {
  const { kind, metadata } = object
  if (!claiming.has(kind)) return []
  const ofSpec = (metadata.managedFields ?? []).filter(({ fieldsV1 = { "f:spec": {} } }) =>
    Object.hasOwn(fieldsV1, "f:spec")
  )
  const ours = ofSpec.filter(({ manager = "" }) => kindOf(manager) === "kubernaut")
  const isKnown = historyOf(object, objects).some(({ by }) => by.kind !== "kubernaut")
  return [
    ...ofSpec.filter(({ manager = "" }) => isSwitch(kindOf(manager))),
    // We write it only to take a change back. Where that is not recorded, an earlier one may not be either.
    ...(isKnown ? [] : ours.filter(({ time }) => time !== metadata.creationTimestamp)),
    ...(ours.length > 0 ? keptSince(object, objects, ([first]) => first === "spec") : [])
  ].flatMap((entry) => (entry.time === undefined || isOfSameApply(entry, change) ? [] : [entry.time]))
}

/**
 * When somebody may have set the size of a workload. A release writes the size together with the template, and its time
 * says nothing about the size; the record of a change does.
 */
const sizedAt = (object: KubernetesObject, objects: PlanObjects): ReadonlyArray<string> => {
  if (!isWorkload(object)) return []
  const isSize = (path: ReadonlyArray<unknown>) => sameJson(path, ["spec", "replicas"])
  const sized = (object.metadata.managedFields ?? []).filter(({ fieldsV1 }) => {
    const spec = valueOf(fieldsV1, "f:spec")
    return valueOf(spec, "f:replicas") !== undefined && valueOf(spec, "f:template") === undefined
  })
  const isOurs = sized.some(({ manager = "" }) => kindOf(manager) === "kubernaut")
  const recorded = (objects.later ?? []).filter(
    ({ by, fields, ref }) => isSwitch(by.kind) && sameRef(ref, refOf(object)) && fields.some(({ path }) => isSize(path))
  )
  return [
    ...sized.flatMap(({ manager = "", time }) => (time !== undefined && isSwitch(kindOf(manager)) ? [time] : [])),
    ...recorded.map(({ at }) => at),
    ...(isOurs ? keptSince(object, objects, isSize).map(({ time }) => time) : [])
  ]
}

/** When the first object of its name was created, which others may have replaced since; -∞ if that is unknown. */
const bornMs = ({ metadata: { creationTimestamp } }: KubernetesObject, { bornAt }: PlanObjects): number => {
  const known = [creationTimestamp, bornAt].flatMap((time) => (time === undefined ? [] : [toMillis(time)]))
  return known.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...known)
}

/** When another object may have taken the place of the earlier one; none if it is a companion. */
export const lateTimes = (
  other: KubernetesObject,
  change: ObjectChange,
  earlier: KubernetesObject,
  objects: PlanObjects
): ReadonlyArray<string> => {
  const afterSetup = bornMs(earlier, objects) + setupMs + 1
  const since = (times: ReadonlyArray<string>, beforeMs: number) =>
    times.filter((time) => toMillis(time) >= Math.max(toMillis(change.at) - beforeMs, afterSetup))
  const born = createdAt(other, change, objects)
  const [created, changed] = [born === undefined ? [] : [born], changedAt(other, change, objects)]
  if (other.kind !== "NetworkPolicy")
    return [...since([...created, ...changed], watchedMs), ...since(sizedAt(other, objects), sizedMs)]
  if (change.operation !== "deleted") return since([...created, ...changed], stepsMs)
  return [
    // A protection may be watched for longer, and to open it is worse than to ask.
    ...since(created, Number.isFinite(afterSetup) ? Number.POSITIVE_INFINITY : watchedMs),
    ...since(changed, letsNothing(other) ? stepsMs : watchedMs)
  ]
}
