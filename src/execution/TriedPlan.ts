/**
 * A plan that the API server was asked about: every write as a server-side dry run, one new pod if the action replaces
 * pods, and how much would fit if not everything does.
 */

import { Effect, Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import { FailureRecord } from "../domain/Failure.ts"
import type { ObjectChange, WatchGap } from "../domain/ObjectChange.ts"
import { Room } from "../domain/Room.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { KubernetesClient, KubernetesError } from "../kubernetes/KubernetesClient.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { limitRanges, readObjects } from "./ActionObjects.ts"
import { touchesTemplate } from "./actions/RestoredTemplate.ts"
import { dryRun } from "./DryRun.ts"
import type { ChangesSince } from "./EarlierTemplateObjects.ts"
import type { Left } from "./Leaves.ts"
import { roomOf } from "./NamespaceRoom.ts"
import { type Ask, type Plan, type PlanObjects, type PlanRefusal, RefusalRule } from "./Plan.ts"
import { isGone } from "./Removal.ts"
import { admissionOf, changed, podOf, replacesPods, saysWhetherAdmitted, workloadOf } from "./TemplateAdmission.ts"

type Client = KubernetesClient["Service"]

interface PlanInput {
  readonly action: Action
  readonly executionId: string
  /** The target of the alert. */
  readonly target: Target
  /** The recorded change that a `RestoreObject` takes back. */
  readonly change?: ObjectChange | undefined
  /** What others have changed in its namespace since. */
  readonly later?: ReadonlyArray<ObjectChange> | undefined
  /** Whether those are only the newest of them. Default false. */
  readonly laterCut?: boolean
  /** When the first object of the name of the change was created, as far as that is recorded. */
  readonly bornAt?: Timestamp | undefined
  /** The recorded changes of those that may have taken the place of the object. */
  readonly history?: ReadonlyArray<ObjectChange> | undefined
  /** The intervals of which that may have no record. Default: none. */
  readonly historyGaps?: ReadonlyArray<WatchGap> | undefined
  /** Reads what others have changed since a release that a rollback takes back. Default: that is unknown. */
  readonly changesSince?: ChangesSince | undefined
}

/** The action can't, or must not, be carried out on the objects in their current state. Nothing was written. */
export class PlanRefused extends Schema.TaggedError<PlanRefused>()("PlanRefused", {
  rule: RefusalRule,
  message: Schema.String,
  /** Whether the plan is accepted once a person has approved every ask of its `draft`. */
  approvable: Schema.Boolean,
  /** The response of the API server that is the reason, if there is one. */
  failure: Schema.optionalKey(FailureRecord),
  /** How much would fit, if the action is too large for its namespace. */
  room: Schema.optionalKey(Room)
}) {}

/** Disruption budgets and pods that are already gone are handled when the change is carried out. */
const tried = (client: Client, change: Change) =>
  dryRun(client, change).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "DisruptionBudget" || isGone(change, error),
      () => Effect.undefined
    )
  )

/** Asks the API server whether it would create the pods of a changed template. */
const admission = Effect.fnUntraced(function* (
  client: Client,
  { action, change: recorded, executionId }: PlanInput,
  objects: PlanObjects,
  [change]: ReadonlyArray<Change>
): Effect.fn.Return<PlanRefusal | ReadonlyArray<Ask>, KubernetesError> {
  const replaces = replacesPods(action) || (recorded !== undefined && touchesTemplate(recorded))
  const before = replaces ? workloadOf(objects.subject) : undefined
  const after = before === undefined ? undefined : changed(before, change)
  if (before === undefined || after === undefined) return []
  const created = yield* Effect.result(client.apply(podOf(after, executionId), { dryRun: true }))
  if (created._tag === "Success") return admissionOf(before, after, undefined, objects)
  const { reason } = created.failure
  if (!saysWhetherAdmitted(reason)) return yield* created.failure
  const ranges = reason._tag === "QuotaExceeded" ? yield* limitRanges(client, action.target.namespace) : []
  return admissionOf(before, after, reason, { ...objects, related: [...objects.related, ...ranges] })
})

export const refused = ({ failure, message, rule }: PlanRefusal, room: { readonly room?: Room } = {}) =>
  new PlanRefused({ rule, message, approvable: false, ...(failure === undefined ? {} : { failure }), ...room })

/** How much would fit of an action that is too large for its namespace. */
const roomFor = Effect.fnUntraced(function* (client: Client, action: Action, objects: PlanObjects) {
  const ranges = yield* limitRanges(client, action.target.namespace)
  const room = roomOf(action, { ...objects, related: [...objects.related, ...ranges] })
  return room === undefined ? {} : { room }
})

/** A plan, the objects that its patches would leave, and how much would fit if not everything does. */
export type TriedPlan = Plan & { readonly left: ReadonlyArray<Left>; readonly room?: Room }

/** The plan of the current objects, whose writes the API server accepts, with everything that it asks. */
export const planOn = Effect.fnUntraced(function* (
  client: Client,
  input: PlanInput,
  plan: (objects: PlanObjects, nowMs: number) => Plan | PlanRefusal
): Effect.fn.Return<TriedPlan, PlanRefused | KubernetesError> {
  const target = resourceRef(input.target)
  const { bornAt, change, changesSince, history, historyGaps, later, laterCut = false } = input
  const objects = yield* readObjects(client, input.action, {
    target,
    bornAt,
    change,
    history,
    historyGaps,
    later,
    laterCut,
    changesSince
  })
  const result = plan(objects, yield* Monotonic.nowMs)
  if (result._tag === "PlanRefusal") return yield* refused(result)
  const left: Array<Left> = []
  for (const change of result.changes) {
    const object = yield* tried(client, change)
    if (object !== undefined && (change._tag === "Patch" || change._tag === "Create"))
      left.push({ ref: change.ref, object, created: change._tag === "Create" })
  }
  const admitted = yield* admission(client, input, objects, result.changes)
  if ("_tag" in admitted) {
    const isTooLarge = admitted.failure?.category === "resource"
    return yield* refused(admitted, isTooLarge ? yield* roomFor(client, input.action, objects) : {})
  }
  const asks = [...result.asks, ...admitted]
  const isTooLarge = asks.some(({ rule }) => rule === "beyond-quota")
  return { ...result, asks, left, ...(isTooLarge ? yield* roomFor(client, input.action, objects) : {}) }
})
