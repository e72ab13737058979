/**
 * The objects of the sandbox: one map per kind and namespace, indexed by label, by controlling owner and by the object
 * that an event is about, so that a read takes microseconds regardless of the size of the cluster.
 *
 * Objects are immutable. A write stores a new object with the next `resourceVersion`, so a reader's copy never changes.
 */

import type { KubernetesObject } from "../KubernetesClient.ts"
import { controllerOf, hasLabels, type Kind, type KindMap, type Labels } from "../ObjectModel.ts"

export type Mutation =
  | { readonly type: "ADDED"; readonly object: KubernetesObject }
  | { readonly type: "MODIFIED"; readonly object: KubernetesObject; readonly previous: KubernetesObject }
  | { readonly type: "DELETED"; readonly object: KubernetesObject }

/** The objects of one kind in one namespace. */
interface Bucket {
  readonly objects: Map<string, KubernetesObject>
  /** All objects; `undefined` after a change. */
  list: ReadonlyArray<KubernetesObject> | undefined
}

interface KindBuckets {
  readonly namespaces: Map<string, Bucket>
  list: ReadonlyArray<KubernetesObject> | undefined
}

const empty: ReadonlyArray<KubernetesObject> = []

const eventSubject = (object: KubernetesObject): string | undefined => {
  const involved = object["involvedObject"] as KindMap["Event"]["involvedObject"] | undefined
  return involved === undefined ? undefined : `\u0000event\u0000${involved.kind}/${involved.name}`
}

/** The index keys of an object: its labels, and for an event the object that it is about. */
const keysOf = (object: KubernetesObject): Array<string> => {
  const prefix = `${object.kind}\u0000${object.metadata.namespace ?? ""}`
  const keys: Array<string> = []
  const labels = object.metadata.labels
  for (const key in labels) keys.push(`${prefix}\u0000${key}=${labels[key]}`)
  if (object.kind === "Event") keys.push(prefix + (eventSubject(object) ?? ""))
  return keys
}

export class Store {
  private readonly kinds = new Map<string, KindBuckets>()
  /**
   * `kind\0namespace\0key=value` → the names of the objects with that label. It holds names, because they stay valid
   * when an object changes elsewhere.
   */
  private readonly labelled = new Map<string, Set<string>>()
  /** The uid of a controlling owner → the places of the objects that it owns, by kind and name. */
  private readonly owned = new Map<string, Map<string, readonly [bucket: Bucket, kind: string, name: string]>>()
  private revision = 1000
  private readonly onMutation: (mutation: Mutation) => void

  constructor(onMutation: (mutation: Mutation) => void) {
    this.onMutation = onMutation
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): KindMap[K] | undefined
  get(kind: string, namespace: string, name: string): KubernetesObject | undefined
  get(kind: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.kinds.get(kind)?.namespaces.get(namespace)?.objects.get(name)
  }

  /** The objects of one kind, in one namespace or in all. */
  list<K extends Kind>(kind: K, namespace?: string): ReadonlyArray<KindMap[K]>
  list(kind: string, namespace?: string): ReadonlyArray<KubernetesObject>
  list(kind: string, namespace?: string): ReadonlyArray<KubernetesObject> {
    const buckets = this.kinds.get(kind)
    if (buckets === undefined) return empty
    if (namespace === undefined)
      return (buckets.list ??= [...buckets.namespaces.values()].flatMap((bucket) => [...bucket.objects.values()]))
    const bucket = buckets.namespaces.get(namespace)
    return bucket === undefined ? empty : (bucket.list ??= [...bucket.objects.values()])
  }

  /** The objects of one kind that have all the labels. */
  select<K extends Kind>(kind: K, namespace: string | undefined, labels: Labels): ReadonlyArray<KindMap[K]>
  select(kind: string, namespace: string | undefined, labels: Labels): ReadonlyArray<KubernetesObject>
  select(kind: string, namespace: string | undefined, labels: Labels): ReadonlyArray<KubernetesObject> {
    const pairs = Object.entries(labels)
    if (namespace === undefined || pairs.length === 0)
      return this.list(kind, namespace).filter((object) => hasLabels(object.metadata.labels, labels))
    let smallest: Set<string> | undefined
    for (const [key, value] of pairs) {
      const names = this.labelled.get(`${kind}\u0000${namespace}\u0000${key}=${value}`)
      if (names === undefined) return empty
      if (smallest === undefined || names.size < smallest.size) smallest = names
    }
    const found: Array<KubernetesObject> = []
    const { objects } = this.kinds.get(kind)!.namespaces.get(namespace)!
    for (const name of smallest!) {
      const object = objects.get(name)!
      if (hasLabels(object.metadata.labels, labels)) found.push(object)
    }
    return found
  }

  /** The events about one object. */
  eventsAbout(namespace: string | undefined, kind: string, name: string): ReadonlyArray<KubernetesObject> {
    const subject = `\u0000event\u0000${kind}/${name}`
    if (namespace === undefined) return this.list("Event").filter((event) => eventSubject(event) === subject)
    return [...(this.labelled.get(`Event\u0000${namespace}${subject}`) ?? [])].map((event) =>
      this.get("Event", namespace, event)!
    )
  }

  /** The objects of one kind that an owner controls. */
  ownedBy<K extends Kind>(uid: string, kind: K): Array<KindMap[K]> {
    const found: Array<KindMap[K]> = []
    const owned = this.owned.get(uid)
    if (owned !== undefined) {
      for (const [bucket, ownedKind, name] of owned.values())
        if (ownedKind === kind) found.push(bucket.objects.get(name) as KindMap[K])
    }
    return found
  }

  /** The objects of any kind that an owner controls. */
  allOwnedBy(uid: string): ReadonlyArray<KubernetesObject> {
    return [...(this.owned.get(uid)?.values() ?? [])].map(([bucket, , name]) => bucket.objects.get(name)!)
  }

  /** The objects of every kind in a namespace. */
  inNamespace(namespace: string): ReadonlyArray<KubernetesObject> {
    return [...this.kinds.values()].flatMap(({ namespaces }) => [
      ...(namespaces.get(namespace)?.objects.values() ?? [])
    ])
  }

  /** The version of the newest write. */
  get version(): number {
    return this.revision
  }

  /** Stores an object with the next `resourceVersion` and returns it as stored. */
  put<A extends KubernetesObject>(object: A): A {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.revision) } } as A
    const { name, namespace = "" } = stored.metadata
    let buckets = this.kinds.get(stored.kind)
    if (buckets === undefined) this.kinds.set(stored.kind, (buckets = { namespaces: new Map(), list: undefined }))
    let bucket = buckets.namespaces.get(namespace)
    if (bucket === undefined) buckets.namespaces.set(namespace, (bucket = { objects: new Map(), list: undefined }))
    const previous = bucket.objects.get(name)
    bucket.objects.set(name, stored)
    buckets.list = bucket.list = undefined
    this.index(bucket, stored, previous)
    this.onMutation(
      previous === undefined ? { type: "ADDED", object: stored } : { type: "MODIFIED", object: stored, previous }
    )
    return stored
  }

  /** Removes an object, unless it is already gone or another object has its name. */
  remove(object: KubernetesObject): void {
    const { name, namespace = "" } = object.metadata
    const current = this.get(object.kind, namespace, name)
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return
    const buckets = this.kinds.get(object.kind)!
    const bucket = buckets.namespaces.get(namespace)!
    bucket.objects.delete(name)
    buckets.list = bucket.list = undefined
    for (const key of keysOf(current)) this.unlabel(key, name)
    const owner = controllerOf(current)
    if (owner !== undefined) this.disown(owner.uid, `${current.kind}/${name}`)
    this.onMutation({
      type: "DELETED",
      object: { ...current, metadata: { ...current.metadata, resourceVersion: String(++this.revision) } }
    })
  }

  private index(bucket: Bucket, object: KubernetesObject, previous: KubernetesObject | undefined): void {
    const { name, labels, ownerReferences } = object.metadata
    if (previous === undefined || previous.metadata.labels !== labels) {
      for (const key of previous === undefined ? [] : keysOf(previous)) this.unlabel(key, name)
      for (const key of keysOf(object)) {
        const names = this.labelled.get(key)
        if (names === undefined) this.labelled.set(key, new Set([name]))
        else names.add(name)
      }
    }
    if (previous !== undefined && previous.metadata.ownerReferences === ownerReferences) return
    const owner = controllerOf(object)?.uid
    const before = previous === undefined ? undefined : controllerOf(previous)?.uid
    if (before === owner) return
    const key = `${object.kind}/${name}`
    if (before !== undefined) this.disown(before, key)
    if (owner === undefined) return
    let owned = this.owned.get(owner)
    if (owned === undefined) this.owned.set(owner, (owned = new Map()))
    owned.set(key, [bucket, object.kind, name])
  }

  private unlabel(key: string, name: string): void {
    const names = this.labelled.get(key)
    if (names?.delete(name) === true && names.size === 0) this.labelled.delete(key)
  }

  private disown(uid: string, key: string): void {
    const owned = this.owned.get(uid)
    if (owned?.delete(key) === true && owned.size === 0) this.owned.delete(uid)
  }
}
