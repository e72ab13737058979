/**
 * The verdict on an action, as a pure function of the samples since it was carried out: _fixed_, _not fixed_,
 * _unknown_, or keep watching.
 *
 * A target is **healthy** if all of this holds without a break for the stabilisation window:
 *
 * - it is the object that was acted on, by its uid, and its controller has observed its newest spec;
 * - it desires more than zero replicas, and as many are updated, ready and available; a Node is `Ready` and reports no
 *   pressure or other fault;
 * - its controller can create its pods, and no container has restarted;
 * - its Services have at least as many ready endpoints as before acting, and at least one;
 * - the written values are still there (`Reversion`);
 * - the action has achieved its purpose (`Purpose`).
 *
 * A healthy target is **fixed** if the alert has resolved since the action (`AlertEvidence`), or if a problem of the
 * baseline is gone (`Symptoms`) and the alert is not known to fire. If somebody else has changed the spec since the
 * action (`ForeignChange`), a healthy target is **unknown** in any case.
 *
 * The time to settle is extended while a rollout makes progress and no new pod fails (`Progress`).
 *
 * It is **not fixed** as soon as a problem that waiting does not fix (gone, scaled to zero, reverted, rollout failed)
 * has lasted for the stabilisation window, or if anything is wrong at the deadline, or if the alert still fires then.
 *
 * A read that fails while a settled target waits for its alert is a gap: the wait continues.
 *
 * Everything else is **unknown**: the cluster can't be read, a controller does not observe the spec, nothing shows
 * whether the target works, or nothing was wrong before. Unknown never counts as fixed.
 */

import type { Intent } from "../domain/Execution.ts"
import type { Verdict } from "../domain/Verification.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { AlertStatus } from "./AlertEvidence.ts"
import { foreignChanges } from "./ForeignChange.ts"
import { type Problem, reason } from "./Problem.ts"
import { follow, type Progress } from "./Progress.ts"
import { purposeOf } from "./Purpose.ts"
import { revertedProblems } from "./Reversion.ts"
import type { Sample } from "./Sample.ts"
import { goneSymptoms } from "./Symptoms.ts"
import { targetProblems } from "./TargetProblems.ts"

/** Durations in milliseconds; see `VerifierOptions` for their meaning. */
export interface JudgeSettings {
  readonly settleTimeoutMs: number
  readonly stabilisationMs: number
  readonly alertTimeoutMs: number
  readonly rolloutTimeoutMs: number
}

/** Everything that a verdict depends on. */
export interface Evidence {
  readonly intent: Intent
  /** Oldest first, never empty. */
  readonly samples: ReadonlyArray<Sample>
  readonly alert: AlertStatus
  /** The progress up to the newest sample. Absent: none is known. */
  readonly progress?: Progress
  /** Whether the target has settled before, and waits for its alert. Default false. */
  readonly hasSettled?: boolean
  /** When verification started, and now, by the monotonic clock. */
  readonly startedAtMs: number
  readonly nowMs: number
  readonly settings: JudgeSettings
}

/** A verdict with its reasons, each a code and its figures, or the request for another sample. */
export type Judgement =
  | {
      readonly _tag: "KeepWatching"
      /** The target has settled. */
      readonly settled?: boolean
    }
  | { readonly _tag: "Verdict"; readonly verdict: Verdict; readonly reasons: ReadonlyArray<string> }

const keepWatching: Judgement = { _tag: "KeepWatching" }
const verdict = (verdict: Verdict, ...reasons: ReadonlyArray<string>): Judgement => ({
  _tag: "Verdict",
  verdict,
  reasons
})
const reasonOf = ({ code, detail }: Problem): string => reason(code, detail)

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

/** That an evicted pod is gone, if it is the target itself, shows neither that the action helped nor that it did not. */
const asEvicted = (problem: Problem, { action, baseline }: Intent): Problem =>
  problem.code === "target-gone" && action.type === "EvictPod" && baseline.ref.kind === "Pod"
    ? { ...problem, weight: "void" }
    : problem

/** Everything that keeps a readable sample from being healthy. */
const problemsOf = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => [
  ...targetProblems(state, intent.baseline, sample.targetOnly).map((problem) => asEvicted(problem, intent)),
  ...revertedProblems(intent, sample),
  ...purposeOf(intent, sample, state)
]

/** The progress after one more sample. */
export const progressAfter = (
  before: Progress | undefined,
  intent: Intent,
  sample: Sample,
  startedAtMs: number
): Progress =>
  follow(
    before,
    intent,
    { sample, problems: sample.state === null ? [] : problemsOf(intent, sample, sample.state) },
    startedAtMs
  )

/** Whether the sample shows a problem, so that nothing around the target needs to be read. */
export const showsProblem = (intent: Intent, sample: Sample): boolean =>
  sample.state !== null && problemsOf(intent, sample, sample.state).length > 0

/** The names of pods in which a container restarted between two samples. A new pod starts at zero. */
const restartedBetween = (before: WorkloadState, after: WorkloadState): ReadonlyArray<string> => {
  const restarts = new Map(before.pods.map((pod) => [pod.uid, pod.restarts]))
  return after.pods.filter((pod) => pod.restarts > (restarts.get(pod.uid) ?? 0)).map((pod) => pod.name)
}

/** A readable sample with its problems. */
interface Seen {
  readonly atMs: number
  readonly objectAtMs: number
  readonly targetOnly: boolean
  readonly state: WorkloadState
  readonly problems: ReadonlyArray<Problem>
}

const seenIn = ({ intent, samples }: Evidence): ReadonlyArray<Seen> =>
  samples.flatMap((sample): ReadonlyArray<Seen> => {
    const { atMs, objectAtMs = atMs, state, targetOnly = false } = sample
    return state === null ? [] : [{ atMs, objectAtMs, targetOnly, state, problems: problemsOf(intent, sample, state) }]
  })

/** The time since which `holds` has been true for every sample; `undefined` if it is false for the newest one. */
const since = (
  seen: ReadonlyArray<Seen>,
  holds: (sample: Seen, previous: Seen | undefined) => boolean
): number | undefined => {
  let from: number | undefined
  for (let index = seen.length - 1; index >= 0; index--) {
    const sample = seen[index]
    if (sample === undefined || !holds(sample, undefined)) break
    from = sample.atMs
    const previous = seen[index - 1]
    // A restart is a break between two samples that may both be healthy.
    if (previous !== undefined && !holds(sample, previous)) break
  }
  return from
}

const isHealthy = (sample: Seen, previous: Seen | undefined): boolean =>
  sample.problems.length === 0
  && (previous === undefined || restartedBetween(previous.state, sample.state).length === 0)

const settledReason = (state: WorkloadState, forMs: number): string =>
  reason(
    "settled",
    [
      ...(state.desiredReplicas === null ? [] : [`${state.readyReplicas} of ${state.desiredReplicas} ready`]),
      ...(state.endpoints === null ? [] : [`${state.endpoints} endpoints`]),
      `stable for ${seconds(forMs)}`
    ].join(", ")
  )

/** That somebody else has changed what the newest sample shows. */
const foreignReasons = ({ intent, samples }: Evidence): ReadonlyArray<string> => {
  const sample = samples.at(-1)
  return sample === undefined || sample.state === null
    ? []
    : foreignChanges(intent, sample, sample.state).map(({ detail, code }) => reason(code, detail))
}

/** When a settled target gets its verdict although its alert has not resolved: later after a long rollout. */
const alertDeadlineMs = ({ progress, settings, startedAtMs }: Evidence): number => {
  const { alertTimeoutMs, rolloutTimeoutMs, settleTimeoutMs } = settings
  const lateMs = (progress?.risenAtMs ?? startedAtMs) - startedAtMs - settleTimeoutMs
  return startedAtMs + Math.min(Math.max(0, lateMs), rolloutTimeoutMs) + alertTimeoutMs
}

const whenSettled = (evidence: Evidence, state: WorkloadState, forMs: number): Judgement => {
  const { alert, intent, nowMs, settings, startedAtMs } = evidence
  const settled = settledReason(state, forMs)
  const elapsedMs = nowMs - startedAtMs
  const foreign = foreignReasons(evidence)
  if (foreign.length > 0) return verdict("unknown", ...foreign, settled)
  const waitsForAlert = nowMs < alertDeadlineMs(evidence)
  if (alert === "firing" || alert === "was-firing" || alert === "flapping") {
    if (waitsForAlert) return keepWatching
    return alert === "firing"
      ? verdict("not-fixed", reason("alert-firing", `the alert still fires after ${seconds(elapsedMs)}`), settled)
      : verdict(
          "unknown",
          reason(
            "alert-firing",
            alert === "flapping"
              ? "the alert was resolved after the action, fired again, and has not been resolved for five minutes since"
              : "the alert, or one that joined it, has fired, and nothing says that it resolved"
          )
        )
  }
  if (alert === "resolved")
    return verdict("fixed", settled, reason("alert-resolved", "Alertmanager reports the alert as resolved"))
  // The state of a node does not show whether the evicted pods' owners have recovered; only the end of the alert does.
  if (intent.action.type === "DrainNode") {
    return elapsedMs < settings.settleTimeoutMs || alert === "ending"
      ? keepWatching
      : verdict(
          "unknown",
          reason("owners-unverified", "the node is drained, but nothing shows that its pods are ready elsewhere")
        )
  }
  const gone = goneSymptoms(intent, state)
  if (gone.length > 0 && alert !== "ending")
    return verdict(
      "fixed",
      settled,
      reason("problem-gone", gone.map(({ code, detail }) => `${code} (${detail})`).join(", "))
    )
  // Where nothing was wrong before, only the end of the alert can show that the action helped.
  return waitsForAlert || alert === "ending"
    ? keepWatching
    : verdict(
        "unknown",
        reason(
          "nothing-was-wrong",
          "no problem was seen before, apart from what the action itself wrote, and nothing says that the alert resolved"
        )
      )
}

const atDeadline = (evidence: Evidence, seen: ReadonlyArray<Seen>, last: Seen): Judgement => {
  const reasons = [...last.problems.map(reasonOf), ...foreignReasons(evidence)]
  if (last.problems.some(({ weight }) => weight === "bad" || weight === "lasting"))
    return verdict("not-fixed", ...reasons)
  const first = seen.find(({ targetOnly }) => !targetOnly)
  const restarted = first === undefined ? [] : restartedBetween(first.state, last.state)
  if (restarted.length > 0)
    return verdict("not-fixed", reason("restarting", restarted.slice(0, 5).join(", ")), ...reasons)
  const detail = "the target was not stable for long enough before the deadline"
  return verdict("unknown", ...reasons, reason("not-settled", detail))
}

/** Whether a problem that waiting does not fix has lasted for the stabilisation window. */
const hasLasting = (
  wanted: "lasting" | "void",
  { last, seen }: { readonly seen: ReadonlyArray<Seen>; readonly last: Seen },
  { settings }: Evidence
): boolean =>
  last.problems
    .filter(({ weight }) => weight === wanted)
    .some(({ code }) => {
      const lastingSince = since(seen, (sample) => sample.problems.some((problem) => problem.code === code))
      return lastingSince !== undefined && last.objectAtMs - lastingSince >= settings.stabilisationMs
    })

/**
 * Whether the time to settle is over. It is extended while the target is on its way, and by a stabilisation window for
 * a target that has just arrived, but never beyond the rollout timeout.
 */
const hasExpired = (
  { nowMs, progress, settings, startedAtMs }: Evidence,
  healthySince: number | undefined
): boolean => {
  if (nowMs < startedAtMs + settings.settleTimeoutMs) return false
  if (progress === undefined) return true
  const { risenAtMs = -Infinity, untilMs } = progress
  const settlesMs = healthySince === undefined ? -Infinity : risenAtMs + 2 * settings.stabilisationMs
  const latestMs = startedAtMs + Math.max(settings.rolloutTimeoutMs, settings.settleTimeoutMs)
  return nowMs >= Math.min(Math.max(untilMs, settlesMs), latestMs)
}

const heldUp = "limits of Kubernaut kept it from reading the cluster"

/** Judges the samples so far. A pure function; `Verifier` calls it after every sample. */
export const judge = (evidence: Evidence): Judgement => {
  const { intent, nowMs, samples, settings } = evidence
  if (intent.action.type === "CollectDiagnostics" || intent.action.type === "Notify") {
    return verdict("unknown", reason("changes-nothing", `${intent.action.type} changes nothing in the cluster`))
  }
  const seen = seenIn(evidence)
  const last = seen.at(-1)
  const waitsForAlert = evidence.hasSettled === true && nowMs < alertDeadlineMs(evidence)
  // A sample from before the cluster became unreadable says nothing about the current state.
  const newest = samples.at(-1)
  if (last === undefined || newest === undefined || newest.state === null) {
    return hasExpired(evidence, undefined) && !waitsForAlert
      ? verdict("unknown", reason("unreadable", newest?.heldUp === true ? heldUp : "the cluster could not be read"))
      : keepWatching
  }
  const healthySince = since(seen, isHealthy)
  // The object may have been read long before the rest of the sample.
  if (healthySince !== undefined && last.objectAtMs - healthySince >= settings.stabilisationMs) {
    const judgement = whenSettled(evidence, last.state, last.objectAtMs - healthySince)
    return judgement._tag === "KeepWatching" ? { ...judgement, settled: true } : judgement
  }
  if (hasLasting("lasting", { seen, last }, evidence)) return verdict("not-fixed", ...last.problems.map(reasonOf))
  if (hasLasting("void", { seen, last }, evidence)) return verdict("unknown", ...last.problems.map(reasonOf))
  const isAfterGap = healthySince !== undefined && samples.some(({ state }) => state === null)
  if (isAfterGap && waitsForAlert) return keepWatching
  return hasExpired(evidence, healthySince) ? atDeadline(evidence, seen, last) : keepWatching
}
