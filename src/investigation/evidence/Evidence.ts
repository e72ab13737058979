/**
 * Evidence about a target from the cluster, beyond its state: spec, revisions, events and the last log lines of failing
 * containers.
 *
 * Plain data: models read it through `Prompt`, rules through `RuleFacts`. It is untrusted, and not yet redacted.
 */

import type { MetricLine } from "./TargetMetrics.ts"

export interface ContainerSpec {
  readonly name: string
  readonly requests: Readonly<Record<string, string>>
  readonly limits: Readonly<Record<string, string>>
}

export interface Autoscaler {
  readonly name: string
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly currentReplicas: number | null
  readonly desiredReplicas: number | null
  /** Whether its maximum keeps it from scaling up. `null` when it does not say so. */
  readonly limited: boolean | null
}

/** One revision of a workload: the ReplicaSet of a Deployment, the ControllerRevision of another kind. */
export interface Revision {
  readonly revision: number
  /** The hash of its template, which the labels of its pods repeat. */
  readonly templateHash: string | null
  /** Whether it has the workload's present template, from which new pods are created. */
  readonly current: boolean
  readonly replicas: number
  readonly readyReplicas: number
  /** ISO 8601. */
  readonly createdAt: string | null
  readonly images: ReadonlyArray<string>
}

/** The revision that something belongs to. `null` when it is not known, or the kind has no revisions. */
export interface OfRevision {
  readonly revision: number | null
  /** Whether it is the newest one. */
  readonly current: boolean | null
}

/** A container that fails, that has failed within the last hour, or that is not ready and has failed before. */
export interface FailingContainer extends OfRevision {
  readonly pod: string
  readonly container: string
  /** Whether it is ready again at the moment. */
  readonly ready: boolean
  readonly restarts: number
  /** Why it fails now. `null` when it does not: the failure of an earlier run is over. See `failureNow`. */
  readonly failsNow: string | null
  /** The current reason, such as CrashLoopBackOff, OOMKilled or ImagePullBackOff. `lastReason`: of the previous run. */
  readonly reason: string | null
  readonly lastReason: string | null
  readonly exitCode: number | null
  /** When its last run ended. ISO 8601. */
  readonly endedAt: string | null
}

export interface EventLine {
  /** Kind and name of the object that it is about. */
  readonly object: string
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly lastSeen: string | null
}

export interface LogTail extends OfRevision {
  readonly pod: string
  readonly container: string
  /** Whether the log is from the previous run of the container. */
  readonly previous: boolean
  readonly text: string
}

export interface Evidence {
  readonly containers: ReadonlyArray<ContainerSpec>
  readonly autoscaler: Autoscaler | null
  /** Newest first; empty for kinds without revisions. */
  readonly revisions: ReadonlyArray<Revision>
  readonly failing: ReadonlyArray<FailingContainer>
  /** Newest first. */
  readonly events: ReadonlyArray<EventLine>
  /** Why the controller cannot create a pod, in the words of the API server. */
  readonly failedCreate: string | null
  readonly logs: ReadonlyArray<LogTail>
  /** Measured values; empty where no Prometheus is configured. */
  readonly metrics: ReadonlyArray<MetricLine>
  /** The parts that could not be read in time; empty when all were read. */
  readonly missing: ReadonlyArray<string>
}

/** The parts that are read from the cluster for every target that has them: the names in `missing`. */
export const parts = ["spec", "containers and logs", "autoscaler", "events"] as const

export const empty: Evidence = {
  containers: [],
  autoscaler: null,
  revisions: [],
  failing: [],
  events: [],
  failedCreate: null,
  logs: [],
  metrics: [],
  missing: []
}

/** Nothing could be read. To say less would let a rule take what is absent for what is well. */
export const unread: Evidence = { ...empty, missing: parts }
