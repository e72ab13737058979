/**
 * Keeps the share of nodes that are out when several nodes are cordoned at the same time: reservations between a plan
 * and its execution, and a second look at the nodes just before each cordon.
 */

import { Effect } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import type { KubernetesClient } from "../kubernetes/KubernetesClient.ts"
import { waitOut } from "../kubernetes/NotNow.ts"
import type { Node } from "../kubernetes/ObjectModel.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { nodesOutAsks } from "./actions/NodePool.ts"
import { classify, type Failure, nodesOut } from "./FailureClassifier.ts"
import type { Reading } from "./NodeReservations.ts"

/** Whether an action cordons its node. */
export const isCordon = ({ type }: Action): boolean => type === "CordonNode" || type === "DrainNode"

/** Whether a change of this intent cordons a node. */
export const cordons = ({ action }: Intent, change: Change): boolean => change._tag === "Patch" && isCordon(action)

/** Why the node may not be cordoned now; `undefined` if it may, or is cordoned already. */
export const cordonFailure = Effect.fnUntraced(function* (
  client: KubernetesClient["Service"],
  reading: Reading,
  { action, executionId }: Intent,
  maximumNodesOut: number
): Effect.fn.Return<Failure | undefined> {
  const listed = yield* Effect.result(waitOut(client.list("Node", {})))
  if (listed._tag === "Failure") return classify(listed.failure)
  const nodes = listed.success as ReadonlyArray<Node>
  const target = nodes.find((node) => node.metadata.name === action.target.name)
  if (target === undefined || target.spec?.unschedulable === true) return undefined
  const reservedNodes = reading.reservedBefore(executionId, yield* Monotonic.nowMs)
  const [ask] = nodesOutAsks(target, nodes, { maximumNodesOut, reservedNodes })
  return ask === undefined ? undefined : nodesOut(ask.message)
})
