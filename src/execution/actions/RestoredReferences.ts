/**
 * What the earlier state of an object names, and its present state does not: whether that is still there, and still
 * what it was.
 *
 * | the earlier state                                                   | then                    |
 * | ------------------------------------------------------------------- | ----------------------- |
 * | names an object that does not exist, such as a ConfigMap            | refused                 |
 * | has a class without an IngressClass, and the present state has none | the fields are put back |
 * | needs a key that the ConfigMap does not have any more               | refused                 |
 * | has the host of a Service that was deleted since, and is not there  | refused                 |
 * | fits no node, and the present state fits some                       | asks `fits-no-node`     |
 * | names an object that somebody else has changed since                | asks `overtaken`        |
 *
 * A pool without nodes may get some as soon as a pod needs one, and somebody may have taken it away: nothing tells both
 * apart. A workload that was deleted has no pods to lose, so it is created again and waits for its nodes. Many
 * controllers of Ingresses serve a class without an object of its name.
 */

import { fieldsOf, labelsOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { fitsNode } from "../../changes/TemplateReferences.ts"
import * as FieldPath from "../../domain/FieldPath.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName, type ResourceRef, sameRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { Kind, PodTemplate } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, type PlanRefusal, refuse, relatedOf, unreadAsk } from "../Plan.ts"
import { keysNeeded } from "./ConfigRestart.ts"
import { movesOf, type Receiver } from "./Destinations.ts"
import { keyOf, namedBy, onlyIn } from "./NamedObjects.ts"
import type { States } from "./RestoredEndpoints.ts"
import { fieldStates, restoredIn } from "./RestoredFields.ts"
import { knownIn } from "./ServicePods.ts"

const specOf = (object: KubernetesObject): unknown => valueOf(templateOf(object), "spec")

/** Whether the pods of an object that exists may fit other nodes than they do now. */
export const choosesNodes = ({ now, earlier }: States): boolean =>
  templateOf(now) !== undefined
  && ["nodeSelector", "affinity"].some((name) => !sameJson(valueOf(specOf(now), name), valueOf(specOf(earlier), name)))

/**
 * The states before and after a change is taken back; `undefined` if nothing is compared. A workload that is created
 * again is nothing without what it names. A route to several Services is something without one of them.
 */
export const statesOf = (
  { fields, manifest, operation, ref }: ObjectChange,
  now: KubernetesObject | undefined
): States | undefined => {
  if (operation === "modified") {
    const earlier =
      now
      && restoredIn(
        now,
        fieldStates(now, fields).map(({ field }) => field)
      )
    return now === undefined || earlier === undefined ? undefined : { now, earlier }
  }
  const earlier = manifest && ({ ...manifest, kind: ref.kind } as unknown as KubernetesObject)
  return operation === "created" || earlier === undefined || templateOf(earlier) === undefined
    ? undefined
    : { now: { apiVersion: earlier.apiVersion, kind: earlier.kind, metadata: earlier.metadata }, earlier }
}

/** The objects that the earlier state names, and the present one does not. */
export const namedAgain = ({ now, earlier }: States): ReadonlyArray<ResourceRef> =>
  onlyIn(namedBy(earlier), namedBy(now))

const neededIn = (object: KubernetesObject, config: string): ReadonlySet<unknown> => {
  const template = templateOf(object)
  return template === undefined ? new Set() : keysNeeded(template as PodTemplate, config)
}

/** The keys of each ConfigMap without which the containers of the earlier state do not start, and of the present one do. */
export const keysNeededAgain = ({ now, earlier }: States): ReadonlyMap<string, ReadonlyArray<string>> => {
  const configs = namedBy(earlier).filter(({ kind }) => kind === "ConfigMap")
  return new Map(
    configs.flatMap(({ name }) => {
      const present = neededIn(now, name)
      const keys = [...neededIn(earlier, name)].filter(
        (key): key is string => typeof key === "string" && !present.has(key)
      )
      return keys.length === 0 ? [] : [[name, keys] as const]
    })
  )
}

const existing = (objects: PlanObjects, ref: ResourceRef): KubernetesObject | undefined =>
  objects.related.find((each) => sameRef(refOf(each), ref))

const isDefaultClass = (each: KubernetesObject): boolean =>
  labelsOf(each, "metadata", "annotations")?.["ingressclass.kubernetes.io/is-default-class"] === "true"

/** Whether the class of an Ingress as it is now is an object, so that the missing one is worse. */
const hasClass = ({ now }: States, objects: PlanObjects): boolean => {
  const name = textOf(now, "spec", "ingressClassName")
  return objects.related.some(
    (each) => each.kind === "IngressClass" && (name === undefined ? isDefaultClass(each) : each.metadata.name === name)
  )
}

const missing = (states: States, objects: PlanObjects): string | undefined => {
  const name = displayName(refOf(states.earlier))
  const gone = namedAgain(states).find(
    (ref) =>
      existing(objects, ref) === undefined
      && !isUnread(objects, ref.kind as Kind)
      && (ref.kind !== "IngressClass" || hasClass(states, objects))
  )
  if (gone !== undefined) return `The earlier state of ${name} names ${displayName(gone)}, which does not exist.`
  const namespace = states.earlier.metadata.namespace ?? ""
  for (const [config, keys] of keysNeededAgain(states)) {
    const ref = { namespace, kind: "ConfigMap", name: config }
    const found = existing(objects, ref)
    const has = { ...fieldsOf(found?.["data"]), ...fieldsOf(found?.["binaryData"]) }
    const key = found === undefined ? undefined : keys.find((each) => !Object.hasOwn(has, each))
    if (key !== undefined)
      return `The earlier state of ${name} needs key ${key}, which ${displayName(ref)} does not have.`
  }
  return undefined
}

const nodeAsks = (states: States, objects: PlanObjects): ReadonlyArray<Ask> => {
  if (!choosesNodes(states)) return []
  const [now, earlier] = [states.now, states.earlier].map(
    (object) =>
      relatedOf(objects, "Node").filter((node) => fitsNode(specOf(object), labelsOf(node, "metadata", "labels") ?? {}))
        .length
  )
  const name = displayName(refOf(states.earlier))
  return earlier === 0 && now! > 0
    ? [
        ask(
          "fits-no-node",
          `No node fits the earlier state of ${name} now, and ${now} fit its present state. Whether its pool gets nodes again is unknown, so it needs an approval.`,
          { nodes: `${now} -> 0` }
        )
      ]
    : []
}

/**
 * The Services to which the earlier values lead, or with a larger share, and that somebody has deleted since. They may
 * be there again: what Kubernaut creates is no change of others.
 */
const lostHosts = ({ now, earlier }: States, objects: PlanObjects): ReadonlyArray<Receiver> => {
  if (isUnread(objects, "Service")) return []
  const newest = new Map<string, ObjectChange>()
  // The newest change comes first.
  for (const change of objects.later ?? []) {
    const key = keyOf(change.ref)
    if (change.ref.kind === "Service" && !newest.has(key)) newest.set(key, change)
  }
  if (newest.size === 0) return []
  return movesOf({ now, earlier }, knownIn(objects))
    .flatMap(({ former }) => former)
    .filter((host) => newest.get(keyOf(host))?.operation === "deleted" && existing(objects, host) === undefined)
}

/** A word that may be no host is asked about. */
const hostObjections = (states: States, objects: PlanObjects): PlanRefusal | ReadonlyArray<Ask> => {
  const name = displayName(refOf(states.earlier))
  const lost = lostHosts(states, objects)
  const sure = lost.find(({ isSure }) => isSure)
  if (sure !== undefined)
    return refuse(
      "not-restorable",
      `The earlier state of ${name} has the host ${sure.name}, whose Service was deleted since.`
    )
  return lost
    .slice(0, 1)
    .map((host) =>
      ask(
        "overtaken",
        `The earlier state of ${name} has the word ${host.name}, and ${displayName(host)} was deleted since, so it needs an approval.`,
        { without: displayName(host) }
      )
    )
}

/** What the earlier state names and somebody else has changed since, other than by its size. */
const overtaken = (states: States, { later = [] }: PlanObjects): ReadonlyArray<Ask> => {
  const name = displayName(refOf(states.earlier))
  const named = namedAgain(states)
  const change = later.find(
    ({ fields, operation, ref }) =>
      named.some((each) => sameRef(each, ref))
      && (operation !== "modified" || fields.some(({ path }) => path[0] !== "metadata" && path[1] !== "replicas"))
  )
  return change === undefined
    ? []
    : [
        ask(
          "overtaken",
          `The earlier state of ${name} names ${displayName(change.ref)}, which ${change.by.name ?? "somebody"} has ${change.operation} since, at ${change.at}, so it needs an approval.`,
          { change: change.id, fields: change.fields.map(({ path }) => FieldPath.display(path)).join(", ") }
        )
      ]
}

/** Why what the earlier state of an object names is not what it was. */
export const referenceObjections = (states: States, objects: PlanObjects): PlanRefusal | ReadonlyArray<Ask> => {
  const name = displayName(refOf(states.earlier))
  const gone = missing(states, objects)
  if (gone !== undefined) return refuse("not-restorable", gone)
  const hosts = hostObjections(states, objects)
  if ("_tag" in hosts) return hosts
  const unread = new Set(
    namedAgain(states)
      .map(({ kind }) => kind as Kind)
      .filter((kind) => isUnread(objects, kind))
  )
  return [
    ...[...unread].map((kind) => unreadAsk(kind, `whether what the earlier state of ${name} names exists`)),
    ...(choosesNodes(states) && isUnread(objects, "Node")
      ? [unreadAsk("Node", `whether the earlier state of ${name} fits any`)]
      : []),
    ...nodeAsks(states, objects),
    ...hosts,
    ...overtaken(states, objects)
  ]
}
