/**
 * `RollbackDeployment`: rolls a Deployment, StatefulSet or DaemonSet back. The API has no verb for it; like `kubectl
 * rollout undo`, it copies an earlier template into the workload: of a ReplicaSet, or of a ControllerRevision.
 * ConfigMaps, Secrets and data that the template refers to do not change.
 *
 * The name of the action is older than the kinds: journals hold it.
 *
 * That the earlier template ran once does not mean that it runs now: what it names may be gone, and a person may have
 * moved the traffic and then taken the pods away to which it sends requests. What it names and the present template
 * does not is therefore compared as for any other undo (`RestoredReferences`, `RestoredEndpoints`). Where both name the
 * same, nothing is read.
 */

import type { Action } from "../../domain/Action.ts"
import { displayName } from "../../domain/Target.ts"
import { fromMillis, type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { revisionOf, sameTemplate } from "../../kubernetes/Revision.ts"
import { historyOf, type PastTemplate } from "../../kubernetes/RevisionHistory.ts"
import { patch, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  nothingToDo,
  planned,
  type Planner,
  type PlanObjects,
  type PlanRefusal,
  refuse,
  step,
  wrongKind
} from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { isolationAsks } from "./PodIsolation.ts"
import { endpointObjections, type States } from "./RestoredEndpoints.ts"
import { referenceObjections } from "./RestoredReferences.ts"
import { rolloutRefusal, type Workload } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"

/** The number of the workload's present template; `null` while its controller has given it none. */
const currentRevision = (workload: Workload, history: ReadonlyArray<PastTemplate>): number | null =>
  workload.kind === "Deployment"
    ? revisionOf(workload)
    : (history.find(({ template }) => sameTemplate(template, workload.spec.template))?.revision ?? null)

type Rollback = Extract<Action, { readonly type: "RollbackDeployment" }>

/** The template that is rolled back to, which may be the present one; `undefined` if the workload has none. */
const chosenOf = (
  { toRevision }: Rollback,
  workload: Workload,
  history: ReadonlyArray<PastTemplate>
): PastTemplate | undefined => {
  const current = currentRevision(workload, history)
  return toRevision === undefined
    ? history.find(
        ({ revision, template }) =>
          revision < (current ?? Number.POSITIVE_INFINITY) && !sameTemplate(template, workload.spec.template)
      )
    : history.find(({ revision }) => revision === toRevision)
}

const statesFor = (workload: Workload, template: PastTemplate["template"]): States => {
  const now = workload as unknown as KubernetesObject
  return { now, earlier: { ...now, spec: { ...workload.spec, template } } }
}

/**
 * The workload as it is, and as it would be; `undefined` if there is no earlier template. `releasedAt` is when its
 * present template was new: it may have come back since.
 */
export const rollbackStates = (
  action: Rollback,
  subject: KubernetesObject,
  related: ReadonlyArray<KubernetesObject>
): { readonly states: States; readonly releasedAt: Timestamp | undefined } | undefined => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  const history = workload === undefined ? [] : historyOf(workload, related)
  const chosen = workload && chosenOf(action, workload, history)
  if (workload === undefined || chosen === undefined) return undefined
  const present = history.find(({ template }) => sameTemplate(template, workload.spec.template))
  const released = present?.holder.metadata.creationTimestamp
  return {
    states: statesFor(workload, chosen.template),
    releasedAt: released === undefined ? undefined : fromMillis(toMillis(released))
  }
}

/** Why what the earlier template names, or leads to, is not what it was. */
const surroundings = (states: States, objects: PlanObjects): PlanRefusal | ReadonlyArray<Ask> => {
  const references = referenceObjections(states, objects)
  if ("_tag" in references) return references
  const endpoints = endpointObjections(states, objects)
  if ("_tag" in endpoints) return endpoints
  const { name, namespace = "" } = states.now.metadata
  return [
    ...references,
    ...endpoints,
    ...(objects.laterCut === true
      ? [
          ask(
            "overtaken",
            `Not all changes in namespace ${namespace} since the last release of ${name} could be read, so whether one of them speaks against a rollback is unknown.`
          )
        ]
      : [])
  ]
}

export const rollback: Planner<"RollbackDeployment"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  const name = displayName(action.target)
  const refusal = rolloutRefusal(workload)
  if (refusal !== undefined) return refusal
  const history = historyOf(workload, objects.related)
  const chosen = chosenOf(action, workload, history)
  if (chosen === undefined) {
    return action.toRevision === undefined
      ? refuse("no-earlier-revision", `${name} has no earlier revision to roll back to.`)
      : refuse("no-such-revision", `${name} has no revision ${action.toRevision}; it may have been cleaned up.`)
  }
  if (sameTemplate(chosen.template, workload.spec.template)) return nothingToDo
  const around = surroundings(statesFor(workload, chosen.template), objects)
  if ("_tag" in around) return around
  const { change, inverse } = patch(subject, [set(["spec", "template"], chosen.template)], context)
  const stuck = stuckPods(workload, objects, chosen.hash)
  return planned(
    [change, ...evictionsOf(stuck.pods)],
    { _tag: "Exact", changes: [inverse] },
    {
      asks: [
        ...isolationAsks(name, workload.spec.template, chosen.template),
        ...rolloutAsks(workload, objects, false),
        ...stuck.asks,
        ...around
      ],
      figures: { revision: step(currentRevision(workload, history), chosen.revision), ...stuck.figures }
    }
  )
}
