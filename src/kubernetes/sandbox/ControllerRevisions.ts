/** ControllerRevisions: the templates that StatefulSets and DaemonSets had, so that they can be restored. */

import type { KubernetesObject } from "../KubernetesClient.ts"
import type { ControllerRevision, PodTemplate } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { templateHash } from "./Revision.ts"

/** The label of a pod that holds the hash of the template it was created from. */
export const revisionLabel = "controller-revision-hash"

/** Keeps a template as the latest ControllerRevision of its owner. Returns `hash`, and `name`, which ends with the hash. */
export const keepRevision = (
  cluster: Cluster,
  owner: KubernetesObject,
  template: PodTemplate
): { readonly name: string; readonly hash: string } => {
  const hash = templateHash(template)
  const { name, namespace, uid } = owner.metadata
  const revisions = cluster.store.ownedBy(uid, "ControllerRevision")
  const highest = revisions.reduce((max, each) => Math.max(max, each.revision), 0)
  const existing = revisions.find((each) => each.metadata.labels?.[revisionLabel] === hash)
  if (existing === undefined) {
    cluster.store.put<ControllerRevision>({
      apiVersion: "apps/v1",
      kind: "ControllerRevision",
      metadata: cluster.newMetadata(`${name}-${hash}`, namespace, {
        labels: { ...template.metadata?.labels, [revisionLabel]: hash },
        ownerReferences: [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true }]
      }),
      revision: highest + 1,
      data: { spec: { template: { ...template, $patch: "replace" } } }
    })
  } else if (existing.revision < highest) {
    cluster.store.put<ControllerRevision>({ ...existing, revision: highest + 1 })
  }
  return { name: `${name}-${hash}`, hash }
}

/** The template that the owner had under the name of one of its ControllerRevisions. */
export const templateOf = (cluster: Cluster, owner: KubernetesObject, name: string): PodTemplate | undefined => {
  const revision = cluster.store
    .ownedBy(owner.metadata.uid, "ControllerRevision")
    .find((each) => each.metadata.name === name)
  const data = revision?.data as { readonly spec: { readonly template: PodTemplate } } | undefined
  if (data === undefined) return undefined
  const { $patch: _how, ...template } = data.spec.template
  return template
}
