/** `CordonNode`, `UncordonNode` and `DrainNode`. */

import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { drainedPods } from "../../kubernetes/NodePods.ts"
import { conditionOf, controllerOf, type Node, type Pod } from "../../kubernetes/ObjectModel.ts"
import { isOwnCordon } from "../../kubernetes/OwnCordon.ts"
import { patch, type Patched, refOf, set, type Signature, unset } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  nothingToDo,
  type PlanContext,
  planned,
  type Planner,
  type PlanObjects,
  relatedOf,
  wrongKind
} from "../Plan.ts"
import { templateAsks } from "./HeldBackTemplate.ts"
import { nodeAsks } from "./NodePool.ts"
import { lossAsks, protectionOf, workAsks } from "./PodLoss.ts"
import { evictionsOf } from "./StuckPods.ts"

const at = ["spec", "unschedulable"]

const cordoned = (node: KubernetesObject, signature: Signature): Patched => patch(node, [set(at, true)], signature)

export const cordon: Planner<"CordonNode"> = (action, subject, objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  if (node.spec?.unschedulable === true) return nothingToDo
  const { change, inverse } = cordoned(subject, context)
  return planned([change], { _tag: "Exact", changes: [inverse] }, { asks: nodeAsks(subject, objects, context) })
}

/** A person cordons a node for a reason that the cluster may not show, and a node that is not ready runs nothing. */
const returnAsks = (node: Node): ReadonlyArray<Ask> => {
  const { name } = node.metadata
  const isReady = conditionOf(node.status?.conditions, "Ready")?.status === "True"
  return [
    ...(isOwnCordon(node)
      ? []
      : [
          ask("cordoned-by-another", `Kubernaut did not cordon ${name}, so making it schedulable needs an approval.`, {
            node: name
          })
        ]),
    ...(isReady
      ? []
      : [ask("node-not-ready", `${name} is not ready, so making it schedulable needs an approval.`, { node: name })])
  ]
}

export const uncordon: Planner<"UncordonNode"> = (action, subject, _objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  if (node.spec?.unschedulable !== true) return nothingToDo
  const { change, inverse } = patch(subject, [unset(at)], context)
  return planned([change], { _tag: "Exact", changes: [inverse] }, { asks: returnAsks(node) })
}

const lossesOf = (pods: ReadonlyArray<Pod>): ReadonlyArray<Ask> =>
  pods.flatMap((pod) => {
    const name = displayName(refOf(pod))
    const asks: Array<Ask> = []
    if (controllerOf(pod) === undefined)
      asks.push(
        ask("unmanaged-pod", `${name} has no controller that would replace it, so evicting it needs an approval.`, {
          pod: name
        })
      )
    return [...asks, ...workAsks(pod), ...lossAsks(pod)]
  })

/** The pods in protected namespaces: the guardrail of that name sees only the node. */
const protectedAsks = (
  pods: ReadonlyArray<Pod>,
  isProtected: PlanContext["isProtectedNamespace"]
): ReadonlyArray<Ask> => {
  const names = pods
    .filter(({ metadata: { namespace = "" } }) => isProtected(namespace))
    .map((pod) => displayName(refOf(pod)))
    .sort()
  return names.length === 0
    ? []
    : [
        ask(
          "protected-pods",
          `The drain evicts pods of protected namespaces, which needs an approval: ${names.join(", ")}.`,
          { pods: names.join(", ") }
        )
      ]
}

/** The asks about pods that a drain evicts. */
export const drainAsks = (
  pods: ReadonlyArray<Pod>,
  objects: PlanObjects,
  isProtected: PlanContext["isProtectedNamespace"]
): ReadonlyArray<Ask> => [...protectedAsks(pods, isProtected), ...lossesOf(pods), ...templateAsks(pods, objects)]

const protectionAsks = (node: KubernetesObject): ReadonlyArray<Ask> => {
  const protection = protectionOf(node.metadata.annotations)
  const { name } = node.metadata
  return protection === undefined
    ? []
    : [
        ask("do-not-disrupt", `${name} has the annotation ${protection}, so draining it needs an approval.`, {
          node: name,
          protection
        })
      ]
}

export const drain: Planner<"DrainNode"> = (action, subject, objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  const pods = drainedPods(node.metadata.name, relatedOf(objects, "Pod"))
  const cordoning = node.spec?.unschedulable === true ? undefined : cordoned(subject, context)
  const evictions = evictionsOf(pods)
  if (cordoning === undefined && evictions.length === 0) return nothingToDo
  return planned(
    cordoning === undefined ? evictions : [cordoning.change, ...evictions],
    {
      _tag: "Partial",
      changes: cordoning === undefined ? [] : [cordoning.inverse],
      remains: "Evicted pods are not moved back."
    },
    {
      asks: [
        ...(cordoning === undefined ? [] : nodeAsks(subject, objects, context)),
        ...protectionAsks(subject),
        ...drainAsks(pods, objects, context.isProtectedNamespace)
      ],
      figures: { pods: pods.length }
    }
  )
}
