/**
 * Where an object leads that is created again, such as a route: its Services may have gone after it.
 *
 * | it led to                                             | then                        |
 * | ----------------------------------------------------- | --------------------------- |
 * | Services, and none of them exists                     | refused                     |
 * | Services, and none of them serves                     | asks `fewer-endpoints`      |
 * | in another way, a host whose Service was deleted      | asks `fewer-endpoints`      |
 * | in another way, a Service, behind which no pod serves | asks `fewer-endpoints`      |
 * | Services that serve, or hosts that are no Services    | the object is created again |
 *
 * An Ingress and a route of a Gateway have no other way while they are gone: if one of their Services serves, nothing
 * gets worse. Without a route of a mesh, requests go to all pods of the Service, so each of its destinations has to
 * serve.
 *
 * A workload that calls them, and a ConfigMap with their names, are needed for more than that.
 */

import { templateOf, textOf } from "../../changes/ObjectFields.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName } from "../../domain/Target.ts"
import { find as resourceOf } from "../../kubernetes/ApiResource.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { refOf } from "../ObjectPatch.ts"
import { ask, isUnread, type PlanObjects, refuse, unreadAsk } from "../Plan.ts"
import { movesOf, type Receiver } from "./Destinations.ts"
import { keyOf, routeKinds } from "./NamedObjects.ts"
import { behind, type States } from "./RestoredEndpoints.ts"
import { type Behind, byReadiness, mayServe, type Objections } from "./RestoredReadiness.ts"
import { knownIn, servicesIn } from "./ServicePods.ts"

const isRoute = (object: KubernetesObject): boolean =>
  routeKinds.has(object.kind)
  || textOf(object, "spec", "type") === "ExternalName"
  || (resourceOf(object.kind) === undefined && templateOf(object) === undefined)

/** The states of a route before and after it is created again; `undefined` for any other change or object. */
export const createdRoute = ({ manifest, operation, ref }: ObjectChange): States | undefined => {
  const earlier = manifest && ({ ...manifest, kind: ref.kind } as unknown as KubernetesObject)
  return operation !== "deleted" || earlier === undefined || !isRoute(earlier)
    ? undefined
    : { now: { apiVersion: earlier.apiVersion, kind: earlier.kind, metadata: earlier.metadata }, earlier }
}

/** Words that may mean something else are no reason: they say nothing about an object that is gone. */
const receiversOf = (states: States, objects: PlanObjects): ReadonlyArray<Receiver> =>
  movesOf(states, knownIn(objects)).flatMap(({ former }) => former.filter(({ isSure }) => isSure))

const lostOf = (
  { earlier }: States,
  receivers: ReadonlyArray<Receiver>,
  objects: PlanObjects
): ReadonlyArray<Receiver> => {
  const services = servicesIn(objects)
  const deleted = new Set(
    (objects.later ?? []).flatMap(({ operation, ref }) => (operation === "deleted" ? [keyOf(ref)] : []))
  )
  return receivers.filter(
    (each) => !services.has(keyOf(each)) && (routeKinds.has(earlier.kind) || deleted.has(keyOf(each)))
  )
}

const noneServes = (name: string, former: ReadonlyArray<Behind>): Objections => {
  const without = [...new Set(former.map(({ service }) => displayName(refOf(service))))].join(", ")
  return [
    ask("fewer-endpoints", `${name} led to ${without}, behind which no pod is ready, so it needs an approval.`, {
      without
    })
  ]
}

/** Why a route that is created again would lead to nothing. */
export const createdObjections = (change: ObjectChange, objects: PlanObjects): Objections => {
  const states = createdRoute(change)
  const receivers = states === undefined ? [] : receiversOf(states, objects)
  if (states === undefined || receivers.length === 0) return []
  const name = displayName(refOf(states.earlier))
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `where ${name} led`)]
  const lost = lostOf(states, receivers, objects)
  const what = `${name} led to ${displayName(lost[0] ?? receivers[0]!)}, which does not exist`
  if (lost.length === receivers.length && routeKinds.has(states.earlier.kind))
    return refuse("not-restorable", `${what}, so it is not created again.`)
  const former = behind(receivers, servicesIn(objects), objects)
  if (former.length > 0 && isUnread(objects, "Pod"))
    return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
  if (routeKinds.has(states.earlier.kind))
    return former.some((each) => mayServe(each, objects)) ? [] : noneServes(name, former)
  const ready = byReadiness({ name, present: [], former, objects, isElsewhere: true })
  return "_tag" in ready || lost.length === 0
    ? ready
    : [ask("fewer-endpoints", `${what}, so it needs an approval.`, { without: displayName(lost[0]!) }), ...ready]
}
