/**
 * What was found in the cluster about a target, beyond its state: spec, revisions, events and the last words of failing
 * containers.
 *
 * Plain data: models read it through `Prompt`, rules through `RuleFacts`. It is as it came from the cluster: untrusted
 * and not yet redacted.
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
  /** The pods that run now are made from it when it is the newest. */
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
  /** CrashLoopBackOff, OOMKilled, ImagePullBackOff, Error … of now, and of the run before. */
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
  /** Of the run before the one that runs now. */
  readonly previous: boolean
  readonly text: string
}

export interface Evidence {
  readonly containers: ReadonlyArray<ContainerSpec>
  readonly autoscaler: Autoscaler | null
  /** Newest first; empty for kinds without revisions of this kind. */
  readonly revisions: ReadonlyArray<Revision>
  readonly failing: ReadonlyArray<FailingContainer>
  /** Newest first. */
  readonly events: ReadonlyArray<EventLine>
  readonly logs: ReadonlyArray<LogTail>
  /** What could not be read, or not in time; empty where everything was. */
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
