/** Short forms of the requests that the tests of the sandbox make. */

import { Effect } from "effect"
import type { Change } from "../../../src/domain/Change.ts"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Pod, ReplicaSet } from "../../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"

export const ref = (kind: string, name: string, namespace = "shop"): ResourceRef => ({ namespace, kind, name })
export const replace = (target: ResourceRef, path: string, value: unknown): Change => ({
  _tag: "Patch",
  ref: target,
  patch: [{ op: "replace", path, value: value as string }]
})

export const read = (kind: string, name: string, namespace?: string) => readWorkload(ref(kind, name, namespace))
export const apply = (change: Change) => Effect.flatMap(KubernetesClient, (kubernetes) => kubernetes.apply(change))
export const podsOf = (app: string) =>
  Effect.flatMap(KubernetesClient, (kubernetes) =>
    Effect.map(
      kubernetes.list("Pod", { namespace: "shop", labelSelector: { app } }),
      (pods) => pods as ReadonlyArray<Pod>
    )
  )

/** The pod template of an earlier revision, which an undo restores. */
export const templateOf = (name: string, revision: number) =>
  Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    const sets = (yield* kubernetes.list("ReplicaSet", {
      namespace: "shop",
      labelSelector: { app: name }
    })) as ReadonlyArray<ReplicaSet>
    const set = sets.find(
      (each) => each.metadata.annotations?.["deployment.kubernetes.io/revision"] === String(revision)
    )!
    const { "pod-template-hash": _, ...labels } = set.spec.template.metadata!.labels!
    return { ...set.spec.template, metadata: { ...set.spec.template.metadata, labels } }
  })
