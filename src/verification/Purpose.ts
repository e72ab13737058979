/**
 * What each action was for, and whether what it wrote still stands: the parts of a verdict that depend on the action.
 */

import type { Action } from "../domain/Action.ts"
import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import {
  conditionOf,
  type HorizontalPodAutoscaler,
  parseQuantity,
  type PersistentVolumeClaim
} from "../kubernetes/ObjectModel.ts"
import { countsReplicas, type Problem, type Sample } from "./Sample.ts"

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/**
 * Whether everything in `written` is in `actual`, which may hold more: the server fills in defaults and admission adds
 * its own. A quantity may be written in another form than it was sent (`1024Mi` comes back as `1Gi`).
 */
const isWithin = (written: unknown, actual: unknown): boolean => {
  if (written === actual) return true
  if (Array.isArray(written)) {
    return (
      Array.isArray(actual)
      && written.length <= actual.length
      && written.every((item, index) => isWithin(item, actual[index]))
    )
  }
  if (isRecord(written))
    return isRecord(actual) && Object.keys(written).every((key) => isWithin(written[key], actual[key]))
  if (written === null) return actual === undefined
  if (typeof written !== "string" || typeof actual !== "string") return false
  const quantity = parseQuantity(written)
  return quantity !== undefined && quantity === parseQuantity(actual)
}

const valueAt = (object: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>((parent, token) => (isRecord(parent) ? parent[token] : undefined), object)

/** Whether an object still carries what a patch wrote; `undefined` stands for an object that does not exist. */
export const changeStands = (
  action: Action,
  change: Extract<Change, { _tag: "Patch" }>,
  object: KubernetesObject | undefined
): boolean => {
  if (object === undefined) return false
  // A later restart is as good as ours.
  if (action.type === "RestartWorkload") return true
  return change.patch.every((operation) => {
    // The version moves on, and the annotations are the next writer's to replace.
    if (operation.path === "/metadata/resourceVersion" || operation.path.startsWith("/metadata/annotations"))
      return true
    const actual = valueAt(object, operation.path)
    return operation.op === "remove" ? actual === undefined : isWithin(operation.value, actual)
  })
}

const autoscalerProblems = (autoscaler: HorizontalPodAutoscaler): ReadonlyArray<Problem> => {
  const { maxReplicas } = autoscaler.spec
  const wanted = autoscaler.status?.desiredReplicas ?? autoscaler.status?.currentReplicas
  if (wanted === undefined)
    return [{ word: "not-observed", detail: "the autoscaler says nothing of its replicas", weight: "open" }]
  const limited = conditionOf(autoscaler.status?.conditions, "ScalingLimited")
  const pinned =
    limited === undefined ? wanted >= maxReplicas : limited.status === "True" && limited.reason === "TooManyReplicas"
  if (pinned) return [{ word: "still-at-maximum", detail: `${wanted} of at most ${maxReplicas}`, weight: "bad" }]
  const current = autoscaler.status?.currentReplicas ?? 0
  return current < wanted ? [{ word: "not-ready", detail: `${current} of ${wanted} replicas made`, weight: "bad" }] : []
}

const claimProblems = (claim: PersistentVolumeClaim, size: string): ReadonlyArray<Problem> => {
  const capacity = claim.status?.capacity?.["storage"]
  return (parseQuantity(capacity) ?? 0) >= (parseQuantity(size) ?? Number.POSITIVE_INFINITY)
    ? []
    : [{ word: "resize-pending", detail: `${capacity ?? "nothing"} of ${size}`, weight: "bad" }]
}

const evictedUid = (intent: Intent): string | undefined => intent.changes.find((change) => change._tag === "Evict")?.uid

/** The object that the action's own patch wrote to; `undefined` where it wrote none or it is gone. */
const firstWritten = (sample: Sample, kind: string): KubernetesObject | undefined =>
  sample.written.find((object) => object?.kind === kind)

/** Where there are no replicas to count, nothing shows that pods serve again. */
const uncounted = (state: WorkloadState): ReadonlyArray<Problem> =>
  !state.exists || countsReplicas(state)
    ? []
    : [{ word: "nothing-to-tell-by", detail: `a ${state.ref.kind} has no replicas to count`, weight: "open" }]

/** What keeps the action from having done what it was for. */
export const purposeOf = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => {
  const { action } = intent
  switch (action.type) {
    case "EvictPod": {
      const uid = evictedUid(intent)
      if (state.pods.some((pod) => pod.uid === uid))
        return [{ word: "pod-remains", detail: action.target.name, weight: "bad" }]
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
        : [{ word: "pods-remain", detail: `${sample.remaining.length} on ${action.target.name}`, weight: "bad" }]
    case "QuarantinePod":
    case "RestartWorkload":
    case "ScaleWorkload":
    case "RollbackDeployment":
    case "AdjustResources":
      return uncounted(state)
    // That the spec says so is all there is, and `changeStands` sees to it.
    case "CordonNode":
    case "UncordonNode":
    case "SuspendCronJob":
    case "CollectDiagnostics":
    case "Notify":
      return []
  }
}
