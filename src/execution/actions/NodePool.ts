/**
 * How many nodes of a pool may be out at once: cordoned, not ready, being deleted, or tainted because they are about to
 * go or are in trouble.
 *
 * `kubernetes/NodePools` says what the pool of a node is.
 *
 * A share of the pool may be out, and the same share of the whole cluster, in both cases at least one node. Beyond that
 * a person decides, and also about the last node on which anything could be scheduled. A node with a taint, as of the
 * control plane or of a pool for few, takes no ordinary pods.
 */

import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { isControlPlane, poolOf } from "../../kubernetes/NodePools.ts"
import { conditionOf, type Node } from "../../kubernetes/ObjectModel.ts"
import { type Ask, ask, isUnread, type PlanContext, type PlanObjects, relatedOf, unreadAsk } from "../Plan.ts"

/** The keys of the taints that keep pods away. */
const taintsOf = (node: Node): ReadonlyArray<string> =>
  (node.spec?.taints ?? []).flatMap(({ effect, key }) =>
    effect === "NoSchedule" || effect === "NoExecute" ? [key] : []
  )

/** Taints of Kubernetes about the state of a node, and of programs that are about to remove it. */
const outTaint =
  /^(node\.kubernetes\.io\/(?!exclude)|node\.cloudprovider\.kubernetes\.io\/|ToBeDeletedByClusterAutoscaler$|karpenter\.sh\/disrupt|aws-node-termination-handler\/)/

/** Whether a node takes no pods now. A node whose state is unknown is out. */
const isOut = (node: Node): boolean =>
  node.spec?.unschedulable === true
  || taintsOf(node).some((key) => outTaint.test(key))
  || node.metadata.deletionTimestamp !== undefined
  || conditionOf(node.status?.conditions, "Ready")?.status !== "True"

/** How many of `size` nodes may be out. */
const allowed = (size: number, share: number): number => Math.max(1, Math.floor(size * share))

export interface NodesOut {
  /** The largest share of a pool that may be out without an approval. */
  readonly maximumNodesOut: number
  /** Nodes that other actions are about to cordon. */
  readonly reservedNodes: ReadonlySet<string>
}

/** The asks about taking this node out, given every node of the cluster. */
export const nodesOutAsks = (
  target: KubernetesObject,
  nodes: ReadonlyArray<Node>,
  { maximumNodesOut, reservedNodes }: NodesOut
): ReadonlyArray<Ask> => {
  const { name } = target.metadata
  const others = nodes.filter((node) => node.metadata.name !== name)
  const out = (node: Node) => isOut(node) || reservedNodes.has(node.metadata.name)
  const workers = others.filter((node) => isControlPlane(node) === isControlPlane(target))
  const pool = poolOf(target)
  for (const [what, group] of [
    [`pool ${pool}`, workers.filter((node) => poolOf(node) === pool)],
    ["cluster", workers]
  ] as const) {
    const size = group.length + 1
    const outAfter = group.filter(out).length + 1
    const limit = allowed(size, maximumNodesOut)
    if (outAfter > limit)
      return [
        ask(
          "too-many-nodes-out",
          `With ${name}, ${outAfter} of ${size} nodes of the ${what} would take no pods; more than ${limit} need an approval.`,
          { node: name, out: `${outAfter} of ${size}` }
        )
      ]
  }
  // Where ordinary pods do not run anyway, any other node is one of its kind.
  const isSpecial = taintsOf(target as Node).some((key) => !outTaint.test(key))
  return others.some((node) => !out(node) && (isSpecial || taintsOf(node).length === 0))
    ? []
    : [ask("last-node", `${name} is the last node that takes pods, so cordoning it needs an approval.`, { node: name })]
}

/** The asks about taking this node out, from the objects of a plan. */
export const nodeAsks = (target: KubernetesObject, objects: PlanObjects, context: PlanContext): ReadonlyArray<Ask> =>
  isUnread(objects, "Node")
    ? [unreadAsk("Node", `the pool of ${target.metadata.name}`)]
    : nodesOutAsks(target, relatedOf(objects, "Node"), context)
