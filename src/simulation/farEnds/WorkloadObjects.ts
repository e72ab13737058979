/** The Kubernetes objects around a simulated workload: what is read from them, and the manifests that are written. */

import type { Schema } from "effect"
import type { Change, PatchOperation } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { eventMessage } from "../observation/Secrets.ts"

/** Who else owns a workload: its namespace is protected, Helm declares it, or an autoscaler sets its replica count. */
export type Ownership = "protected" | "helm" | "autoscaler"

interface Manifest {
  readonly ref: ResourceRef
  readonly manifest: Schema.JsonObject
}

const annotationPath = "/metadata/annotations/kubernaut.dev~1execution"

/** The execution in the annotation that a patch writes. */
export const executionOf = (change: Change): string | undefined => {
  if (change._tag !== "Patch") return undefined
  for (const operation of change.patch) {
    if (operation.op === "remove") continue
    if (operation.path === annotationPath && typeof operation.value === "string") return operation.value
    if (operation.path === "/metadata/annotations" && typeof operation.value === "object" && operation.value !== null) {
      const execution = (operation.value as Readonly<Record<string, unknown>>)["kubernaut.dev/execution"]
      if (typeof execution === "string") return execution
    }
  }
  return undefined
}

interface Pod extends KubernetesObject {
  readonly status?: { readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string }> }
}

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ status, type }) => type === "Ready" && status === "True") === true

interface Deployment extends KubernetesObject {
  readonly spec?: { readonly replicas?: number }
  readonly status?: {
    readonly observedGeneration?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly replicas?: number
  }
}

/** The replicas that a Deployment asks for. */
export const replicasOf = ({ spec }: Deployment): number => spec?.replicas ?? 1

/** As `kubectl rollout status` decides it. */
export const isRolledOut = (deployment: Deployment): boolean => {
  const wanted = replicasOf(deployment)
  const { readyReplicas = 0, replicas = 0, updatedReplicas = 0 } = deployment.status ?? {}
  return updatedReplicas >= wanted && replicas <= updatedReplicas && readyReplicas >= wanted
}

/** The manifest of a deleted object. */
export const recreated = ({ apiVersion, kind, metadata, ...rest }: KubernetesObject): Schema.JsonObject => {
  const { labels = {}, name, namespace = "" } = metadata
  // The API server returned JSON.
  return { apiVersion, kind, metadata: { name, namespace, labels }, spec: rest["spec"] } as unknown as Schema.JsonObject
}

/** What makes Helm the owner of a workload. */
export const helmOwnership = (name: string): ReadonlyArray<PatchOperation> => [
  { op: "add", path: "/metadata/labels/app.kubernetes.io~1managed-by", value: "Helm" },
  {
    op: "add",
    path: "/metadata/annotations",
    value: { "meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "prod" }
  }
]

export const autoscaler = (name: string): Schema.JsonObject => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name, namespace: "prod" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 2, maxReplicas: 2 }
})

/** A disruption budget that allows no eviction of a workload's pods. */
export const disruptionBudget = ({
  budget,
  name,
  namespace
}: {
  readonly namespace: string
  readonly name: string
  readonly budget: string
}): Manifest => ({
  ref: { namespace, kind: "PodDisruptionBudget", name: budget },
  manifest: {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: budget, namespace },
    spec: { minAvailable: "100%", selector: { matchLabels: { app: name } } }
  }
})

/** The event of a kubelet that could not pull a workload's image. */
export const pullFailure = ({ kind, name, namespace }: ResourceRef, atMs: number): Manifest => {
  const event = `${name}.pull`
  return {
    ref: { namespace, kind: "Event", name: event },
    manifest: {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: event, namespace },
      involvedObject: { kind, namespace, name },
      type: "Warning",
      reason: "Failed",
      message: eventMessage,
      count: 1,
      lastTimestamp: new Date(atMs).toISOString()
    }
  }
}
