/**
 * What is lost when a pod is evicted, as `kubectl drain` and the node autoscalers see it.
 *
 * | rule             | the pod                                                                                       |
 * | ---------------- | --------------------------------------------------------------------------------------------- |
 * | `job-pod`        | runs to completion (`restartPolicy` Never or OnFailure): its work so far is lost              |
 * | `local-data`     | keeps data in an `emptyDir`, a `hostPath` or an ephemeral volume, which its replacement lacks |
 * | `do-not-disrupt` | says so by an annotation for Karpenter, the cluster autoscaler or the descheduler             |
 *
 * An `emptyDir` in memory is a cache that no program expects to keep, and a `hostPath` that is mounted read-only holds
 * no data of the pod. `cluster-autoscaler.kubernetes.io/safe-to-evict: "true"`, or `safe-to-evict-local-volumes` with
 * the volume's name, says that the data may go.
 */

import { displayName } from "../../domain/Target.ts"
import type { Pod } from "../../kubernetes/ObjectModel.ts"
import { controllerOfKind } from "../../kubernetes/Ownership.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask } from "../Plan.ts"

const safeToEvict = "cluster-autoscaler.kubernetes.io/safe-to-evict"
const safeVolumes = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"

interface Volume {
  readonly name: string
  readonly emptyDir?: { readonly medium?: string } | null
  readonly hostPath?: unknown
  readonly ephemeral?: unknown
}

interface Mount {
  readonly name: string
  readonly readOnly?: boolean
}

/** Annotations by which somebody asks to leave a pod, or a node, alone. */
const protections: ReadonlyArray<readonly [annotation: string, protects: (value: string) => boolean]> = [
  ["karpenter.sh/do-not-disrupt", (value) => value !== "false"],
  ["karpenter.sh/do-not-evict", (value) => value !== "false"],
  [safeToEvict, (value) => value === "false"],
  ["descheduler.alpha.kubernetes.io/prefer-no-eviction", (value) => value !== "false"]
]

/** The annotation by which an object asks not to be disrupted; `undefined` if it has none. */
export const protectionOf = (annotations: Readonly<Record<string, string>> | undefined): string | undefined => {
  const found = protections.find(([annotation, protects]) => {
    const value = annotations?.[annotation]
    return value !== undefined && protects(value.trim().toLowerCase())
  })
  return found === undefined ? undefined : `${found[0]}: ${annotations?.[found[0]]}`
}

const isReadOnly = (pod: Pod, volume: Volume): boolean => {
  const mounts = [
    ...pod.spec.containers,
    ...((pod.spec["initContainers"] as Pod["spec"]["containers"] | undefined) ?? [])
  ]
    .flatMap((container) => (container["volumeMounts"] as ReadonlyArray<Mount> | undefined) ?? [])
    .filter((mount) => mount.name === volume.name)
  return mounts.length > 0 && mounts.every((mount) => mount.readOnly === true)
}

const keepsData = (pod: Pod, volume: Volume): boolean => {
  // The API server may store an empty object, and a manifest may say null.
  if (volume.emptyDir !== undefined) return volume.emptyDir?.medium !== "Memory"
  if (volume.ephemeral !== undefined) return true
  return volume.hostPath !== undefined && !isReadOnly(pod, volume)
}

/** The names of the volumes whose data an eviction loses. */
const localVolumes = (pod: Pod): ReadonlyArray<string> => {
  const annotations = pod.metadata.annotations ?? {}
  if (annotations[safeToEvict]?.trim().toLowerCase() === "true") return []
  const safe = new Set((annotations[safeVolumes] ?? "").split(",").map((name) => name.trim()))
  return ((pod.spec["volumes"] as ReadonlyArray<Volume> | undefined) ?? [])
    .filter((volume) => keepsData(pod, volume) && !safe.has(volume.name))
    .map((volume) => volume.name)
}

/** Whether the pod runs to completion. Only such a pod may have another restart policy than Always. */
const runsOnce = (pod: Pod): boolean =>
  pod.spec.restartPolicy === "Never"
  || pod.spec.restartPolicy === "OnFailure"
  || controllerOfKind(pod, "Job") !== undefined

/** The asks about the data of a pod, and about annotations that protect it. */
export const lossAsks = (pod: Pod): ReadonlyArray<Ask> => {
  const name = displayName(refOf(pod))
  const asks: Array<Ask> = []
  const volumes = localVolumes(pod)
  if (volumes.length > 0)
    asks.push(
      ask(
        "local-data",
        `${name} keeps data on its node (volumes ${volumes.join(", ")}) that an eviction loses, so evicting it needs an approval.`,
        { pod: name }
      )
    )
  const protection = protectionOf(pod.metadata.annotations)
  if (protection !== undefined)
    asks.push(
      ask("do-not-disrupt", `${name} has the annotation ${protection}, so evicting it needs an approval.`, {
        pod: name,
        protection
      })
    )
  return asks
}

/** The ask about the work of a pod that runs to completion. */
export const workAsks = (pod: Pod): ReadonlyArray<Ask> => {
  const name = displayName(refOf(pod))
  return runsOnce(pod)
    ? [
        ask("job-pod", `${name} runs to completion, and an eviction loses its work so far, so it needs an approval.`, {
          pod: name
        })
      ]
    : []
}
