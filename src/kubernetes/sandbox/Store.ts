/**
 * The sandbox's objects: one map per kind and namespace, with the indexes that make a read cost microseconds whatever the size of
 * the cluster (by label, by controlling owner, by the object that an event is about).
 *
 * Objects are immutable. A write replaces the object and gives it the next `resourceVersion`, so a reader keeps what he has read.
 */
import type { KubernetesObject } from "../KubernetesClient.ts"
import { controllerOf, hasLabels, type Kind, type KindMap, type Labels } from "../ObjectModel.ts"

export type Mutation =
  | { readonly type: "ADDED"; readonly object: KubernetesObject }
  | { readonly type: "MODIFIED"; readonly object: KubernetesObject; readonly previous: KubernetesObject }
  | { readonly type: "DELETED"; readonly object: KubernetesObject }

type Bucket = Map<string, KubernetesObject>

const empty: ReadonlyArray<KubernetesObject> = []

const eventSubject = (object: KubernetesObject): string | undefined => {
  const involved = object["involvedObject"] as KindMap["Event"]["involvedObject"] | undefined
  return involved === undefined ? undefined : `\u0000event\u0000${involved.kind}/${involved.name}`
}

export class Store {
  private readonly objects = new Map<string, Map<string, Bucket>>()
  /** `kind\0namespace\0key=value` → the objects with that label. */
  private readonly labelled = new Map<string, Bucket>()
  /** The uid of a controlling owner → what it owns, by kind and name. */
  private readonly owned = new Map<string, Bucket>()
  /** `kind\0namespace` → the whole list, until one of its objects changes. */
  private readonly lists = new Map<string, ReadonlyArray<KubernetesObject>>()
  private revision = 1000
  private readonly onMutation: (mutation: Mutation) => void

  constructor(onMutation: (mutation: Mutation) => void) {
    this.onMutation = onMutation
  }

  get<K extends Kind>(kind: K, namespace: string, name: string): KindMap[K] | undefined
  get(kind: string, namespace: string, name: string): KubernetesObject | undefined
  get(kind: string, namespace: string, name: string): KubernetesObject | undefined {
    return this.objects.get(kind)?.get(namespace)?.get(name)
  }

  /** All of one kind, of one namespace where one is given. */
  list<K extends Kind>(kind: K, namespace?: string): ReadonlyArray<KindMap[K]>
  list(kind: string, namespace?: string): ReadonlyArray<KubernetesObject>
  list(kind: string, namespace?: string): ReadonlyArray<KubernetesObject> {
    const key = `${kind}\u0000${namespace ?? "*"}`
    const known = this.lists.get(key)
    if (known !== undefined) return known
    const namespaces = this.objects.get(kind)
    if (namespaces === undefined) return empty
    const list = namespace === undefined
      ? [...namespaces.values()].flatMap((bucket) => [...bucket.values()])
      : [...namespaces.get(namespace)?.values() ?? []]
    this.lists.set(key, list)
    return list
  }

  /** Those of one kind that carry all the labels. */
  select<K extends Kind>(kind: K, namespace: string | undefined, labels: Labels): ReadonlyArray<KindMap[K]>
  select(kind: string, namespace: string | undefined, labels: Labels): ReadonlyArray<KubernetesObject>
  select(kind: string, namespace: string | undefined, labels: Labels): ReadonlyArray<KubernetesObject> {
    const pairs = Object.entries(labels)
    if (namespace === undefined || pairs.length === 0) return this.list(kind, namespace).filter((object) => hasLabels(object.metadata.labels, labels))
    let smallest: Bucket | undefined
    for (const [key, value] of pairs) {
      const bucket = this.labelled.get(`${kind}\u0000${namespace}\u0000${key}=${value}`)
      if (bucket === undefined) return empty
      if (smallest === undefined || bucket.size < smallest.size) smallest = bucket
    }
    const found: Array<KubernetesObject> = []
    for (const object of smallest!.values()) if (hasLabels(object.metadata.labels, labels)) found.push(object)
    return found
  }

  eventsAbout(namespace: string | undefined, kind: string, name: string): ReadonlyArray<KubernetesObject> {
    const subject = `\u0000event\u0000${kind}/${name}`
    if (namespace === undefined) return this.list("Event").filter((event) => eventSubject(event) === subject)
    return [...this.labelled.get(`Event\u0000${namespace}${subject}`)?.values() ?? []]
  }

  /** What an owner controls, of one kind. */
  ownedBy<K extends Kind>(uid: string, kind: K): Array<KindMap[K]> {
    const found: Array<KindMap[K]> = []
    for (const object of this.owned.get(uid)?.values() ?? []) if (object.kind === kind) found.push(object as KindMap[K])
    return found
  }

  allOwnedBy(uid: string): ReadonlyArray<KubernetesObject> {
    return [...this.owned.get(uid)?.values() ?? []]
  }

  /** Stores an object under the next resourceVersion and answers it as it is stored. */
  put<A extends KubernetesObject>(object: A): A {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.revision) } } as A
    const { name, namespace = "" } = stored.metadata
    let namespaces = this.objects.get(stored.kind)
    if (namespaces === undefined) this.objects.set(stored.kind, namespaces = new Map())
    let bucket = namespaces.get(namespace)
    if (bucket === undefined) namespaces.set(namespace, bucket = new Map())
    const previous = bucket.get(name)
    bucket.set(name, stored)
    this.forgetLists(stored)
    this.index(stored, previous)
    this.onMutation(previous === undefined ? { type: "ADDED", object: stored } : { type: "MODIFIED", object: stored, previous })
    return stored
  }

  remove(object: KubernetesObject): void {
    const { name, namespace = "" } = object.metadata
    const current = this.get(object.kind, namespace, name)
    if (current === undefined || current.metadata.uid !== object.metadata.uid) return
    this.objects.get(object.kind)!.get(namespace)!.delete(name)
    this.forgetLists(current)
    for (const key of this.keysOf(current)) this.drop(this.labelled, key, name)
    const owner = controllerOf(current)
    if (owner !== undefined) this.drop(this.owned, owner.uid, `${current.kind}/${name}`)
    this.onMutation({ type: "DELETED", object: { ...current, metadata: { ...current.metadata, resourceVersion: String(++this.revision) } } })
  }

  private forgetLists(object: KubernetesObject): void {
    this.lists.delete(`${object.kind}\u0000${object.metadata.namespace ?? ""}`)
    this.lists.delete(`${object.kind}\u0000*`)
  }

  private keysOf(object: KubernetesObject): Array<string> {
    const prefix = `${object.kind}\u0000${object.metadata.namespace ?? ""}`
    const keys: Array<string> = []
    const labels = object.metadata.labels
    for (const key in labels) keys.push(`${prefix}\u0000${key}=${labels[key]}`)
    if (object.kind === "Event") keys.push(prefix + (eventSubject(object) ?? ""))
    return keys
  }

  private index(object: KubernetesObject, previous: KubernetesObject | undefined): void {
    const name = object.metadata.name
    if (previous !== undefined && previous.metadata.labels !== object.metadata.labels) {
      for (const key of this.keysOf(previous)) this.drop(this.labelled, key, name)
    }
    for (const key of this.keysOf(object)) this.keep(this.labelled, key, name, object)
    const owner = controllerOf(object)
    const before = previous === undefined ? undefined : controllerOf(previous)
    if (before !== undefined && before.uid !== owner?.uid) this.drop(this.owned, before.uid, `${object.kind}/${name}`)
    if (owner !== undefined) this.keep(this.owned, owner.uid, `${object.kind}/${name}`, object)
  }

  private keep(index: Map<string, Bucket>, key: string, name: string, object: KubernetesObject): void {
    const bucket = index.get(key)
    if (bucket === undefined) index.set(key, new Map([[name, object]]))
    else bucket.set(name, object)
  }

  private drop(index: Map<string, Bucket>, key: string, name: string): void {
    const bucket = index.get(key)
    if (bucket === undefined) return
    bucket.delete(name)
    if (bucket.size === 0) index.delete(key)
  }
}
