/**
 * The verdict on an action, as a pure function of what was seen since: _fixed_, _not fixed_, _unknown_, or keep
 * watching.
 *
 * **Fixed** needs all of this to hold together, without a break, for the stabilisation window:
 *
 * - the target exists, and its controller has seen its newest spec;
 * - it wants more than zero replicas, and as many are updated, ready and available; a Node is `Ready`;
 * - no container has restarted;
 * - its Services have at least as many ready endpoints as before acting, and at least one;
 * - what was written is still there: nobody has reverted it;
 * - what the action was for has come about (`purposeOf`);
 * - the alert is not known to fire.
 *
 * **Not fixed** is said as soon as a fault that does not heal by waiting (gone, scaled to nothing, reverted, rollout
 * given up) has lasted as long as that window, and at the deadline where anything is demonstrably wrong.
 *
 * **Unknown** is everything else: the cluster can't be read, its controllers do not look, there is nothing to tell by.
 * It is never fixed.
 */

import type { Change } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import { displayName } from "../domain/Target.ts"
import type { Verdict } from "../domain/Verification.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { changeStands, purposeOf } from "./Purpose.ts"
import { countsReplicas, type Problem, type ReasonWord, type Sample } from "./Sample.ts"

/** What is known of the alert: Alertmanager said so, or nobody did. */
export type AlertStatus = "resolved" | "firing" | "unknown"

export interface JudgeSettings {
  readonly settleTimeoutMs: number
  readonly stabilisationMs: number
  readonly alertTimeoutMs: number
}

export interface Evidence {
  readonly intent: Intent
  /** Oldest first, never empty. */
  readonly samples: ReadonlyArray<Sample>
  readonly alert: AlertStatus
  readonly startedAtMs: number
  readonly nowMs: number
  readonly settings: JudgeSettings
}

export type Judgement =
  | { readonly _tag: "KeepWatching" }
  | { readonly _tag: "Verdict"; readonly verdict: Verdict; readonly reasons: ReadonlyArray<string> }

const keepWatching: Judgement = { _tag: "KeepWatching" }
const verdict = (word: Verdict, ...reasons: ReadonlyArray<string>): Judgement => ({
  _tag: "Verdict",
  verdict: word,
  reasons
})
const reason = (word: ReasonWord, detail: string): string => `${word}: ${detail}`
const reasonOf = (problem: Problem): string => reason(problem.word, problem.detail)

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`

const conditionIs = (
  state: WorkloadState,
  type: string
): { readonly status: string; readonly reason: string } | undefined =>
  state.conditions.find((condition) => condition.type === type)

const replicaProblems = (state: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  if (desired === 0) return [{ word: "scaled-to-nothing", detail: "no replica is wanted", weight: "lasting" }]
  const problems: Array<Problem> = []
  const short = (word: ReasonWord, count: number | null) => {
    if (count !== null && count < desired) problems.push({ word, detail: `${count} of ${desired}`, weight: "bad" })
  }
  short("not-updated", state.updatedReplicas)
  // No figure is no ready replica.
  short("not-ready", state.readyReplicas ?? 0)
  short("not-available", state.availableReplicas)
  return problems
}

/**
 * The endpoints that there must be: as many as before, and one where there were none. Fewer only where fewer replicas
 * are wanted.
 */
const wantedEndpoints = (baseline: WorkloadState, desired: number): number =>
  Math.min(desired, Math.max(baseline.endpoints ?? 0, 1))

/** What is wrong with the target itself. */
export const targetProblems = (state: WorkloadState, baseline: WorkloadState): ReadonlyArray<Problem> => {
  if (!state.exists)
    return [{ word: "target-gone", detail: `${displayName(state.ref)} does not exist`, weight: "lasting" }]
  const problems: Array<Problem> = []
  const observed =
    state.generation === null || state.observedGeneration === null || state.observedGeneration >= state.generation
  if (!observed) {
    problems.push({
      word: "not-observed",
      detail: `generation ${state.observedGeneration} of ${state.generation}`,
      weight: "open"
    })
  }
  if (state.desiredReplicas !== null && countsReplicas(state)) {
    problems.push(...replicaProblems(state, state.desiredReplicas))
    const wanted = wantedEndpoints(baseline, state.desiredReplicas)
    if (state.endpoints !== null && state.endpoints < wanted) {
      problems.push({ word: "endpoints-missing", detail: `${state.endpoints} of ${wanted}`, weight: "bad" })
    }
  }
  const progressing = conditionIs(state, "Progressing")
  if (observed && progressing?.status === "False") {
    problems.push({ word: "progress-deadline", detail: progressing.reason, weight: "lasting" })
  }
  const ready = conditionIs(state, "Ready")
  if (state.ref.kind === "Node" && ready?.status !== "True") {
    problems.push({ word: "node-not-ready", detail: ready?.reason ?? "no condition", weight: "bad" })
  }
  return problems
}

const revertedProblems = (intent: Intent, sample: Sample): ReadonlyArray<Problem> =>
  intent.changes
    .filter((change): change is Extract<Change, { _tag: "Patch" }> => change._tag === "Patch")
    .flatMap((change, index) =>
      changeStands(intent.action, change, sample.written[index])
        ? []
        : [
            {
              word: "reverted",
              detail: `${displayName(change.ref)} does not carry what was written any more`,
              weight: "lasting"
            } satisfies Problem
          ]
    )

/** Everything that keeps a sample whose target could be read from being healthy. */
const problemsOf = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Problem> => [
  ...targetProblems(state, intent.baseline),
  ...revertedProblems(intent, sample),
  ...purposeOf(intent, sample, state)
]

/** Pods in which a container has restarted between two moments, by name. A pod made anew begins at zero. */
const restartedBetween = (before: WorkloadState, after: WorkloadState): ReadonlyArray<string> => {
  const restarts = new Map(before.pods.map((pod) => [pod.uid, pod.restarts]))
  return after.pods.filter((pod) => pod.restarts > (restarts.get(pod.uid) ?? 0)).map((pod) => pod.name)
}

/**
 * Whether a look at the object alone was enough to see that it is not well, so that nothing around it needs to be read.
 */
export const showsProblem = (intent: Intent, sample: Sample): boolean =>
  sample.state !== null && problemsOf(intent, sample, sample.state).length > 0

interface Seen {
  readonly atMs: number
  readonly glance: boolean
  readonly state: WorkloadState
  readonly problems: ReadonlyArray<Problem>
}

/** Since when the newest samples, without a break, all satisfy `holds`; `undefined` where the newest does not. */
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
    // A restart is a break of its own: the samples on both sides may be healthy.
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
      `steady for ${seconds(forMs)}`
    ].join(", ")
  )

const whenSettled = (
  { alert, intent, nowMs, settings, startedAtMs }: Evidence,
  state: WorkloadState,
  forMs: number
): Judgement => {
  const settled = settledReason(state, forMs)
  if (alert === "firing") {
    return nowMs - startedAtMs < settings.alertTimeoutMs
      ? keepWatching
      : verdict("not-fixed", reason("alert-firing", `still after ${seconds(nowMs - startedAtMs)}`), settled)
  }
  if (alert === "resolved") return verdict("fixed", settled, reason("alert-resolved", "Alertmanager says so"))
  // Where the evicted pods' owners stand is not in the target's own state, so only the end of the alert tells.
  if (intent.action.type === "DrainNode") {
    return nowMs - startedAtMs < settings.settleTimeoutMs
      ? keepWatching
      : verdict(
          "unknown",
          reason("owners-unverified", "the node is drained; whether its pods are ready elsewhere was not seen")
        )
  }
  return verdict("fixed", settled)
}

const atDeadline = (seen: ReadonlyArray<Seen>, last: Seen): Judgement => {
  const reasons = last.problems.map(reasonOf)
  if (last.problems.some((problem) => problem.weight !== "open")) return verdict("not-fixed", ...reasons)
  const first = seen.find(({ glance }) => !glance)
  const restarted = first === undefined ? [] : restartedBetween(first.state, last.state)
  if (restarted.length > 0)
    return verdict("not-fixed", reason("restarting", restarted.slice(0, 5).join(", ")), ...reasons)
  return verdict("unknown", ...reasons, reason("not-settled", "it was not steady for long enough before the deadline"))
}

export const judge = (evidence: Evidence): Judgement => {
  const { intent, nowMs, samples, settings, startedAtMs } = evidence
  if (intent.action.type === "CollectDiagnostics" || intent.action.type === "Notify") {
    return verdict("unknown", reason("changes-nothing", `${intent.action.type} fixes nothing by itself`))
  }
  const expired = nowMs - startedAtMs >= settings.settleTimeoutMs
  const seen = samples.flatMap((sample): ReadonlyArray<Seen> =>
    sample.state === null
      ? []
      : [
          {
            atMs: sample.atMs,
            glance: sample.glance === true,
            state: sample.state,
            problems: problemsOf(intent, sample, sample.state)
          }
        ]
  )
  const last = seen.at(-1)
  // What was seen before the cluster fell silent says nothing about now.
  if (last === undefined || samples.at(-1)?.state === null) {
    return expired ? verdict("unknown", reason("unreadable", "the cluster could not be read")) : keepWatching
  }
  const healthySince = since(seen, isHealthy)
  if (healthySince !== undefined && nowMs - healthySince >= settings.stabilisationMs) {
    return whenSettled(evidence, last.state, nowMs - healthySince)
  }
  for (const { word } of last.problems.filter((problem) => problem.weight === "lasting")) {
    const lastingSince = since(seen, (sample) => sample.problems.some((problem) => problem.word === word))
    if (lastingSince !== undefined && nowMs - lastingSince >= settings.stabilisationMs) {
      return verdict("not-fixed", ...last.problems.map(reasonOf))
    }
  }
  return expired ? atDeadline(seen, last) : keepWatching
}
