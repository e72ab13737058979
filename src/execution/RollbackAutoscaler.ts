/**
 * Replicas that an autoscaler has taken over since the action. Whatever their number is, it is the autoscaler's now: it
 * would revert what a rollback writes, and until then the target would have another size than it needs.
 *
 * An autoscaler that was there before the action has not taken anything over.
 */

import { Effect } from "effect"
import type { Intent } from "../domain/Execution.ts"
import { displayName } from "../domain/Target.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { HorizontalPodAutoscaler } from "../kubernetes/ObjectModel.ts"
import { refersTo } from "../kubernetes/Ownership.ts"
import type { RollbackPlan } from "./Rollback.ts"
import { refuse, type RollbackRefusal } from "./RollbackForeign.ts"

/** The workloads that have replicas and can have an autoscaler. */
const scalable: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "ReplicaSet"])

const writesReplicas = (change: RollbackPlan["changes"][number]): boolean =>
  change._tag === "Patch" && scalable.has(change.ref.kind) && change.patch.some(({ path }) => path === "/spec/replicas")

/** Why a plan may not write replicas; `undefined` if nothing is against it. `objects` are the current ones. */
export const takenOver = Effect.fnUntraced(function* (
  client: KubernetesClient["Service"],
  { baseline }: Intent,
  { changes }: RollbackPlan,
  objects: ReadonlyArray<KubernetesObject | undefined>
): Effect.fn.Return<RollbackRefusal | undefined, KubernetesError> {
  for (const { ref } of changes.filter(writesReplicas)) {
    const object = objects.find((each) => each?.kind === ref.kind && each.metadata.name === ref.name)
    if (object === undefined) continue
    const autoscalers = yield* client.list("HorizontalPodAutoscaler", { namespace: ref.namespace })
    const owner = (autoscalers as ReadonlyArray<HorizontalPodAutoscaler>).find(({ spec }) =>
      refersTo(spec.scaleTargetRef, object)
    )
    if (owner === undefined || owner.metadata.name === baseline.autoscaler) continue
    return refuse(
      "autoscaled",
      `HorizontalPodAutoscaler ${owner.metadata.name} has controlled the replicas of ${displayName(ref)} since the action, so their number is its own now.`,
      ["spec.replicas"]
    )
  }
  return undefined
})
