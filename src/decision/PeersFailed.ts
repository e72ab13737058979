/**
 * Actions that are within the budget and useless: the same action has just failed in the same way on other targets that
 * share a registry, a node, a zone or the namespace with this one. The cause is what they share, and the action does
 * not reach it.
 *
 * Peers say something about this target if their way to fail is
 *
 * - one that this target shows too, whatever they share; a registry explains only images that cannot be pulled;
 * - one that the action brings to a target which does not show it yet, by what explains it:
 *
 * | peers fail with    | explained by the same |
 * | ------------------ | --------------------- |
 * | `ImagePullBackOff` | registry              |
 * | `Unschedulable`    | zone, node            |
 * | `FailedCreate`     | namespace             |
 * | a refused write    | namespace, see below  |
 *
 * The first, third and fourth row are direct evidence: the registry or the namespace itself has refused. Otherwise what
 * the peers share explains nothing unless it sets them apart (`discriminates`). All targets of a cluster with one zone
 * share the zone, and then three failures in it say nothing about a fourth target.
 *
 * A refusal says something about the namespace only where a rule that holds in it has refused: a right, a quota, a
 * LimitRange, Pod Security or another admission. An API server that did not respond, a disruption budget of a workload
 * and a request that did not fit its object say nothing about the next target.
 *
 * If the peers have several registries in common, such as those of their sidecars, it is not known which of them is
 * down. Then they say something only about a target that needs all of them.
 *
 * A single peer that the action has fixed since then is stronger than any number that failed.
 */

import { Duration } from "effect"
import type { ActionType } from "../domain/Action.ts"
import type { FailureCode } from "../domain/Failure.ts"
import type { EndedAction } from "../domain/PastAction.ts"
import type { NodePlaces, Places } from "../domain/Places.ts"
import { nameOf, namespaceOf, type TargetKey } from "../domain/Target.ts"
import { fromMillis } from "../domain/Timestamp.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"

type Shared = "registry" | "node" | "zone" | "namespace"

/** What the target has in common with others, and how it fails. */
export interface Candidate {
  readonly target: TargetKey
  readonly action: ActionType
  readonly symptoms: ReadonlyArray<string>
  readonly places: Places
  /** Where the nodes of the cluster are. `undefined`: not known. */
  readonly nodePlaces?: NodePlaces | undefined
}

/** Peers on which the action failed in one way. */
export interface FailedPeers {
  /** Such as `registry registry.example.com`. */
  readonly shared: string
  readonly symptom: string
  /** Their names, newest first. */
  readonly peers: ReadonlyArray<string>
}

/** The refusals by a rule that holds in the whole namespace. */
const refusedByNamespace: ReadonlySet<string> = new Set(
  (
    [
      "forbidden",
      "policy-denied",
      "webhook-denied",
      "webhook-unreachable",
      "pod-security",
      "admission-denied",
      "quota-exceeded",
      "limit-range"
    ] satisfies ReadonlyArray<FailureCode>
  ).map((code) => `refused:${code}`)
)

const broughtBy = (symptom: string): ReadonlyArray<Shared> => {
  if (refusedByNamespace.has(symptom)) return ["namespace"]
  switch (symptom) {
    case "ImagePullBackOff":
      return ["registry"]
    case "Unschedulable":
      return ["zone", "node"]
    case "FailedCreate":
      return ["namespace"]
    default:
      return []
  }
}

const sharedBySymptom = (symptom: string): ReadonlyArray<Shared> =>
  symptom === "ImagePullBackOff" ? ["registry", "node", "zone", "namespace"] : ["node", "zone", "namespace"]

const valuesOf = (shared: Shared, target: TargetKey, places: Places | undefined): ReadonlyArray<string> => {
  switch (shared) {
    case "registry":
      return places?.registries ?? []
    case "node":
      return places?.nodes ?? []
    case "zone":
      return places?.zones ?? []
    case "namespace": {
      const namespace = namespaceOf(target)
      return namespace === "" ? [] : [namespace]
    }
  }
}

/** Something that a target has in common with others, such as the zone `eu-1a`. */
type Property = readonly [shared: Shared, value: string]

/** Whether the way to fail itself says that the shared thing has refused. */
const isDirect = (shared: Shared, symptom: string): boolean =>
  (shared === "registry" && symptom === "ImagePullBackOff")
  || (shared === "namespace" && (symptom === "FailedCreate" || refusedByNamespace.has(symptom)))

/** Whether the cluster is known to have more than this node or zone. */
const hasOthers = ([shared, value]: Property, known: NodePlaces): boolean => {
  if (shared === "node") return [...known.keys()].some((node) => node !== value)
  return shared === "zone" && [...known.values()].some(({ zone }) => zone !== undefined && zone !== value)
}

/**
 * Whether a shared property sets the failed peers apart from the other targets of the same action:
 *
 * | targets outside                                | it does, if                                        |
 * | ---------------------------------------------- | -------------------------------------------------- |
 * | some have failed in the same way or been fixed | at least as many of them have been fixed as failed |
 * | none has                                       | the cluster is known to have another node, or zone |
 *
 * A peer that fails in several nodes or zones fails outside of each of them too. What is not known to have been fixed
 * is no evidence, and neither is a target whose places are not known.
 */
export const discriminates = (
  property: Property,
  symptom: string,
  others: ReadonlyArray<EndedAction>,
  nodePlaces: NodePlaces = new Map()
): boolean => {
  const [shared, value] = property
  const failed = new Set<TargetKey>()
  const fixed = new Set<TargetKey>()
  for (const { places, symptoms, target, verdict } of others) {
    const values = valuesOf(shared, target, places)
    if (!values.some((each) => each !== value)) continue
    if (symptoms.includes(symptom)) failed.add(target)
    else if (verdict === "fixed" && !values.includes(value)) fixed.add(target)
  }
  return failed.size + fixed.size === 0 ? hasOthers(property, nodePlaces) : fixed.size >= failed.size
}

/** Whether a target needs every registry that failed peers have in common. */
const needsAll = ({ registries }: Places, failed: ReadonlyArray<EndedAction>): boolean => {
  const [first, ...rest] = failed.map(({ places }) => places?.registries ?? [])
  return (first ?? [])
    .filter((registry) => rest.every((each) => each.includes(registry)))
    .every((registry) => registries.includes(registry))
}

const peersOf = (
  [shared, value, symptom]: readonly [Shared, string, string],
  { nodePlaces, places: mine }: Pick<Candidate, "places" | "nodePlaces">,
  others: ReadonlyArray<EndedAction>,
  least: number
): FailedPeers | undefined => {
  const near = others.filter(({ places, target }) => valuesOf(shared, target, places).includes(value))
  // Newest first, so what comes before a fix is newer than it.
  const fixed = near.findIndex(({ verdict }) => verdict === "fixed")
  const failed = (fixed === -1 ? near : near.slice(0, fixed)).filter(({ symptoms }) => symptoms.includes(symptom))
  const targets = [...new Set(failed.map(({ target }) => target))]
  if (shared === "registry" && !needsAll(mine, failed)) return undefined
  const explains = isDirect(shared, symptom) || discriminates([shared, value], symptom, others, nodePlaces)
  return targets.length < least || !explains
    ? undefined
    : { shared: `${shared} ${value}`, symptom, peers: targets.map(nameOf) }
}

/** The peers that speak against the action; `undefined` if none do. `ended` is newest first. */
export const failedPeers = (
  candidate: Candidate,
  ended: ReadonlyArray<EndedAction>,
  { peers }: Pick<GuardrailSettings, "peers">,
  nowMs: number
): FailedPeers | undefined => {
  const { action, places, symptoms, target } = candidate
  const [now, since] = [fromMillis(nowMs), fromMillis(nowMs - Duration.toMillis(peers.within))]
  const isPeer = (other: EndedAction) =>
    other.action === action && other.target !== target && other.at <= now && other.at > since
  const failed = ended.filter((other) => other.symptoms.length > 0 && isPeer(other))
  if (failed.length === 0) return undefined
  const others = ended.filter(isPeer)
  for (const symptom of new Set(failed.flatMap((other) => other.symptoms))) {
    const explained = symptoms.includes(symptom) ? sharedBySymptom(symptom) : broughtBy(symptom)
    for (const shared of explained)
      for (const value of valuesOf(shared, target, places)) {
        const found = peersOf([shared, value, symptom], candidate, others, peers.failures)
        if (found !== undefined) return found
      }
  }
  return undefined
}

/** Names the peers. */
export const describePeers = (action: ActionType, { peers, shared, symptom }: FailedPeers): string => {
  const shown = peers.slice(0, 5).join(", ") + (peers.length > 5 ? ` and ${peers.length - 5} more` : "")
  return `${action} has just failed with ${symptom} on ${peers.length} others of the same ${shared}: ${shown}. It would be useless here too; the cause is what they share.`
}
