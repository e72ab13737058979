/**
 * The typed actions that investigators may propose and that the executor can carry out. There is no free-form command:
 * whatever a model writes either decodes as one of these or is refused.
 *
 * What each one risks, how it is undone and at which levels it may run is in `decision/ActionCatalog`; how it becomes
 * writes to the cluster is in `execution/ActionPlan`.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"

/** A Kubernetes quantity such as `256Mi` or `500m`. */
export const Quantity = Schema.String.check(
  Schema.isPattern(/^\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/, {
    message: "Expected a Kubernetes quantity such as 256Mi or 500m"
  })
)

const Resources = Schema.Struct({ cpu: Schema.optionalKey(Quantity), memory: Schema.optionalKey(Quantity) })

const action = <const Type extends string, const Fields extends Schema.Struct.Fields>(
  type: Type,
  description: string,
  fields: Fields
) =>
  Schema.Struct({ type: Schema.Literal(type), target: ResourceRef, ...fields }).annotate({
    identifier: type,
    description
  })

export const RestartWorkload = action(
  "RestartWorkload",
  "Restart every pod of a Deployment, StatefulSet or DaemonSet, a few at a time.",
  {}
)

export const ScaleWorkload = action("ScaleWorkload", "Set the replica count of a Deployment or StatefulSet.", {
  replicas: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
})

export const RollbackDeployment = action(
  "RollbackDeployment",
  "Put a Deployment's pod template back to the one of an earlier revision.",
  {
    /** Absent: the newest revision before the current one. */
    toRevision: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))
  }
)

export const AdjustResources = action(
  "AdjustResources",
  "Change the CPU or memory requests or limits of one container of a workload.",
  {
    container: Schema.NonEmptyString,
    requests: Schema.optionalKey(Resources),
    limits: Schema.optionalKey(Resources)
  }
)

export const PatchHpa = action("PatchHpa", "Change the minimum or maximum replicas of a HorizontalPodAutoscaler.", {
  minReplicas: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
  maxReplicas: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })))
})

export const EvictPod = action(
  "EvictPod",
  "Evict one pod through the eviction API, which respects disruption budgets; its owner makes another.",
  {}
)

export const CordonNode = action("CordonNode", "Mark a node unschedulable.", {})

export const UncordonNode = action("UncordonNode", "Mark a node schedulable again.", {})

export const DrainNode = action("DrainNode", "Cordon a node and evict its pods, respecting disruption budgets.", {})

export const ExpandVolume = action(
  "ExpandVolume",
  "Ask for more storage for a PersistentVolumeClaim. It can never be made smaller again.",
  {
    size: Quantity
  }
)

export const SuspendCronJob = action("SuspendCronJob", "Suspend a CronJob, so that it starts no new Jobs.", {})

export const QuarantinePod = action(
  "QuarantinePod",
  "Take one pod out of its Service and its owner by its labels, and keep it for inspection.",
  {}
)

export const CollectDiagnostics = action(
  "CollectDiagnostics",
  "Collect state, events and logs of the target. Changes nothing.",
  {}
)

export const Notify = action("Notify", "Change nothing and put the alert before a person, with the reason.", {
  reason: Schema.NonEmptyString
})

export const Action = Schema.Union([
  RestartWorkload,
  ScaleWorkload,
  RollbackDeployment,
  AdjustResources,
  PatchHpa,
  EvictPod,
  CordonNode,
  UncordonNode,
  DrainNode,
  ExpandVolume,
  SuspendCronJob,
  QuarantinePod,
  CollectDiagnostics,
  Notify
])
export type Action = typeof Action.Type
export type ActionType = Action["type"]

/** Actions that never write to the cluster. */
export const isReadOnly = (action: Action): boolean => action.type === "Notify" || action.type === "CollectDiagnostics"

/** The kinds of object that each action can be carried out on; absent: any. */
export const kindsOf: Readonly<Partial<Record<ActionType, ReadonlyArray<string>>>> = {
  RestartWorkload: ["Deployment", "StatefulSet", "DaemonSet"],
  ScaleWorkload: ["Deployment", "StatefulSet"],
  RollbackDeployment: ["Deployment"],
  AdjustResources: ["Deployment", "StatefulSet", "DaemonSet"],
  PatchHpa: ["HorizontalPodAutoscaler"],
  EvictPod: ["Pod"],
  CordonNode: ["Node"],
  UncordonNode: ["Node"],
  DrainNode: ["Node"],
  ExpandVolume: ["PersistentVolumeClaim"],
  SuspendCronJob: ["CronJob"],
  QuarantinePod: ["Pod"]
}

/** Whether an action makes sense for the kind of object it names: a node is not rolled back, a pod is not scaled. */
export const appliesToItsTarget = (action: Action): boolean =>
  kindsOf[action.type]?.includes(action.target.kind) ?? true
