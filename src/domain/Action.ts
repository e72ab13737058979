/**
 * The typed actions that investigators may propose and that the executor can run. There is no free-form command: the
 * output of a model either decodes as one of these actions or is rejected.
 *
 * `decision/ActionCatalog` holds the risk, the reversibility and the permitted degradation levels of each action.
 * `execution/ActionPlan` turns an action into writes to the cluster.
 */

import { Schema } from "effect"
import { ChangeId } from "./ObjectChange.ts"
import { unsignedPattern } from "./Quantity.ts"
import { ResourceRef } from "./Target.ts"

/** A Kubernetes quantity that is not negative, such as `256Mi`, `500m`, `1.5Gi` or `2e9`. */
export const Quantity = Schema.String.check(
  Schema.isPattern(unsignedPattern, {
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

/** Restarts the pods of a Deployment, StatefulSet or DaemonSet with a rolling update. */
export const RestartWorkload = action(
  "RestartWorkload",
  "Restart every pod of a Deployment, StatefulSet or DaemonSet, a few at a time.",
  {}
)

/** Sets the replica count of a Deployment, a StatefulSet, or a ReplicaSet without an owner, from 0 to 1000. */
export const ScaleWorkload = action(
  "ScaleWorkload",
  "Set the replica count of a Deployment, a StatefulSet, or a ReplicaSet without an owner.",
  {
    replicas: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
  }
)

/**
 * Restores the pod template of an earlier revision of a Deployment, StatefulSet or DaemonSet. The name is older than
 * the last two kinds, and durable: journals and rulebooks contain it.
 */
export const RollbackDeployment = action(
  "RollbackDeployment",
  "Put the pod template of a Deployment, StatefulSet or DaemonSet back to the one of an earlier revision.",
  {
    /** Defaults to the newest revision before the current one. */
    toRevision: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)))
  }
)

/** Changes the CPU or memory requests or limits of one container of a workload. Fields that are absent stay as they are. */
export const AdjustResources = action(
  "AdjustResources",
  "Change the CPU or memory requests or limits of one container of a workload.",
  {
    container: Schema.NonEmptyString,
    requests: Schema.optionalKey(Resources),
    limits: Schema.optionalKey(Resources)
  }
)

/** Changes the minimum or maximum replica count of a HorizontalPodAutoscaler. */
export const PatchHpa = action("PatchHpa", "Change the minimum or maximum replicas of a HorizontalPodAutoscaler.", {
  minReplicas: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 }))),
  maxReplicas: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })))
})

/** Evicts one pod through the eviction API, which respects PodDisruptionBudgets. The pod's owner replaces it. */
export const EvictPod = action(
  "EvictPod",
  "Evict one pod through the eviction API, which respects disruption budgets; its owner makes another.",
  {}
)

/** Marks a node as unschedulable. */
export const CordonNode = action("CordonNode", "Mark a node unschedulable.", {})

/** Marks a node as schedulable again. */
export const UncordonNode = action("UncordonNode", "Mark a node schedulable again.", {})

/** Cordons a node and evicts its pods, respecting PodDisruptionBudgets. */
export const DrainNode = action("DrainNode", "Cordon a node and evict its pods, respecting disruption budgets.", {})

/** Requests more storage for a PersistentVolumeClaim. A volume cannot shrink, so this action is irreversible. */
export const ExpandVolume = action(
  "ExpandVolume",
  "Ask for more storage for a PersistentVolumeClaim. It can never be made smaller again.",
  {
    size: Quantity
  }
)

/** Suspends a CronJob, so that it starts no new Jobs. Running Jobs continue. */
export const SuspendCronJob = action("SuspendCronJob", "Suspend a CronJob, so that it starts no new Jobs.", {})

/** Detaches one pod from its Service and its owner by changing its labels, and keeps it for inspection. */
export const QuarantinePod = action(
  "QuarantinePod",
  "Take one pod out of its Service and its owner by its labels, and keep it for inspection.",
  {}
)

/**
 * Takes one recorded change back: the fields that it changed, the object that it deleted, or the object that it
 * created.
 *
 * It names the change and carries no values, so nobody can invent one. What it writes is read from the change journal.
 */
export const RestoreObject = action(
  "RestoreObject",
  "Take one recorded change of one object back, exactly. The target is the changed object; change is the id of a suspect.",
  { change: ChangeId }
)

/** Collects the state, events and logs of the target, and changes nothing. */
export const CollectDiagnostics = action(
  "CollectDiagnostics",
  "Collect state, events and logs of the target. Changes nothing.",
  {}
)

/** Changes nothing and escalates the alert to a person, with the reason. */
export const Notify = action("Notify", "Change nothing and put the alert before a person, with the reason.", {
  reason: Schema.NonEmptyString
})

/**
 * An action with its target and parameters, discriminated by `type`.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Action } from "kubernaut"
 *
 * const target = { namespace: "shop", kind: "Deployment", name: "checkout" }
 * const action = Schema.decodeUnknownSync(Action.Action)({ type: "ScaleWorkload", target, replicas: 3 })
 * Action.appliesToItsTarget(action) // => true
 * Action.isReadOnly(action) // => false
 * ```
 */
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
  RestoreObject,
  CollectDiagnostics,
  Notify
])
export type Action = typeof Action.Type
/** The name of an action, such as `RestartWorkload`. */
export type ActionType = Action["type"]

/** Whether an action never writes to the cluster. */
export const isReadOnly = ({ type }: Pick<Action, "type">): boolean =>
  type === "Notify" || type === "CollectDiagnostics"

/**
 * The kinds whose recorded changes can be taken back, besides the custom kinds that an operator names. A Secret never
 * is: no value of it is recorded.
 */
export const restorableKinds = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "CronJob",
  "Service",
  "Ingress",
  "HTTPRoute",
  "GRPCRoute",
  "ConfigMap",
  "HorizontalPodAutoscaler",
  "ResourceQuota",
  "LimitRange",
  "NetworkPolicy",
  "PodDisruptionBudget",
  "PriorityClass",
  "ServiceAccount",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "PersistentVolumeClaim",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
  "Namespace",
  "Node"
] as const

/** Kubernetes' own kinds that are never restored: controllers make them, or they hold secrets or data. */
const neverRestored: ReadonlySet<string> = new Set([
  "Secret",
  "Pod",
  "ReplicaSet",
  "ControllerRevision",
  "Job",
  "Event",
  "EndpointSlice",
  "Endpoints",
  "Lease",
  "PersistentVolume",
  "StorageClass"
])

/** The kinds of object that each action applies to. An action without an entry applies to every kind. */
export const kindsOf: Readonly<Partial<Record<ActionType, ReadonlyArray<string>>>> = {
  RestartWorkload: ["Deployment", "StatefulSet", "DaemonSet"],
  ScaleWorkload: ["Deployment", "StatefulSet", "ReplicaSet"],
  RollbackDeployment: ["Deployment", "StatefulSet", "DaemonSet"],
  AdjustResources: ["Deployment", "StatefulSet", "DaemonSet"],
  PatchHpa: ["HorizontalPodAutoscaler"],
  EvictPod: ["Pod"],
  CordonNode: ["Node"],
  UncordonNode: ["Node"],
  DrainNode: ["Node"],
  ExpandVolume: ["PersistentVolumeClaim"],
  SuspendCronJob: ["CronJob"],
  QuarantinePod: ["Pod"],
  RestoreObject: restorableKinds
}

/** Whether an action applies to the kind of its target. A node cannot be rolled back and a pod cannot be scaled. */
export const appliesToItsTarget = (action: Action): boolean =>
  // A custom kind is recorded only where an operator names it.
  (action.type === "RestoreObject" && !neverRestored.has(action.target.kind))
  || (kindsOf[action.type]?.includes(action.target.kind) ?? true)
