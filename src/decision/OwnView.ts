/**
 * Whether our own view of the cluster is in doubt. When everything fails at once, it is more likely that what we see is
 * wrong, or that what we do is, than that everything broke by itself. Then nothing is acted on.
 *
 * | what is seen                                                                               | in doubt                             |
 * | ------------------------------------------------------------------------------------------ | ------------------------------------ |
 * | at least 3 nodes, and 55 % of all, have become unready within 10 minutes                   | until fewer are, or they have lasted |
 * | all nodes of a cluster of at least 2 have                                                  | likewise                             |
 * | the last actions on at least 5 targets within 15 minutes all failed, and none since helped | for 5 minutes after the last of them |
 *
 * The shares are those of the node controller of Kubernetes, which stops evictions in a zone with at least 3 unready
 * nodes and 55 % of all (`--unhealthy-zone-threshold`), and all of them when no zone has a ready node.
 *
 * A node that is starting does not count, neither among the unready ones nor among all. It has never been ready and is
 * less than 15 minutes old, which is how long cluster-autoscaler waits for one (`MaxNodeStartupTime`, and the default
 * of `--max-node-provision-time`): a group that grows by more than half is no outage.
 *
 * **Nothing latches.** Nodes that stay unready are a fact after ten minutes, and no longer a doubt. After five minutes
 * without an action the next one may start, as a probe: if it helps, the doubt is over, and if it fails, the five
 * minutes begin again. After a doubt the budgets begin with a single token (`BlastRadius`), so that what has waited
 * does not start all at once.
 */

import { isReadOnly } from "../domain/Action.ts"
import type { EndedAction } from "../domain/PastAction.ts"
import { fromMillis, toMillis } from "../domain/Timestamp.ts"

/** A node, as far as it matters here. */
export interface SeenNode {
  readonly name: string
  readonly ready: boolean
  /** For how long it has not been ready. 0 for a ready node. */
  readonly unreadyForMs: number
  /** The age of a node that has never been ready. Absent: it has been, or that is not known. */
  readonly neverReadyForMs?: number
}

/** How long a node may take to start. */
const startingMs = 15 * 60_000

const isStarting = ({ neverReadyForMs, ready }: SeenNode): boolean =>
  !ready && neverReadyForMs !== undefined && neverReadyForMs < startingMs

/** How long nodes that are unready are a doubt. */
export const nodesWithinMs = 10 * 60_000

const unreadyShare = 0.55
const leastNodes = 3

/** How far back actions count. */
export const actionsWithinMs = 15 * 60_000

const leastTargets = 5
const pauseMs = 5 * 60_000

const nodesInDoubt = (all: ReadonlyArray<SeenNode>): string | undefined => {
  const nodes = all.filter((node) => !isStarting(node))
  const unready = nodes.filter(({ ready, unreadyForMs }) => !ready && unreadyForMs < nodesWithinMs).length
  const isLarge = unready >= leastNodes && unready >= nodes.length * unreadyShare
  const isAll = nodes.length >= 2 && unready === nodes.length
  return isLarge || isAll ? `${unready} of ${nodes.length} nodes became unready within ten minutes.` : undefined
}

/** An action that only reads shows nothing of what our actions do, and it does not stop in a doubt. */
const hasFailed = ({ action, symptoms, verdict }: EndedAction): boolean =>
  !isReadOnly({ type: action }) && (verdict === "not-fixed" || (verdict === undefined && symptoms.length > 0))

const actionsInDoubt = (ended: ReadonlyArray<EndedAction>, nowMs: number): string | undefined => {
  // If the clock was set back, it is not known how long ago that was which lies in the future.
  const [now, since] = [fromMillis(nowMs), fromMillis(nowMs - actionsWithinMs)]
  const isRecent = ({ at }: EndedAction) => at <= now && at > since
  const helped = ended.findIndex((each) => each.verdict === "fixed" && isRecent(each))
  const failed = ended.slice(0, helped === -1 ? undefined : helped).filter((each) => isRecent(each) && hasFailed(each))
  const [last] = failed
  const targets = new Set(failed.map(({ target }) => target)).size
  return last !== undefined && targets >= leastTargets && nowMs - toMillis(last.at) < pauseMs
    ? `The last actions on ${targets} targets all failed.`
    : undefined
}

/** Why our own view is in doubt; `undefined` if it is not. `nodes` is `undefined` where they could not be read. */
export const doubtOf = (
  nodes: ReadonlyArray<SeenNode> | undefined,
  /** Newest first. */
  ended: ReadonlyArray<EndedAction>,
  nowMs: number
): string | undefined => (nodes === undefined ? undefined : nodesInDoubt(nodes)) ?? actionsInDoubt(ended, nowMs)
