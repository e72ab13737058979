/** The objects that an object names and cannot do without, such as the Services of an Ingress. Pure. */

import { fieldsOf, listOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { containersOf, hostsOf, referencesOf } from "../../changes/TemplateReferences.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { ordered } from "../../kubernetes/SpecDigest.ts"

/** The same text for the same object: neither a kind nor a name has a slash. */
export const keyOf = ({ kind, name, namespace }: ResourceRef): string => `${kind}/${namespace}/${name}`

/** A Service that a route sends requests to, at which port, and which share of those of its place. */
export interface Backend {
  /** The host and path of an Ingress, or what a rule matches. */
  readonly place: string
  readonly service: ResourceRef
  readonly port: unknown
  readonly share: number
}

/** The kinds that send requests to Services. */
export const routeKinds: ReadonlySet<string> = new Set(["Ingress", "HTTPRoute", "GRPCRoute"])

const ofIngress = (backend: unknown, place: string, namespace: string): ReadonlyArray<Backend> => {
  const [name, port] = [textOf(backend, "service", "name"), valueOf(backend, "service", "port")]
  return name === undefined
    ? []
    : [
        {
          place,
          service: { namespace, kind: "Service", name },
          port: valueOf(port, "number") ?? valueOf(port, "name"),
          share: 1
        }
      ]
}

const weightOf = (reference: unknown): number => {
  const weight = valueOf(reference, "weight")
  return typeof weight === "number" ? weight : 1
}

/** A backend with the weight 0 gets no request. */
const ofRule = (rule: unknown, place: string, namespace: string): ReadonlyArray<Backend> => {
  const references = listOf(rule, "backendRefs")
  const total = references.reduce<number>((sum, each) => sum + weightOf(each), 0)
  return references.flatMap((reference) => {
    const [name, weight] = [textOf(reference, "name"), weightOf(reference)]
    return name === undefined || (textOf(reference, "kind") ?? "Service") !== "Service" || weight === 0
      ? []
      : [
          {
            place,
            service: { namespace: textOf(reference, "namespace") ?? namespace, kind: "Service", name },
            port: valueOf(reference, "port"),
            share: weight / total
          }
        ]
  })
}

/** The Services that an Ingress or a route sends requests to. */
export const backendsOf = (object: KubernetesObject): ReadonlyArray<Backend> => {
  const namespace = object.metadata.namespace ?? ""
  const rules = listOf(object, "spec", "rules")
  if (object.kind !== "Ingress")
    return rules.flatMap((rule) => ofRule(rule, JSON.stringify(ordered(listOf(rule, "matches"))), namespace))
  return [
    ...ofIngress(valueOf(object, "spec", "defaultBackend"), "default", namespace),
    ...rules.flatMap((rule) =>
      listOf(rule, "http", "paths").flatMap((path) =>
        ofIngress(valueOf(path, "backend"), `${textOf(rule, "host") ?? "*"} ${textOf(path, "path") ?? "/"}`, namespace)
      )
    )
  ]
}

/** Where a route is attached: without that, nobody reads it. */
const attachedTo = (object: KubernetesObject): ReadonlyArray<ResourceRef> => {
  const ingressClass = textOf(object, "spec", "ingressClassName")
  return [
    ...(ingressClass === undefined ? [] : [{ namespace: "", kind: "IngressClass", name: ingressClass }]),
    ...listOf(object, "spec", "parentRefs").flatMap((each) => {
      const name = textOf(each, "name")
      return name === undefined || (textOf(each, "kind") ?? "Gateway") !== "Gateway"
        ? []
        : [{ namespace: textOf(each, "namespace") ?? object.metadata.namespace ?? "", kind: "Gateway", name }]
    })
  ]
}

const withoutOptional = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOptional)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => fieldsOf(each)["optional"] !== true)
      .map(([name, each]) => [name, withoutOptional(each)])
  )
}

/** Of these kinds it can be told whether an object exists. */
const told: ReadonlySet<string> = new Set(["ConfigMap", "ServiceAccount", "PersistentVolumeClaim", "PriorityClass"])

/** What is there in every namespace and cluster. */
const isOfCluster = ({ kind, name }: ResourceRef): boolean =>
  (kind === "ServiceAccount" && name === "default") || (kind === "PriorityClass" && name.startsWith("system-"))

/** The objects without which an object does not do what it says. Secrets are left out: nobody may read them. */
export const namedBy = (object: KubernetesObject): ReadonlyArray<ResourceRef> => {
  const namespace = object.metadata.namespace ?? ""
  if (routeKinds.has(object.kind)) return [...backendsOf(object).map(({ service }) => service), ...attachedTo(object)]
  if (object.kind === "HorizontalPodAutoscaler") {
    const scaled = valueOf(object, "spec", "scaleTargetRef")
    const [kind, name] = [textOf(scaled, "kind"), textOf(scaled, "name")]
    return name === undefined || (kind !== "Deployment" && kind !== "StatefulSet") ? [] : [{ namespace, kind, name }]
  }
  const spec = valueOf(templateOf(object), "spec")
  return spec === undefined
    ? []
    : referencesOf(withoutOptional(spec), namespace)
        .map(({ to }) => to)
        .filter((ref) => told.has(ref.kind) && !isOfCluster(ref))
}

/** Each object once, by its key: a list may be as long as an object has words. */
export const byKey = (refs: ReadonlyArray<ResourceRef>): ReadonlyMap<string, ResourceRef> => {
  const found = new Map<string, ResourceRef>()
  for (const ref of refs) {
    const key = keyOf(ref)
    if (!found.has(key)) found.set(key, ref)
  }
  return found
}

/** The objects in the first list that are not in the second, each once. */
export const onlyIn = (
  these: ReadonlyArray<ResourceRef>,
  others: ReadonlyArray<ResourceRef>
): ReadonlyArray<ResourceRef> => {
  const excluded = byKey(others)
  return [...byKey(these)].flatMap(([key, ref]) => (excluded.has(key) ? [] : [ref]))
}

/** Everything that an object relies on, also what it can do without, and the Services that it seems to call. */
export const reliesOn = (object: KubernetesObject): ReadonlyArray<ResourceRef> => {
  const namespace = object.metadata.namespace ?? ""
  const spec = valueOf(templateOf(object), "spec")
  const role = valueOf(object, "roleRef")
  return [
    ...namedBy(object),
    ...(spec === undefined ? [] : [...referencesOf(spec, namespace).map(({ to }) => to), ...hostsOf(spec, namespace)]),
    ...(textOf(role, "kind") === "Role" ? [{ namespace, kind: "Role", name: textOf(role, "name") ?? "" }] : []),
    ...listOf(object, "subjects").flatMap((subject) =>
      textOf(subject, "kind") === "ServiceAccount"
        ? [
            {
              namespace: textOf(subject, "namespace") ?? namespace,
              kind: "ServiceAccount",
              name: textOf(subject, "name") ?? ""
            }
          ]
        : []
    )
  ]
}

/** The ports that the containers of a pod declare, by number and by name. A container may listen without that. */
export const portsOf = (spec: unknown): ReadonlySet<unknown> =>
  new Set(
    containersOf(spec).flatMap((container) =>
      listOf(container, "ports").flatMap((port) => [valueOf(port, "containerPort"), valueOf(port, "name")])
    )
  )
