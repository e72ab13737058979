/**
 * The Deployment controller: one ReplicaSet per pod template, moved from the old ones to the new within `maxSurge` and
 * `maxUnavailable`, revisions, history, conditions and the progress deadline.
 */

import { conditionOf, countOrPercent, type Deployment, type PodTemplate, type ReplicaSet } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { activePods } from "./PodLifecycle.ts"
import { putStatus, sameJson, withCondition } from "./Status.ts"

export const revisionAnnotation = "deployment.kubernetes.io/revision"
const historyAnnotation = "deployment.kubernetes.io/revision-history"
const hashLabel = "pod-template-hash"

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const object = value as Record<string, unknown>
  return `{${Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort()
    .map((key) => `${key}:${canonical(object[key])}`)
    .join(",")}}`
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"
const hashes = new WeakMap<object, string>()

/** The template's hash, in the characters that Kubernetes uses. Templates that say the same have the same. */
export const templateHash = (template: PodTemplate): string => {
  const known = hashes.get(template)
  if (known !== undefined) return known
  let hash = 0x811c9dc5
  for (const char of canonical(template)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0
  let text = ""
  for (let i = 0; i < 9; i++) {
    text += alphabet[hash % alphabet.length]
    hash = Math.imul(hash ^ (hash >>> 13) ^ i, 0x5bd1e995) >>> 0
  }
  hashes.set(template, text)
  return text
}

export const revisionOf = (object: Deployment | ReplicaSet): number =>
  Number(object.metadata.annotations?.[revisionAnnotation] ?? "0")

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

/** The ReplicaSet of the current template, new or used again, with the highest revision. */
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

const scale = (cluster: Cluster, deployment: Deployment, set: ReplicaSet, replicas: number): ReplicaSet => {
  const before = set.spec.replicas ?? 0
  if (before === replicas) return set
  const word = replicas > before ? "up" : "down"
  cluster.event(
    deployment,
    "Normal",
    "ScalingReplicaSet",
    `Scaled ${word} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    "deployment-controller"
  )
  return cluster.store.put({
    ...set,
    metadata: { ...set.metadata, generation: (set.metadata.generation ?? 1) + 1 },
    spec: { ...set.spec, replicas }
  })
}

const sum = (sets: ReadonlyArray<ReplicaSet>, of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0)
const asked = (set: ReplicaSet): number => set.spec.replicas ?? 0
const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0

/** `maxSurge` and `maxUnavailable` as counts; both zero would never move, so one pod may then be unavailable. */
const rollingBounds = (
  rolling: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string } | undefined,
  desired: number
): { readonly surge: number; readonly unavailable: number } => {
  const surge = countOrPercent(rolling?.maxSurge ?? "25%", desired, Math.ceil)
  const unavailable = countOrPercent(rolling?.maxUnavailable ?? "25%", desired, Math.floor)
  return surge === 0 && unavailable === 0
    ? { surge, unavailable: 1 }
    : { surge, unavailable: Math.min(unavailable, desired) }
}

/**
 * One step of a rolling update, as `pkg/controller/deployment/rolling.go` decides it: first up, and only when that is
 * not possible, down.
 */
const roll = (cluster: Cluster, deployment: Deployment, current: ReplicaSet, old: ReadonlyArray<ReplicaSet>): void => {
  const desired = deployment.spec.replicas ?? 1
  const { surge, unavailable } = rollingBounds(deployment.spec.strategy?.rollingUpdate, desired)
  const total = asked(current) + sum(old, asked)
  if (asked(current) > desired) {
    scale(cluster, deployment, current, desired)
    return
  }
  const room = Math.min(desired + surge - total, desired - asked(current))
  if (room > 0) {
    scale(cluster, deployment, current, asked(current) + room)
    return
  }
  const minAvailable = desired - unavailable
  let removable = total - minAvailable - (asked(current) - Math.min(asked(current), available(current)))
  if (removable <= 0) return
  const oldest = [...old].sort((a, b) => revisionOf(a) - revisionOf(b))
  const healthy: Array<ReplicaSet> = []
  for (const set of oldest) {
    const broken = Math.min(removable, asked(set) - Math.min(asked(set), available(set)))
    removable -= broken
    healthy.push(broken > 0 ? scale(cluster, deployment, set, asked(set) - broken) : set)
  }
  let spare = available(current) + sum(healthy, (set) => Math.min(asked(set), available(set))) - minAvailable
  for (const set of healthy) {
    const down = Math.min(spare, asked(set))
    if (down <= 0) continue
    spare -= down
    scale(cluster, deployment, set, asked(set) - down)
  }
}

/** The old pods go first, the new ones come when none is left. */
const recreate = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet,
  old: ReadonlyArray<ReplicaSet>
): void => {
  for (const set of old) scale(cluster, deployment, set, 0)
  if (old.every((set) => cluster.store.ownedBy(set.metadata.uid, "Pod").length === 0))
    scale(cluster, deployment, current, deployment.spec.replicas ?? 1)
}

const report = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet | undefined,
  sets: ReadonlyArray<ReplicaSet>
): Deployment => {
  const desired = deployment.spec.replicas ?? 1
  const count = (set: ReplicaSet) => activePods(cluster, set.metadata.uid).length
  const replicas = sum(sets, count)
  const updated = current === undefined ? 0 : count(current)
  const ready = sum(sets, (set) => set.status?.readyReplicas ?? 0)
  const availableReplicas = sum(sets, available)
  const complete = updated === desired && replicas === desired && availableReplicas === desired
  const { unavailable } = rollingBounds(deployment.spec.strategy?.rollingUpdate, desired)
  const name = current?.metadata.name ?? deployment.metadata.name
  const stuck = stalled(
    cluster,
    deployment,
    { updated, old: replicas - updated, available: availableReplicas },
    complete
  )
  const now = cluster.stamp()
  let conditions = withCondition(
    deployment.status?.conditions ?? [],
    availableReplicas >= desired - unavailable
      ? {
          type: "Available",
          status: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability."
        }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability."
        },
    now
  )
  const progressing = conditionOf(conditions, "Progressing")
  if (complete) {
    conditions = withCondition(
      conditions,
      {
        type: "Progressing",
        status: "True",
        reason: "NewReplicaSetAvailable",
        message: `ReplicaSet "${name}" has successfully progressed.`
      },
      now
    )
  } else if (stuck) {
    conditions = withCondition(
      conditions,
      {
        type: "Progressing",
        status: "False",
        reason: "ProgressDeadlineExceeded",
        message: `ReplicaSet "${name}" has timed out progressing.`
      },
      now
    )
  } else if (progressing?.reason !== "NewReplicaSetAvailable" || progressing.message?.includes(`"${name}"`) !== true) {
    conditions = withCondition(
      conditions,
      {
        type: "Progressing",
        status: "True",
        reason: "ReplicaSetUpdated",
        message: `ReplicaSet "${name}" is progressing.`
      },
      now
    )
  }
  const failure = sets
    .map((set) => conditionOf(set.status?.conditions, "ReplicaFailure"))
    .find((each) => each !== undefined)
  conditions =
    failure === undefined
      ? conditions.filter((each) => each.type !== "ReplicaFailure")
      : withCondition(
          conditions,
          {
            type: "ReplicaFailure",
            status: "True",
            reason: failure.reason ?? "FailedCreate",
            message: failure.message ?? ""
          },
          now
        )
  return putStatus(cluster, deployment, {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas,
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas,
    unavailableReplicas: Math.max(0, Math.max(desired, replicas) - availableReplicas),
    conditions
  })
}

/** Whether the rollout has not come further for the progress deadline; plans the look at which that is found out. */
const stalled = (
  cluster: Cluster,
  deployment: Deployment,
  counts: { updated: number; old: number; available: number },
  complete: boolean
): boolean => {
  const { uid, name, namespace = "" } = deployment.metadata
  if (complete) {
    cluster.progress.delete(uid)
    return false
  }
  const deadlineMs = (deployment.spec.progressDeadlineSeconds ?? 600) * 1000
  const last = cluster.progress.get(uid)
  const newSpec = (deployment.status?.observedGeneration ?? 0) < (deployment.metadata.generation ?? 1)
  if (
    last === undefined
    || newSpec
    || counts.updated > last.updated
    || counts.old < last.old
    || counts.available > last.available
  ) {
    cluster.progress.set(uid, { ...counts, atMs: cluster.nowMs })
    cluster.after(deadlineMs, () => cluster.enqueue("Deployment", namespace, name))
    return false
  }
  return cluster.nowMs - last.atMs >= deadlineMs
}

const dropHistory = (cluster: Cluster, deployment: Deployment, old: ReadonlyArray<ReplicaSet>): void => {
  const idle = old.filter((set) => asked(set) === 0 && (set.status?.replicas ?? 0) === 0)
  const surplus = idle.length - (deployment.spec.revisionHistoryLimit ?? 10)
  if (surplus <= 0) return
  for (const set of [...idle].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, surplus)) cluster.store.remove(set)
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
  const others = () =>
    cluster.store.ownedBy(uid, "ReplicaSet").filter((set) => set.metadata.uid !== current?.metadata.uid)
  if (deployment.spec.paused === true) {
    // A paused Deployment still follows its replica count, on the ReplicaSet that serves.
    const serving = [...others(), ...(current === undefined ? [] : [current])].filter((set) => asked(set) > 0)
    if (serving.length === 1) scale(cluster, deployment, serving[0]!, deployment.spec.replicas ?? 1)
  } else if (current !== undefined) {
    const active = others().filter(
      (set) =>
        asked(set) > 0
        || (deployment!.spec.strategy?.type === "Recreate" && cluster.store.ownedBy(set.metadata.uid, "Pod").length > 0)
    )
    if (deployment.spec.strategy?.type === "Recreate") recreate(cluster, deployment, current, active)
    else roll(cluster, deployment, current, active)
    dropHistory(cluster, deployment, others())
  }
  const sets = cluster.store.ownedBy(uid, "ReplicaSet")
  const latest = cluster.store.get("Deployment", namespace, name)
  if (latest !== undefined && sameJson(latest.spec, deployment.spec)) report(cluster, latest, current, sets)
}
