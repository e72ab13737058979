/**
 * The pods that came to a node after its drain was planned: before the cordon took effect, while the process was down,
 * or because they tolerate a cordon. A drain is about the pods that are on its node, so they are evicted too, each by
 * its uid, and a drain that was cut short by a crash finds them as well.
 *
 * An arrival that a plan would ask about is not evicted: nobody was asked about it. The drain then fails with
 * `pods-remain`. It also fails if pods arrive again and again.
 */

import { Effect } from "effect"
import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import { drainedPods } from "../kubernetes/NodePods.ts"
import { waitOut } from "../kubernetes/NotNow.ts"
import { readObjects } from "./ActionObjects.ts"
import { drainAsks } from "./actions/Nodes.ts"
import { evictionsOf } from "./actions/StuckPods.ts"
import { type Failure, podsRemain } from "./FailureClassifier.ts"
import { type PlanContext, type PlanObjects, relatedOf } from "./Plan.ts"

/** How often the node is read again for arrivals. A pod that comes back each time tolerates the cordon. */
export const maximumRounds = 3

export interface Arrivals {
  readonly evictions: ReadonlyArray<Change>
  /** Why the drain can't be completed without a person. */
  readonly failure: Failure | undefined
}

/** What to do about the pods on the node that the drain does not know. `known` are the uids that it has evicted. */
export const arrivalsOn = (
  nodeName: string,
  objects: PlanObjects,
  known: ReadonlySet<string>,
  isProtected: PlanContext["isProtectedNamespace"]
): Arrivals => {
  const pods = drainedPods(nodeName, relatedOf(objects, "Pod")).filter(({ metadata }) => !known.has(metadata.uid))
  const asks = pods.map((pod) => [pod, drainAsks([pod], objects, isProtected)] as const)
  const refused = asks.flatMap(([, [first]]) => (first === undefined ? [] : [first.message]))
  return {
    evictions: evictionsOf(asks.flatMap(([pod, { length }]) => (length === 0 ? [pod] : []))),
    failure:
      refused.length === 0
        ? undefined
        : podsRemain(`Since the drain of ${nodeName} was planned, a pod has come to it. ${refused.join(" ")}`)
  }
}

/** The arrivals on the node of a drain, as they are now. */
export const readArrivals = (
  client: KubernetesClient["Service"],
  { action }: Intent,
  known: ReadonlySet<string>,
  isProtected: PlanContext["isProtectedNamespace"]
): Effect.Effect<Arrivals, KubernetesError> =>
  Effect.map(waitOut(readObjects(client, action)), (objects) =>
    arrivalsOn(action.target.name, objects, known, isProtected)
  )
