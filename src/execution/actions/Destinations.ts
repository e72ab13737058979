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

import { fieldsOf, labelsOf, listOf, templateOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
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
  /** Whether both states lead to one of them, and only the shares differ. */
  readonly isShare: boolean
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

/** The name of a Service is what an item leads to, and not what it is known by. */
const identityOf = (item: unknown, { isKnown, namespace }: Spot): string => {
  const found = identities.map((each) => valueOf(item, each)).find((each) => each !== undefined)
  const isService = typeof found === "string" && isKnown({ namespace, kind: "Service", name: found })
  return found === undefined || isService ? "" : JSON.stringify(ordered(found))
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
  return items.flatMap((item) => {
    // Those without an identity are compared by their order.
    const place = `${spot.place}[${total > 0 || typeof item === "string" ? "" : identityOf(item, spot)}]`
    return inValue(item, { ...spot, place }, total > 0 ? (share * (weightOf(item) ?? 0)) / total : share)
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

/** Shares are sums of fractions. */
const least = 1e-6

/** The share of requests that an Ingress of the NGINX controller gets beside another one of its host and path. */
const canaryShare = (object: KubernetesObject): number => {
  const annotation = (name: string) =>
    labelsOf(object, "metadata", "annotations")?.[`nginx.ingress.kubernetes.io/${name}`]
  if (object.kind !== "Ingress" || annotation("canary") !== "true") return 1
  const weight = Number(annotation("canary-weight") ?? 0) / Number(annotation("canary-weight-total") ?? 100)
  const isChosen = ["canary-by-header", "canary-by-cookie"].some((each) => annotation(each) !== undefined)
  return Math.max(Number.isFinite(weight) ? weight : 1, isChosen ? 0.01 : 0)
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
      share: share * canaryShare(object)
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

const moveOf = ({ former, present }: Difference, isShare = false): Move => ({
  present: present.map(({ service }) => service),
  former: former.map(({ service }) => service),
  isShare
})

/** Whether what gets a larger share in one state gets some in the other one, too. */
const sharesDiffer = (
  { former, present }: Difference,
  now: ReadonlyArray<Destination>,
  earlier: ReadonlyArray<Destination>
): boolean => {
  const gets = (all: ReadonlyArray<Destination>) =>
    new Set(all.flatMap((each) => (each.share > 0 ? [receiverKey(each)] : [])))
  const [some, others] = [gets(now), gets(earlier)]
  return former.some((each) => some.has(receiverKey(each))) || present.some((each) => others.has(receiverKey(each)))
}

const nameOf = ({ former, present }: Difference): string =>
  [present, former].map((each) => each.map(receiverKey).join(" ")).join(" -> ")

/** Whether two states lead to the same, because what says so is the same. */
export const leadsAlike = ({ now, earlier }: States): boolean =>
  sameJson(now["spec"], earlier["spec"])
  && sameJson(now["data"], earlier["data"])
  && (now.kind !== "Ingress" || sameJson(now.metadata["annotations"], earlier.metadata["annotations"]))

/**
 * Where two states of an object send requests to, wherever that differs. What is at a place of one of them only is
 * compared as a whole: a place may have got another name.
 */
export const movesOf = ({ now, earlier }: States, isKnown: Spot["isKnown"]): ReadonlyArray<Move> => {
  if (leadsAlike({ now, earlier })) return []
  const placesNow = Map.groupBy(destinationsOf(now, earlier, isKnown), ({ place }) => place)
  const placesThen = Map.groupBy(destinationsOf(earlier, now, isKnown), ({ place }) => place)
  const moves = new Map<string, Move>()
  const [present, former]: [Array<Destination>, Array<Destination>] = [[], []]
  for (const place of new Set([...placesNow.keys(), ...placesThen.keys()])) {
    const [here, before] = [placesNow.get(place) ?? [], placesThen.get(place) ?? []]
    const found = differing(here, before)
    if (found.present.length > 0 && found.former.length > 0)
      moves.set(nameOf(found), moveOf(found, sharesDiffer(found, here, before)))
    else {
      for (const each of found.present) present.push(each)
      for (const each of found.former) former.push(each)
    }
  }
  const rest = moveOf({ present: moreIn(present, former), former: moreIn(former, present) })
  return [...moves.values(), ...(rest.present.length + rest.former.length > 0 ? [rest] : [])]
}
