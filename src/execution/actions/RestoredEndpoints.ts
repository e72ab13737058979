/**
 * What serves behind the Services to which an object leads once its earlier fields are back (`Destinations`). That the
 * earlier pods served once does not mean that they serve still: a person may have moved all traffic and then taken them
 * away.
 *
 * | the earlier state leads to                                               | then                    |
 * | ------------------------------------------------------------------------ | ----------------------- |
 * | a Service that does not exist, or a port that it does not have           | refused                 |
 * | no ready pod, and the present one leads to some                          | refused                 |
 * | the same, and a Service of the target of the alert is among them         | asks `fewer-endpoints`  |
 * | the same, by words that may be no hosts                                  | asks `fewer-endpoints`  |
 * | several Services, one of them without a ready pod                        | asks `fewer-endpoints`  |
 * | a Service without ready pods, and the present one to no known Service    | asks `fewer-endpoints`  |
 * | a subset of pods, and it is not known which those are                    | asks `fewer-endpoints`  |
 * | a named port that no ready pod has, and the present one leads to some    | refused                 |
 * | a number that no ready pod declares, and the present one is declared     | asks `fewer-endpoints`  |
 * | fewer ready pods, and it is in doubt whether they were enough: see below | asks `fewer-endpoints`  |
 * | pods without the labels by which a Service selects the present ones      | asks `fewer-endpoints`  |
 * | a Service without a selector, and the present one leads to ready pods    | asks `fewer-endpoints`  |
 * | anything else, such as a selector of nobody that selects the pods again  | the fields are put back |
 *
 * Each place is compared by itself, as a failover swaps two hosts. A workload calls itself by the name of its Service,
 * in its own fields or in the ConfigMap that the target of the alert reads: that is no place to which it leads.
 *
 * Fewer pods may be all that there were: a Service that a mistake has sent to a larger workload goes back to its own.
 * They are in doubt if the present state leads to the target of the alert, if not all of them are ready, or if somebody
 * has changed their workload since.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { referencesOf } from "../../changes/TemplateReferences.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { isPodReady } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, refuse, relatedOf, unreadAsk } from "../Plan.ts"
import { type Move, movesOf, type Receiver } from "./Destinations.ts"
import { type Backend, backendsOf, keyOf, portsOf, routeKinds } from "./NamedObjects.ts"
import { type Behind, byReadiness, narrowed, type Objections, wholly } from "./RestoredReadiness.ts"
import { knownIn, leadsTo, selectedBy, selectorOf, servicesIn } from "./ServicePods.ts"

/** An object as it is, and as it would be. */
export interface States {
  readonly now: KubernetesObject
  readonly earlier: KubernetesObject
}

type Services = ReadonlyMap<string, KubernetesObject>

interface Port {
  readonly key: unknown
  readonly target: unknown
}

const portsIn = (service: KubernetesObject): ReadonlyArray<Port> =>
  listOf(service, "spec", "ports").map((port, index) => ({
    key: valueOf(port, "name") ?? index,
    target: valueOf(port, "targetPort") ?? valueOf(port, "port")
  }))

/** Compares, for each port whose target differs, the ready pods that have it. */
const byPort = ({ now, earlier }: States, objects: PlanObjects): Objections => {
  const asks: Array<Ask> = []
  const having = (service: KubernetesObject, target: unknown): number =>
    selectedBy(service, objects).filter((pod) => {
      const ports = portsOf(pod.spec)
      return isPodReady(pod) && (ports.has(target) || (typeof target === "number" && ports.size === 0))
    }).length
  for (const { key, target } of portsIn(earlier)) {
    const present = portsIn(now).find((each) => each.key === key)
    if (present === undefined || sameJson(present.target, target)) continue
    if (having(earlier, target) > 0 || having(now, present.target) === 0) continue
    const what = `Ready pods of ${displayName(refOf(now))} have port ${String(present.target)}, and none has the earlier port ${String(target)}`
    if (typeof target === "string") return refuse("not-restorable", `${what}, so it is not put back.`)
    asks.push(
      ask("fewer-endpoints", `${what}, so it needs an approval.`, {
        port: `${String(present.target)} -> ${String(target)}`
      })
    )
  }
  return asks
}

/** The Services among receivers. A name that no Service has says nothing. */
export const behind = (
  receivers: ReadonlyArray<Receiver>,
  services: Services,
  objects: PlanObjects
): ReadonlyArray<Behind> =>
  receivers.flatMap(({ isSure, subset, ...ref }) => {
    const service = services.get(keyOf(ref))
    if (service === undefined) return []
    return subset === undefined ? { service, isSure } : narrowed(service, subset, isSure, objects)
  })

/** Where a Service leads: to the pods that it selects, to the Services of its host, or to where somebody else says. */
const sidesOf = (states: States, objects: PlanObjects): readonly [ReadonlyArray<Behind>, ReadonlyArray<Behind>] => {
  const services = servicesIn(objects)
  const [move] = movesOf(states, knownIn(objects))
  const now =
    selectorOf(states.now) === undefined ? behind(move?.present ?? [], services, objects) : [wholly(states.now)]
  const hosts = selectorOf(states.earlier) === undefined ? behind(move?.former ?? [], services, objects) : []
  return [now, hosts.length === 0 ? [wholly(states.earlier)] : hosts]
}

const ofService = (states: States, objects: PlanObjects): Objections => {
  const { now, earlier } = states
  const name = displayName(refOf(now))
  if (sameJson(fieldsOf(now["spec"]), fieldsOf(earlier["spec"]))) return []
  if (isUnread(objects, "Pod")) return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
  const [present, former] = sidesOf(states, objects)
  const byPods = sameJson(selectorOf(now), selectorOf(earlier))
    ? []
    : byReadiness({
        name,
        present,
        former,
        objects,
        isElsewhere: selectorOf(now) === undefined && present.length === 0,
        // The alert may be about the Service itself.
        isTarget:
          objects.target === undefined
          && selectedBy(earlier, objects).some(({ metadata }) => metadata.deletionTimestamp === undefined)
      })
  if ("_tag" in byPods) return byPods
  const byPorts = byPort(states, objects)
  return "_tag" in byPorts ? byPorts : [...byPods, ...byPorts]
}

const hasPort = (service: KubernetesObject, port: unknown): boolean => {
  const ports = listOf(service, "spec", "ports")
  return (
    port === undefined
    || textOf(service, "spec", "type") === "ExternalName"
    || ports.some((each) => valueOf(each, "port") === port || valueOf(each, "name") === port)
  )
}

/** The workload whose own configuration an object is. What it calls itself is the name of no other one. */
const configured = ({ now }: States, { target }: PlanObjects): KubernetesObject | undefined => {
  if (templateOf(now) !== undefined) return now
  const spec = target && valueOf(templateOf(target), "spec")
  return now.kind === "ConfigMap"
    && spec !== undefined
    && referencesOf(spec, target?.metadata.namespace ?? "").some(({ to }) => keyOf(to) === keyOf(refOf(now)))
    ? target
    : undefined
}

/** Compares what serves at each place that differs. */
const ofMoves = (states: States, moves: ReadonlyArray<Move>, objects: PlanObjects): Objections => {
  const name = displayName(refOf(states.now))
  const [services, own] = [servicesIn(objects), configured(states, objects)]
  const asks = new Map<string, Ask>()
  for (const move of moves) {
    const [present, former] = [move.present, move.former].map((each) =>
      behind(each, services, objects).filter(({ service }) => !leadsTo([service], own))
    )
    if (former!.length === 0) continue
    if (isUnread(objects, "Pod")) return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
    const objections = byReadiness({
      name: moves.length > 1 ? `A part of ${name}` : name,
      present: present!,
      former: former!,
      objects,
      isShare: move.isShare,
      // What serves now may be no Service, or one elsewhere.
      isElsewhere: present!.length === 0
    })
    if ("_tag" in objections) return objections
    for (const each of objections) asks.set(each.message, each)
  }
  return [...asks.values()]
}

/** The Services whose names are in the values of an object. */
const ofHosts = (states: States, objects: PlanObjects): Objections => {
  const moves = movesOf(states, knownIn(objects))
  if (moves.every(({ former }) => former.length === 0)) return []
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `where ${displayName(refOf(states.now))} led before`)]
  return ofMoves(states, moves, objects)
}

const ofRoute = (states: States, objects: PlanObjects): Objections => {
  const { now, earlier } = states
  const name = displayName(refOf(now))
  const [present, former, moves] = [backendsOf(now), backendsOf(earlier), movesOf(states, knownIn(objects))]
  // An Ingress may have thousands of paths.
  const atPort = ({ port, service }: Backend): string => `${keyOf(service)}:${typeof port}:${String(port)}`
  const presentPorts = new Set(present.map(atPort))
  const changed = former.filter((each) => !presentPorts.has(atPort(each)))
  if (changed.length === 0 && moves.every((each) => each.former.length === 0)) return []
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `where ${name} led before`)]
  const services = servicesIn(objects)
  // One that does not exist is refused by its name.
  const broken = changed.find(({ port, service }) => {
    const found = services.get(keyOf(service))
    return found !== undefined && !hasPort(found, port)
  })
  if (broken !== undefined)
    return refuse(
      "not-restorable",
      `${displayName(broken.service)} has no port ${String(broken.port)}, to which ${name} would lead again.`
    )
  return ofMoves(states, moves, objects)
}

/** Whether the pods of a workload get other labels. */
export const relabels = ({ now, earlier }: States): boolean => !sameJson(podLabelsOf(now), podLabelsOf(earlier))

/** A Service that selects the pods of a workload by labels that would go. */
const ofWorkload = ({ now, earlier }: States, objects: PlanObjects): ReadonlyArray<Ask> => {
  const name = displayName(refOf(now))
  if (!relabels({ now, earlier })) return []
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `which of them select the pods of ${name}`)]
  const losing = relatedOf(objects, "Service").find((each) => leadsTo([each], now) && !leadsTo([each], earlier))
  return losing === undefined
    ? []
    : [
        ask(
          "fewer-endpoints",
          `${displayName(refOf(losing))} selects the pods of ${name} by labels that its earlier state does not have, so it needs an approval.`,
          { loses: displayName(refOf(losing)) }
        )
      ]
}

/** Why the earlier state of an object may lead requests to less than its present state. */
export const endpointObjections = (states: States, objects: PlanObjects): Objections => {
  const { earlier, now } = states
  if (routeKinds.has(now.kind)) return ofRoute(states, objects)
  if (now.kind === "Service" && [now, earlier].some((each) => selectorOf(each) !== undefined))
    return ofService(states, objects)
  const hosts = ofHosts(states, objects)
  return "_tag" in hosts ? hosts : [...ofWorkload(states, objects), ...hosts]
}
