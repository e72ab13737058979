/**
 * `RollbackDeployment`: rolls a Deployment back. The API has no verb for it; like `kubectl rollout undo`, it copies the
 * template of an earlier ReplicaSet into the Deployment. ConfigMaps, Secrets and data that the template refers to do
 * not change.
 */

import { displayName } from "../../domain/Target.ts"
import { controllerOf, type Deployment, type PodTemplate, type ReplicaSet } from "../../kubernetes/ObjectModel.ts"
import { patch, sameJson, set } from "../ObjectPatch.ts"
import { asKind, nothingToDo, planned, type Planner, refuse, relatedOf, step, wrongKind } from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { rolloutRefusal } from "./RolloutStart.ts"

const revisionAnnotation = "deployment.kubernetes.io/revision"
const hashLabel = "pod-template-hash"

export const revisionOf = (object: Deployment | ReplicaSet): number | undefined => {
  const revision = Number(object.metadata.annotations?.[revisionAnnotation])
  return Number.isInteger(revision) && revision > 0 ? revision : undefined
}

/** The template that the Deployment had: the ReplicaSet's own, without the hash label that the ReplicaSet adds. */
export const templateOf = (replicaSet: ReplicaSet): PodTemplate => {
  const { metadata, ...rest } = replicaSet.spec.template
  const { [hashLabel]: _hash, ...labels } = metadata?.labels ?? {}
  return { ...rest, metadata: { ...metadata, labels } }
}

/** Servers write `creationTimestamp: null` into some templates and omit it from others; it has no meaning. */
const comparable = (template: PodTemplate): PodTemplate => {
  const { creationTimestamp: _none, ...metadata } = template.metadata ?? {}
  return { ...template, metadata }
}

const sameTemplate = (left: PodTemplate, right: PodTemplate): boolean => sameJson(comparable(left), comparable(right))

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
      return revision === undefined ? [] : [{ revision, template: templateOf(replicaSet) }]
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
