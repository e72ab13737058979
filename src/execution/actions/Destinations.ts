/**
 * Where an object sends requests, and which share of them: what an undo would send to another Service. Pure.
 *
 * | object                                       | sends requests to                                     |
 * | -------------------------------------------- | ----------------------------------------------------- |
 * | an Ingress or a route                        | the Services that it names                            |
 * | a ConfigMap                                  | the hosts in the lines that differ                    |
 * | a workload                                   | the hosts in the variables and arguments              |
 * | a Service of type `ExternalName`             | its host                                              |
 * | an object of a custom kind, or another route | the hosts in its spec, such as those of Istio's kinds |
 *
 * A mesh may divide the pods of a Service into subsets. Weights of one list, by whatever kind, are shares of its
 * requests. A host may be any word, so it counts only if a Service of that name is known.
 */

import { fieldsOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { hostsOf } from "../../changes/TemplateReferences.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { find as resourceOf } from "../../kubernetes/ApiResource.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { backendsOf, routeKinds } from "./NamedObjects.ts"

/** A Service, or the subset of its pods that a mesh calls by a name. */
export interface Receiver extends ResourceRef {
  readonly subset?: string
}

interface Destination {
  readonly service: Receiver
  readonly share: number
}

/** Names in these fields select objects, and nothing is sent there. */
const selecting: ReadonlySet<string> = new Set(["selector", "matchLabels", "matchExpressions", "labels", "subset"])

/** The hosts in a text, each of its lines read by itself. */
const hostsInText = (text: string, namespace: string): ReadonlyArray<ResourceRef> =>
  hostsOf({ containers: [{ args: text.split("\n") }] }, namespace)

const weightOf = (item: unknown): number | undefined => {
  const weight = valueOf(item, "weight")
  return typeof weight === "number" ? weight : undefined
}

/** The hosts in all texts of a value. Of a list with weights, each item gets its share. */
const hostsIn = (value: unknown, namespace: string, share = 1): ReadonlyArray<Destination> => {
  if (typeof value === "string") return hostsInText(value, namespace).map((service) => ({ service, share }))
  if (Array.isArray(value)) {
    const total = value.reduce<number>((sum, item) => sum + (weightOf(item) ?? 0), 0)
    return value.flatMap((item) =>
      hostsIn(item, namespace, total > 0 ? (share * (weightOf(item) ?? 0)) / total : share)
    )
  }
  const subset = textOf(value, "subset")
  return Object.entries(fieldsOf(value)).flatMap(([name, each]) => {
    const found = selecting.has(name) ? [] : hostsIn(each, namespace, share)
    return name === "host" && subset !== undefined
      ? found.map(({ service }) => ({ service: { ...service, subset }, share }))
      : found
  })
}

/** The lines of the values that differ from those of the other state. */
const linesOnlyIn = (config: KubernetesObject, other: KubernetesObject): ReadonlyArray<string> => {
  const others = fieldsOf(other["data"])
  return Object.entries(fieldsOf(config["data"])).flatMap(([key, value]) => {
    const same = new Set(String(others[key] ?? "").split("\n"))
    return typeof value === "string" ? value.split("\n").filter((line) => !same.has(line)) : []
  })
}

const destinationsOf = (object: KubernetesObject, other: KubernetesObject): ReadonlyArray<Destination> => {
  const namespace = object.metadata.namespace ?? ""
  if (routeKinds.has(object.kind)) return backendsOf(object)
  if (object.kind === "ConfigMap") return hostsIn(linesOnlyIn(object, other), namespace)
  if (object.kind === "Service")
    return textOf(object, "spec", "type") === "ExternalName"
      ? hostsIn(textOf(object, "spec", "externalName"), namespace)
      : []
  const spec = valueOf(templateOf(object), "spec")
  if (spec !== undefined) return hostsOf(spec, namespace).map((service) => ({ service, share: 1 }))
  const isRead = resourceOf(object.kind) === undefined || object.kind.endsWith("Route")
  return isRead && !sameJson(object["spec"], other["spec"]) ? hostsIn(object["spec"], namespace) : []
}

const sharesOf = (destinations: ReadonlyArray<Destination>): ReadonlyMap<string, Destination> => {
  const shares = new Map<string, Destination>()
  for (const { service, share } of destinations) {
    const key = `${service.namespace}/${service.name}/${service.subset ?? ""}`
    shares.set(key, { service, share: share + (shares.get(key)?.share ?? 0) })
  }
  return shares
}

/** Shares are sums of fractions. */
const least = 1e-6

/** The Services to which one state of an object sends a larger share of its requests than the other state does. */
export const sendsMoreTo = (object: KubernetesObject, other: KubernetesObject): ReadonlyArray<Receiver> => {
  const others = sharesOf(destinationsOf(other, object))
  return [...sharesOf(destinationsOf(object, other))].flatMap(([key, { service, share }]) =>
    share > (others.get(key)?.share ?? 0) + least ? [service] : []
  )
}
