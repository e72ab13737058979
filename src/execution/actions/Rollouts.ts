/**
 * `RollbackDeployment`: rolls a Deployment back. The API has no verb for it; like `kubectl rollout undo`, it copies the
 * template of an earlier ReplicaSet into the Deployment. ConfigMaps, Secrets and data that the template refers to do
 * not change.
 */

import { displayName } from "../../domain/Target.ts"
import { controllerOf } from "../../kubernetes/ObjectModel.ts"
import { revisionOf, sameTemplate, withoutHash } from "../../kubernetes/Revision.ts"
import { patch, set } from "../ObjectPatch.ts"
import { asKind, nothingToDo, planned, type Planner, refuse, relatedOf, step, wrongKind } from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { rolloutRefusal } from "./RolloutStart.ts"

export const rollback: Planner<"RollbackDeployment"> = (action, subject, objects, context) => {
  const deployment = asKind(subject, "Deployment")
  if (deployment === undefined) return wrongKind(action)
  const name = displayName(action.target)
  const refusal = rolloutRefusal(deployment)
  if (refusal !== undefined) return refusal
  const current = revisionOf(deployment)
  const revisions = relatedOf(objects, "ReplicaSet")
    .filter((replicaSet) => controllerOf(replicaSet)?.uid === deployment.metadata.uid)
    .flatMap((replicaSet) => {
      const revision = revisionOf(replicaSet)
      return revision === null ? [] : [{ revision, template: withoutHash(replicaSet.spec.template) }]
    })
    .sort((left, right) => right.revision - left.revision)
  const chosen =
    action.toRevision === undefined
      ? revisions.find(
          ({ revision, template }) =>
            revision < (current ?? Number.POSITIVE_INFINITY) && !sameTemplate(template, deployment.spec.template)
        )
      : revisions.find(({ revision }) => revision === action.toRevision)
  if (chosen === undefined) {
    return action.toRevision === undefined
      ? refuse("no-earlier-revision", `${name} has no earlier revision to roll back to.`)
      : refuse("no-such-revision", `${name} has no revision ${action.toRevision}; it may have been cleaned up.`)
  }
  if (sameTemplate(chosen.template, deployment.spec.template)) return nothingToDo
  const { change, inverse } = patch(subject, [set(["spec", "template"], chosen.template)], context)
  return planned(
    [change],
    { _tag: "Exact", changes: [inverse] },
    { asks: rolloutAsks(deployment, objects, false), figures: { revision: step(current, chosen.revision) } }
  )
}
