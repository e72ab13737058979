/**
 * Where an object sends requests, place by place: what an undo would send to another Service. Pure.
 *
 * | object                                       | sends requests to                        | its places are              |
 * | -------------------------------------------- | ---------------------------------------- | --------------------------- |
 * | an Ingress or a route                        | the Services that it names               | hosts and paths, or matches |
 * | a ConfigMap                                  | the hosts in its values                  | keys, and those within      |
 * | a workload                                   | the hosts in the variables and arguments | variables                   |
 * | a Service of type `ExternalName`             | its host                                 | one                         |
 * | an object of a custom kind, or another route | the hosts in its spec, such as Istio's   | fields, and matches         |
 *
 * A failover swaps two hosts, so that the object as a whole leads where it led before: each place is compared by
 * itself. A mesh may divide the pods of a Service into subsets. Weights of one list, by whatever kind, are shares of
 * its requests. A host may be any word, so it counts only if a Service of that name is known. A policy says who may
 * send requests, and sends none.
 */

import { fieldsOf, listOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import { containersOf } from "../../changes/TemplateReferences.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import { find as resourceOf } from "../../kubernetes/ApiResource.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { ordered } from "../../kubernetes/SpecDigest.ts"
import { hasHost, hostsInText, jsonIn, type Spot } from "./HostTexts.ts"
import { backendsOf, keyOf, routeKinds } from "./NamedObjects.ts"

/** A Service, or the subset of its pods that a mesh calls by a name. */
export interface Receiver extends ResourceRef {
  readonly subset?: string
  /** Whether it surely gets requests. Otherwise the word may mean something else, such as the name of an application. */
  readonly isSure: boolean
}

/** Where requests go, at places that differ in two states of an object. */
export interface Move {
  /** What gets a larger share in the present state. */
  readonly present: ReadonlyArray<Receiver>
  /** What gets a larger share in the earlier one. */
  readonly former: ReadonlyArray<Receiver>
}

interface States {
  readonly now: KubernetesObject
  readonly earlier: KubernetesObject
}

/** Where a value stands. In an object of a custom kind, a field such as `service` says where requests go. */
interface Within extends Spot {
  readonly isRoute: boolean
}

interface Destination {
  readonly place: string
  readonly service: Receiver
  readonly share: number
}

/** Names in these fields select objects or callers, and nothing is sent there. */
const notSentTo: ReadonlySet<string> = new Set([
  "selector",
  "matchLabels",
  "matchExpressions",
  "labels",
  "subset",
  "principals",
  "notPrincipals",
  "serviceAccount",
  "serviceAccounts",
  "serviceAccountName",
  "namespaces",
  "gateways"
])

/** Who may send requests, and how. */
const isPolicy = ({ apiVersion, kind }: KubernetesObject): boolean =>
  /Polic(y|ies)$/.test(kind) || apiVersion.startsWith("security.istio.io/")

/** What the items of a list are known by, so that another item before them makes no difference. */
const identities = ["match", "matches", "name", "path", "prefix", "id"] as const

const identityOf = (item: unknown): string | undefined => {
  const name = identities.find((each) => valueOf(item, each) !== undefined)
  return name === undefined ? undefined : JSON.stringify(ordered(valueOf(item, name)))
}

const weightOf = (item: unknown): number | undefined => {
  const weight = valueOf(item, "weight")
  return typeof weight === "number" ? weight : undefined
}

const inText = (text: string, spot: Within, share: number): ReadonlyArray<Destination> => {
  if (!hasHost(text, spot)) return []
  const json = jsonIn(text)
  return json === undefined
    ? hostsInText(text, spot).map(({ isSure, place, service }) => ({ place, service: { ...service, isSure }, share }))
    : inValue(json, spot, share)
}

const inList = (items: ReadonlyArray<unknown>, spot: Within, share: number): ReadonlyArray<Destination> => {
  const total = items.reduce<number>((sum, item) => sum + (weightOf(item) ?? 0), 0)
  let unnamed = 0
  return items.flatMap((item) => {
    if (total > 0) return inValue(item, { ...spot, place: `${spot.place}[]` }, (share * (weightOf(item) ?? 0)) / total)
    if (typeof item === "string") return inText(item, { ...spot, place: `${spot.place}[]` }, share)
    const identity = identityOf(item)
    if (identity === undefined) unnamed += 1
    return inValue(item, { ...spot, place: `${spot.place}[${identity ?? unnamed}]` }, share)
  })
}

const ofServices = /^(service|backend|backendRef|destination|upstream|target)s?$/i

/** Whether a text of a route is the name of a Service: also one beside a port or a weight. */
const isServiceField = (name: string, fields: Readonly<Record<string, unknown>>, above: string): boolean =>
  ofServices.test(name)
  || (name === "name" && (Object.hasOwn(fields, "port") || Object.hasOwn(fields, "weight") || ofServices.test(above)))

/** The hosts in all texts of a value. Of a list with weights, each item gets its share. */
const inValue = (value: unknown, spot: Within, share = 1): ReadonlyArray<Destination> => {
  if (typeof value === "string") return inText(value, spot, share)
  if (Array.isArray(value)) return inList(value, spot, share)
  const fields = fieldsOf(value)
  const subset = textOf(value, "subset")
  return Object.entries(fields).flatMap(([name, each]) => {
    if (notSentTo.has(name)) return []
    const isHost = spot.isRoute && typeof each === "string" && isServiceField(name, fields, spot.key)
    const found = inValue(each, { ...spot, place: `${spot.place}/${name}`, key: isHost ? "host" : name }, share)
    return name === "host" && subset !== undefined
      ? found.map(({ service, ...rest }) => ({ ...rest, service: { ...service, subset } }))
      : found
  })
}

/** A flag and its value may be two arguments. */
const argumentLines = (container: unknown): string => {
  const texts = [...listOf(container, "command"), ...listOf(container, "args")].filter(
    (each): each is string => typeof each === "string"
  )
  return texts
    .map((text, index) => {
      const previous = texts[index - 1]
      return previous !== undefined && /^--?[\w-]+$/.test(previous) && !text.startsWith("-")
        ? `${previous.replace(/^-+/, "")}=${text}`
        : text.replace(/^-+/, "")
    })
    .join("\n")
}

const inContainers = (spec: unknown, spot: Within): ReadonlyArray<Destination> =>
  containersOf(spec).flatMap((container) => {
    const place = textOf(container, "name") ?? ""
    const variables = listOf(container, "env").flatMap((entry) => {
      const [name, value] = [textOf(entry, "name") ?? "", textOf(entry, "value")]
      return value === undefined ? [] : inText(value, { ...spot, place: `${place}/${name}`, key: name }, 1)
    })
    return [...variables, ...inText(argumentLines(container), { ...spot, place }, 1)]
  })

/** The values that differ. */
const changedData = (config: KubernetesObject, other: KubernetesObject): unknown => {
  const others = fieldsOf(other["data"])
  return Object.fromEntries(Object.entries(fieldsOf(config["data"])).filter(([key, value]) => others[key] !== value))
}

const destinationsOf = (
  object: KubernetesObject,
  other: KubernetesObject,
  isKnown: Spot["isKnown"]
): ReadonlyArray<Destination> => {
  const spot: Within = { place: "", key: "", namespace: object.metadata.namespace ?? "", isKnown, isRoute: false }
  if (routeKinds.has(object.kind))
    return backendsOf(object).map(({ place, service, share }) => ({
      place,
      service: { ...service, isSure: true },
      share
    }))
  if (object.kind === "ConfigMap") return inValue(changedData(object, other), spot)
  if (object.kind === "Service")
    return textOf(object, "spec", "type") === "ExternalName"
      ? inValue(textOf(object, "spec", "externalName"), { ...spot, key: "host" })
      : []
  const spec = valueOf(templateOf(object), "spec")
  if (spec !== undefined) return inContainers(spec, spot)
  if (isPolicy(object) || (resourceOf(object.kind) !== undefined && !object.kind.endsWith("Route"))) return []
  const { hosts, ...rest } = fieldsOf(object["spec"])
  // The hosts of a VirtualService are those for which it is asked.
  return inValue(object.kind === "VirtualService" ? rest : { hosts, ...rest }, { ...spot, isRoute: true })
}

const receiverKey = ({ service }: Destination): string => `${keyOf(service)}/${service.subset ?? ""}`

/** Shares are sums of fractions. */
const least = 1e-6

const sharesOf = (destinations: ReadonlyArray<Destination>): ReadonlyMap<string, Destination> => {
  const shares = new Map<string, Destination>()
  for (const each of destinations) {
    const key = receiverKey(each)
    shares.set(key, { ...each, share: each.share + (shares.get(key)?.share ?? 0) })
  }
  return shares
}

const moreIn = (these: ReadonlyArray<Destination>, others: ReadonlyArray<Destination>): ReadonlyArray<Destination> => {
  const shares = sharesOf(others)
  return [...sharesOf(these)].flatMap(([key, each]) =>
    each.share > (shares.get(key)?.share ?? 0) + least ? [each] : []
  )
}

interface Difference {
  readonly present: ReadonlyArray<Destination>
  readonly former: ReadonlyArray<Destination>
}

/** What differs at one place: the shares, or else the order of words. */
const differing = (now: ReadonlyArray<Destination>, earlier: ReadonlyArray<Destination>): Difference => {
  const [present, former] = [moreIn(now, earlier), moreIn(earlier, now)]
  if (present.length + former.length > 0 || now.length !== earlier.length || now.some(({ share }) => share !== 1))
    return { present, former }
  const elsewhere = (these: ReadonlyArray<Destination>, others: ReadonlyArray<Destination>) =>
    these.filter((each, index) => receiverKey(each) !== receiverKey(others[index]!))
  return { present: elsewhere(now, earlier), former: elsewhere(earlier, now) }
}

const moveOf = ({ former, present }: Difference): Move => ({
  present: present.map(({ service }) => service),
  former: former.map(({ service }) => service)
})

const nameOf = ({ former, present }: Difference): string =>
  [present, former].map((each) => each.map(receiverKey).join(" ")).join(" -> ")

/**
 * Where two states of an object send requests to, wherever that differs. What is at a place of one of them only is
 * compared as a whole: a place may have got another name.
 */
export const movesOf = ({ now, earlier }: States, isKnown: Spot["isKnown"]): ReadonlyArray<Move> => {
  if (sameJson(now["spec"], earlier["spec"]) && sameJson(now["data"], earlier["data"])) return []
  const placesNow = Map.groupBy(destinationsOf(now, earlier, isKnown), ({ place }) => place)
  const placesThen = Map.groupBy(destinationsOf(earlier, now, isKnown), ({ place }) => place)
  const moves = new Map<string, Move>()
  const [present, former]: [Array<Destination>, Array<Destination>] = [[], []]
  for (const place of new Set([...placesNow.keys(), ...placesThen.keys()])) {
    const found = differing(placesNow.get(place) ?? [], placesThen.get(place) ?? [])
    if (found.present.length > 0 && found.former.length > 0) moves.set(nameOf(found), moveOf(found))
    else {
      for (const each of found.present) present.push(each)
      for (const each of found.former) former.push(each)
    }
  }
  const rest = moveOf({ present: moreIn(present, former), former: moreIn(former, present) })
  return [...moves.values(), ...(rest.present.length + rest.former.length > 0 ? [rest] : [])]
}
