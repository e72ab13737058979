/**
 * Whether a pod has failed ever since it was started, as a pure function of its status.
 *
 * The controllers of DaemonSets and StatefulSets do not report whether the pods of a template have ever been ready, as
 * that of Deployments does. So the pod itself is asked. Without a readiness probe a container that crashes is ready for
 * a moment after each start. Such a pod has not worked: it has restarted as often as the back-off of the kubelet allows
 * in the time since it was started.
 */

import { conditionOf, isPodReady, type Pod } from "./ObjectModel.ts"
import { restartsOf, timeOf } from "./PodState.ts"

/** The waits of the kubelet between two starts: each is twice the one before. */
const firstBackOffSeconds = 10
const longestBackOffSeconds = 300

/** The longest time from a start to its failure that counts as having failed at once. */
const shortRunSeconds = 30

/** The latest time after its start at which a pod with so many restarts has failed, if it never worked. */
const failedWithinSeconds = (restarts: number): number => {
  let seconds = shortRunSeconds
  for (let restart = 0; restart < Math.min(restarts, 5); restart++)
    seconds += firstBackOffSeconds * 2 ** restart + shortRunSeconds
  return seconds + Math.max(0, restarts - 5) * (longestBackOffSeconds + shortRunSeconds)
}

/** `false` also where it is not known. A pod that has no container yet has not worked. */
export const neverWorked = (pod: Pod): boolean => {
  if (isPodReady(pod)) return false
  const ready = conditionOf(pod.status?.conditions, "Ready")
  if (ready === undefined) return true
  const startedAt = timeOf((pod.status?.["startTime"] as string | undefined) ?? pod.metadata.creationTimestamp)
  const since = timeOf(ready.lastTransitionTime)
  if (startedAt === null || since === null) return false
  const seconds = (Date.parse(since) - Date.parse(startedAt)) / 1000
  return restartsOf(pod) === 0 ? seconds <= 2 : seconds <= failedWithinSeconds(restartsOf(pod))
}
