/**
 * The state of a target at one point in time: the baseline before an action, and the states that verification compares
 * with it.
 *
 * All kinds share one shape. A field that does not apply to a kind is `null`: a Node has no replicas.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"

/**
 * Another manager that writes to the object. Kubernaut does not compete for the fields of a manager. `operator` is any
 * program that writes the object for a custom resource which owns it.
 */
export const Manager = Schema.Literals([
  "helm",
  "argocd",
  "flux",
  "hpa",
  "fleet",
  "kapp",
  "config-sync",
  "terraform",
  "pulumi",
  "crossplane",
  "keda",
  "olm",
  "operator"
])
export type Manager = typeof Manager.Type

/** An owner on which Kubernaut cannot act: a custom resource, or another kind that is no workload of Kubernetes. */
export const Owner = Schema.Struct({
  /** The API group, such as `argoproj.io`. Empty for the core group. */
  group: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  /** Whether the owner controls the object, so that its operator puts back what others change. */
  controls: Schema.Boolean
})
export type Owner = typeof Owner.Type

/** Who manages a part of the target, such as its autoscaler. */
export const ManagedPart = Schema.Struct({
  ref: ResourceRef,
  managers: Schema.Array(Manager),
  owner: Schema.optionalKey(Owner)
})
export type ManagedPart = typeof ManagedPart.Type

/** A condition from the status of an object. */
export const Condition = Schema.Struct({ type: Schema.String, status: Schema.String, reason: Schema.String })

/**
 * How far the controller is with replacing the pods by those of the newest template. A field is `null` when the cluster
 * does not say it.
 */
export const Rollout = Schema.Struct({
  /** The hash of the newest template, which the labels of its pods repeat: see `templateHash` of a pod. */
  templateHash: Schema.NullOr(Schema.String),
  /**
   * Whether the controller has not completed the newest template, or has not processed it yet. Pods that fail after a
   * completed rollout do not start it again. `false` while the strategy is `OnDelete`: nothing is replaced then.
   */
  inProgress: Schema.Boolean,
  /** When the first pod of the newest template could have been created. */
  startedAt: Schema.NullOr(Timestamp),
  /** When the controller last came closer to its goal. `null` also once the deadline is exceeded. */
  lastProgressAt: Schema.NullOr(Timestamp),
  /** How long a Deployment may make no progress before the controller gives it up as failed. */
  progressDeadlineSeconds: Schema.NullOr(Schema.Int),
  /** Whether the controller has given the rollout up as failed. */
  deadlineExceeded: Schema.Boolean,
  paused: Schema.Boolean,
  /** `RollingUpdate`, `Recreate` or `OnDelete`. */
  strategy: Schema.String,
  /** The pods of a StatefulSet with a lower ordinal keep the earlier template on purpose. */
  partition: Schema.Int
})
export type Rollout = typeof Rollout.Type

/** The state of a target as read from the cluster. The sandbox and the real client return the same shape. */
export const WorkloadState = Schema.Struct({
  ref: ResourceRef,
  exists: Schema.Boolean,
  observedAt: Timestamp,
  uid: Schema.NullOr(Schema.String),
  resourceVersion: Schema.NullOr(Schema.String),
  generation: Schema.NullOr(Schema.Int),
  /** The generation that the controller has processed. If lower than `generation`, the counts below are stale. */
  observedGeneration: Schema.NullOr(Schema.Int),
  desiredReplicas: Schema.NullOr(Schema.Int),
  readyReplicas: Schema.NullOr(Schema.Int),
  updatedReplicas: Schema.NullOr(Schema.Int),
  availableReplicas: Schema.NullOr(Schema.Int),
  /** Total container restarts of the pods, those of native sidecars included. */
  restarts: Schema.NullOr(Schema.Int),
  /** The pods of the target, at most 100. */
  pods: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      uid: Schema.String,
      ready: Schema.Boolean,
      restarts: Schema.Int,
      /** Why the pod is not ready, such as CrashLoopBackOff, OOMKilled, ImagePullBackOff or Unschedulable. */
      reason: Schema.NullOr(Schema.String),
      /** The uid of its controller: the ReplicaSet of a Deployment. Absent in states of earlier versions. */
      ownerUid: Schema.optionalKey(Schema.NullOr(Schema.String)),
      /** Its label `pod-template-hash` or `controller-revision-hash`: the template that it was created from. */
      templateHash: Schema.optionalKey(Schema.NullOr(Schema.String)),
      /** The number of its revision, where the cluster numbers them: of a Deployment and a DaemonSet. */
      revision: Schema.optionalKey(Schema.NullOr(Schema.Int)),
      /** Whether it was created from the target's newest template. `null` when that is not known. */
      current: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
      createdAt: Schema.optionalKey(Schema.NullOr(Timestamp)),
      /** Since when it has been ready, or not ready. */
      readinessSince: Schema.optionalKey(Schema.NullOr(Timestamp)),
      /** When a container of it last restarted. `null` when none did, or the cluster does not say it. */
      restartedAt: Schema.optionalKey(Schema.NullOr(Timestamp))
    })
  ),
  /** Ready endpoint addresses of the Services that select the pods. `null` when no Service selects them. */
  endpoints: Schema.NullOr(Schema.Int),
  revision: Schema.NullOr(Schema.Int),
  /**
   * The numbers of the revisions that a rollback could restore, newest first: those with another template than the
   * present one. `null` where they could not be read, and for kinds without revisions. Absent in states of earlier
   * versions.
   */
  earlierRevisions: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Int))),
  conditions: Schema.Array(Condition),
  /** Absent in states of earlier versions; `null` for kinds that have no rollout. */
  rollout: Schema.optionalKey(Schema.NullOr(Rollout)),
  /** Why the controller cannot create a pod, such as an exceeded quota, in the words of the API server. */
  failedCreate: Schema.optionalKey(Schema.NullOr(Schema.String)),
  managers: Schema.Array(Manager),
  /** The owner of the object itself, if Kubernaut cannot act on it. Absent: none, or not recorded. */
  owner: Schema.optionalKey(Owner),
  /** The parts that bear marks of a manager of their own. Absent: none, or not recorded. */
  managedParts: Schema.optionalKey(Schema.Array(ManagedPart)),
  /** The name of the HorizontalPodAutoscaler that controls the replica count. */
  autoscaler: Schema.NullOr(Schema.String),
  /**
   * Whether that autoscaler wants more replicas than its maximum allows. `null` where that is not known. Absent in
   * states of earlier versions.
   */
  autoscalerAtMaximum: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  /** The digest of the spec, see `kubernetes/SpecDigest`. Absent in states of earlier versions. */
  spec: Schema.optionalKey(Schema.NullOr(Schema.String)),
  /** What identifies that autoscaler and its spec. Absent in states of earlier versions. */
  autoscalerSeen: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        name: Schema.String,
        uid: Schema.String,
        resourceVersion: Schema.String,
        spec: Schema.NullOr(Schema.String)
      })
    )
  ),
  unschedulable: Schema.NullOr(Schema.Boolean),
  /** The registries of its images, and the nodes of its pods: see `Places`. Absent in states of earlier versions. */
  registries: Schema.optionalKey(Schema.Array(Schema.String)),
  nodes: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Who else last wrote to its spec. Absent: not known. */
  otherWriter: Schema.optionalKey(Schema.String)
})
export type WorkloadState = typeof WorkloadState.Type
