/** The Kubernetes objects around a simulated workload: what is read from them, and the manifests that are written. */

import type { Schema } from "effect"
import type { Change, PatchOperation } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { eventMessage } from "../observation/Secrets.ts"

/**
 * Who else owns a workload: its namespace is protected, Helm declares it, an autoscaler sets its replica count, or an
 * operator controls it.
 */
export type Ownership = "protected" | "helm" | "autoscaler" | "operator"

/** The back-off of a kubelet: 10 s before the first restart of a crash loop, up to 5 minutes. */
export const pace = {
  startup: "2 seconds",
  termination: "1 second",
  crash: "500 millis",
  backoff: "10 seconds",
  backoffCap: "5 minutes"
} as const

/** Scenarios with fewer workloads than this have none that somebody else owns. */
export const ownedFrom = 4

/** The workloads that somebody else owns. */
export const owned: ReadonlyArray<{
  readonly namespace: string
  readonly name: string
  readonly ownership: Ownership
}> = [
  // Part of the sandbox.
  { namespace: "kube-system", name: "coredns", ownership: "protected" },
  { namespace: "prod", name: "app-helm", ownership: "helm" },
  { namespace: "prod", name: "app-scaled", ownership: "autoscaler" },
  { namespace: "prod", name: "app-operated", ownership: "operator" }
]

interface Manifest {
  readonly ref: ResourceRef
  readonly manifest: Schema.JsonObject
}

const annotationPath = "/metadata/annotations/kubernaut.dev~1execution"

/** The execution in the annotation that a patch writes. */
export const executionOf = (change: Change): string | undefined => {
  if (change._tag === "Create") {
    const metadata = change.manifest["metadata"] as
      | { readonly annotations?: Readonly<Record<string, string>> }
      | undefined
    return metadata?.annotations?.["kubernaut.dev/execution"]
  }
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
  readonly status?: {
    readonly conditions?: ReadonlyArray<{
      readonly type: string
      readonly status: string
      readonly lastTransitionTime?: string
    }>
    readonly containerStatuses?: ReadonlyArray<ContainerRun>
  }
}

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ status, type }) => type === "Ready" && status === "True") === true

/** When a pod last became ready, or ceased to be. */
export const readyFromMs = (pod: Pod): number =>
  Date.parse(pod.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "")

/** A revision of a workload and its own pods, as they truly are. */
export interface RevisionTruth {
  readonly revision: number
  readonly image: string | undefined
  readonly pods: ReadonlyArray<{
    readonly name: string
    readonly uid: string
    readonly createdMs: number
    readonly ready: boolean
    /** When its container last started after a failure; `undefined` if it has never failed. */
    readonly failedBeforeMs: number | undefined
  }>
}

/** The kinds that have a pod template, and revisions of it. */
const templateKinds: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"])

/** Whether an object is a workload with a pod template: a Deployment, StatefulSet or DaemonSet. */
export const hasTemplate = ({ kind }: { readonly kind: string }): boolean => templateKinds.has(kind)

interface ContainerRun {
  readonly restartCount: number
  readonly lastState?: { readonly terminated?: { readonly startedAt?: string; readonly finishedAt?: string } }
}

const failedBeforeMs = (run: ContainerRun | undefined): number | undefined => {
  const last = run?.lastState?.terminated
  if (run === undefined || last === undefined) return undefined
  // Of several failures the last run tells when the one before it had ended: before that run began.
  return Date.parse((run.restartCount > 1 ? last.startedAt : last.finishedAt) ?? "")
}

/** The same behaviour for the images of all workloads, by repository. */
export const imagesOf = <A>(workloads: ReadonlyArray<ResourceRef>, behaviour: A): Readonly<Record<string, A>> =>
  Object.fromEntries(workloads.map(({ name, namespace }) => [`registry.example/${namespace}/${name}`, behaviour]))

/** The image of a template. */
export const templateImage = (object: KubernetesObject): string | undefined =>
  (object as Workload).spec?.template?.spec.containers[0]?.image

/** A pod of a revision, as it truly is. */
export const podTruth = (pod: Pod): RevisionTruth["pods"][number] => ({
  name: pod.metadata.name,
  uid: pod.metadata.uid,
  createdMs: Date.parse(pod.metadata.creationTimestamp ?? ""),
  ready: isReady(pod),
  failedBeforeMs: failedBeforeMs(pod.status?.containerStatuses?.[0])
})

/** The revisions of a Deployment, the newest first. Each ReplicaSet speaks for its own pods. */
export const revisionsIn = (
  replicaSets: ReadonlyArray<KubernetesObject>,
  pods: ReadonlyArray<KubernetesObject>
): ReadonlyArray<RevisionTruth> =>
  replicaSets
    .map((set) => ({
      revision: Number(set.metadata.annotations?.["deployment.kubernetes.io/revision"]),
      image: templateImage(set),
      pods: pods
        .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === set.metadata.uid))
        .map((pod) => podTruth(pod))
    }))
    .sort((left, right) => right.revision - left.revision)

/** The operations that make a template's pods start after this delay, or without one again. */
export const startDelay = (workload: KubernetesObject, delay: string | undefined): ReadonlyArray<PatchOperation> => {
  const { annotations } = (workload as Workload).spec?.template?.metadata ?? {}
  const { "sim/ready-delay": before, ...others } = annotations ?? {}
  return delay === before
    ? []
    : [
        {
          op: "add",
          path: "/spec/template/metadata/annotations",
          value: delay === undefined ? others : { ...others, "sim/ready-delay": delay }
        }
      ]
}

interface Workload extends KubernetesObject {
  readonly spec?: {
    readonly replicas?: number
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } }
    readonly template?: {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
      readonly spec: { readonly containers: ReadonlyArray<{ readonly image?: string }> }
    }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly replicas?: number
    readonly desiredNumberScheduled?: number
    readonly updatedNumberScheduled?: number
    readonly numberReady?: number
  }
}

/** The replicas that a workload asks for: those of its spec, and of a DaemonSet one for each node. */
export const replicasOf = ({ kind, spec, status }: Workload): number =>
  kind === "DaemonSet" ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1)

/** As `kubectl rollout status` decides it. With `OnDelete`, which it does not watch, all pods are ready. */
export const isRolledOut = (workload: Workload): boolean => {
  const wanted = replicasOf(workload)
  const { rollingUpdate, type } = workload.spec?.updateStrategy ?? {}
  const updates = type === "OnDelete" ? 0 : wanted - (rollingUpdate?.partition ?? 0)
  const { readyReplicas = 0, replicas = 0, updatedReplicas = 0, ...ofDaemonSet } = workload.status ?? {}
  switch (workload.kind) {
    case "StatefulSet":
      return updatedReplicas >= updates && readyReplicas >= wanted
    case "DaemonSet":
      return (ofDaemonSet.updatedNumberScheduled ?? 0) >= updates && (ofDaemonSet.numberReady ?? 0) >= wanted
    default:
      return updatedReplicas >= wanted && replicas <= updatedReplicas && readyReplicas >= wanted
  }
}

/** The manifest of a deleted object. */
export const recreated = ({ apiVersion, kind, metadata, ...rest }: KubernetesObject): Schema.JsonObject => {
  const { annotations = {}, labels = {}, name, namespace = "", ownerReferences } = metadata
  const owned = {
    annotations: Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith("meta.helm.sh/"))),
    ...(ownerReferences === undefined ? {} : { ownerReferences })
  }
  // The API server returned JSON.
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, labels, ...owned },
    spec: rest["spec"]
  } as unknown as Schema.JsonObject
}

/** What makes Helm the owner of a workload. */
const helmOwnership = (name: string): ReadonlyArray<PatchOperation> => [
  { op: "add", path: "/metadata/labels/app.kubernetes.io~1managed-by", value: "Helm" },
  {
    op: "add",
    path: "/metadata/annotations",
    value: { "meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "prod" }
  }
]

/** What makes an operator the owner of a workload: its custom resource controls it. */
const operatorOwnership = (name: string): ReadonlyArray<PatchOperation> => [
  {
    op: "add",
    path: "/metadata/ownerReferences",
    value: [
      { apiVersion: "apps.example/v1", kind: "Deployment", name, uid: `uid-of-the-owner-of-${name}`, controller: true }
    ]
  }
]

const autoscaler = (name: string): Schema.JsonObject => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name, namespace: "prod" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name }, minReplicas: 2, maxReplicas: 2 }
})

/** The writes by which somebody else becomes the owner of a workload. */
export const ownedBy = (name: string, ownership: Ownership): ReadonlyArray<Change> => {
  const ref = { namespace: "prod", kind: "Deployment", name }
  switch (ownership) {
    case "helm":
      return [{ _tag: "Patch", ref, patch: helmOwnership(name) }]
    case "operator":
      return [{ _tag: "Patch", ref, patch: operatorOwnership(name) }]
    case "autoscaler":
      return [{ _tag: "Create", ref: { ...ref, kind: "HorizontalPodAutoscaler" }, manifest: autoscaler(name) }]
    case "protected":
      return []
  }
}

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
