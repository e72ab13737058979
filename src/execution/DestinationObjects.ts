/** Reads the Services to which the states of an object lead, and the pods behind them. */

import { Effect } from "effect"
import { templateOf } from "../changes/ObjectFields.ts"
import type { ResourceRef } from "../domain/Target.ts"
import { find as resourceOf } from "../kubernetes/ApiResource.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { leadsAlike, movesOf } from "./actions/Destinations.ts"
import { backendsOf, byKey, keyOf, routeKinds } from "./actions/NamedObjects.ts"
import type { States } from "./actions/RestoredEndpoints.ts"
import { selectorOf } from "./actions/ServicePods.ts"
import { type Cautions, cautiously, found } from "./Cautions.ts"
import { refOf } from "./ObjectPatch.ts"

type Client = KubernetesClient["Service"]
type Read = Effect.Effect<Cautions, KubernetesError>

/** The pods behind a Service. */
export const podsBehind = (client: Client, service: KubernetesObject): ReadonlyArray<Read> => {
  const labelSelector = selectorOf(service)
  return labelSelector === undefined
    ? []
    : [cautiously("Pod", client.list("Pod", { namespace: service.metadata.namespace ?? "", labelSelector }))]
}

/** Hosts may be any words, so no more Services of other namespaces are looked for. */
const mostElsewhere = 5
const mostWords = 2000

/**
 * Tells which words may be Services: the names of those in the namespace, and hosts of other namespaces, of which a
 * text has so many that no more are looked at.
 */
const namedAmong = (services: ReadonlyArray<KubernetesObject>, namespace: string) => {
  const [known, elsewhere] = [new Set(services.map((each) => keyOf(refOf(each)))), new Set<string>()]
  return (ref: ResourceRef): boolean => {
    const key = keyOf(ref)
    if (ref.namespace === namespace) return known.has(key)
    if (elsewhere.size < mostWords) elsewhere.add(key)
    return elsewhere.has(key)
  }
}

/** Whether the states may lead to other Services. What may have many words is not read for them before. */
export const mayLead = (states: States): boolean => {
  const { now } = states
  const isCustom = resourceOf(now.kind) === undefined && templateOf(now) === undefined
  return now.kind === "ConfigMap" || routeKinds.has(now.kind) || isCustom
    ? !leadsAlike(states)
    : movesOf(states, () => true).length > 0
}

/**
 * The Services that one of the states leads to, and the pods behind those to which it sends a larger share of its
 * requests than the other one. A host of another namespace that may not be read is no known Service.
 */
export const readDestinations = Effect.fnUntraced(function* (
  client: Client,
  states: States
): Effect.fn.Return<Cautions, KubernetesError> {
  const { earlier, now } = states
  const [namespace, isRoute] = [now.metadata.namespace ?? "", routeKinds.has(now.kind)]
  const near = yield* cautiously("Service", client.list("Service", { namespace }))
  const moved = movesOf(states, namedAmong(near.found, namespace)).flatMap(
    ({ former, present }): ReadonlyArray<ResourceRef> => [...present, ...former]
  )
  // The ports of all Services of a route are compared.
  const named = byKey(isRoute ? [...backendsOf(now), ...backendsOf(earlier)].map(({ service }) => service) : moved)
  const elsewhere = [...named.values()].filter((ref) => ref.namespace !== namespace)
  const far = yield* Effect.forEach(
    elsewhere.slice(0, isRoute ? undefined : mostElsewhere),
    (ref) =>
      Effect.map(cautiously("Service", found(client, ref)), (each) => (isRoute ? each : { ...each, unread: [] })),
    { concurrency: 4 }
  )
  const isOneOf = (these: ReadonlyMap<string, ResourceRef>) => (service: KubernetesObject) =>
    these.has(keyOf(refOf(service)))
  const services = [near, ...far].flatMap(({ found }) => found).filter(isOneOf(named))
  const behind = services.filter(isOneOf(byKey(moved))).flatMap((each) => podsBehind(client, each))
  const pods = yield* Effect.all(behind, { concurrency: 4 })
  return {
    found: [...services, ...pods.flatMap(({ found }) => found)],
    unread: [near, ...far, ...pods].flatMap(({ unread }) => unread)
  }
})
