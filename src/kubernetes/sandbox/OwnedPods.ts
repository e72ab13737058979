/** Creates and counts the pods that a controller owns. */

import type { KubernetesObject } from "../KubernetesClient.ts"
import type { Labels, Pod, PodTemplate } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { podRefusal } from "./PodAdmission.ts"

/** A pod of a controller's template. `extra` differs from one pod of the template to the next. */
export const podOf = (
  cluster: Cluster,
  owner: KubernetesObject,
  name: string,
  template: PodTemplate,
  extra: { readonly labels?: Labels; readonly nodeName?: string } = {}
): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: cluster.newMetadata(name, owner.metadata.namespace, {
    labels:
      extra.labels === undefined
        ? (template.metadata?.labels ?? {})
        : { ...template.metadata?.labels, ...extra.labels },
    ...(template.metadata?.annotations === undefined ? {} : { annotations: template.metadata.annotations }),
    ownerReferences: [
      {
        apiVersion: owner.apiVersion,
        kind: owner.kind,
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        controller: true
      }
    ]
  }),
  spec: extra.nodeName === undefined ? template.spec : { ...template.spec, nodeName: extra.nodeName },
  status: { phase: "Pending" }
})

/** The pods of an owner that are neither terminating nor finished. */
export const activePods = (cluster: Cluster, ownerUid: string): Array<Pod> =>
  cluster.store
    .ownedBy(ownerUid, "Pod")
    .filter(
      (pod) =>
        pod.metadata.deletionTimestamp === undefined
        && pod.status?.phase !== "Succeeded"
        && pod.status?.phase !== "Failed"
    )

/** Stores a pod unless admission refuses it, and records the result as an event. Returns whether the pod was stored. */
export const createPod = (cluster: Cluster, owner: KubernetesObject, pod: Pod, component: string): boolean => {
  const refusal = podRefusal(cluster, pod)
  if (refusal !== undefined) {
    cluster.event(
      owner,
      "Warning",
      "FailedCreate",
      `create Pod ${pod.metadata.name} failed error: ${refusal.message}`,
      component
    )
    return false
  }
  cluster.store.put(pod)
  cluster.event(owner, "Normal", "SuccessfulCreate", `create Pod ${pod.metadata.name} successful`, component)
  return true
}
