/** Whether an action has achieved its purpose: the part of a verdict that depends on the type of the action. */

import type { Intent } from "../domain/Execution.ts"
import * as Quantity from "../domain/Quantity.ts"
import { isRolledOut } from "../domain/RevisionHealth.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { isAtMaximum } from "../kubernetes/AutoscalerState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import type { HorizontalPodAutoscaler, PersistentVolumeClaim } from "../kubernetes/ObjectModel.ts"
import { type Problem, problem } from "./Problem.ts"
import { countsReplicas, type Sample } from "./Sample.ts"

const autoscalerProblems = (autoscaler: HorizontalPodAutoscaler): ReadonlyArray<Problem> => {
  const desired = autoscaler.status?.desiredReplicas ?? autoscaler.status?.currentReplicas
  if (desired === undefined) return [problem("not-observed", "open", "the autoscaler reports no replica counts")]
  if (isAtMaximum(autoscaler) === true) {
    const detail = `${desired} replicas are desired, and the maximum is ${autoscaler.spec.maxReplicas}`
    return [problem("still-at-maximum", "bad", detail)]
  }
  const current = autoscaler.status?.currentReplicas ?? 0
  return current < desired ? [problem("not-ready", "bad", `${current} of ${desired} replicas exist`)] : []
}

const claimProblems = (claim: PersistentVolumeClaim, size: string): ReadonlyArray<Problem> => {
  const capacity = claim.status?.capacity?.["storage"]
  const [has, wants] = [Quantity.parse(capacity), Quantity.parse(size)]
  return has !== undefined && wants !== undefined && has >= wants
    ? []
    : [problem("resize-pending", "bad", `the capacity is ${capacity ?? "unknown"}, not yet ${size}`)]
}

const evictedUid = (intent: Intent): string | undefined => intent.changes.find((change) => change._tag === "Evict")?.uid

/** The first object of a kind that the action's patches wrote to; `undefined` if there is none. */
const firstWritten = (sample: Sample, kind: string): KubernetesObject | undefined =>
  sample.written.find((object) => object?.kind === kind)

/** Without replica counts, nothing shows whether the pods serve again. */
const uncounted = (state: WorkloadState): ReadonlyArray<Problem> =>
  !state.exists || countsReplicas(state)
    ? []
    : [problem("nothing-to-tell-by", "open", `a ${state.ref.kind} has no replica counts`)]

/** The pods from before a restart that still run: the annotation alone restarts nothing. */
const unreplaced = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => {
  // Where nothing was written, somebody else has restarted it already. A rollout under way has not replaced them yet.
  if (intent.changes.length === 0 || sample.targetOnly === true || !isRolledOut(state)) return []
  const before = new Set(intent.baseline.pods.map(({ uid }) => uid))
  const old = state.pods.filter(({ uid }) => before.has(uid))
  return old.length === 0
    ? []
    : [problem("pod-remains", "bad", `${old.length} pods from before the restart, such as ${old[0]!.name}`)]
}

/** A quarantined pod that its owner still counts among its own: then nothing replaces it. */
const unreleased = (name: string, state: WorkloadState): ReadonlyArray<Problem> =>
  state.ref.kind !== "Pod" && state.pods.some((pod) => pod.name === name)
    ? [problem("pod-remains", "bad", `${name} still belongs to its owner`)]
    : []

/** The reasons why the action has not achieved its purpose in a sample. */
export const purposeOf = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => {
  const { action } = intent
  switch (action.type) {
    case "EvictPod": {
      const uid = evictedUid(intent)
      if (state.pods.some((pod) => pod.uid === uid)) return [problem("pod-remains", "bad", action.target.name)]
      return uncounted(state)
    }
    case "PatchHpa": {
      const autoscaler = firstWritten(sample, "HorizontalPodAutoscaler") as HorizontalPodAutoscaler | undefined
      return autoscaler === undefined ? [] : autoscalerProblems(autoscaler)
    }
    case "ExpandVolume": {
      const claim = firstWritten(sample, "PersistentVolumeClaim") as PersistentVolumeClaim | undefined
      return claim === undefined ? [] : claimProblems(claim, action.size)
    }
    case "DrainNode":
      return sample.remaining.length === 0
        ? []
        : [problem("pods-remain", "bad", `${sample.remaining.length} on ${action.target.name}`)]
    case "RestartWorkload":
      return [...unreplaced(intent, sample, state), ...uncounted(state)]
    case "QuarantinePod":
      return [...unreleased(action.target.name, state), ...uncounted(state)]
    // What they write is the purpose itself, which `revertedProblems` and the counts of the target check.
    case "ScaleWorkload":
    case "RollbackDeployment":
    case "AdjustResources":
      return uncounted(state)
    // Their purpose is the written spec itself, which `revertedProblems` checks.
    case "CordonNode":
    case "UncordonNode":
    case "SuspendCronJob":
    case "RestoreObject":
    case "CollectDiagnostics":
    case "Notify":
      return []
  }
}
