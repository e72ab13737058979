/** The problems of the target itself, regardless of the action. */

import { displayName } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { type Problem, problem, type ReasonCode } from "./Problem.ts"
import { countsReplicas } from "./Sample.ts"

const conditionOf = (state: WorkloadState, type: string) =>
  state.conditions.find((condition) => condition.type === type)

const replicaProblems = (state: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  if (desired === 0) return [problem("scaled-to-nothing", "lasting", "0 replicas are desired")]
  const short = (code: ReasonCode, count: number | null): ReadonlyArray<Problem> =>
    count !== null && count < desired ? [problem(code, "bad", `${count} of ${desired}`)] : []
  return [
    ...short("not-updated", state.updatedReplicas),
    // A missing number means that no replica is ready.
    ...short("not-ready", state.readyReplicas ?? 0),
    ...short("not-available", state.availableReplicas)
  ]
}

/** The required endpoints: as many as before acting, at least one, and at most as many as desired replicas. */
const requiredEndpoints = (baseline: WorkloadState, desired: number): number =>
  Math.min(desired, Math.max(baseline.endpoints ?? 0, 1))

const endpointProblems = (state: WorkloadState, baseline: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  const required = requiredEndpoints(baseline, desired)
  return state.endpoints !== null && state.endpoints < required
    ? [problem("endpoints-missing", "bad", `${state.endpoints} of ${required}`)]
    : []
}

const isObserved = ({ generation, observedGeneration }: WorkloadState): boolean =>
  generation === null || observedGeneration === null || observedGeneration >= generation

/** The problems of a target, compared with its baseline. Empty: the target is healthy. */
export const targetProblems = (state: WorkloadState, baseline: WorkloadState): ReadonlyArray<Problem> => {
  if (!state.exists) return [problem("target-gone", "lasting", `${displayName(state.ref)} does not exist`)]
  const problems: Array<Problem> = []
  const observed = isObserved(state)
  if (!observed) {
    const detail = `the controller has observed generation ${state.observedGeneration} of ${state.generation}`
    problems.push(problem("not-observed", "open", detail))
  }
  if (state.desiredReplicas !== null && countsReplicas(state)) {
    problems.push(
      ...replicaProblems(state, state.desiredReplicas),
      ...endpointProblems(state, baseline, state.desiredReplicas)
    )
  }
  const progressing = conditionOf(state, "Progressing")
  if (observed && progressing?.status === "False") {
    problems.push(problem("progress-deadline", "lasting", progressing.reason))
  }
  const ready = conditionOf(state, "Ready")
  if (state.ref.kind === "Node" && ready?.status !== "True") {
    problems.push(problem("node-not-ready", "bad", ready?.reason ?? "it has no Ready condition"))
  }
  return problems
}
