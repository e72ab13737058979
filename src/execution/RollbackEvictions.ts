/**
 * The evictions that a rollback needs besides its patches: the pods of a StatefulSet that keep its controller from the
 * restored template, as `actions/StuckPods` explains. Without them a template that broke a StatefulSet could be taken
 * back in its spec only.
 */

import { Effect } from "effect"
import type { Change } from "../domain/Change.ts"
import type { KubernetesClient, KubernetesError, KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { Pod, StatefulSet } from "../kubernetes/ObjectModel.ts"
import { sameTemplate } from "../kubernetes/Revision.ts"
import { historyOf } from "../kubernetes/RevisionHistory.ts"
import { blockingPods, blocksOnUnready, evictionsOf } from "./actions/StuckPods.ts"

const none: ReadonlyArray<Change> = []

/** The evictions after a workload is changed back. `after` is the object that the dry run of the patch returned. */
export const rollbackEvictions = (
  client: KubernetesClient["Service"],
  before: KubernetesObject | undefined,
  after: KubernetesObject | undefined
): Effect.Effect<ReadonlyArray<Change>, KubernetesError> => {
  if (before === undefined || after === undefined || !blocksOnUnready(after)) return Effect.succeed(none)
  const { spec } = after as StatefulSet
  if (sameTemplate((before as StatefulSet).spec.template, spec.template)) return Effect.succeed(none)
  const owned = {
    namespace: after.metadata.namespace ?? "",
    ...(spec.selector.matchLabels === undefined ? {} : { labelSelector: spec.selector.matchLabels })
  }
  return Effect.all([client.list("Pod", owned), client.list("ControllerRevision", owned)]).pipe(
    Effect.map(([pods, revisions]) => {
      const restored = historyOf(after, revisions).find(({ template }) => sameTemplate(template, spec.template))
      return evictionsOf(blockingPods(after, pods as ReadonlyArray<Pod>, restored?.hash))
    }),
    // The spec can be restored without the right to see what blocks it.
    Effect.catchReason("KubernetesError", "Forbidden", () => Effect.succeed(none))
  )
}
