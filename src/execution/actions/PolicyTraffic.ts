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
 * |                               | CronJob, Job or pod is selected by both (`SelectedPods`)              |
 * | blocks of addresses           | if neither is within the other; of IPv6 never                         |
 * | a block and a selector        | if the block is surely of addresses outside the cluster, and no pod   |
 * |                               | that was read has one of them                                         |
 * | ports of one protocol, ranges | if they have no number in common; a name may be any number            |
 *
 * So two labels may select the same: somebody who tightens a policy may select by other labels than before.
 */

import { listOf, textOf, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"
import { textOfJson } from "../../kubernetes/SpecDigest.ts"
import type { Effort } from "./Effort.ts"
import { excludeEachOther, type Requirements, requirementsOf, type SelectedPods } from "./SelectedPods.ts"

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

/** What is known around two policies, and how much may be compared. */
export interface Around {
  /** The pods of the namespace for `podSelectorsOf` both; without them, two policies come to the most that they may. */
  readonly selected: SelectedPods | undefined
  readonly addresses: PodAddresses
  readonly effort: Effort
}

/** Whether two selectors may select the same. `pods`: those of the namespace, if both select pods of it. */
const selectorsMeet = (one: Selector, other: Selector, effort: Effort, pods?: SelectedPods): boolean =>
  !excludeEachOther(one.requirements, other.requirements, effort)
  && pods?.areApart(one.selector, other.selector) !== true

/** A selector, of which is read once what it requires. */
interface Selector {
  readonly selector: unknown
  readonly requirements: Requirements
}

const selectorOf = (selector: unknown): Selector => ({ selector, requirements: requirementsOf(selector) })

/** The leading bits that an IPv4 block fixes; `undefined` for another one. */
const bitsOf = (cidr: string): string | undefined => {
  const [, address = "", length] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(cidr) ?? []
  if (length === undefined) return undefined
  const bits = address.split(".").map((each) => Number(each).toString(2).padStart(8, "0"))
  return bits.join("").slice(0, Number(length))
}

/** By the bits of two blocks. */
const blocksMeet = (bits: string | undefined, others: string | undefined): boolean => {
  if (bits === undefined || others === undefined) return bits === others
  return bits.startsWith(others) || others.startsWith(bits)
}

/**
 * Addresses that a cluster may give to its pods: the private ones, those of carriers, and two ranges that nobody has on
 * the internet. See RFC 1918, 6598, 2544 and 1112.
 */
const ofPods = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4"].map(
  bitsOf
)

/** The least number of bits of a block that may have no pods: a larger one may have them wherever it is. */
const fewestBits = 8

/** The blocks outside the usual ones that have an address of one of some pods, by their bits. */
export type PodAddresses = ReadonlySet<string>

/** Reads the addresses of pods once, for any number of blocks. */
export const podAddresses = (pods: ReadonlyArray<KubernetesObject>): PodAddresses => {
  const addresses = pods.flatMap(({ status }) => [
    textOf(status, "podIP"),
    ...listOf(status, "podIPs").map((each) => textOf(each, "ip"))
  ])
  const outside = [...new Set(addresses)].flatMap((each) => {
    const bits = each === undefined ? undefined : bitsOf(`${each}/32`)
    return bits === undefined || isOfPods(bits) ? [] : [bits]
  })
  return new Set(
    outside.flatMap((bits) =>
      Array.from({ length: bits.length - fewestBits + 1 }, (_, index) => bits.slice(0, fewestBits + index))
    )
  )
}

const isOfPods = (bits: string): boolean => ofPods.some((each) => blocksMeet(bits, each))

/** Whether a block surely has no pods of the cluster. One of IPv6 may always have some. */
const isOutside = (bits: string | undefined, addresses: PodAddresses): boolean =>
  bits !== undefined && bits.length >= fewestBits && !isOfPods(bits) && !addresses.has(bits)

/** A peer of a rule. Each is read once, because all of them are compared with all of another policy. */
type Peer =
  | { readonly block: true; readonly bits: string | undefined; readonly isOutside: boolean }
  | { readonly block: false; readonly isOwn: boolean; readonly places: Selector; readonly pods: Selector }

/** A peer without a namespace is in that of its policy. */
const peerOf = (namespace: string, addresses: PodAddresses): ((peer: unknown) => Peer) => {
  const own = selectorOf({ matchLabels: { "kubernetes.io/metadata.name": namespace } })
  return (peer) => {
    const cidr = textOf(peer, "ipBlock", "cidr")
    if (cidr !== undefined) {
      const bits = bitsOf(cidr)
      return { block: true, bits, isOutside: isOutside(bits, addresses) }
    }
    const places = valueOf(peer, "namespaceSelector")
    const isOwn = places === undefined || sameJson(places, own.selector)
    return {
      block: false,
      isOwn,
      places: isOwn ? own : selectorOf(places),
      pods: selectorOf(valueOf(peer, "podSelector") ?? all)
    }
  }
}

/** Whether two peers may be the same. */
const peersMeet =
  ({ effort, selected }: Around) =>
  (one: Peer, other: Peer): boolean => {
    if (one.block) return other.block ? blocksMeet(one.bits, other.bits) : !one.isOutside
    if (other.block) return !other.isOutside
    const areOwn = one.isOwn && other.isOwn
    return (
      (areOwn || selectorsMeet(one.places, other.places, effort))
      && selectorsMeet(one.pods, other.pods, effort, areOwn ? selected : undefined)
    )
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

/** The peers or the ports of a rule. None stand for all of them. */
interface Listed<A> {
  readonly items: ReadonlyArray<A>
  readonly texts: ReadonlySet<string>
}

const listedIn = <A>(items: ReadonlyArray<unknown>, read: (item: unknown) => A): Listed<A> => ({
  items: items.map(read),
  texts: new Set(items.map(textOfJson))
})

interface Rule {
  readonly peers: Listed<Peer>
  readonly ports: Listed<unknown>
}

/** The rules of a policy in a direction, as they are compared; `undefined` if it does not restrict that. */
const rulesIn = (
  policy: KubernetesObject,
  direction: Direction,
  { addresses }: Around
): ReadonlyArray<Rule> | undefined =>
  rulesOf(policy)
    .find(([each]) => each === direction)?.[1]
    .map((rule) => ({
      peers: listedIn(listOf(rule, peersOf(direction)), peerOf(policy.metadata.namespace ?? "", addresses)),
      ports: listedIn(listOf(rule, "ports"), (port) => port)
    }))

const within = ({ texts: these }: Listed<unknown>, { texts: others }: Listed<unknown>, effort: Effort): boolean =>
  others.size === 0 || (these.size > 0 && effort.take(these.size) && these.isSubsetOf(others))

/** Whether a rule certainly lets no more through than one of the others. */
const isWithin = (rule: Rule, others: ReadonlyArray<Rule>, effort: Effort): boolean =>
  effort.take(others.length)
  && others.some((other) => within(rule.ports, other.ports, effort) && within(rule.peers, other.peers, effort))

/** Whether some of two lists may be the same. */
const someMeet = <A>(
  these: Listed<A>,
  those: Listed<A>,
  effort: Effort,
  areSame: (one: A, other: A) => boolean
): boolean => {
  if (these.items.length === 0 || those.items.length === 0) return true
  if (!effort.take(these.items.length * those.items.length)) return true
  return these.items.some((one) => those.items.some((each) => areSame(one, each)))
}

/**
 * Whether some rules are about traffic that some of the others are about as well, or that a policy without rules
 * denies. Where to find out takes too long, they may be.
 */
const meet = (rules: ReadonlyArray<Rule>, others: ReadonlyArray<Rule>, around: Around): boolean => {
  const { effort } = around
  return (
    others.length === 0
    || !effort.take(rules.length * others.length)
    || rules.some((rule) =>
      others.some(
        (other) =>
          someMeet(rule.ports, other.ports, effort, portsMeet)
          && someMeet(rule.peers, other.peers, effort, peersMeet(around))
      )
    )
  )
}

/** The rules that come back in a direction. */
interface Back {
  readonly direction: Direction
  /** Whether it has no rules, and its policy was deleted. */
  readonly denies: boolean
  readonly rules: ReadonlyArray<Rule>
}

/** What comes back with the earlier state of a policy. `now` is `undefined` for one that was deleted. */
const backOf = (now: KubernetesObject | undefined, earlier: KubernetesObject, around: Around): ReadonlyArray<Back> =>
  rulesOf(earlier).flatMap(([direction]): ReadonlyArray<Back> => {
    const [rules = [], before] = [rulesIn(earlier, direction, around), now && rulesIn(now, direction, around)]
    // A direction that the present state does not restrict is open already.
    if (now !== undefined && before === undefined) return []
    return [
      {
        direction,
        denies: now === undefined && rules.length === 0,
        rules: rules.filter((rule) => !isWithin(rule, before ?? [], around.effort))
      }
    ]
  })

/**
 * What a policy and another one come to once the first is as it was; `undefined` if they are about other pods,
 * directions or traffic, complete each other, or if the first lets no more through than it does now. `now` is
 * `undefined` for one that was deleted. Where to find out takes too long, it is the most that they may come to.
 *
 * The policy is read once, and then compared with any other.
 */
export const together = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  around: Around
): ((other: KubernetesObject) => "the same" | "more" | undefined) => {
  const { effort, selected } = around
  const own = selectorOf(podsOf(earlier))
  const present = now !== undefined && sameJson(podsOf(now), podsOf(earlier)) ? now : undefined
  const back = backOf(present, earlier, around)
  return (other) => {
    if (!selectorsMeet(own, selectorOf(podsOf(other)), effort, selected)) return undefined
    const found = back.map(({ denies, direction, rules }) => {
      const others = rulesIn(other, direction, around)
      if (others === undefined) return undefined
      if (denies) return others.length === 0 ? "the same" : undefined
      if (rules.every((rule) => isWithin(rule, others, effort))) return present === undefined ? "the same" : undefined
      return meet(rules, others, around) ? "more" : undefined
    })
    return found.find((each) => each === "more") ?? found.find((each) => each !== undefined)
  }
}
