/**
 * What a NetworkPolicy lets through, compared with another one. Pure.
 *
 * Policies add up: pods that two of them select get what either lets through. So one that comes back opens what
 * somebody has closed by putting a narrower one in its place. Two policies of the same pods may also be about other
 * traffic, such as that of the web and that of the monitoring: then neither has narrowed the other. Labels and names of
 * ports stand for what only the cluster knows, so nothing but a plain likeness shows that a rule lets no more through
 * than another one, and in doubt two rules meet.
 *
 * | what comes back        | and the other policy, of the same pods and direction | then both        |
 * | ---------------------- | ---------------------------------------------------- | ---------------- |
 * | lets something through | has a rule of no less for each of those              | say the same     |
 * | lets something through | has not, and a rule of it meets one that comes back  | let more through |
 * | lets something through | lets nothing through                                 | let more through |
 * | lets something through | has only rules about other peers, or other ports     | complete another |
 * | lets nothing through   | lets nothing through either                          | say the same     |
 * | lets nothing through   | lets something through                               | complete another |
 *
 * Two rules meet if some peers and some ports of theirs do; no peers, or no ports, are all of them.
 *
 * Two things are apart only where that is shown:
 *
 * | two                           | are apart                                                             |
 * | ----------------------------- | --------------------------------------------------------------------- |
 * | selectors                     | if no value of one label satisfies both, such as two values of it; or |
 * |                               | of pods of the namespace, if each selects workloads, and no workload, |
 * |                               | CronJob or pod is selected by both (`SelectedPods`)                   |
 * | blocks of addresses           | if neither is within the other; of IPv6 never                         |
 * | a block and a selector        | if the block is surely of addresses outside the cluster               |
 * | ports of one protocol, ranges | if they have no number in common; a name may be any number            |
 *
 * So two labels may select the same: somebody who tightens a policy may select by other labels than before.
 */

import { listOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { excludeEachOther, type SelectedPods } from "./SelectedPods.ts"

type Direction = "ingress" | "egress"

/** The rules of a NetworkPolicy in each direction that it restricts. */
const rulesOf = (policy: KubernetesObject): ReadonlyArray<readonly [Direction, ReadonlyArray<unknown>]> => {
  const types = listOf(policy, "spec", "policyTypes")
  const [incoming, outgoing] = [listOf(policy, "spec", "ingress"), listOf(policy, "spec", "egress")]
  return [
    ...(types.length === 0 || types.includes("Ingress") ? [["ingress", incoming] as const] : []),
    ...(types.includes("Egress") || (types.length === 0 && outgoing.length > 0) ? [["egress", outgoing] as const] : [])
  ]
}

const rulesIn = (policy: KubernetesObject, direction: Direction): ReadonlyArray<unknown> | undefined =>
  rulesOf(policy).find(([each]) => each === direction)?.[1]

/** No ports, or no peers, stand for all of them. */
const within = (these: ReadonlyArray<unknown>, others: ReadonlyArray<unknown>): boolean =>
  others.length === 0 || (these.length > 0 && these.every((each) => others.some((other) => sameJson(each, other))))

/** Whether a rule certainly lets no more through than one of the others. */
const isWithin = (direction: Direction, rule: unknown, others: ReadonlyArray<unknown>): boolean => {
  const peers = peersOf(direction)
  return others.some(
    (other) =>
      within(listOf(rule, "ports"), listOf(other, "ports")) && within(listOf(rule, peers), listOf(other, peers))
  )
}

/** Whether a policy lets nothing through in any direction that it restricts. */
export const letsNothing = (policy: KubernetesObject): boolean =>
  rulesOf(policy).every(([, rules]) => rules.length === 0)

/** A selector without requirements. */
const all = {}

export const podsOf = (policy: KubernetesObject): unknown => valueOf(policy, "spec", "podSelector") ?? all

const peersOf = (direction: Direction): string => (direction === "ingress" ? "from" : "to")

/** The selectors of a policy for pods: its own, and those of its peers. */
export const podSelectorsOf = (policy: KubernetesObject): ReadonlyArray<unknown> => [
  podsOf(policy),
  ...rulesOf(policy).flatMap(([direction, rules]) =>
    rules.flatMap((rule) => listOf(rule, peersOf(direction)).map((peer) => valueOf(peer, "podSelector") ?? all))
  )
]

/** Whether two selectors may select the same. `pods`: those of the namespace, if both select pods of it. */
const selectorsMeet = (one: unknown, other: unknown, pods?: SelectedPods): boolean =>
  !excludeEachOther(one, other) && pods?.areApart(one, other) !== true

/** The leading bits that an IPv4 block fixes; `undefined` for another one. */
const bitsOf = (cidr: string): string | undefined => {
  const [, address = "", length] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr) ?? []
  if (length === undefined) return undefined
  const bits = address.split(".").map((each) => Number(each).toString(2).padStart(8, "0"))
  return bits.join("").slice(0, Number(length))
}

const blocksMeet = (one: string, other: string): boolean => {
  const [bits, others] = [bitsOf(one), bitsOf(other)]
  if (bits === undefined || others === undefined) return bits === others
  return bits.startsWith(others) || others.startsWith(bits)
}

/**
 * Addresses that a cluster may give to its pods: the private ones, those of carriers, and two ranges that nobody has on
 * the internet. See RFC 1918, 6598, 2544 and 1112.
 */
const ofPods = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4"]

/** Whether a block surely has no pods of the cluster. A large one may have them wherever it is, and one of IPv6, too. */
const isOutside = (cidr: string): boolean =>
  (bitsOf(cidr)?.length ?? 0) >= 8 && !ofPods.some((each) => blocksMeet(cidr, each))

type PeersMeet = (one: unknown, other: unknown) => boolean

/** Whether two peers may be the same. Those without a namespace are in that of their policy. */
const peersMeetIn =
  (namespace: string, selected: SelectedPods | undefined): PeersMeet =>
  (one, other) => {
    const [block, otherBlock] = [textOf(one, "ipBlock", "cidr"), textOf(other, "ipBlock", "cidr")]
    if (block !== undefined && otherBlock !== undefined) return blocksMeet(block, otherBlock)
    const single = block ?? otherBlock
    if (single !== undefined) return !isOutside(single)
    const own = { matchLabels: { "kubernetes.io/metadata.name": namespace } }
    const [places, otherPlaces] = [valueOf(one, "namespaceSelector") ?? own, valueOf(other, "namespaceSelector") ?? own]
    const [pods, otherPods] = [valueOf(one, "podSelector") ?? all, valueOf(other, "podSelector") ?? all]
    const areOwn = sameJson(places, own) && sameJson(otherPlaces, own)
    return selectorsMeet(places, otherPlaces) && selectorsMeet(pods, otherPods, areOwn ? selected : undefined)
  }

/** The numbers of a port; `undefined` if they may be any, as those of a name. */
const numbersOf = (port: unknown): readonly [from: number, to: number] | undefined => {
  const [from, to] = [valueOf(port, "port"), valueOf(port, "endPort")]
  return typeof from === "number" ? [from, typeof to === "number" ? to : from] : undefined
}

const portsMeet = (one: unknown, other: unknown): boolean => {
  if ((textOf(one, "protocol") ?? "TCP") !== (textOf(other, "protocol") ?? "TCP")) return false
  const [numbers, others] = [numbersOf(one), numbersOf(other)]
  return numbers === undefined || others === undefined || (numbers[0] <= others[1] && others[0] <= numbers[1])
}

/**
 * Whether some rules are about traffic that some of the others are about as well, or that a policy without rules
 * denies.
 */
const meet = (
  direction: Direction,
  rules: ReadonlyArray<unknown>,
  others: ReadonlyArray<unknown>,
  peersMeet: PeersMeet
): boolean => {
  const some = (rule: unknown, other: unknown, list: string, areSame: PeersMeet) => {
    const [these, those] = [listOf(rule, list), listOf(other, list)]
    return these.length === 0 || those.length === 0 || these.some((one) => those.some((each) => areSame(one, each)))
  }
  const peers = peersOf(direction)
  return (
    others.length === 0
    || rules.some((rule) =>
      others.some((other) => some(rule, other, peers, peersMeet) && some(rule, other, "ports", portsMeet))
    )
  )
}

/**
 * What a policy and another one come to once the first is as it was; `undefined` if they are about other pods,
 * directions or traffic, complete each other, or if the first lets no more through than it does now. `now` is
 * `undefined` for one that was deleted. `selected`: the pods of the namespace for `podSelectorsOf` both; without them,
 * it is the most that the two may come to.
 */
export const together = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  other: KubernetesObject,
  selected: SelectedPods | undefined
): "the same" | "more" | undefined => {
  if (!selectorsMeet(podsOf(earlier), podsOf(other), selected)) return undefined
  const present = now !== undefined && sameJson(podsOf(now), podsOf(earlier)) ? now : undefined
  const peersMeet = peersMeetIn(earlier.metadata.namespace ?? "", selected)
  const found = rulesOf(earlier).map(([direction, rules]) => {
    const [others, before] = [rulesIn(other, direction), present && rulesIn(present, direction)]
    if (others === undefined) return undefined
    if (present === undefined && rules.length === 0) return others.length === 0 ? "the same" : undefined
    // A direction that the present state does not restrict is open already.
    if (present !== undefined && before === undefined) return undefined
    const back = rules.filter((rule) => !isWithin(direction, rule, before ?? []))
    if (back.every((rule) => isWithin(direction, rule, others))) return present === undefined ? "the same" : undefined
    return meet(direction, back, others, peersMeet) ? "more" : undefined
  })
  return found.find((each) => each === "more") ?? found.find((each) => each !== undefined)
}
