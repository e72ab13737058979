/** The problems of the target itself, regardless of the action. */

import { nodeFaults } from "../domain/NodeFaults.ts"
import { meantToChange } from "../domain/RevisionHealth.ts"
import { displayName } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { type Problem, problem, type ReasonCode } from "./Problem.ts"
import { countsReplicas } from "./Sample.ts"

/** The condition of this type, if the state has one. */
export const conditionOf = (state: WorkloadState, type: string) =>
  state.conditions.find((condition) => condition.type === type)

const replicaProblems = (state: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  if (desired === 0) return [problem("scaled-to-nothing", "lasting", "0 replicas are desired")]
  const short = (code: ReasonCode, count: number | null, wanted = desired): ReadonlyArray<Problem> =>
    count !== null && count < wanted ? [problem(code, "bad", `${count} of ${wanted}`)] : []
  return [
    ...short("not-updated", state.updatedReplicas, meantToChange(state, desired)),
    // A missing number means that no replica is ready.
    ...short("not-ready", state.readyReplicas ?? 0),
    ...short("not-available", state.availableReplicas)
  ]
}

/** The pods contradict the counts, which their controller reports later. */
const podProblems = ({ pods, readyReplicas }: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  const ready = pods.filter((pod) => pod.ready).length
  // Fewer pods than replicas are a part of them, or could not be read.
  return pods.length >= desired && ready < desired && (readyReplicas ?? 0) >= desired
    ? [problem("not-ready", "bad", `${ready} of ${desired}, by the pods themselves`)]
    : []
}

/** The required endpoints: as many as before acting, at least one, and at most as many as desired replicas. */
const requiredEndpoints = (baseline: WorkloadState, desired: number): number =>
  Math.min(desired, Math.max(baseline.endpoints ?? 0, 1))

const endpointProblems = (state: WorkloadState, baseline: WorkloadState, desired: number): ReadonlyArray<Problem> => {
  if (state.endpoints === null && baseline.endpoints !== null)
    return [problem("endpoints-missing", "bad", "no Service selects the pods any more")]
  const required = requiredEndpoints(baseline, desired)
  return state.endpoints !== null && state.endpoints < required
    ? [problem("endpoints-missing", "bad", `${state.endpoints} of ${required}`)]
    : []
}

const isObserved = ({ generation, observedGeneration }: WorkloadState): boolean =>
  generation === null || observedGeneration === null || observedGeneration >= generation

const nodeProblems = (state: WorkloadState): ReadonlyArray<Problem> => {
  const ready = conditionOf(state, "Ready")
  const isReady = ready?.status === "True"
  return [
    ...(isReady ? [] : [problem("node-not-ready", "bad", ready?.reason ?? "it has no Ready condition")]),
    ...state.conditions
      .filter(({ status, type }) => nodeFaults.has(type) && status !== "False")
      .map(({ reason, status, type }) =>
        status === "True"
          ? problem("node-condition", "bad", `${type}${reason === "" ? "" : ` (${reason})`}`)
          : problem("node-condition", "open", `${type} is ${status}`)
      )
  ]
}

/** Why the controller does not make the pods that it should. */
const failureProblems = (state: WorkloadState, observed: boolean): ReadonlyArray<Problem> => {
  const failure = conditionOf(state, "ReplicaFailure")
  const progressing = conditionOf(state, "Progressing")
  const message = state.failedCreate ?? (failure?.status === "True" ? failure.reason : null)
  return [
    ...(message === null
      ? []
      : [problem("replica-failure", "bad", message === "" ? "pods can't be created" : message)]),
    ...(observed && progressing?.status === "False"
      ? [problem("progress-deadline", "lasting", progressing.reason)]
      : [])
  ]
}

/**
 * The problems of a target, compared with its baseline. Empty: the target is healthy. With `targetOnly`, nothing around
 * the target was read.
 */
export const targetProblems = (
  state: WorkloadState,
  baseline: WorkloadState,
  targetOnly = false
): ReadonlyArray<Problem> => {
  if (!state.exists) return [problem("target-gone", "lasting", `${displayName(state.ref)} does not exist`)]
  const problems: Array<Problem> = []
  if (baseline.uid !== null && state.uid !== baseline.uid)
    problems.push(problem("target-replaced", "void", `another ${displayName(state.ref)} was created since`))
  const observed = isObserved(state)
  if (!observed) {
    const detail = `the controller has observed generation ${state.observedGeneration} of ${state.generation}`
    problems.push(problem("not-observed", "open", detail))
  }
  if (state.desiredReplicas !== null && countsReplicas(state)) {
    problems.push(
      ...replicaProblems(state, state.desiredReplicas),
      ...(targetOnly
        ? []
        : [...podProblems(state, state.desiredReplicas), ...endpointProblems(state, baseline, state.desiredReplicas)])
    )
  }
  if (state.ref.kind === "Service" && !targetOnly && state.endpoints === 0)
    problems.push(problem("endpoints-missing", "bad", "no pod behind it is ready"))
  problems.push(...failureProblems(state, observed))
  if (state.ref.kind === "Node") problems.push(...nodeProblems(state))
  return problems
}
