/** Who manages and who controls the object of an action, for guardrails and for people. */

import type { Action } from "../domain/Action.ts"
import { displayName, sameRef } from "../domain/Target.ts"
import type { ManagedPart, Owner, WorkloadState } from "../domain/WorkloadState.ts"

/** Who manages the object that the action writes: the target, or a part of it. A part has marks of its own. */
export const managementOfWritten = (
  action: Action,
  observed: WorkloadState | null
): Pick<ManagedPart, "managers" | "owner"> | undefined =>
  observed === null || sameRef(action.target, observed.ref)
    ? (observed ?? undefined)
    : observed.managedParts?.find(({ ref }) => sameRef(ref, action.target))

/** Says who controls the target, if it is an owner on which Kubernaut cannot act. For people who read a decision. */
export const controlledBy = (observed: WorkloadState | null): string | undefined =>
  observed?.owner?.controls === true
    ? `${displayName(observed.ref)} is controlled by ${ownerName(observed.owner)}, on which Kubernaut cannot act.`
    : undefined

/** The name of an owner, such as `Rollout.argoproj.io checkout`. */
export const ownerName = ({ group, kind, name }: Owner): string => `${kind}${group === "" ? "" : `.${group}`} ${name}`
