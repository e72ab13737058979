/**
 * The Deployment controller: keeps one ReplicaSet per pod template, numbers them as revisions, drops old ones, and
 * rolls the pods over to the current one.
 */

import type { Deployment, ReplicaSet } from "../ObjectModel.ts"
import { sameJson } from "../SameJson.ts"
import type { Cluster } from "./Cluster.ts"
import { report } from "./DeploymentStatus.ts"
import { revisionAnnotation, revisionOf, templateHash } from "./Revision.ts"
import { recreate, roll, scale, wanted } from "./Rollout.ts"

const historyAnnotation = "deployment.kubernetes.io/revision-history"
const hashLabel = "pod-template-hash"

const createReplicaSet = (cluster: Cluster, deployment: Deployment, hash: string, revision: number): ReplicaSet => {
  const template = deployment.spec.template
  return cluster.store.put<ReplicaSet>({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: cluster.newMetadata(`${deployment.metadata.name}-${hash}`, deployment.metadata.namespace, {
      generation: 1,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      annotations: { ...deployment.metadata.annotations, [revisionAnnotation]: String(revision) },
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          name: deployment.metadata.name,
          uid: deployment.metadata.uid,
          controller: true
        }
      ]
    }),
    spec: {
      replicas: 0,
      ...(deployment.spec.minReadySeconds === undefined ? {} : { minReadySeconds: deployment.spec.minReadySeconds }),
      selector: {
        ...deployment.spec.selector,
        matchLabels: { ...deployment.spec.selector.matchLabels, [hashLabel]: hash }
      },
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [hashLabel]: hash } }
      }
    },
    status: { replicas: 0 }
  })
}

/** The ReplicaSet of the current template, created or reused, with the highest revision. */
const currentReplicaSet = (
  cluster: Cluster,
  deployment: Deployment,
  sets: ReadonlyArray<ReplicaSet>
): ReplicaSet | undefined => {
  const hash = templateHash(deployment.spec.template)
  const existing = sets.find((set) => set.metadata.labels?.[hashLabel] === hash)
  const highest = sets.reduce((max, set) => Math.max(max, set === existing ? 0 : revisionOf(set)), 0)
  if (existing === undefined)
    return deployment.spec.paused === true ? undefined : createReplicaSet(cluster, deployment, hash, highest + 1)
  const revision = revisionOf(existing)
  if (revision > highest) return existing
  const history = existing.metadata.annotations?.[historyAnnotation]
  return cluster.store.put({
    ...existing,
    metadata: {
      ...existing.metadata,
      annotations: {
        ...existing.metadata.annotations,
        [revisionAnnotation]: String(highest + 1),
        [historyAnnotation]: history === undefined ? String(revision) : `${history},${revision}`
      }
    }
  })
}

/** Removes the oldest ReplicaSets without pods, down to `revisionHistoryLimit`. */
const dropHistory = (cluster: Cluster, deployment: Deployment, old: ReadonlyArray<ReplicaSet>): void => {
  const idle = old.filter((set) => wanted(set) === 0 && (set.status?.replicas ?? 0) === 0)
  const surplus = idle.length - (deployment.spec.revisionHistoryLimit ?? 10)
  if (surplus <= 0) return
  for (const set of [...idle].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, surplus)) cluster.store.remove(set)
}

const isRecreated = (deployment: Deployment): boolean => deployment.spec.strategy?.type === "Recreate"

/** Moves pods towards the current template. While the rollout is paused, it only follows the replica count. */
const rollOut = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet | undefined,
  others: () => ReadonlyArray<ReplicaSet>
): void => {
  if (deployment.spec.paused === true) {
    const serving = [...others(), ...(current === undefined ? [] : [current])].filter((set) => wanted(set) > 0)
    if (serving.length === 1) scale(cluster, deployment, serving[0]!, deployment.spec.replicas ?? 1)
  } else if (current !== undefined) {
    const hasPods = (set: ReplicaSet) => cluster.store.ownedBy(set.metadata.uid, "Pod").length > 0
    const active = others().filter((set) => wanted(set) > 0 || (isRecreated(deployment) && hasPods(set)))
    if (isRecreated(deployment)) recreate(cluster, deployment, current, active)
    else roll(cluster, deployment, current, active)
    dropHistory(cluster, deployment, others())
  }
}

export const reconcileDeployment = (cluster: Cluster, namespace: string, name: string): void => {
  let deployment = cluster.store.get("Deployment", namespace, name)
  if (deployment === undefined) return
  const uid = deployment.metadata.uid
  const current = currentReplicaSet(cluster, deployment, cluster.store.ownedBy(uid, "ReplicaSet"))
  const revision = current?.metadata.annotations?.[revisionAnnotation]
  if (revision !== undefined && deployment.metadata.annotations?.[revisionAnnotation] !== revision) {
    deployment = cluster.store.put<Deployment>({
      ...deployment,
      metadata: {
        ...deployment.metadata,
        annotations: { ...deployment.metadata.annotations, [revisionAnnotation]: revision }
      }
    })
  }
  rollOut(cluster, deployment, current, () =>
    cluster.store.ownedBy(uid, "ReplicaSet").filter((set) => set.metadata.uid !== current?.metadata.uid)
  )
  const latest = cluster.store.get("Deployment", namespace, name)
  if (latest !== undefined && sameJson(latest.spec, deployment.spec))
    report(cluster, latest, current, cluster.store.ownedBy(uid, "ReplicaSet"))
}
