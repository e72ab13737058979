/** When another object may have taken the place of an earlier one: the table is that of `Successors`. Pure. */

import { valueOf } from "../../changes/ObjectFields.ts"
import { kindOf } from "../../changes/Writers.ts"
import { valueAt } from "../../domain/FieldPath.ts"
import type { ObjectChange, WriterKind } from "../../domain/ObjectChange.ts"
import { sameRef } from "../../domain/Target.ts"
import { fromMillis, type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import type { PlanObjects } from "../Plan.ts"
import { letsNothing } from "./PolicyTraffic.ts"

/** How long a successor may have been there before its predecessor goes. */
const watchedMs = 7 * 24 * 3_600_000
/**
 * The part of that time of which the journal must know. It keeps the changes of the last week, and by now the change is
 * up to a day old: with the whole week, every object that Kubernaut has put back would ask.
 */
const knownMs = 6 * 24 * 3_600_000
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

/** A time at which an object may have taken the place of another one. */
export interface LateTime {
  readonly time: string
  /** What is of that time. `own`: our write, which stands for what others may have done before it. */
  readonly what: "created" | "changed" | "own"
}

const isOurs = ({ manager = "" }: Entry): boolean => kindOf(manager) === "kubernaut"

/** The times of entries. Those of ours are given only where they stand for others. */
const timesOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<LateTime> =>
  entries.flatMap((entry) =>
    entry.time === undefined ? [] : [{ time: entry.time, what: isOurs(entry) ? "own" : "changed" }]
  )

/** Autoscalers and other controllers write all the time, and our own writes are nobody's switch to a successor. */
const isSwitch = (kind: WriterKind): boolean => kind !== "controller" && kind !== "kubernaut"

/** The recorded changes of an object. */
const historyOf = (object: KubernetesObject, { history = [] }: PlanObjects): ReadonlyArray<ObjectChange> =>
  history.filter(({ ref }) => sameRef(ref, refOf(object)))

/** The changes that matter for the age of a successor are of this time or later. */
export const knownSince = ({ at }: ObjectChange): Timestamp => fromMillis(toMillis(at) - knownMs)

/**
 * Whether others may have changed an object since a time without a record: the records of that time are no longer kept,
 * too many to be read, or there were none yet. Other gaps hide no state that we put back: the list after them is
 * compared with the state before.
 */
const isUnrecorded = (object: KubernetesObject, sinceMs: number, { historyGaps = [] }: PlanObjects): boolean =>
  historyGaps.some(
    ({ from, kind, object: only = refOf(object), to }) =>
      from === null && kind === object.kind && sameRef(only, refOf(object)) && (to === null || toMillis(to) > sinceMs)
  )

/**
 * When the newest object of a name was created that we have not put back. An older one does not count: somebody else
 * has created what came after it. `undefined` if that is not recorded.
 */
const bornBefore = (changes: ReadonlyArray<ObjectChange>): Timestamp | undefined => {
  const isOfUs = ({ by, operation }: ObjectChange) => operation === "created" && by.kind === "kubernaut"
  const ours = new Set(changes.filter(isOfUs).map(({ uid }) => uid))
  const newest = changes
    .filter(({ operation, uid }) => operation !== "modified" && !ours.has(uid))
    .reduce<ObjectChange | undefined>((one, other) => (one !== undefined && one.id > other.id ? one : other), undefined)
  if (newest?.operation === "created") return newest.at
  const { creationTimestamp } = (newest?.manifest?.["metadata"] ?? {}) as { readonly creationTimestamp?: string }
  return creationTimestamp === undefined ? undefined : fromMillis(toMillis(creationTimestamp))
}

/**
 * When an object was created. One that we have put back since the change is as old as the one that we have put back;
 * where that is not recorded, it may be younger than the change.
 */
const createdAt = (object: KubernetesObject, { at }: ObjectChange, objects: PlanObjects): ReadonlyArray<LateTime> => {
  const { creationTimestamp: created, managedFields = [] } = object.metadata
  if (created === undefined) return []
  const makers = managedFields.filter(({ time }) => time !== undefined && toMillis(time) === toMillis(created))
  const isMadeByUs = makers.length > 0 && makers.every(isOurs)
  if (!isMadeByUs || toMillis(created) <= toMillis(at)) return [{ time: created, what: "created" }]
  const before = bornBefore(historyOf(object, objects))
  return before !== undefined && toMillis(before) < toMillis(created)
    ? [{ time: before, what: "created" }]
    : [{ time: created, what: "own" }]
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

/** When an object may have got what it claims with a change of its spec, of those changes that matter: since a time. */
const changedAt = (
  object: KubernetesObject,
  change: ObjectChange,
  objects: PlanObjects,
  sinceMs: number
): ReadonlyArray<LateTime> => {
  const { kind, metadata } = object
  if (!claiming.has(kind)) return []
  const ofSpec = (metadata.managedFields ?? []).filter(({ fieldsV1 = { "f:spec": {} } }) =>
    Object.hasOwn(fieldsV1, "f:spec")
  )
  const ours = ofSpec.filter(isOurs)
  const isKnown =
    historyOf(object, objects).some(({ by }) => by.kind !== "kubernaut") && !isUnrecorded(object, sinceMs, objects)
  const entries = [
    ...ofSpec.filter(({ manager = "" }) => isSwitch(kindOf(manager))),
    // We write it only to take a change back. The change before that one may be the switch, and where its record may be
    // missing, our write stands for it.
    ...(isKnown ? [] : ours),
    ...(ours.length > 0 ? keptSince(object, objects, ([first]) => first === "spec") : [])
  ]
  return timesOf(entries.filter((entry) => !isOfSameApply(entry, change)))
}

/**
 * When somebody may have set the size of a workload, of those times that matter: since a time. A release writes the
 * size together with the template, and its time says nothing about the size; the record of a change does.
 */
const sizedAt = (object: KubernetesObject, objects: PlanObjects, sinceMs: number): ReadonlyArray<LateTime> => {
  if (!isWorkload(object)) return []
  const isSize = (path: ReadonlyArray<unknown>) => sameJson(path, ["spec", "replicas"])
  const sized = (object.metadata.managedFields ?? []).filter((entry) => {
    const { fieldsV1 } = entry
    const spec = valueOf(fieldsV1, "f:spec")
    // What we write is no release. One entry has all of it, and one without fields may have the size as well.
    return isOurs(entry)
      ? fieldsV1 === undefined || valueOf(spec, "f:replicas") !== undefined
      : valueOf(spec, "f:replicas") !== undefined && valueOf(spec, "f:template") === undefined
  })
  const ours = sized.filter(isOurs)
  const recorded = (objects.later ?? []).filter(
    ({ by, fields, ref }) => isSwitch(by.kind) && sameRef(ref, refOf(object)) && fields.some(({ path }) => isSize(path))
  )
  return timesOf([
    ...sized.filter(({ manager = "" }) => isSwitch(kindOf(manager))),
    // As for a spec, our write stands for a change before it that may have no record.
    ...(isUnrecorded(object, sinceMs, objects) ? ours : []),
    ...(ours.length > 0 ? keptSince(object, objects, isSize) : []),
    ...recorded.map(({ at }) => ({ time: at }))
  ])
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
): ReadonlyArray<LateTime> => {
  const afterSetup = bornMs(earlier, objects) + setupMs + 1
  const sinceMs = (beforeMs: number) => Math.max(toMillis(change.at) - beforeMs, afterSetup)
  const since = (times: ReadonlyArray<LateTime>, beforeMs: number) =>
    times.filter(({ time }) => toMillis(time) >= sinceMs(beforeMs))
  const changed = (beforeMs: number) =>
    since(changedAt(other, change, objects, sinceMs(Math.min(beforeMs, knownMs))), beforeMs)
  const created = createdAt(other, change, objects)
  if (other.kind !== "NetworkPolicy")
    return [
      ...since(created, watchedMs),
      ...changed(watchedMs),
      ...since(sizedAt(other, objects, sinceMs(sizedMs)), sizedMs)
    ]
  if (change.operation !== "deleted") return [...since(created, stepsMs), ...changed(stepsMs)]
  return [
    // A protection may be watched for longer, and to open it is worse than to ask.
    ...since(created, Number.isFinite(afterSetup) ? Number.POSITIVE_INFINITY : watchedMs),
    ...changed(letsNothing(other) ? stepsMs : watchedMs)
  ]
}
