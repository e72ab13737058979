/**
 * What a restored pod template needs besides the write: a rollout that starts, the asks about the pods that it
 * replaces, and for a StatefulSet the eviction of pods that block it.
 */

import { JsonPatch } from "effect"
import { templateOf } from "../../changes/ObjectFields.ts"
import type { Change } from "../../domain/Change.ts"
import type { Figures } from "../../domain/Decision.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { sameTemplate } from "../../kubernetes/Revision.ts"
import { historyOf } from "../../kubernetes/RevisionHistory.ts"
import { type Ask, asKind, type PlanObjects, type PlanRefusal } from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { isolationAsks } from "./PodIsolation.ts"
import { rolloutRefusal, type Workload } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"

interface TemplateEffects {
  readonly evictions: ReadonlyArray<Change>
  readonly asks: ReadonlyArray<Ask>
  readonly figures: Figures
}

const none: TemplateEffects = { evictions: [], asks: [], figures: {} }

/** Whether a change has touched the pod template of a workload. */
export const touchesTemplate = ({ fields, ref }: Pick<ObjectChange, "fields" | "ref">): boolean =>
  (ref.kind === "Deployment" || ref.kind === "StatefulSet" || ref.kind === "DaemonSet")
  && fields.some(({ path }) => path[0] === "spec" && (path[1] === "template" || path.length === 1))

/** Nothing is rolled out, but what the next pods may do to their node counts for every kind that makes pods. */
const ofOtherKinds = (
  change: ObjectChange,
  object: KubernetesObject,
  write: Extract<Change, { readonly _tag: "Patch" }>
): TemplateEffects => {
  const now = templateOf(object)
  if (now === undefined) return none
  const after = JsonPatch.apply(write.patch, object as never) as unknown as KubernetesObject
  return { ...none, asks: isolationAsks(displayName(change.ref), now, templateOf(after)) }
}

/** What follows from putting the fields of a change back; nothing if they are not in a pod template. */
export const templateEffects = (
  change: ObjectChange,
  object: KubernetesObject,
  write: Change,
  objects: PlanObjects
): TemplateEffects | PlanRefusal => {
  const workload = asKind(object, "Deployment", "StatefulSet", "DaemonSet")
  if (write._tag !== "Patch") return none
  if (workload === undefined) return ofOtherKinds(change, object, write)
  if (!touchesTemplate(change)) return none
  const after = JsonPatch.apply(write.patch, workload as never) as unknown as Workload
  const refusal = rolloutRefusal(after)
  // Without pods there is nothing to roll out, and the template is put back all the same.
  if (refusal !== undefined && refusal.rule !== "scaled-to-zero") return refusal
  const known = historyOf(workload, objects.related).find(({ template }) => sameTemplate(template, after.spec.template))
  const stuck = stuckPods(workload, objects, known?.hash)
  return {
    evictions: evictionsOf(stuck.pods),
    asks: [
      ...isolationAsks(displayName(change.ref), workload.spec.template, after.spec.template),
      ...rolloutAsks(workload, objects, false),
      ...stuck.asks
    ],
    figures: stuck.figures
  }
}
