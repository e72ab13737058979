/**
 * What is known of every watched object, and the changes that its events make. In memory: what is not stored yet waits
 * here, in order.
 *
 * The last state of an object is kept as JSON text, because ten thousand parsed objects take several times the room.
 */

import { JsonPointer } from "effect"
import type { Change } from "../domain/Change.ts"
import type { ChangeId, ObjectChange } from "../domain/ObjectChange.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesObject, WatchEvent } from "../kubernetes/KubernetesClient.ts"
import { controllerOf } from "../kubernetes/ObjectModel.ts"
import type { Snapshot, StoredEvent } from "../storage/ChangeStore.ts"
import { changeOf } from "./ChangeOf.ts"
import { type ClockLead, leadAfter } from "./ClockLead.ts"
import { significant } from "./Noise.ts"

interface Known {
  readonly uid: string
  readonly resourceVersion: string
  readonly text: string
  /** The last execution of ours that wrote it; `null`: that is not known, since an earlier process saw it. */
  readonly execution: string | null | undefined
}

/** Every write of ours sets it, and nobody else does. */
const executionAnnotation = "kubernaut.dev/execution"
const executionOf = ({ metadata }: KubernetesObject): string | undefined => metadata.annotations?.[executionAnnotation]

/** The execution that signs a patch; `undefined` if it is not signed. */
export const signedBy = (change: Change): string | undefined => {
  if (change._tag !== "Patch") return undefined
  const key = `/metadata/annotations/${JsonPointer.escapeToken(executionAnnotation)}`
  const found = change.patch.flatMap((operation): ReadonlyArray<unknown> => {
    if (!("value" in operation)) return []
    if (operation.path === key) return [operation.value]
    const { path, value } = operation
    const annotations = path === "/metadata" ? (value as { readonly annotations?: unknown }).annotations : value
    return path === "/metadata" || path === "/metadata/annotations"
      ? [(annotations as Readonly<Record<string, unknown>> | null | undefined)?.[executionAnnotation]]
      : []
  })
  return found.find((each): each is string => typeof each === "string")
}

/** How an event is to be understood. */
export interface Circumstances {
  readonly seenAt: Timestamp
  /** The event is one of a gap that begins here. */
  readonly notBefore?: Timestamp | undefined
  /** Nothing was known of the kind before: that an object exists is no change. */
  readonly isFirst: boolean
}

const keyOf = (namespace: string, name: string): string => `${namespace}/${name}`

const refOf = ({ kind, metadata: { name, namespace = "" } }: KubernetesObject): ResourceRef => ({
  namespace,
  kind,
  name
})

const blank = (values: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys((values ?? {}) as object).map((name) => [name, ""]))

/** A Secret with neither values nor digests; any other object as it is. */
const withoutDigests = (object: KubernetesObject): KubernetesObject =>
  object.kind !== "Secret"
    ? object
    : {
        ...object,
        metadata: {
          ...object.metadata,
          ...(object.metadata.annotations === undefined ? {} : { annotations: blank(object.metadata.annotations) })
        },
        ...(object["data"] === undefined ? {} : { data: blank(object["data"]) })
      }

const markOf = (uid: string | undefined, execution: string): string => `${uid} ${execution}`

/** What is remembered of our own writes, while their events are on their way. */
const mostRemembered = 1000

const remember = (known: Set<string>, value: string): void => {
  known.add(value)
  if (known.size > mostRemembered) known.delete(known.values().next().value!)
}

export class Recorder {
  private readonly kinds = new Map<string, Map<string, Known>>()
  private readonly nextId: () => ChangeId
  private waiting: Array<StoredEvent> = []
  /** The uids of objects that this service has deleted lately. */
  private readonly ownDeletions = new Set<string>()
  /** The marks of executions that were seen lately, each on its object. */
  private readonly marks = new Set<string>()
  /** The executions that this process has written lately. */
  private readonly ownExecutions = new Set<string>()
  private lead: ClockLead | undefined

  constructor(nextId: () => ChangeId) {
    this.nextId = nextId
  }

  private of(kind: string): Map<string, Known> {
    let known = this.kinds.get(kind)
    if (known === undefined) this.kinds.set(kind, (known = new Map()))
    return known
  }

  /** Takes over what an earlier process knew. */
  load(snapshots: ReadonlyArray<Snapshot>): void {
    for (const { ref, resourceVersion, text, uid } of snapshots)
      this.of(ref.kind).set(keyOf(ref.namespace, ref.name), {
        uid,
        resourceVersion,
        text,
        execution: null
      })
  }

  /** Notes that this service is about to delete an object. */
  noteDeletion(uid: string): void {
    remember(this.ownDeletions, uid)
  }

  /** Notes that this service is about to write an object by this execution. */
  noteWrite(execution: string): void {
    remember(this.ownExecutions, execution)
  }

  private isOwnWrite(execution: string | undefined, before: Known | undefined): boolean {
    if (execution === undefined) return false
    // The events of an object arrive in their order, so the first one with an execution of this process is its write.
    if (before?.execution === null) return this.ownExecutions.has(execution)
    // Anybody may bring an earlier mark back, by a replacement from a backup.
    return execution !== before?.execution && !this.marks.has(markOf(before?.uid, execution))
  }

  /** Notes that the deletion was refused, so a later one is somebody else's. */
  forgetDeletion(uid: string): void {
    this.ownDeletions.delete(uid)
  }

  /** The uids of the known objects of a kind, by the keys of `listed`. */
  uidsOf(kind: string): ReadonlyMap<string, string> {
    return new Map([...(this.kinds.get(kind) ?? [])].map(([key, { uid }]) => [key, uid]))
  }

  present({ kind, name, namespace }: ResourceRef): KubernetesObject | undefined {
    const known = this.kinds.get(kind)?.get(keyOf(namespace, name))
    return known === undefined ? undefined : withoutDigests(this.parsed(known))
  }

  private parsed({ resourceVersion, text }: Known): KubernetesObject {
    const object = JSON.parse(text) as KubernetesObject
    return { ...object, metadata: { ...object.metadata, resourceVersion } }
  }

  observe({ object, type }: WatchEvent, circumstances: Circumstances): void {
    this.lead = leadAfter(this.lead, object, circumstances.seenAt)
    const { name, namespace = "" } = object.metadata
    const known = this.of(object.kind)
    const key = keyOf(namespace, name)
    const before = known.get(key)
    const { resourceVersion, uid } = object.metadata
    const after = type === "DELETED" ? undefined : significant(object)
    const isReplaced = before !== undefined && before.uid !== uid
    if (type === "DELETED" || (after === undefined && isReplaced)) {
      if (before === undefined) return
      known.delete(key)
      // A controller deletes what it has taken over, as it deletes what it makes.
      const isTakenOver = controllerOf(object) !== undefined && significant(object) === undefined
      this.waiting.push(
        isTakenOver ? { ref: refOf(object), snapshot: undefined } : this.removed(before, object, circumstances)
      )
      return
    }
    const execution = executionOf(object)
    const ownWrite = this.isOwnWrite(execution, before)
    if (execution !== undefined) remember(this.marks, markOf(uid, execution))
    // What has become noise may count later. Then it is compared with the last state that counted.
    if (after === undefined) return
    const now: Known = { uid, resourceVersion, text: JSON.stringify(after), execution }
    known.set(key, now)
    if (before?.text === now.text && (object.kind !== "Secret" || before.resourceVersion === resourceVersion)) return
    if (isReplaced) this.waiting.push(this.removed(before, object, circumstances))
    const change =
      circumstances.isFirst || (before?.resourceVersion === resourceVersion && !isReplaced)
        ? undefined
        : changeOf({
            before: before === undefined || isReplaced ? undefined : this.parsed(before),
            after,
            raw: object,
            seenAt: circumstances.seenAt,
            notBefore: circumstances.notBefore,
            ownWrite,
            execution,
            leadMs: this.lead?.leadMs,
            id: this.nextId()
          })
    const text = object.kind === "Secret" ? JSON.stringify(withoutDigests(after)) : now.text
    const ref = refOf(object)
    this.waiting.push({
      ref,
      snapshot: { ref, uid, resourceVersion, text },
      ...(change === undefined ? {} : { change })
    })
  }

  private removed(before: Known, raw: KubernetesObject, circumstances: Circumstances): StoredEvent {
    const ref = refOf(raw)
    const parsed = this.parsed(before)
    const change = changeOf({
      before: withoutDigests(parsed),
      after: undefined,
      raw: raw.metadata.uid === before.uid ? raw : parsed,
      seenAt: circumstances.seenAt,
      notBefore: circumstances.notBefore,
      ownDeletion: this.ownDeletions.delete(before.uid),
      leadMs: this.lead?.leadMs,
      id: this.nextId()
    })
    return { ref, snapshot: undefined, ...(change === undefined ? {} : { change }) }
  }

  /** After a list: everything that is known and was not listed has been deleted. */
  removeOthers(kind: string, listed: ReadonlySet<string>, circumstances: Circumstances): void {
    for (const [key, known] of this.of(kind)) {
      if (listed.has(key)) continue
      this.of(kind).delete(key)
      this.waiting.push(this.removed(known, this.parsed(known), circumstances))
    }
  }

  /** The key of an object in the set of those that were listed. */
  static listed({ metadata: { name, namespace = "" } }: KubernetesObject): string {
    return keyOf(namespace, name)
  }

  get waitingCount(): number {
    return this.waiting.length
  }

  /** The changes that are not stored yet. */
  get unstored(): ReadonlyArray<ObjectChange> {
    return this.waiting.flatMap(({ change }) => change ?? [])
  }

  /** Up to `most` of the events that are not stored yet, the first ones first. */
  next(most: number): ReadonlyArray<StoredEvent> {
    return this.waiting.slice(0, most)
  }

  /** The first events have been stored. */
  stored(count: number): void {
    this.waiting = this.waiting.slice(count)
  }
}
