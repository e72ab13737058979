/** Plans of every type of action on objects that an API server could return. */

import type { Action } from "../../src/domain/Action.ts"
import { plan } from "../../src/execution/ActionPlan.ts"
import { valueAt } from "../../src/execution/ObjectPatch.ts"
import type { Plan, PlanContext, PlanRefusal } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind } from "../../src/kubernetes/ObjectModel.ts"
import { context, deployment, replicaSet, template } from "./objects.ts"

export const planOf = (
  action: Action,
  subject: KubernetesObject | undefined,
  related: ReadonlyArray<KubernetesObject> = [],
  change: Partial<PlanContext> = {},
  unread: ReadonlyArray<Kind> = []
): Plan | PlanRefusal => plan(action, { subject, related, unread }, context(change))

/** The plan, which must not be a refusal. */
export const acceptedPlan = (...given: Parameters<typeof planOf>): Plan => {
  const result = planOf(...given)
  if (result._tag === "PlanRefusal") throw new Error(`${result.rule}: ${result.message}`)
  return result
}

export const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })
const checkout = on("Deployment", "checkout")

export const restart: Action = { type: "RestartWorkload", target: checkout }
export const restartAgent: Action = { type: "RestartWorkload", target: on("DaemonSet", "agent") }
export const restartDb: Action = { type: "RestartWorkload", target: on("StatefulSet", "db") }
export const scale = (replicas: number, target = checkout): Action => ({ type: "ScaleWorkload", target, replicas })
export const rollback = (toRevision?: number, target = checkout): Action => ({
  type: "RollbackDeployment",
  target,
  ...(toRevision === undefined ? {} : { toRevision })
})
export const adjust = (change: Partial<Extract<Action, { type: "AdjustResources" }>>): Action => ({
  type: "AdjustResources",
  target: checkout,
  container: "app",
  ...change
})
export const patchHpa = (change: Partial<Extract<Action, { type: "PatchHpa" }>>): Action => ({
  type: "PatchHpa",
  target: on("HorizontalPodAutoscaler", "checkout"),
  ...change
})
export const evict: Action = { type: "EvictPod", target: on("Pod", "p1") }
export const quarantine: Action = { type: "QuarantinePod", target: on("Pod", "p1") }
export const cordon: Action = { type: "CordonNode", target: on("Node", "node-1", "") }
export const uncordon: Action = { type: "UncordonNode", target: on("Node", "node-1", "") }
export const drain: Action = { type: "DrainNode", target: on("Node", "node-1", "") }
export const expand = (size: string): Action => ({
  type: "ExpandVolume",
  target: on("PersistentVolumeClaim", "data"),
  size
})
export const suspend: Action = { type: "SuspendCronJob", target: on("CronJob", "report") }

/** The ReplicaSets of the Deployment's three revisions, of which the third is the current one. */
export const revisions = [replicaSet(1), replicaSet(2), replicaSet(3)]

/** The Deployment at its third revision, whose pods get no token of the API server. */
export const withoutToken = deployment({ template: template("app:3", { automountServiceAccountToken: false }) })

/** Reads one value of an object. */
export const at =
  (...path: ReadonlyArray<string | number>) =>
  (object: KubernetesObject) =>
    valueAt(object, path)
