/** The input and the result of planning: the current objects, and the writes with their inverse or a refusal. */

import { Schema } from "effect"
import { type Action, type ActionType, kindsOf } from "../domain/Action.ts"
import type { Change, Inverse } from "../domain/Change.ts"
import type { DecisionReason, Figures } from "../domain/Decision.ts"
import type { WrittenFields } from "../domain/Execution.ts"
import type { FailureRecord } from "../domain/Failure.ts"
import type { ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import type { Seen } from "../domain/Seen.ts"
import { displayName } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { Kind, KindMap } from "../kubernetes/ObjectModel.ts"
import type { Signature } from "./ObjectPatch.ts"

export interface PlanContext extends Signature {
  /** The time of the intent. Planning the same intent again yields the same writes. */
  readonly plannedAt: Timestamp
  /** The target's state that the guardrails compared; `undefined` if unknown. */
  readonly decidedOn: WorkloadState | undefined
  /** What the investigation saw. Default: not checked. */
  readonly seen?: Seen | undefined
  /** The factor from which raising a request or limit asks for an approval. More than 1. */
  readonly maximumResourceFactor: number
  /** The factor from which raising a replica count, or a bound of an autoscaler, asks for an approval. */
  readonly maximumScaleFactor: number
  /** The largest share of a pool's nodes that may be out without an approval. */
  readonly maximumNodesOut: number
  /** Whether nothing is written in a namespace without a person's word. */
  readonly isProtectedNamespace: (namespace: string) => boolean
  /** The kinds of which an object that somebody added is removed without an approval. Default: none. */
  readonly removableKinds?: ReadonlyArray<string>
  /** Nodes that other actions are about to cordon. */
  readonly reservedNodes: ReadonlySet<string>
}

/** The objects that are read before planning: the one that the action targets, and the others that its plan depends on. */
export interface PlanObjects {
  /** `undefined` if it does not exist. */
  readonly subject: KubernetesObject | undefined
  readonly related: ReadonlyArray<KubernetesObject>
  /** The recorded change that the action takes back; `undefined` if the journal has none of that id. */
  readonly change?: ObjectChange | undefined
  /** The target of the alert, if it is another object than the one that is written. */
  readonly target?: KubernetesObject | undefined
  /** What others have changed in the namespace since that change, newest first. */
  readonly later?: ReadonlyArray<ObjectChange>
  /** Whether those are only the newest of them. Default false. */
  readonly laterCut?: boolean
  /** When the first object of the name of the change was created, as far as that is recorded. */
  readonly bornAt?: Timestamp
  /** The recorded changes of those that may have taken the place of the object. Default: none is known. */
  readonly history?: ReadonlyArray<ObjectChange>
  /** The intervals of which that may have no record. Default: none. */
  readonly historyGaps?: ReadonlyArray<WatchGap>
  /** The kinds that Kubernaut may not read. What they would say is unknown, and so not harmless. */
  readonly unread?: ReadonlyArray<Kind>
}

/** An objection to a plan that an approval lifts. Its figures are the values by which a person judges it. */
export interface Ask extends DecisionReason {
  readonly rule: RefusalRule
}

export interface Plan {
  readonly _tag: "Plan"
  readonly changes: ReadonlyArray<Change>
  readonly inverse: Inverse
  /**
   * Every objection that needs a person's approval. A planner reports all of them and never checks an approval itself:
   * the caller compares them with the findings that were approved.
   */
  readonly asks: ReadonlyArray<Ask>
  /** What the plan changes, such as `{ replicas: "3 -> 5" }`. An approval is for these values. */
  readonly figures: Figures
  /** What a person should know about it afterwards, in one sentence. */
  readonly note?: string
  /** The fields that a restoration writes, by their names. */
  readonly fields?: ReadonlyArray<WrittenFields>
}

export const RefusalRule = Schema.Literals([
  "not-permitted",
  "cannot-verify",
  "not-found",
  "wrong-kind",
  "being-deleted",
  "changed-since-investigation",
  "namespace-terminating",
  "paused",
  "on-delete",
  "partitioned",
  "scaled-to-zero",
  "rollout-stuck",
  "autoscaler-owned",
  "no-earlier-revision",
  "no-such-revision",
  "no-such-container",
  "nothing-asked",
  "request-above-limit",
  "adds-resources",
  "unreadable-quantity",
  "lowers-resources",
  "raises-resources-far",
  "minimum-above-maximum",
  "lowers-maximum",
  "lowers-minimum",
  "lowers-replicas",
  "raises-replicas-far",
  "mirror-pod",
  "unmanaged-pod",
  "local-data",
  "job-pod",
  "do-not-disrupt",
  "protected-pods",
  "held-back-template",
  "owner-kind",
  "disruption-budget",
  "all-pods-at-once",
  "not-fully-ready",
  "pods-refused",
  "beyond-quota",
  "too-many-nodes-out",
  "last-node",
  "cordoned-by-another",
  "node-not-ready",
  "unread",
  "volume-not-bound",
  "volume-shrinks",
  "volume-not-expandable",
  "no-such-change",
  "change-unreadable",
  "other-object",
  "own-change",
  "gitops-owned",
  "managed-object",
  "not-restorable",
  "no-manifest",
  "irreversible",
  "immutable-field",
  "changed-since-change",
  "made-again",
  "weakens-isolation",
  "exists-already",
  "removes-object",
  "widens-rights",
  "opens-network",
  "lowers-pod-security",
  "cluster-wide",
  "evicts-pods",
  "fewer-endpoints",
  "fits-no-node",
  "overtaken",
  "relied-on",
  "replaced"
])
export type RefusalRule = typeof RefusalRule.Type

export interface PlanRefusal {
  readonly _tag: "PlanRefusal"
  readonly rule: RefusalRule
  readonly message: string
  /** The response of the API server that is the reason, if there is one. */
  readonly failure?: FailureRecord
}

/** Refuses the action. No approval lifts this. */
export const refuse = (rule: RefusalRule, message: string): PlanRefusal => ({ _tag: "PlanRefusal", rule, message })

/** An objection that an approval of exactly these figures lifts. */
export const ask = (rule: RefusalRule, message: string, figures: Figures = {}): Ask => ({ rule, message, figures })

export const planned = (
  changes: ReadonlyArray<Change>,
  inverse: Inverse,
  { asks = [], figures = {} }: { readonly asks?: ReadonlyArray<Ask>; readonly figures?: Figures } = {}
): Plan => ({ _tag: "Plan", changes, inverse, asks, figures })

/** One figure: a value before and after the action. */
export const step = (from: string | number | null | undefined, to: string | number): string =>
  `${from ?? "none"} -> ${to}`

/** A plan that writes nothing, and so has nothing to undo: Kubernaut never undoes a change that another party made. */
export const nothingToDo: Plan = planned([], {
  _tag: "NotNeeded",
  reason: "The cluster is already in the requested state."
})

export const isUnread = (objects: PlanObjects, kind: Kind): boolean => objects.unread?.includes(kind) === true

/** The ask about facts that Kubernaut may not read. */
export const unreadAsk = (kind: Kind, what: string): Ask =>
  ask("unread", `RBAC does not let Kubernaut read ${kind} objects, so what they say about ${what} is unknown.`, {
    kind
  })

/** The related objects of one kind. */
export const relatedOf = <K extends Kind>(objects: PlanObjects, kind: K): ReadonlyArray<KindMap[K]> =>
  objects.related.filter((object): object is KindMap[K] & KubernetesObject => object.kind === kind)

/** The object, typed by its kind; `undefined` if it is of another kind. */
export const asKind = <K extends Kind>(object: KubernetesObject, ...kinds: ReadonlyArray<K>): KindMap[K] | undefined =>
  (kinds as ReadonlyArray<string>).includes(object.kind) ? (object as KindMap[K]) : undefined

export const wrongKind = (action: Action): PlanRefusal =>
  refuse(
    "wrong-kind",
    `${action.type} does not apply to ${displayName(action.target)}; it applies to ${kindsOf[action.type]?.join(", ") ?? "any kind"}.`
  )

/** Plans one type of action on a subject that exists and is not being deleted. */
export type Planner<Type extends ActionType> = (
  action: Extract<Action, { readonly type: Type }>,
  subject: KubernetesObject,
  objects: PlanObjects,
  context: PlanContext
) => Plan | PlanRefusal
