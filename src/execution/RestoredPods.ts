/**
 * Whether the pods of a target are as ready as they were before the action that was undone, as a pure function of both
 * states.
 *
 * | the target                                                              | its pods are as before |
 * | ----------------------------------------------------------------------- | ---------------------- |
 * | has as many updated, ready and available replicas, or as it desires now | yes                    |
 * | has fewer: they are not ready, or the API server refuses them           | no                     |
 * | cannot be read, or its controller has not observed the restored spec    | unknown                |
 */

import type { RestoredPods } from "../domain/Rollback.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"

const counts = [
  ["updatedReplicas", "updated"],
  ["readyReplicas", "ready"],
  ["availableReplicas", "available"]
] as const

/** The counts that are lower than before. */
const lacking = (before: WorkloadState, now: WorkloadState): ReadonlyArray<string> =>
  counts.flatMap(([name, text]) => {
    const wanted = Math.min(before[name] ?? 0, now.desiredReplicas ?? 0)
    const found = now[name] ?? 0
    return found < wanted ? [`${found} of ${wanted} ${text}`] : []
  })

/** The judgement; `undefined` for a target without replicas. `now` is `null` if it could not be read. */
export const judgePods = (before: WorkloadState, now: WorkloadState | null): RestoredPods | undefined => {
  if (before.desiredReplicas === null) return undefined
  if (now === null) return { asBefore: "unknown", reason: "unreadable: the pods could not be read" }
  if (!now.exists) return { asBefore: "no", reason: "gone: the target does not exist" }
  if ((now.observedGeneration ?? 0) < (now.generation ?? 0))
    return { asBefore: "unknown", reason: "not-observed: the controller has not seen the restored spec yet" }
  const short = lacking(before, now)
  if (short.length === 0) return { asBefore: "yes", reason: "as-ready: as many pods are ready as before" }
  const figures = `${short.join(", ")} as before`
  return typeof now.failedCreate === "string" && now.failedCreate !== ""
    ? { asBefore: "no", reason: `pods-refused: ${figures}; ${now.failedCreate}` }
    : { asBefore: "no", reason: `pods-not-ready: ${figures}` }
}

/** Whether pods remain that are only there because of the action. They count in quotas until they are gone. */
export const hasSurplus = (before: WorkloadState, now: WorkloadState | null): boolean =>
  now?.desiredReplicas !== null && now !== null && now.pods.length > Math.max(now.desiredReplicas, before.pods.length)
