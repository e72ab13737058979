/** Which objects an action of a remediation may write: its target, a part of it, or the object of a suspected change. */

import type { Action } from "../domain/Action.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { displayName, sameRef, type Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

interface Reach {
  readonly investigation: { readonly action: Action }
  readonly observed: WorkloadState | null
  readonly suspects?: Suspects
  readonly target: Target
}

/**
 * Whether the action targets a part of the target: one of its pods, or the autoscaler of its replica count. One actor
 * owns a target and its parts; an action on any other object would race with the actor of that object.
 */
const isPartOf = (action: Action, target: Target, observed: WorkloadState | null): boolean => {
  if (observed === null || action.target.namespace !== target.namespace) return false
  if (action.target.kind === "Pod") return observed.pods.some((pod) => pod.name === action.target.name)
  return action.target.kind === "HorizontalPodAutoscaler" && observed.autoscaler === action.target.name
}

/** The suspect that a restoration takes back: one of those that the investigation lists, on its own object. */
export const suspectOf = ({ investigation: { action }, suspects }: Reach): ObjectChange | undefined =>
  action.type === "RestoreObject"
    ? suspects?.ranked.find(({ change }) => change.id === action.change && sameRef(change.ref, action.target))?.change
    : undefined

/** Whether the action creates the target again. */
export const createsTarget = (reach: Reach): boolean => {
  const suspect = suspectOf(reach)
  return suspect?.operation === "deleted" && sameRef(suspect.ref, reach.target)
}

/** Why the action may not write its object; `undefined` if it may. */
export const outOfReach = (reach: Reach): string | undefined => {
  const { investigation, observed, target } = reach
  const { action } = investigation
  // A suspect may be a change of any object that the target depends on. Nobody may choose another one.
  if (action.type === "RestoreObject")
    return suspectOf(reach) === undefined
      ? `Change ${action.change} of ${displayName(action.target)} is not among the changes that may have caused the alert.`
      : undefined
  return sameRef(action.target, target) || isPartOf(action, target, observed)
    ? undefined
    : `The action targets ${displayName(action.target)}, which is neither ${displayName(target)} nor a part of it.`
}
