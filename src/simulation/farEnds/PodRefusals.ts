/** What refuses every new pod of a namespace: a quota that is used up, a LimitRange that none fits, or Pod Security. */

import { Result } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject, ListOptions } from "../../kubernetes/KubernetesClient.ts"

export type PodRefusal = "quota" | "limit-range" | "pod-security"

interface Changes {
  readonly begin: ReadonlyArray<Change>
  /** Absent: the objects are deleted. */
  readonly end?: Change
}

const labelsPath = "/metadata/labels"

/** The changes by which pods of a namespace are refused, and allowed again. So many pods exist now. */
export const podRefusal = (namespace: string, how: PodRefusal, pods: number): Changes => {
  const name = "late-refusal"
  switch (how) {
    case "quota": {
      const ref = { namespace, kind: "ResourceQuota", name }
      const spec = { hard: { pods: String(pods) } }
      const manifest = { apiVersion: "v1", kind: ref.kind, metadata: { name, namespace }, spec }
      return { begin: [{ _tag: "Create", ref, manifest }] }
    }
    case "limit-range": {
      const ref = { namespace, kind: "LimitRange", name }
      const spec = { limits: [{ type: "Container", max: { memory: "1Mi" } }] }
      const manifest = { apiVersion: "v1", kind: ref.kind, metadata: { name, namespace }, spec }
      return { begin: [{ _tag: "Create", ref, manifest }] }
    }
    case "pod-security": {
      const ref = { namespace: "", kind: "Namespace", name: namespace }
      const labelled = (value: Record<string, string>): Change => ({
        _tag: "Patch",
        ref,
        patch: [{ op: "add", path: labelsPath, value }]
      })
      const label = "kubernetes.io/metadata.name"
      return {
        begin: [labelled({ [label]: namespace, "pod-security.kubernetes.io/enforce": "restricted" })],
        end: labelled({ [label]: namespace })
      }
    }
  }
}

interface ReplicaSet extends KubernetesObject {
  readonly status?: {
    readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string; lastTransitionTime?: string }>
  }
}

/** Since when the pods of any of these ReplicaSets have been refused, by the wall clock. */
const refusedOfReplicaSets = (replicaSets: ReadonlyArray<ReplicaSet>): number | undefined => {
  const times = replicaSets
    .flatMap(({ status }) => status?.conditions ?? [])
    .filter(({ status, type }) => type === "ReplicaFailure" && status === "True")
    .map(({ lastTransitionTime = "" }) => Date.parse(lastTransitionTime))
  return times.length === 0 ? undefined : Math.min(...times)
}

interface CreateEvent extends KubernetesObject {
  readonly reason?: string
  readonly firstTimestamp?: string
  readonly lastTimestamp?: string
}

/** Whether a StatefulSet or a DaemonSet has fewer pods than it should have. */
const lacks = (set: KubernetesObject): boolean => {
  const {
    currentNumberScheduled = 0,
    desiredNumberScheduled,
    replicas = 0
  } = (set["status"] ?? {}) as {
    readonly replicas?: number
    readonly currentNumberScheduled?: number
    readonly desiredNumberScheduled?: number
  }
  const { replicas: desired = 1 } = (set["spec"] ?? {}) as { readonly replicas?: number }
  return set.kind === "DaemonSet" ? currentNumberScheduled < (desiredNumberScheduled ?? 0) : replicas < desired
}

/** The same of a StatefulSet or a DaemonSet, of which only events say it; `undefined` for any other object. */
const refusedOfSet = (set: KubernetesObject | undefined, events: ReadonlyArray<CreateEvent>): number | undefined => {
  if (set === undefined || (set.kind !== "StatefulSet" && set.kind !== "DaemonSet") || !lacks(set)) return undefined
  const of = (reason: string) => events.filter((event) => event.reason === reason)
  const created = Math.max(
    -Infinity,
    ...of("SuccessfulCreate").map(({ lastTimestamp = "" }) => Date.parse(lastTimestamp))
  )
  const failed = of("FailedCreate").filter(({ lastTimestamp = "" }) => Date.parse(lastTimestamp) >= created)
  if (failed.length === 0) return undefined
  return Math.max(created, Math.min(...failed.map(({ firstTimestamp = "" }) => Date.parse(firstTimestamp))))
}

/** What is read of the cluster. */
interface Reads {
  readonly read: (ref: ResourceRef) => Result.Result<KubernetesObject, unknown>
  readonly list: (kind: string, options: ListOptions) => ReadonlyArray<KubernetesObject>
}

/** Since when the pods of a workload have been refused, by the wall clock; `undefined` if they are not. */
export const refusedSince = (ref: ResourceRef, cluster: Reads): number | undefined => {
  const { kind, name, namespace } = ref
  return kind === "Deployment"
    ? refusedOfReplicaSets(cluster.list("ReplicaSet", { namespace, labelSelector: { app: name } }))
    : refusedOfSet(
        Result.getOrUndefined(cluster.read(ref)),
        cluster.list("Event", { namespace, involvedObject: { kind, name } })
      )
}
