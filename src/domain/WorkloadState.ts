/**
 * What the cluster says about a target at one moment: the baseline before acting, and what verification compares with
 * it.
 *
 * One shape for all kinds. A number that a kind does not have is `null` (a Node has no replicas).
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"

/** Who else writes this object. Their fields are not fought over. */
export const Manager = Schema.Literals(["helm", "argocd", "flux", "hpa"])
export type Manager = typeof Manager.Type

export const Condition = Schema.Struct({ type: Schema.String, status: Schema.String, reason: Schema.String })

export const WorkloadState = Schema.Struct({
  ref: ResourceRef,
  exists: Schema.Boolean,
  observedAt: Timestamp,
  uid: Schema.NullOr(Schema.String),
  resourceVersion: Schema.NullOr(Schema.String),
  generation: Schema.NullOr(Schema.Int),
  /** The controller has seen this generation; below `generation` the numbers beneath speak of an older spec. */
  observedGeneration: Schema.NullOr(Schema.Int),
  desiredReplicas: Schema.NullOr(Schema.Int),
  readyReplicas: Schema.NullOr(Schema.Int),
  updatedReplicas: Schema.NullOr(Schema.Int),
  availableReplicas: Schema.NullOr(Schema.Int),
  /** All container restarts of the pods that exist now. */
  restarts: Schema.NullOr(Schema.Int),
  /** Pods by name and uid with what holds them back, at most 100. */
  pods: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      uid: Schema.String,
      ready: Schema.Boolean,
      restarts: Schema.Int,
      /** A waiting or last terminated reason: CrashLoopBackOff, OOMKilled, ImagePullBackOff, Unschedulable … */
      reason: Schema.NullOr(Schema.String)
    })
  ),
  /** Ready endpoint addresses of the Services that select the pods; `null` where no Service does. */
  endpoints: Schema.NullOr(Schema.Int),
  revision: Schema.NullOr(Schema.Int),
  conditions: Schema.Array(Condition),
  managers: Schema.Array(Manager),
  /** The HorizontalPodAutoscaler that owns the replica count, by name. */
  autoscaler: Schema.NullOr(Schema.String),
  unschedulable: Schema.NullOr(Schema.Boolean)
})
export type WorkloadState = typeof WorkloadState.Type
