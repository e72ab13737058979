/**
 * What serves behind the Services to which an object leads once its earlier fields are back (`Destinations`). That the
 * earlier pods served once does not mean that they serve still: a person may have moved all traffic and then taken them
 * away.
 *
 * | the earlier state leads to                                               | then                    |
 * | ------------------------------------------------------------------------ | ----------------------- |
 * | a Service that does not exist, or a port that it does not have           | refused                 |
 * | no ready pod, and the present one leads to some                          | refused                 |
 * | several Services, one of them without a ready pod                        | asks `fewer-endpoints`  |
 * | the name of a Service without ready pods that somebody has changed since | asks `fewer-endpoints`  |
 * | a named port that no ready pod has, and the present one leads to some    | refused                 |
 * | a number that no ready pod declares, and the present one is declared     | asks `fewer-endpoints`  |
 * | fewer ready pods, and it is in doubt whether they were enough: see below | asks `fewer-endpoints`  |
 * | pods without the labels by which a Service selects the present ones      | asks `fewer-endpoints`  |
 * | a Service without a selector, and the present one leads to ready pods    | asks `fewer-endpoints`  |
 * | anything else, such as a selector of nobody that selects the pods again  | the fields are put back |
 *
 * Fewer pods may be all that there were: a Service that a mistake has sent to a larger workload goes back to its own.
 * They are in doubt if the present state leads to the target of the alert, if not all of them are ready, or if somebody
 * has changed their workload since.
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, labelsOf, listOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { displayName, type ResourceRef, sameRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { hasLabels, isPodReady, type Labels, type Pod } from "../../kubernetes/ObjectModel.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, type PlanRefusal, refuse, relatedOf, unreadAsk } from "../Plan.ts"
import { sendsMoreTo } from "./Destinations.ts"
import { type Backend, backendsOf, keyOf, portsOf, routeKinds } from "./NamedObjects.ts"

/** An object as it is, and as it would be. */
export interface States {
  readonly now: KubernetesObject
  readonly earlier: KubernetesObject
}

type Objections = PlanRefusal | ReadonlyArray<Ask>

/** The labels by which a Service selects pods; `undefined` if somebody else says where it leads. */
export const selectorOf = (service: KubernetesObject): Labels | undefined => {
  if (textOf(service, "spec", "type") === "ExternalName") return undefined
  const selector = labelsOf(service, "spec", "selector")
  return selector === undefined || Object.keys(selector).length === 0 ? undefined : selector
}

/** The pods that a Service selects and that have not ended. */
const selectedBy = (service: KubernetesObject, objects: PlanObjects): ReadonlyArray<Pod> => {
  const selector = selectorOf(service)
  const pods: ReadonlyArray<Pod> = selector === undefined ? [] : relatedOf(objects, "Pod")
  const found = pods.filter(
    ({ metadata: { labels, namespace }, status }) =>
      namespace === service.metadata.namespace
      && status?.phase !== "Succeeded"
      && status?.phase !== "Failed"
      && hasLabels(labels, selector ?? {})
  )
  return [...new Map(found.map((pod) => [pod.metadata.uid, pod])).values()]
}

const namedPods = (service: KubernetesObject): string =>
  Object.entries(selectorOf(service) ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(",")

/** Whether a Service selects the pods of a workload. */
const leadsTo = (services: ReadonlyArray<KubernetesObject>, workload: KubernetesObject | undefined): boolean => {
  const labels = workload && podLabelsOf(workload)
  return services.some((service) => {
    const selector = selectorOf(service)
    return labels !== undefined && selector !== undefined && hasLabels(labels, selector)
  })
}

/** Whether the workload of some pods was changed by somebody else since the change. */
const changedSince = (services: ReadonlyArray<KubernetesObject>, { later = [], related }: PlanObjects): boolean =>
  later.some(({ manifest, ref }) =>
    leadsTo(
      services,
      related.find((each) => sameRef(refOf(each), ref))
        ?? (manifest && ({ ...manifest, kind: ref.kind } as unknown as KubernetesObject))
    )
  )

/** Compares the ready pods behind the Services of both states. */
const byReadiness = (
  name: string,
  now: ReadonlyArray<KubernetesObject>,
  earlier: ReadonlyArray<KubernetesObject>,
  objects: PlanObjects
): Objections => {
  const [present, former] = [now, earlier].map((services) => services.flatMap((each) => selectedBy(each, objects)))
  const [readyNow, readyThen] = [present!.filter(isPodReady).length, former!.filter(isPodReady).length]
  const dead = earlier.find((each) => selectorOf(each) !== undefined && !selectedBy(each, objects).some(isPodReady))
  if (readyNow > 0 && readyThen > 0 && dead !== undefined)
    return [
      ask(
        "fewer-endpoints",
        `${name} leads to ${readyNow} ready pods now, and its earlier state also leads to ${displayName(refOf(dead))}, which has none, so it needs an approval.`,
        { ready: `${readyNow} -> ${readyThen}`, without: displayName(refOf(dead)) }
      )
    ]
  if (readyThen >= readyNow) return []
  const elsewhere = earlier.find((each) => selectorOf(each) === undefined)
  if (elsewhere !== undefined)
    return [
      ask(
        "fewer-endpoints",
        `${name} leads to ${readyNow} ready pods now, and its earlier state leads to where ${displayName(refOf(elsewhere))} says without a selector. What serves there is unknown, so it needs an approval.`,
        { ready: `${readyNow} -> unknown` }
      )
    ]
  const to = earlier.map(namedPods).join("; ")
  const what = `${name} leads to ${readyNow} ready pods now, and its earlier state would lead to ${readyThen} (${to})`
  if (readyThen === 0) return refuse("not-restorable", `${what}, so it is not put back.`)
  return leadsTo(now, objects.target) || readyThen < former!.length || changedSince(earlier, objects)
    ? [ask("fewer-endpoints", `${what}, so it needs an approval.`, { ready: `${readyNow} -> ${readyThen}` })]
    : []
}

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

const ofService = (states: States, objects: PlanObjects): Objections => {
  const { now, earlier } = states
  const name = displayName(refOf(now))
  if (sameJson(fieldsOf(now["spec"]), fieldsOf(earlier["spec"]))) return []
  if (isUnread(objects, "Pod")) return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
  const byPods = sameJson(selectorOf(now), selectorOf(earlier)) ? [] : byReadiness(name, [now], [earlier], objects)
  if ("_tag" in byPods) return byPods
  const byPorts = byPort(states, objects)
  return "_tag" in byPorts ? byPorts : [...byPods, ...byPorts]
}

const serviceOf = (objects: PlanObjects, ref: ResourceRef): KubernetesObject | undefined =>
  objects.related.find((each) => sameRef(refOf(each), ref))

const hasPort = (service: KubernetesObject, port: unknown): boolean => {
  const ports = listOf(service, "spec", "ports")
  return (
    port === undefined
    || textOf(service, "spec", "type") === "ExternalName"
    || ports.some((each) => valueOf(each, "port") === port || valueOf(each, "name") === port)
  )
}

/**
 * A Service that selects no more than a subset of its pods. Which label a subset stands for is stated elsewhere; its
 * name is nearly always the value of that label, such as `version: v1`.
 */
const narrowed = (service: KubernetesObject, subset: string, objects: PlanObjects): KubernetesObject => {
  const selector = selectorOf(service)
  if (selector === undefined) return service
  const labels = selectedBy(service, objects).flatMap(({ metadata }) => Object.entries(metadata.labels ?? {}))
  const label = labels.find(([, value]) => value === subset)?.[0] ?? "version"
  return { ...service, spec: { ...fieldsOf(service["spec"]), selector: { ...selector, [label]: subset } } }
}

/** The Services that get more requests in the present state than in the earlier one, and the other way round. */
const ledTo = ({ now, earlier }: States, objects: PlanObjects) => {
  const known = new Map(relatedOf(objects, "Service").map((each) => [keyOf(refOf(each)), each as KubernetesObject]))
  const services = (object: KubernetesObject, other: KubernetesObject) =>
    sendsMoreTo(object, other).flatMap((ref) => {
      const service = known.get(keyOf(ref))
      if (service === undefined) return []
      return ref.subset === undefined ? service : narrowed(service, ref.subset, objects)
    })
  return [services(now, earlier), services(earlier, now)] as const
}

/** The Services whose names are in the values of an object. A name that no Service has says nothing. */
const ofHosts = (states: States, objects: PlanObjects): Objections => {
  const { earlier, now } = states
  const name = displayName(refOf(now))
  if (sendsMoreTo(earlier, now).length === 0) return []
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `where ${name} led before`)]
  const [present, former] = ledTo(states, objects)
  if (former.length === 0) return []
  if (isUnread(objects, "Pod")) return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
  const objections = byReadiness(name, present, former, objects)
  if ("_tag" in objections || objections.length > 0) return objections
  // What serves now may be no Service, or one elsewhere.
  const dead = former.find(
    (each) =>
      selectorOf(each) !== undefined && !selectedBy(each, objects).some(isPodReady) && changedSince([each], objects)
  )
  return dead === undefined
    ? []
    : [
        ask(
          "fewer-endpoints",
          `The earlier state of ${name} has the host ${dead.metadata.name}, behind which no pod is ready since somebody has changed its workload, so it needs an approval.`,
          { ready: "unknown -> 0" }
        )
      ]
}

const ofRoute = ({ now, earlier }: States, objects: PlanObjects): Objections => {
  const name = displayName(refOf(now))
  const [present, former] = [backendsOf(now), backendsOf(earlier)]
  // An Ingress may have thousands of paths.
  const atPort = ({ port, service }: Backend): string => `${keyOf(service)}:${typeof port}:${String(port)}`
  const presentPorts = new Set(present.map(atPort))
  const changed = former.filter((each) => !presentPorts.has(atPort(each)))
  if (changed.length === 0 && sendsMoreTo(earlier, now).length === 0) return []
  if (isUnread(objects, "Service")) return [unreadAsk("Service", `where ${name} led before`)]
  // One that does not exist is refused by its name.
  const broken = changed.find(({ port, service }) => {
    const found = serviceOf(objects, service)
    return found !== undefined && !hasPort(found, port)
  })
  if (broken !== undefined)
    return refuse(
      "not-restorable",
      `${displayName(broken.service)} has no port ${String(broken.port)}, to which ${name} would lead again.`
    )
  if (isUnread(objects, "Pod")) return [unreadAsk("Pod", `what serves behind the earlier state of ${name}`)]
  return byReadiness(name, ...ledTo({ now, earlier }, objects), objects)
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
