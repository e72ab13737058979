/**
 * The facts about a target that rules match on, derived from its state and evidence. Pure.
 *
 * | fact                  | holds when                                                                                                |
 * | --------------------- | --------------------------------------------------------------------------------------------------------- |
 * | bad-rollout           | a Deployment's newest revision has broken pods and never became available, and an earlier revision exists |
 * | crash-looping         | a pod is in CrashLoopBackOff                                                                              |
 * | oom-killed            | a container was killed for exceeding its memory limit                                                     |
 * | image-not-pulled      | a pod waits for an image: ErrImagePull, ImagePullBackOff, InvalidImageName                                |
 * | configuration-missing | a pod waits for a ConfigMap, Secret or mount: CreateContainerConfigError, CreateContainerError            |
 * | unschedulable         | the scheduler finds no node for a pod                                                                     |
 * | one-pod-broken        | of two or more pods exactly one is not ready, and it has a node                                           |
 * | autoscaler-at-maximum | the target's autoscaler is at its maximum number of replicas                                              |
 * | scaled-to-zero        | the target's desired number of replicas is zero                                                           |
 * | gone                  | the target does not exist                                                                                 |
 * | healthy               | the target exists, and all of its desired replicas are ready                                              |
 *
 * When the state could not be read, no fact holds, and the rules fall through to `Notify`.
 */

import { empty } from "../evidence/Evidence.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import type { Fact } from "./Rulebook.ts"

/**
 * A rollout may be the cause of an alert that starts up to this long after it. Alerts wait 15 minutes before they fire.
 */
export const rolloutLookbackMs = 60 * 60 * 1000

const imageReasons = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]
const configurationReasons = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]
const brokenReasons = new Set([
  "CrashLoopBackOff",
  "Error",
  "OOMKilled",
  "ContainerCannotRun",
  "StartError",
  ...imageReasons,
  ...configurationReasons
])

/** The reasons that unhealthy pods and containers of the target report. */
export const reasonsOf = ({ evidence = empty, observed }: InvestigationRequest): ReadonlySet<string> =>
  new Set(
    [
      ...(observed?.pods ?? []).map((pod) => pod.reason),
      ...evidence.failing.flatMap((container) => [container.reason, container.lastReason])
    ].filter((reason) => reason !== null)
  )

// The controller reports that the current revision was once completely rolled out. A later failure is not a bad rollout.
const wasComplete = ({ observed }: InvestigationRequest): boolean =>
  observed?.conditions.some(
    (condition) =>
      condition.type === "Progressing" && condition.status === "True" && condition.reason === "NewReplicaSetAvailable"
  ) ?? false

const isBadRollout = (request: InvestigationRequest, reasons: ReadonlySet<string>): boolean => {
  const { alert, evidence = empty, observed } = request
  if (request.target.kind !== "Deployment" || observed === null || !observed.exists) return false
  if (![...reasons].some((reason) => brokenReasons.has(reason)) || wasComplete(request)) return false
  const current = evidence.revisions.find((revision) => revision.current)
  if (current === undefined) return (observed.revision ?? 1) > 1 && (observed.readyReplicas ?? 0) > 0
  const earlier = evidence.revisions.filter((revision) => !revision.current)
  if (earlier.length === 0 || current.readyReplicas > 0) return false
  const serves = earlier.some((revision) => revision.readyReplicas > 0)
  const isRecent =
    current.createdAt !== null && Date.parse(current.createdAt) >= Date.parse(alert.startsAt) - rolloutLookbackMs
  return serves || isRecent
}

const isAtMaximum = ({ evidence = empty }: InvestigationRequest): boolean =>
  evidence.autoscaler !== null
  && Math.max(evidence.autoscaler.currentReplicas ?? 0, evidence.autoscaler.desiredReplicas ?? 0)
    >= evidence.autoscaler.maxReplicas

const isOnePodBroken = ({ observed }: InvestigationRequest): boolean => {
  const broken = (observed?.pods ?? []).filter((pod) => !pod.ready)
  return observed !== null && observed.pods.length >= 2 && broken.length === 1 && broken[0]?.reason !== "Unschedulable"
}

/** The facts that hold. */
export const factsOf = (request: InvestigationRequest): ReadonlySet<Fact> => {
  const { observed } = request
  const reasons = reasonsOf(request)
  const any = (names: ReadonlyArray<string>) => names.some((name) => reasons.has(name))
  const desired = observed?.desiredReplicas ?? null
  const holds: Readonly<Record<Fact, boolean>> = {
    "bad-rollout": isBadRollout(request, reasons),
    "crash-looping": any(["CrashLoopBackOff"]),
    "oom-killed": any(["OOMKilled"]),
    "image-not-pulled": any(imageReasons),
    "configuration-missing": any(configurationReasons),
    unschedulable: any(["Unschedulable"]),
    "one-pod-broken": isOnePodBroken(request),
    "autoscaler-at-maximum": isAtMaximum(request),
    "scaled-to-zero": observed !== null && observed.exists && desired === 0,
    gone: observed !== null && !observed.exists,
    healthy:
      observed !== null
      && observed.exists
      && desired !== null
      && desired > 0
      && (observed.readyReplicas ?? 0) >= desired
      && reasons.size === 0
  }
  return new Set((Object.keys(holds) as ReadonlyArray<Fact>).filter((fact) => holds[fact]))
}
