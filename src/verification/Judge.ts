/**
 * The verdict on an action, as a pure function of the samples since it was carried out: _fixed_, _not fixed_,
 * _unknown_, or keep watching.
 *
 * A target is **fixed** if all of this holds without a break for the stabilisation window:
 *
 * - the target exists, and its controller has observed its newest spec;
 * - it desires more than zero replicas, and as many are updated, ready and available; a Node is `Ready`;
 * - no container has restarted;
 * - its Services have at least as many ready endpoints as before acting, and at least one;
 * - the written values are still there (`Reversion`);
 * - the action has achieved its purpose (`Purpose`);
 * - the alert is not known to fire.
 *
 * It is **not fixed** as soon as a problem that waiting does not fix (gone, scaled to zero, reverted, rollout failed)
 * has lasted for the stabilisation window, or if anything is wrong at the deadline.
 *
 * Everything else is **unknown**: the cluster can't be read, a controller does not observe the spec, or nothing shows
 * whether the target works. Unknown never counts as fixed.
 */

import type { Intent } from "../domain/Execution.ts"
import type { Verdict } from "../domain/Verification.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { AlertStatus } from "./AlertEvidence.ts"
import { type Problem, reason } from "./Problem.ts"
import { purposeOf } from "./Purpose.ts"
import { revertedProblems } from "./Reversion.ts"
import type { Sample } from "./Sample.ts"
import { targetProblems } from "./TargetProblems.ts"

/** Durations in milliseconds; see `VerifierOptions` for their meaning. */
export interface JudgeSettings {
  readonly settleTimeoutMs: number
  readonly stabilisationMs: number
  readonly alertTimeoutMs: number
}

/** Everything that a verdict depends on. */
export interface Evidence {
  readonly intent: Intent
  /** Oldest first, never empty. */
  readonly samples: ReadonlyArray<Sample>
  readonly alert: AlertStatus
  /** When verification started, and now, by the monotonic clock. */
  readonly startedAtMs: number
  readonly nowMs: number
  readonly settings: JudgeSettings
}

/** A verdict with its reasons, each a code and its figures, or the request for another sample. */
export type Judgement =
  | { readonly _tag: "KeepWatching" }
  | { readonly _tag: "Verdict"; readonly verdict: Verdict; readonly reasons: ReadonlyArray<string> }

const keepWatching: Judgement = { _tag: "KeepWatching" }
const verdict = (verdict: Verdict, ...reasons: ReadonlyArray<string>): Judgement => ({
  _tag: "Verdict",
  verdict,
  reasons
})
const reasonOf = ({ code, detail }: Problem): string => reason(code, detail)

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

/** Everything that keeps a readable sample from being healthy. */
const problemsOf = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => [
  ...targetProblems(state, intent.baseline),
  ...revertedProblems(intent, sample),
  ...purposeOf(intent, sample, state)
]

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
  readonly targetOnly: boolean
  readonly state: WorkloadState
  readonly problems: ReadonlyArray<Problem>
}

const seenIn = ({ intent, samples }: Evidence): ReadonlyArray<Seen> =>
  samples.flatMap((sample): ReadonlyArray<Seen> => {
    const { atMs, state, targetOnly = false } = sample
    return state === null ? [] : [{ atMs, targetOnly, state, problems: problemsOf(intent, sample, state) }]
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

const whenSettled = (
  { alert, intent, nowMs, settings, startedAtMs }: Evidence,
  state: WorkloadState,
  forMs: number
): Judgement => {
  const settled = settledReason(state, forMs)
  const elapsedMs = nowMs - startedAtMs
  if (alert === "firing" || alert === "was-firing") {
    if (elapsedMs < settings.alertTimeoutMs) return keepWatching
    return alert === "firing"
      ? verdict("not-fixed", reason("alert-firing", `the alert still fires after ${seconds(elapsedMs)}`), settled)
      : verdict(
          "unknown",
          reason("alert-firing", "the alert fired after the action, and nothing says that it resolved")
        )
  }
  if (alert === "resolved")
    return verdict("fixed", settled, reason("alert-resolved", "Alertmanager reports the alert as resolved"))
  // The state of a node does not show whether the evicted pods' owners have recovered; only the end of the alert does.
  if (intent.action.type === "DrainNode") {
    return elapsedMs < settings.settleTimeoutMs
      ? keepWatching
      : verdict(
          "unknown",
          reason("owners-unverified", "the node is drained, but nothing shows that its pods are ready elsewhere")
        )
  }
  return verdict("fixed", settled)
}

const atDeadline = (seen: ReadonlyArray<Seen>, last: Seen): Judgement => {
  const reasons = last.problems.map(reasonOf)
  if (last.problems.some((problem) => problem.weight !== "open")) return verdict("not-fixed", ...reasons)
  const first = seen.find(({ targetOnly }) => !targetOnly)
  const restarted = first === undefined ? [] : restartedBetween(first.state, last.state)
  if (restarted.length > 0)
    return verdict("not-fixed", reason("restarting", restarted.slice(0, 5).join(", ")), ...reasons)
  const detail = "the target was not stable for long enough before the deadline"
  return verdict("unknown", ...reasons, reason("not-settled", detail))
}

/** Whether a problem that waiting does not fix has lasted for the stabilisation window. */
const hasLastingProblem = (seen: ReadonlyArray<Seen>, last: Seen, { nowMs, settings }: Evidence): boolean =>
  last.problems
    .filter(({ weight }) => weight === "lasting")
    .some(({ code }) => {
      const lastingSince = since(seen, (sample) => sample.problems.some((problem) => problem.code === code))
      return lastingSince !== undefined && nowMs - lastingSince >= settings.stabilisationMs
    })

/** Judges the samples so far. A pure function; `Verifier` calls it after every sample. */
export const judge = (evidence: Evidence): Judgement => {
  const { intent, nowMs, samples, settings, startedAtMs } = evidence
  if (intent.action.type === "CollectDiagnostics" || intent.action.type === "Notify") {
    return verdict("unknown", reason("changes-nothing", `${intent.action.type} changes nothing in the cluster`))
  }
  const expired = nowMs - startedAtMs >= settings.settleTimeoutMs
  const seen = seenIn(evidence)
  const last = seen.at(-1)
  // A sample from before the cluster became unreadable says nothing about the current state.
  if (last === undefined || samples.at(-1)?.state === null) {
    return expired ? verdict("unknown", reason("unreadable", "the cluster could not be read")) : keepWatching
  }
  const healthySince = since(seen, isHealthy)
  if (healthySince !== undefined && nowMs - healthySince >= settings.stabilisationMs) {
    return whenSettled(evidence, last.state, nowMs - healthySince)
  }
  if (hasLastingProblem(seen, last, evidence)) return verdict("not-fixed", ...last.problems.map(reasonOf))
  return expired ? atDeadline(seen, last) : keepWatching
}
