/** What refuses every new pod of a namespace: a quota that is used up, a LimitRange that none fits, or Pod Security. */

import type { Change } from "../../domain/Change.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"

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
export const refusedSince = (replicaSets: ReadonlyArray<ReplicaSet>): number | undefined => {
  const times = replicaSets
    .flatMap(({ status }) => status?.conditions ?? [])
    .filter(({ status, type }) => type === "ReplicaFailure" && status === "True")
    .map(({ lastTransitionTime = "" }) => Date.parse(lastTransitionTime))
  return times.length === 0 ? undefined : Math.min(...times)
}
