/**
 * Two states of an object as one recorded change; `undefined` where nothing differs but noise. Pure.
 */

import { differences, type FieldDifference, type FieldPath } from "../domain/FieldPath.ts"
import type { ChangeId, ObjectChange, Writer } from "../domain/ObjectChange.ts"
import { fromMillis, type Timestamp, toMillis } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { controllerOf } from "../kubernetes/ObjectModel.ts"
import { aheadMs } from "./ClockLead.ts"
import { entryOf, kindOf, writerOf } from "./Writers.ts"

/** What a change is made from. */
export interface States {
  /** Without noise (`Noise.significant`). Absent: it did not exist. */
  readonly before: KubernetesObject | undefined
  /** Likewise, after. Absent: it was deleted. */
  readonly after: KubernetesObject | undefined
  /** The object with everything that the API server reports. For a deletion: its last state, if it is known. */
  readonly raw: KubernetesObject
  readonly seenAt: Timestamp
  /** The time up to which everything was seen, for an event of a gap. Absent: the event has just happened. */
  readonly notBefore?: Timestamp | undefined
  /** Whether this service has deleted the object. */
  readonly ownDeletion?: boolean
  /**
   * Whether this service has written the object since. It tells who removed a field, of which the API server names
   * nobody.
   */
  readonly ownWrite?: boolean
  /** The last execution of ours that wrote the object. */
  readonly execution?: string | undefined
  /** How far the clock of the API server is ahead of ours. Default: it is not. */
  readonly leadMs?: number | undefined
  readonly id: ChangeId
}

/** How much older than its event a write may be that the API server dates, while nothing stands in between. */
const delayMs = 60_000

/** When the API server says that it happened; `undefined` if that cannot be the time of this change. */
const dated = ({ notBefore, seenAt }: States, time: string | undefined): Timestamp | undefined => {
  const atMs = Date.parse(time ?? "")
  if (Number.isNaN(atMs)) return undefined
  const seenMs = toMillis(seenAt)
  const earliestMs = (notBefore === undefined ? seenMs : toMillis(notBefore)) - delayMs
  return atMs >= earliestMs && atMs <= seenMs + aheadMs ? fromMillis(atMs) : undefined
}

/**
 * When it happened by the clock of the API server, where ours has not got there yet. What is not dated happened at the
 * latest when it was seen.
 */
const ahead = ({ leadMs, notBefore, seenAt }: States, time: string | undefined, isDated: boolean) => {
  const [atMs, seenMs] = [Date.parse(time ?? ""), toMillis(seenAt)]
  if (atMs > seenMs + aheadMs) return fromMillis(atMs)
  return isDated || leadMs === undefined || notBefore !== undefined ? undefined : fromMillis(seenMs + leadMs)
}

/** The keys of a Secret without their digests, which mean nothing to anybody. */
const withoutValues = ({ path }: FieldDifference): FieldDifference => ({ path })

/** The values that an earlier process knew are not known: that they differ says nothing. */
const unsealed = (value: unknown): boolean => value === ""

const isSecretValue = ([first, second]: FieldPath): boolean =>
  first === "data" || (first === "metadata" && second === "annotations")

const ofSecret = (found: ReadonlyArray<FieldDifference>): ReadonlyArray<FieldDifference> => {
  const known = found.filter(({ before, path }) => !(isSecretValue(path) && unsealed(before)))
  // After a restart: something in it has changed, and nobody knows which keys.
  if (known.length === 0 && found.length > 0) return [{ path: ["data"] }]
  return known.map((each) => (isSecretValue(each.path) ? withoutValues(each) : each))
}

/** The scaling of a workload by an autoscaler: its controller writes the subresource `scale`. */
const isScaling = (raw: KubernetesObject, { path }: FieldDifference): boolean => {
  if (path.length !== 2 || path[0] !== "spec" || path[1] !== "replicas") return false
  const entry = entryOf(raw, [path])
  return entry?.subresource === "scale" && kindOf(entry.manager ?? "") === "controller"
}

const assigned: Readonly<Record<string, ReadonlyArray<string>>> = {
  Service: ["clusterIP", "clusterIPs", "healthCheckNodePort"],
  Job: ["selector"]
}

/** The object for people, and to create it again: without its uid and without what the cluster assigned. */
export const manifestOf = (object: KubernetesObject): ObjectChange["manifest"] => {
  if (object.kind === "Secret") return undefined
  const { deletionTimestamp: _ending, resourceVersion: _version, uid: _uid, ...metadata } = object.metadata
  const spec = object["spec"] as Readonly<Record<string, unknown>> | undefined
  const dropped = spec?.["clusterIP"] === "None" ? [] : (assigned[object.kind] ?? [])
  return {
    ...object,
    metadata,
    ...(spec === undefined
      ? {}
      : { spec: Object.fromEntries(Object.entries(spec).filter(([name]) => !dropped.includes(name))) })
  } as unknown as NonNullable<ObjectChange["manifest"]>
}

/**
 * The manifest of a deleted object, with the names of the GitOps controllers that have written it: some of them leave
 * no label or annotation of their own, and the noise that is stripped includes who wrote what. It also keeps when the
 * object was created, which tells its successor from its companions.
 */
const deletedManifest = (object: KubernetesObject, { metadata }: KubernetesObject): ObjectChange["manifest"] => {
  const { creationTimestamp } = metadata
  const names = (metadata.managedFields ?? []).flatMap(({ manager = "" }) =>
    kindOf(manager) === "gitops" ? [manager] : []
  )
  const managedFields = [...new Set(names)].map((manager) => ({ manager }))
  return manifestOf({
    ...object,
    metadata: {
      ...object.metadata,
      ...(managedFields.length === 0 ? {} : { managedFields }),
      ...(typeof creationTimestamp === "string" ? { creationTimestamp } : {})
    }
  })
}

/** Who deleted an object is not recorded by the API server. Its owner, or we, may have. */
const deleterOf = ({ ownDeletion, raw }: States): Writer => {
  if (ownDeletion === true) return { kind: "kubernaut", name: "kubernaut" }
  const owner = controllerOf(raw)
  return owner === undefined ? { kind: "unknown" } : { kind: "controller", name: `${owner.kind} ${owner.name}` }
}

/** Where the API server names nobody, the mark that our writes leave does. */
const changerOf = ({ ownWrite, raw }: States, entry: ReturnType<typeof entryOf>): Writer => {
  const writer = writerOf(raw, entry)
  return ownWrite === true && writer.kind === "unknown" && writer.name === undefined
    ? { kind: "kubernaut", name: "kubernaut" }
    : writer
}

/** The change between two states. */
export const changeOf = (states: States): ObjectChange | undefined => {
  const { after, before, id, notBefore, raw, seenAt } = states
  const known = after ?? before
  if (known === undefined) return undefined
  const { name, namespace = "", uid } = known.metadata
  const operation = before === undefined ? "created" : after === undefined ? "deleted" : "modified"
  const found = operation === "modified" ? differences(comparable(before!), comparable(after!)) : []
  const fields = (known.kind === "Secret" ? ofSecret(found) : found).filter((each) => !isScaling(raw, each))
  if (operation === "modified" && fields.length === 0) return undefined
  const entry =
    operation === "deleted"
      ? undefined
      : entryOf(
          raw,
          fields.map(({ path }) => path)
        )
  const stated = operation === "created" ? (raw.metadata.creationTimestamp ?? entry?.time) : entry?.time
  const at = dated(states, stated)
  const statedAt = ahead(states, stated, at !== undefined)
  const by = operation === "deleted" ? deleterOf(states) : changerOf(states, entry)
  const execution = operation !== "deleted" && by.kind === "kubernaut" ? states.execution : undefined
  const manifest =
    operation === "modified" ? undefined : operation === "created" ? manifestOf(known) : deletedManifest(known, raw)
  return {
    id,
    ref: { namespace, kind: known.kind, name },
    uid,
    operation,
    fields,
    ...(manifest === undefined ? {} : { manifest }),
    at: at ?? seenAt,
    seenAt,
    ...(statedAt === undefined ? {} : { statedAt }),
    ...(notBefore === undefined || notBefore > seenAt ? {} : { notBefore }),
    by,
    ...(execution === undefined ? {} : { execution }),
    resourceVersion: raw.metadata.resourceVersion
  }
}

/** The uid and the version say which object and state it is; they are not part of what changed. */
const comparable = (object: KubernetesObject): unknown => {
  const { resourceVersion: _version, uid: _uid, ...metadata } = object.metadata
  return { ...object, metadata }
}
