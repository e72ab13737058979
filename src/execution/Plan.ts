/**
 * What planning an action takes and gives: the objects as they are, and the writes with their inverse, or a refusal.
 */

import { Schema } from "effect"
import type { Action, ActionType } from "../domain/Action.ts"
import type { Change, Inverse } from "../domain/Change.ts"
import { displayName } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { Kind, KindMap } from "../kubernetes/ObjectModel.ts"
import type { Signature } from "./ObjectPatch.ts"

export interface PlanContext extends Signature {
  /** The time of the intent: the same intent planned again makes the same writes. */
  readonly plannedAt: Timestamp
  /** A person has approved the action, so `approvable` refusals are lifted. */
  readonly approved: boolean
  /** What the proposal was made about; `undefined` where that is not known. */
  readonly decidedOn: WorkloadState | undefined
  /**
   * How many times its value a request or limit may be raised without a person. More than 1. Default 4: doubled twice,
   * which is as far as people go before they ask why.
   */
  readonly maximumResourceFactor: number
}

/** What is read before planning: the object that the action is aimed at, and others that its plan depends on. */
export interface PlanObjects {
  /** `undefined` where it does not exist. */
  readonly subject: KubernetesObject | undefined
  readonly related: ReadonlyArray<KubernetesObject>
}

export interface Plan {
  readonly _tag: "Plan"
  readonly changes: ReadonlyArray<Change>
  readonly inverse: Inverse
}

export const RefusalRule = Schema.Literals([
  "not-found",
  "wrong-kind",
  "being-deleted",
  "changed-since-decision",
  "paused",
  "restart-on-delete",
  "autoscaler-owned",
  "no-earlier-revision",
  "no-such-revision",
  "no-such-container",
  "nothing-asked",
  "request-above-limit",
  "lowers-resources",
  "raises-resources-far",
  "minimum-above-maximum",
  "lowers-maximum",
  "mirror-pod",
  "unmanaged-pod",
  "local-data",
  "owner-kind",
  "volume-not-bound",
  "volume-shrinks",
  "volume-not-expandable"
])
export type RefusalRule = typeof RefusalRule.Type

export interface PlanRefusal {
  readonly _tag: "PlanRefusal"
  readonly rule: RefusalRule
  readonly message: string
  /** A person's approval lifts it. */
  readonly approvable: boolean
}

export const refuse = (rule: RefusalRule, message: string): PlanRefusal => ({
  _tag: "PlanRefusal",
  rule,
  message,
  approvable: false
})
export const refuseUnlessApproved = (rule: RefusalRule, message: string): PlanRefusal => ({
  _tag: "PlanRefusal",
  rule,
  message,
  approvable: true
})

export const planned = (changes: ReadonlyArray<Change>, inverse: Inverse): Plan => ({ _tag: "Plan", changes, inverse })

/** Nothing is written, so nothing must ever be put back: what somebody else did is not ours to undo. */
export const alreadySo: Plan = planned([], {
  _tag: "NotNeeded",
  reason: "The cluster already is as the action wants it."
})

/** The related objects of one kind. */
export const relatedOf = <K extends Kind>(objects: PlanObjects, kind: K): ReadonlyArray<KindMap[K]> =>
  objects.related.filter((object): object is KindMap[K] & KubernetesObject => object.kind === kind)

/** Reads an object as one of these kinds; `undefined` for any other. */
export const asKind = <K extends Kind>(object: KubernetesObject, ...kinds: ReadonlyArray<K>): KindMap[K] | undefined =>
  (kinds as ReadonlyArray<string>).includes(object.kind) ? (object as KindMap[K]) : undefined

export const wrongKind = (action: Action): PlanRefusal =>
  refuse("wrong-kind", `${action.type} does not apply to ${displayName(action.target)}.`)

/** What one action does about a subject that exists and is not being deleted. */
export type Planner<Type extends ActionType> = (
  action: Extract<Action, { readonly type: Type }>,
  subject: KubernetesObject,
  objects: PlanObjects,
  context: PlanContext
) => Plan | PlanRefusal
