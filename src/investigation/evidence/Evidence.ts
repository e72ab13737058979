/**
 * Evidence about a target from the cluster, beyond its state: spec, revisions, events and the last log lines of failing
 * containers.
 *
 * Plain data: models read it through `Prompt`, rules through `RuleFacts`. It is untrusted, and not yet redacted.
 */

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
}

/** One revision of a Deployment: its ReplicaSet. */
export interface Revision {
  readonly revision: number
  /** Whether it is the newest revision, from which new pods are created. */
  readonly current: boolean
  readonly replicas: number
  readonly readyReplicas: number
  /** ISO 8601. */
  readonly createdAt: string | null
  readonly images: ReadonlyArray<string>
}

export interface FailingContainer {
  readonly pod: string
  readonly container: string
  readonly restarts: number
  /** The current reason, such as CrashLoopBackOff, OOMKilled or ImagePullBackOff. `lastReason`: of the previous run. */
  readonly reason: string | null
  readonly lastReason: string | null
  readonly exitCode: number | null
}

export interface EventLine {
  readonly type: string
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly lastSeen: string | null
}

export interface LogTail {
  readonly pod: string
  readonly container: string
  /** Whether the log is from the previous run of the container. */
  readonly previous: boolean
  readonly text: string
}

export interface Evidence {
  readonly containers: ReadonlyArray<ContainerSpec>
  readonly autoscaler: Autoscaler | null
  /** Newest first; empty for kinds other than Deployment. */
  readonly revisions: ReadonlyArray<Revision>
  readonly failing: ReadonlyArray<FailingContainer>
  /** Newest first. */
  readonly events: ReadonlyArray<EventLine>
  readonly logs: ReadonlyArray<LogTail>
  /** The parts that could not be read in time; empty when all were read. */
  readonly missing: ReadonlyArray<string>
}

export const empty: Evidence = {
  containers: [],
  autoscaler: null,
  revisions: [],
  failing: [],
  events: [],
  logs: [],
  missing: []
}
