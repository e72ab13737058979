/** The scheduler: chooses a node for a pod by free pod slots, CPU and memory. */

import * as Quantity from "../../domain/Quantity.ts"
import type { Node, Pod } from "../ObjectModel.ts"
import { type Cluster, requestsOf } from "./Cluster.ts"

/** The number of nodes that are compared. The other nodes are tried only if none of these has room. */
const nodesProbed = 8

const fits = (cluster: Cluster, node: Node, pod: Pod): boolean => {
  if (node.spec?.unschedulable === true) return false
  if (node.status?.conditions?.some((each) => each.type === "Ready" && each.status !== "True") === true) return false
  const usage = cluster.usage.get(node.metadata.name) ?? { pods: 0, cpu: 0n, memory: 0n }
  const allocatable = node.status?.allocatable
  const hasRoom = (resource: string, amount: Quantity.Amount) => {
    const room = Quantity.parse(allocatable?.[resource])
    return room === undefined || amount <= room
  }
  return (
    hasRoom("pods", BigInt(usage.pods + 1) * Quantity.unit)
    && hasRoom("cpu", usage.cpu + requestsOf(pod, "cpu"))
    && hasRoom("memory", usage.memory + requestsOf(pod, "memory"))
  )
}

/** The node with room and the fewest pods among the next few; otherwise the next node with room. */
export const nodeFor = (cluster: Cluster, pod: Pod): Node | undefined => {
  const nodes = cluster.store.list("Node")
  const first = nodes.length === 0 ? 0 : Math.floor(cluster.random() * nodes.length)
  let best: Node | undefined
  for (let i = 0; i < nodes.length; i++) {
    if (i >= nodesProbed && best !== undefined) break
    const node = nodes[(first + i) % nodes.length]!
    if (!fits(cluster, node, pod)) continue
    if (
      best === undefined
      || (cluster.usage.get(node.metadata.name)?.pods ?? 0) < (cluster.usage.get(best.metadata.name)?.pods ?? 0)
    )
      best = node
  }
  return best
}

/** Marks a pod as unschedulable and records an event, once per distinct message. */
export const reportUnschedulable = (cluster: Cluster, pod: Pod): void => {
  cluster.unscheduled.add(`${pod.metadata.namespace}\u0000${pod.metadata.name}`)
  const nodes = cluster.store.list("Node")
  const cordoned = nodes.filter((each) => each.spec?.unschedulable === true).length
  const message = `0/${nodes.length} nodes are available: ${cordoned} node(s) were unschedulable, ${nodes.length - cordoned} Insufficient capacity.`
  const before = pod.status?.conditions?.[0]
  if (before?.message === message) return
  cluster.event(pod, "Warning", "FailedScheduling", message, "default-scheduler")
  cluster.store.put({
    ...pod,
    status: {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime: cluster.stamp() }
      ]
    }
  })
}
