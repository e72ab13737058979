/**
 * Whether a target that is not healthy yet comes closer to it: its rollout continues, or its new replicas are still
 * starting. Pure.
 *
 * Verification then waits longer than usual: until the target has made no progress for as long as its controller allows
 * (`progressDeadlineSeconds`). It stops to wait as soon as a new pod fails, or the controller can't create one.
 */

import type { Intent } from "../domain/Execution.ts"
import { isFailure } from "../domain/RevisionHealth.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { Problem, ReasonCode } from "./Problem.ts"
import type { Sample } from "./Sample.ts"
import { conditionOf } from "./TargetProblems.ts"

/** Further reasons of a pod that waiting does not end. They may come from its node, and so say nothing about a revision. */
const otherFailures: ReadonlySet<string> = new Set([
  "ContainerStatusUnknown",
  "DeadlineExceeded",
  "Evicted",
  "NodeLost",
  "PostStartHookError",
  "PreStartHookError",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed"
])

/** The default `progressDeadlineSeconds` of a Deployment; used for the other kinds, which have none. */
const defaultDeadlineSeconds = 600

type Pod = WorkloadState["pods"][number]

/** How long after its creation a pod that is not ready counts as starting. Readiness usually takes less. */
const startsWithinMs = 60_000

/** Whether a time of the cluster is that recent. Our clock and the cluster's may differ: a distant future is not recent. */
const isWithin = (time: string | null | undefined, observedAt: string, ms: number): boolean =>
  time !== undefined && time !== null && Math.abs(Date.parse(observedAt) - Date.parse(time)) <= ms

/** Whether a pod fails, instead of being ready or on its way to it. */
const fails = (pod: Pod): boolean =>
  !pod.ready && (pod.restarts > 0 || isFailure(pod.reason) || otherFailures.has(pod.reason ?? ""))

/** Whether the controller reports that it can't make the pods that it should. */
const isStuck = (state: WorkloadState): boolean =>
  (state.failedCreate ?? null) !== null
  || conditionOf(state, "ReplicaFailure")?.status === "True"
  || conditionOf(state, "Progressing")?.status === "False"
  || state.rollout?.deadlineExceeded === true

/** Whether the controller has come closer to its goal within its deadline. */
const isRollingOut = ({ observedAt, rollout }: WorkloadState): boolean => {
  if (rollout === undefined || rollout === null || !rollout.inProgress || rollout.paused) return false
  const { lastProgressAt, progressDeadlineSeconds } = rollout
  if (lastProgressAt === null) return false
  return (
    Date.parse(observedAt) - Date.parse(lastProgressAt) <= (progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000
  )
}

/** Whether everything that a state lacks is explained by replicas that have only just been started. */
export const isStarting = (state: WorkloadState): boolean => {
  if (isStuck(state) || state.pods.some(fails)) return false
  if (isRollingOut(state)) return true
  const waiting = state.pods.filter(({ ready }) => !ready)
  return waiting.length > 0 && waiting.every(({ createdAt }) => isWithin(createdAt, state.observedAt, startsWithinMs))
}

/** Everything that a target may lack while its rollout continues. */
const lackedMeanwhile: ReadonlySet<ReasonCode> = new Set([
  "not-updated",
  "not-ready",
  "not-available",
  "endpoints-missing"
])

/** The progress of a target since verification began. All times are by the monotonic clock. */
export interface Progress {
  /** The counts of the newest readable sample: the replicas that are updated, ready and available. */
  readonly counts: ReadonlyArray<number>
  /** When one of them last rose. */
  readonly risenAtMs: number | undefined
  /** Until when the target may be watched because it comes closer to its goal. */
  readonly untilMs: number
}

/** A sample whose problems are known. */
export interface Judged {
  readonly sample: Sample
  readonly problems: ReadonlyArray<Problem>
}

/** How long a look at the pods counts. Between two of them, most polls read only the target's own object. */
const lookCountsForMs = 60_000

/** Whether the target is on its way: nothing fails, and what it lacks is what a rollout takes away for a while. */
const isOnItsWay = (intent: Intent, state: WorkloadState, problems: ReadonlyArray<Problem>): boolean => {
  if (isStuck(state) || !problems.every(({ code }) => lackedMeanwhile.has(code))) return false
  // Failing pods of an earlier template are what the rollout replaces.
  if (state.pods.some((pod) => pod.current !== false && fails(pod))) return false
  if (state.rollout?.inProgress === true) return !state.rollout.paused
  const before = new Set(intent.baseline.pods.map(({ uid }) => uid))
  const waiting = state.pods.filter(({ ready }) => !ready)
  return waiting.length > 0 && waiting.every(({ uid }) => !before.has(uid))
}

/** The progress after one more sample. */
export const follow = (
  before: Progress | undefined,
  intent: Intent,
  { problems, sample }: Judged,
  startedAtMs: number
): Progress => {
  const { atMs, state, targetOnly = false } = sample
  const known = before ?? { counts: [], risenAtMs: undefined, untilMs: -Infinity }
  if (state === null) return known
  const counts = [state.updatedReplicas ?? 0, state.readyReplicas ?? 0, state.availableReplicas ?? 0]
  const isHigher = known.counts.some((count, index) => (counts[index] ?? 0) > count)
  const risenAtMs = isHigher ? atMs : known.risenAtMs
  // Nothing is known about the pods.
  if (targetOnly) return { ...known, counts, risenAtMs }
  const deadlineMs = (state.rollout?.progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000
  const untilMs = isOnItsWay(intent, state, problems)
    ? Math.min((risenAtMs ?? startedAtMs) + deadlineMs, atMs + lookCountsForMs)
    : -Infinity
  return { counts, risenAtMs, untilMs }
}
