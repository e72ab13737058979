/**
 * The facts about a target that rules match on, derived from its state and evidence. Pure.
 *
 * | fact                  | holds when                                                                                                  |
 * | --------------------- | ----------------------------------------------------------------------------------------------------------- |
 * | bad-rollout           | a Deployment's newest revision never became available and its own pods fail, and an earlier revision exists |
 * | rollout-under-way     | a rollout is within its deadline, and none of its own pods fails                                            |
 * | pods-not-created      | the API server refuses to create the pods of the target, for example because of a quota                     |
 * | crash-looping         | a pod is in CrashLoopBackOff                                                                                |
 * | oom-killed            | a container was killed for exceeding its memory limit                                                       |
 * | image-not-pulled      | a pod waits for an image: ErrImagePull, ImagePullBackOff, InvalidImageName                                  |
 * | configuration-missing | a pod waits for a ConfigMap, Secret or mount: CreateContainerConfigError, CreateContainerError              |
 * | unschedulable         | the scheduler finds no node for a pod                                                                       |
 * | one-pod-broken        | of two or more pods of one template exactly one is broken, and it has a node                                |
 * | autoscaler-at-maximum | the target's autoscaler wants as many replicas as its maximum allows, or more                               |
 * | scaled-to-zero        | the target's desired number of replicas is zero                                                             |
 * | gone                  | the target does not exist                                                                                   |
 * | healthy               | all desired replicas are ready and of the newest template, and the controller reports no problem            |
 *
 * A pod speaks for its own revision. The facts about pods and containers are about those of the newest revision: what
 * the pods of an earlier one do is no evidence against it. Only `healthy` needs every pod to be well.
 *
 * A fact about containers also holds for a container that runs, until its present run has outlasted the failure
 * (`failureNow`): between two crashes a container runs, and may even be ready.
 *
 * When the state could not be read, no fact holds, and the rules fall through to `Notify`.
 */

import {
  configurationReasons,
  fails,
  imageReasons,
  isRolledOut,
  isRollingOut,
  newestHasFailed,
  podsOfNewest,
  runsAgainAfterMs
} from "../../domain/RevisionHealth.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { empty, type FailingContainer } from "../evidence/Evidence.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import type { Fact } from "./Rulebook.ts"

/**
 * A rollout may be the cause of an alert that starts up to this long after it. Alerts wait 15 minutes before they fire.
 */
const rolloutLookbackMs = 60 * 60 * 1000

/** A pod that gives no reason may only be starting, or missing a probe, for so long. */
const startingMs = 60 * 1000

type Pod = WorkloadState["pods"][number]

/** The containers of the newest revision that fail now. */
export const failingNow = ({ evidence = empty, observed }: InvestigationRequest): ReadonlyArray<FailingContainer> => {
  if (observed === null) return []
  const own = new Set(podsOfNewest(observed).map(({ name }) => name))
  return evidence.failing.filter(({ failsNow, pod }) => failsNow !== null && own.has(pod))
}

/** Whether a container has shown that it works again. One that does not fail now may not have done so yet. */
const hasRecovered = ({ endedAt, ready }: FailingContainer, { observedAt }: WorkloadState): boolean =>
  ready && (endedAt === null || Date.parse(endedAt) < toMillis(observedAt) - runsAgainAfterMs)

/** The revisions, by number, that have a container which fails or has not recovered. */
export const unrecoveredRevisions = ({ evidence = empty, observed }: InvestigationRequest): ReadonlySet<number> =>
  new Set(
    observed === null
      ? []
      : evidence.failing.flatMap((container) =>
          container.revision !== null && !hasRecovered(container, observed) ? [container.revision] : []
        )
  )

const present = (reasons: ReadonlyArray<string | null>): ReadonlySet<string> =>
  new Set(reasons.filter((reason) => reason !== null))

/** The reasons that the pods of the newest revision, and their containers, report now. */
export const reasonsOf = (request: InvestigationRequest): ReadonlySet<string> =>
  present([
    ...(request.observed === null ? [] : podsOfNewest(request.observed).map((pod) => pod.reason)),
    ...failingNow(request).flatMap((container) => [container.reason, container.failsNow])
  ])

/** The reasons that pods of earlier revisions report, which are no evidence about the newest one. */
export const earlierReasonsOf = ({ observed }: InvestigationRequest): ReadonlySet<string> => {
  if (observed === null) return new Set()
  const own = new Set(podsOfNewest(observed))
  return present(observed.pods.filter((pod) => !own.has(pod)).map((pod) => pod.reason))
}

/** Why the controller cannot create a pod, in the words of the API server; `null` when it can. */
export const failedCreateOf = ({ evidence = empty, observed }: InvestigationRequest): string | null =>
  observed?.failedCreate ?? evidence.failedCreate

const hasRevisions: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"])

/** Whether it is known that there is nothing to roll back to. What could not be read is not known. */
export const hasNoEarlierRevision = ({ earlierRevisions }: WorkloadState): boolean => earlierRevisions?.length === 0

const isBadRollout = (request: InvestigationRequest): boolean => {
  const { alert, evidence = empty, observed } = request
  if (!hasRevisions.has(request.target.kind) || observed === null || !observed.exists) return false
  if (!newestHasFailed(observed) || hasNoEarlierRevision(observed)) return false
  const current = evidence.revisions.find((revision) => revision.current)
  // Without revisions, the pods still say whether an earlier one serves.
  if (evidence.revisions.length === 0) return observed.pods.some((pod) => pod.ready && pod.current === false)
  // The template changed after the state was read.
  if (current === undefined || current.templateHash !== observed.rollout?.templateHash) return false
  const earlier = evidence.revisions.filter((revision) => !revision.current)
  if (earlier.length === 0 || current.readyReplicas > 0) return false
  const startedAt = observed.rollout.startedAt ?? current.createdAt
  const isRecent = startedAt !== null && Date.parse(startedAt) >= Date.parse(alert.startsAt) - rolloutLookbackMs
  return isRecent || earlier.some((revision) => revision.readyReplicas > 0)
}

/**
 * Whether the target's autoscaler wants as many replicas as its maximum allows, or more. Its condition alone does not
 * count: it is out of date for a while after the maximum was raised.
 */
export const isAtMaximum = ({ evidence = empty }: InvestigationRequest): boolean => {
  const { autoscaler } = evidence
  if (autoscaler === null || autoscaler.limited === false) return false
  return (autoscaler.desiredReplicas ?? autoscaler.currentReplicas ?? 0) >= autoscaler.maxReplicas
}

/** Whether a pod is broken now: it fails, or it has been unready for longer than a start takes. */
export const isBroken = (pod: Pod, observed: WorkloadState): boolean => {
  if (pod.ready) return false
  const since = pod.readinessSince ?? pod.createdAt ?? null
  return fails(pod) || (since !== null && toMillis(observed.observedAt) - toMillis(since) >= startingMs)
}

const isOnePodBroken = ({ observed }: InvestigationRequest): boolean => {
  if (observed === null || isRollingOut(observed)) return false
  const own = podsOfNewest(observed)
  const [broken, ...others] = own.filter((pod) => !pod.ready)
  return (
    own.length >= 2
    && broken !== undefined
    && others.length === 0
    && broken.reason !== "Unschedulable"
    && isBroken(broken, observed)
  )
}

const isHealthy = ({ evidence = empty, observed }: InvestigationRequest): boolean => {
  if (observed === null || !observed.exists) return false
  const { desiredReplicas, pods, readyReplicas } = observed
  if (desiredReplicas === null || desiredReplicas === 0 || (readyReplicas ?? 0) < desiredReplicas) return false
  // A container that restarts is ready in between, and so far nobody has looked at when it did.
  const isUnread = evidence.missing.includes("containers and logs") && pods.some(({ restarts }) => restarts > 0)
  return (
    isRolledOut(observed)
    && evidence.failedCreate === null
    && evidence.failing.length === 0
    && pods.every((pod) => pod.reason === null)
    && !isUnread
  )
}

/** The facts that hold. */
export const factsOf = (request: InvestigationRequest): ReadonlySet<Fact> => {
  const { observed } = request
  const reasons = reasonsOf(request)
  const any = (names: ReadonlyArray<string>) => names.some((name) => reasons.has(name))
  const holds: Readonly<Record<Fact, boolean>> = {
    "bad-rollout": isBadRollout(request),
    "rollout-under-way": observed !== null && failedCreateOf(request) === null && isRollingOut(observed),
    "pods-not-created": observed !== null && failedCreateOf(request) !== null,
    "crash-looping": any(["CrashLoopBackOff"]),
    "oom-killed": any(["OOMKilled"]),
    "image-not-pulled": any(imageReasons),
    "configuration-missing": any(configurationReasons),
    unschedulable: any(["Unschedulable"]),
    "one-pod-broken": isOnePodBroken(request),
    "autoscaler-at-maximum": isAtMaximum(request),
    "scaled-to-zero": observed !== null && observed.exists && observed.desiredReplicas === 0,
    gone: observed !== null && !observed.exists,
    healthy: isHealthy(request)
  }
  return new Set((Object.keys(holds) as ReadonlyArray<Fact>).filter((fact) => holds[fact]))
}
