/** Why a container fails now, as opposed to a failure of an earlier run that is over. Pure. */

import { runsAgainAfterMs } from "../domain/RevisionHealth.ts"
import type { ContainerStatus, ContainerTermination, Pod } from "./ObjectModel.ts"

/** The reasons of a container that waits for its start, and has not been tried yet. */
const startReasons: ReadonlySet<string> = new Set(["ContainerCreating", "PodInitializing"])

/** Why a container cannot run, in the words of its kubelet; `undefined` while it runs or only starts. */
export const waitsFor = ({ state }: ContainerStatus): string | undefined => {
  const reason = state?.waiting?.reason
  return reason === undefined || startReasons.has(reason) ? undefined : reason
}

const millis = (time: string | undefined): number => Date.parse(time ?? "")

/** The kubelet waits for so long after the second exit, twice as long after each further one, and 5 minutes at most. */
const backOffMs = ({ restartCount }: ContainerStatus): number =>
  Math.min(300_000, 10_000 * 2 ** Math.max(0, restartCount - 1))

/**
 * Whether the present run shows that what ended the run before it is over. Runs of one crash loop differ in length, so
 * it must last twice as long as that one, and longer than the kubelet would wait after another exit: the more often a
 * container exited, the longer. The kubelet itself forgets the exits of one that runs for ten minutes. A run whose
 * start is not known shows nothing.
 */
const isOutlasted = (pod: Pod, status: ContainerStatus, ended: ContainerTermination, nowMs: number): boolean => {
  const startedMs = millis(status.state?.running?.startedAt)
  const endedMs = millis(ended.finishedAt)
  // The run began after its pod was created, and ended before the present one began.
  const earliestMs = millis(ended.startedAt ?? pod.metadata.creationTimestamp)
  const latestMs = Number.isNaN(endedMs) ? startedMs : endedMs
  if (nowMs - latestMs >= runsAgainAfterMs) return true
  // A limit of memory that was too low once is too low again under the same load, also after a long run.
  if (ended.reason === "OOMKilled") return false
  return nowMs - startedMs >= Math.max(2 * (latestMs - earliestMs), backOffMs(status))
}

const reasonOf = ({ exitCode, reason }: ContainerTermination): string =>
  reason ?? (exitCode === 0 ? "Completed" : "Error")

/**
 * Why a container fails now, such as CrashLoopBackOff, ImagePullBackOff, OOMKilled or Error. `null` when it does not:
 * it runs and never failed, the failure of an earlier run is over, or it only starts.
 *
 * A back-off shows only that a container failed, so it gives way to an OOM kill, which shows why. A container between
 * two crashes runs, and may even be ready, so the exit of its previous run counts until the present run outlasts it.
 */
export const failureNow = (pod: Pod, status: ContainerStatus, nowMs: number): string | null => {
  const { lastState, ready, state } = status
  const before = lastState?.terminated
  const waiting = waitsFor(status)
  if (waiting !== undefined)
    return waiting === "CrashLoopBackOff" && before?.reason === "OOMKilled" ? before.reason : waiting
  // An init container that has completed is ready, whatever its first attempts did.
  if (state?.terminated !== undefined) return ready ? null : reasonOf(state.terminated)
  if (before === undefined || (ready && before.exitCode === 0)) return null
  return isOutlasted(pod, status, before, nowMs) ? null : reasonOf(before)
}
