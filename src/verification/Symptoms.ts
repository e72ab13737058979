/**
 * The problems that a baseline shows, and whether they are gone.
 *
 * That a target is healthy after an action shows that the action helped only if the target was not healthy before. Each
 * kind shows other problems:
 *
 * | target                                              | problems that can be seen to be gone                                                       |
 * | --------------------------------------------------- | ------------------------------------------------------------------------------------------ |
 * | Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod | replicas that are missing, old or not ready; a failed rollout; a Service without endpoints |
 * | the same, by a change of its autoscaler             | its autoscaler is at its maximum, until it has more replicas that are ready                |
 * | Service                                             | no pod behind it is ready                                                                  |
 * | Node                                                | not ready; pressure on disk, memory or process ids; no network                             |
 * | PersistentVolumeClaim, CronJob, Job                 | none: the API shows neither how full a volume is nor whether the next run will succeed     |
 *
 * A problem is gone only on the same object, by its uid. Replicas that are no longer missing because fewer are desired
 * show nothing.
 *
 * What an action writes itself is no evidence: that a node is schedulable, that a workload desires replicas, or how
 * many it desires, and that the maximum of an autoscaler is higher. Only somebody else resumes a paused rollout.
 */

import type { Intent } from "../domain/Execution.ts"
import { display } from "../domain/FieldPath.ts"
import { displayName, sameRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { type Problem, problem, type ReasonCode } from "./Problem.ts"
import { isStarting } from "./Progress.ts"
import { targetProblems } from "./TargetProblems.ts"

/** The counts of replicas behind a problem: while fewer are desired, it is gone only if the count has risen. */
const counts: Partial<Readonly<Record<ReasonCode, (state: WorkloadState) => number | null>>> = {
  "not-updated": (state) => state.updatedReplicas,
  "not-ready": (state) => state.readyReplicas,
  "not-available": (state) => state.availableReplicas,
  // Pods that nobody wants any more are neither refused nor late.
  "replica-failure": (state) => state.readyReplicas,
  "progress-deadline": (state) => state.readyReplicas
}

type Acted = Pick<Intent, "action" | "baseline" | "changes" | "fields">

/** Whether a restoration puts back how many replicas the target desires. */
const restoresReplicas = ({ action, baseline, fields = [] }: Acted): boolean =>
  action.type === "RestoreObject"
  && fields.some(
    (written) =>
      sameRef(written.ref, baseline.ref) && written.fields.some(({ path }) => display(path) === "spec.replicas")
  )

/** Whether a restoration puts back what limits the autoscaler of the target. */
const restoresAutoscaler = ({ action, changes }: Acted): boolean =>
  action.type === "RestoreObject"
  && changes.some(({ _tag, ref }) => _tag === "Patch" && ref.kind === "HorizontalPodAutoscaler")

/** Whether a restoration creates the target again. */
export const createsTarget = ({ action, baseline, changes }: Acted): boolean =>
  action.type === "RestoreObject"
  && !baseline.exists
  && changes.some((change) => change._tag === "Create" && sameRef(change.ref, baseline.ref))

/** Whether a restoration writes a Service. */
const restoresService = ({ action, changes }: Acted): boolean =>
  action.type === "RestoreObject" && changes.some(({ _tag, ref }) => _tag !== "Delete" && ref.kind === "Service")

/** The problems of the baseline whose end would show that the action helped. */
const symptomsOf = (intent: Acted): ReadonlyArray<Problem> => {
  const { action, baseline } = intent
  if (createsTarget(intent)) return [problem("target-gone", "lasting", `${displayName(baseline.ref)} did not exist`)]
  if (!baseline.exists) return []
  const found: Array<Problem> = []
  if (restoresService(intent) && baseline.endpoints === null)
    found.push(problem("endpoints-missing", "bad", "no Service selected the pods"))
  if (restoresReplicas(intent) && baseline.desiredReplicas === 0)
    found.push(problem("scaled-to-nothing", "lasting", "0 replicas were desired"))
  if ((action.type === "PatchHpa" || restoresAutoscaler(intent)) && baseline.autoscalerAtMaximum === true)
    found.push(problem("still-at-maximum", "bad", "the autoscaler was at its maximum"))
  // Replicas that were only starting would have become ready without the action.
  if (!isStarting(baseline)) found.push(...targetProblems(baseline, baseline).filter(isSymptom(baseline)))
  return found
}

/** Whether only an improvement ends the problem, and not a change of the spec alone. */
const isSymptom =
  (baseline: WorkloadState) =>
  ({ code, weight }: Problem): boolean =>
    weight !== "open" && code !== "scaled-to-nothing" && !(code === "not-updated" && baseline.rollout?.paused === true)

/** Whether the action itself sets how many replicas are desired. */
const setsReplicas = ({ type }: Intent["action"]): boolean => type === "ScaleWorkload" || type === "PatchHpa"

const isGone = ({ action, baseline }: Intent, now: WorkloadState, { code }: Problem): boolean => {
  if (code === "target-gone") return now.exists
  if (code === "scaled-to-nothing")
    return (now.desiredReplicas ?? 0) > 0 && (now.readyReplicas ?? 0) >= (now.desiredReplicas ?? 0)
  if (code === "endpoints-missing" && baseline.endpoints === null) return (now.endpoints ?? 0) > 0
  if (code === "still-at-maximum") return (now.readyReplicas ?? 0) > (baseline.readyReplicas ?? 0)
  if ((now.desiredReplicas ?? 0) >= (baseline.desiredReplicas ?? 0)) return true
  const count = counts[code]
  if (count === undefined) return true
  return !setsReplicas(action) && (count(now) ?? 0) > (count(baseline) ?? 0)
}

/** The problems of the baseline that a healthy target no longer has. */
export const goneSymptoms = (intent: Intent, now: WorkloadState): ReadonlyArray<Problem> =>
  intent.baseline.uid !== now.uid && !createsTarget(intent)
    ? []
    : symptomsOf(intent).filter((symptom) => isGone(intent, now, symptom))
