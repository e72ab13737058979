/**
 * The StatefulSets and DaemonSets of a simulated cluster: one for each way in which their controllers replace pods.
 *
 * | workload        | its controller                                                              | a rollback           |
 * | --------------- | --------------------------------------------------------------------------- | -------------------- |
 * | db-ordered      | replaces one pod after another, and stops at one that is not ready          | evicts the stuck pod |
 * | db-parallel     | replaces one pod after another, whether others are ready or not             | restores it          |
 * | db-partitioned  | replaces only the last pod                                                  | is refused           |
 * | db-on-delete    | replaces a pod only when somebody deletes it                                | is refused           |
 * | agent-rolling   | replaces the pods of one node after another, those that are not ready first | restores it          |
 * | agent-on-delete | replaces a pod only when somebody deletes it                                | is refused           |
 *
 * Where a rollback is refused, a person repairs the workload in the end.
 */

import { Result, type Schema } from "effect"
import type { ResourceRef } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { podTruth, type RevisionTruth } from "./WorkloadObjects.ts"

interface WorkloadSet {
  readonly ref: ResourceRef
  readonly manifest: Schema.JsonObject
}

const set = (kind: "StatefulSet" | "DaemonSet", name: string, spec: Schema.JsonObject): WorkloadSet => {
  const namespace = "prod"
  const labels = { app: name }
  const resources = { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "500m", memory: "256Mi" } }
  const container = { name, image: `registry.example/${namespace}/${name}:v1.0.0`, resources }
  return {
    ref: { namespace, kind, name },
    manifest: {
      apiVersion: "apps/v1",
      kind,
      metadata: { name, namespace, labels },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container], restartPolicy: "Always" } },
        ...(kind === "StatefulSet" ? { serviceName: name } : {}),
        ...spec
      }
    }
  }
}

const onDelete = { updateStrategy: { type: "OnDelete" } }

export const all: ReadonlyArray<WorkloadSet> = [
  set("StatefulSet", "db-ordered", { replicas: 3 }),
  set("StatefulSet", "db-parallel", { replicas: 2, podManagementPolicy: "Parallel" }),
  set("DaemonSet", "agent-rolling", {}),
  set("StatefulSet", "db-partitioned", {
    replicas: 2,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } }
  }),
  set("StatefulSet", "db-on-delete", { replicas: 2, ...onDelete }),
  set("DaemonSet", "agent-on-delete", onDelete)
]

/** Whether a workload's controller replaces a pod only when somebody deletes it. */
export const isOnDelete = (object: Result.Result<KubernetesObject, unknown>): boolean =>
  Result.isSuccess(object)
  && (object.success["spec"] as { readonly updateStrategy?: { readonly type?: string } }).updateStrategy?.type
    === "OnDelete"

interface Revision extends KubernetesObject {
  readonly revision: number
  readonly data: {
    readonly spec: { readonly template: { readonly spec: { readonly containers: ReadonlyArray<{ image?: string }> } } }
  }
}

const hashLabel = "controller-revision-hash"

/** The revisions of a StatefulSet or DaemonSet, the newest first. */
export const revisionsIn = (
  revisions: ReadonlyArray<KubernetesObject>,
  pods: ReadonlyArray<KubernetesObject>
): ReadonlyArray<RevisionTruth> =>
  (revisions as ReadonlyArray<Revision>)
    .map(({ data, metadata, revision }) => ({
      revision,
      image: data.spec.template.spec.containers[0]?.image,
      pods: pods
        .filter(({ metadata: { labels } }) => {
          // The pods of a StatefulSet carry the whole name of their revision, and those of a DaemonSet only its hash.
          const hash = labels?.[hashLabel]
          return hash === metadata.name || hash === metadata.labels?.[hashLabel]
        })
        .map((pod) => podTruth(pod))
    }))
    .sort((left, right) => right.revision - left.revision)
