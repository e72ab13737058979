/**
 * What a NetworkPolicy lets through, compared with another one. Pure.
 *
 * Policies add up: pods that two of them select get what either lets through. So one that comes back opens what
 * somebody has closed by putting a narrower one in its place, whatever the ports and peers of both are. Labels and
 * names of ports stand for what only the cluster knows, so nothing but a plain likeness shows that a rule lets no more
 * through than another one.
 *
 * | what comes back        | and the other policy, of the same pods and direction | then both        |
 * | ---------------------- | ---------------------------------------------------- | ---------------- |
 * | lets something through | has a rule of no less for each of those              | say the same     |
 * | lets something through | has not, or lets nothing through                     | let more through |
 * | lets nothing through   | lets nothing through either                          | say the same     |
 * | lets nothing through   | lets something through                               | complete another |
 */

import { podLabelsOf } from "../../changes/GraphStates.ts"
import { fieldsOf, listOf, selects, valueOf } from "../../changes/ObjectFields.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameJson } from "../../kubernetes/SameJson.ts"

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
  const peers = direction === "ingress" ? "from" : "to"
  return others.some(
    (other) =>
      within(listOf(rule, "ports"), listOf(other, "ports")) && within(listOf(rule, peers), listOf(other, peers))
  )
}

const podsOf = (policy: KubernetesObject): unknown => valueOf(policy, "spec", "podSelector") ?? {}

/** Whether a policy selects all pods that the other one selects: it requires nothing that the other does not. */
const selectsAllOf = (policy: KubernetesObject, other: KubernetesObject): boolean => {
  const [required, stated] = [podsOf(policy), podsOf(other)]
  const labels = fieldsOf(valueOf(stated, "matchLabels"))
  const expressions = listOf(stated, "matchExpressions")
  return (
    Object.entries(fieldsOf(valueOf(required, "matchLabels"))).every(([name, value]) => labels[name] === value)
    && listOf(required, "matchExpressions").every((each) => expressions.some((other) => sameJson(each, other)))
  )
}

/** Whether pods are known that both policies select: by what they require, or those of one of the workloads. */
const selectSame = (
  policy: KubernetesObject,
  other: KubernetesObject,
  workloads: ReadonlyArray<KubernetesObject>
): boolean =>
  selectsAllOf(policy, other)
  || selectsAllOf(other, policy)
  || workloads.some((each) => {
    const labels = podLabelsOf(each)
    return labels !== undefined && [policy, other].every((one) => selects(labels, one, "spec", "podSelector"))
  })

/**
 * What a policy and another one come to once the first is as it was; `undefined` if they are about other pods or
 * directions, complete each other, or if the first lets no more through than it does now. `now` is `undefined` for one
 * that was deleted.
 */
export const together = (
  now: KubernetesObject | undefined,
  earlier: KubernetesObject,
  other: KubernetesObject,
  workloads: ReadonlyArray<KubernetesObject>
): "the same" | "more" | undefined => {
  if (!selectSame(earlier, other, workloads)) return undefined
  const present = now !== undefined && sameJson(podsOf(now), podsOf(earlier)) ? now : undefined
  const found = rulesOf(earlier).map(([direction, rules]) => {
    const [others, before] = [rulesIn(other, direction), present && rulesIn(present, direction)]
    if (others === undefined) return undefined
    if (present === undefined) {
      if (rules.length === 0) return others.length === 0 ? "the same" : undefined
      return rules.every((rule) => isWithin(direction, rule, others)) ? "the same" : "more"
    }
    // A direction that the present state does not restrict is open already.
    return before !== undefined
      && rules.some((rule) => ![before, others].some((each) => isWithin(direction, rule, each)))
      ? "more"
      : undefined
  })
  return found.find((each) => each === "more") ?? found.find((each) => each !== undefined)
}
