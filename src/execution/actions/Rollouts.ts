/**
 * `RollbackDeployment`: rolls a Deployment, StatefulSet or DaemonSet back. The API has no verb for it; like `kubectl
 * rollout undo`, it copies an earlier template into the workload: of a ReplicaSet, or of a ControllerRevision.
 * ConfigMaps, Secrets and data that the template refers to do not change.
 *
 * The name of the action is older than the kinds: journals hold it.
 */

import { displayName } from "../../domain/Target.ts"
import { revisionOf, sameTemplate } from "../../kubernetes/Revision.ts"
import { historyOf, type PastTemplate } from "../../kubernetes/RevisionHistory.ts"
import { patch, set } from "../ObjectPatch.ts"
import { asKind, nothingToDo, planned, type Planner, refuse, step, wrongKind } from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { isolationAsks } from "./PodIsolation.ts"
import { rolloutRefusal, type Workload } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"

/** The number of the workload's present template; `null` while its controller has given it none. */
const currentRevision = (workload: Workload, history: ReadonlyArray<PastTemplate>): number | null =>
  workload.kind === "Deployment"
    ? revisionOf(workload)
    : (history.find(({ template }) => sameTemplate(template, workload.spec.template))?.revision ?? null)

export const rollback: Planner<"RollbackDeployment"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  const name = displayName(action.target)
  const refusal = rolloutRefusal(workload)
  if (refusal !== undefined) return refusal
  const history = historyOf(workload, objects.related)
  const current = currentRevision(workload, history)
  const chosen =
    action.toRevision === undefined
      ? history.find(
          ({ revision, template }) =>
            revision < (current ?? Number.POSITIVE_INFINITY) && !sameTemplate(template, workload.spec.template)
        )
      : history.find(({ revision }) => revision === action.toRevision)
  if (chosen === undefined) {
    return action.toRevision === undefined
      ? refuse("no-earlier-revision", `${name} has no earlier revision to roll back to.`)
      : refuse("no-such-revision", `${name} has no revision ${action.toRevision}; it may have been cleaned up.`)
  }
  if (sameTemplate(chosen.template, workload.spec.template)) return nothingToDo
  const { change, inverse } = patch(subject, [set(["spec", "template"], chosen.template)], context)
  const stuck = stuckPods(workload, objects, chosen.hash)
  return planned(
    [change, ...evictionsOf(stuck.pods)],
    { _tag: "Exact", changes: [inverse] },
    {
      asks: [
        ...isolationAsks(name, workload.spec.template, chosen.template),
        ...rolloutAsks(workload, objects, false),
        ...stuck.asks
      ],
      figures: { revision: step(current, chosen.revision), ...stuck.figures }
    }
  )
}
