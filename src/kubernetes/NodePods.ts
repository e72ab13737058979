/** The pods on a node that a drain moves elsewhere, as `kubectl drain` chooses them. Pure. */

import type { KubernetesObject } from "./KubernetesClient.ts"
import type { Pod } from "./ObjectModel.ts"
import { controllerOfKind } from "./Ownership.ts"

const mirrorAnnotation = "kubernetes.io/config.mirror"

/** Whether the kubelet runs the pod from a file, so that the API server only mirrors it. */
export const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined

const isFinished = (pod: Pod): boolean => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed"

/** Whether a drain evicts the pod. It skips DaemonSet pods, static pods, and pods that are finished or terminating. */
const isDrained = (pod: Pod): boolean =>
  controllerOfKind(pod, "DaemonSet") === undefined
  && !isMirror(pod)
  && !isFinished(pod)
  && pod.metadata.deletionTimestamp === undefined

/** The pods on a node that a drain evicts. */
export const drainedPods = (nodeName: string, pods: ReadonlyArray<KubernetesObject>): ReadonlyArray<Pod> =>
  (pods as ReadonlyArray<Pod>).filter((pod) => pod.spec.nodeName === nodeName && isDrained(pod))
