/**
 * The state of a target at one point in time: the baseline before an action, and the states that verification compares
 * with it.
 *
 * All kinds share one shape. A field that does not apply to a kind is `null`: a Node has no replicas.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"

/** Another manager that writes to the object. Kubernaut does not compete for the fields of a manager. */
export const Manager = Schema.Literals(["helm", "argocd", "flux", "hpa"])
export type Manager = typeof Manager.Type

/** A condition from the status of an object. */
export const Condition = Schema.Struct({ type: Schema.String, status: Schema.String, reason: Schema.String })

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
  /** Total container restarts of the current pods. */
  restarts: Schema.NullOr(Schema.Int),
  /** The pods of the target, at most 100. */
  pods: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      uid: Schema.String,
      ready: Schema.Boolean,
      restarts: Schema.Int,
      /** Why the pod is not ready, such as CrashLoopBackOff, OOMKilled, ImagePullBackOff or Unschedulable. */
      reason: Schema.NullOr(Schema.String)
    })
  ),
  /** Ready endpoint addresses of the Services that select the pods. `null` when no Service selects them. */
  endpoints: Schema.NullOr(Schema.Int),
  revision: Schema.NullOr(Schema.Int),
  conditions: Schema.Array(Condition),
  managers: Schema.Array(Manager),
  /** The name of the HorizontalPodAutoscaler that controls the replica count. */
  autoscaler: Schema.NullOr(Schema.String),
  unschedulable: Schema.NullOr(Schema.Boolean)
})
export type WorkloadState = typeof WorkloadState.Type
