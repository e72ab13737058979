/**
 * What can be observed of a run from outside of the service: the requests at its far ends and their outcomes, the
 * commits of its database, the lives of its processes, the faults. Checkers build their view from these and from
 * nothing else.
 *
 * All times are milliseconds of the world's monotonic clock, because the wall clock may be wrong.
 */

import type { Schema } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { Applied } from "../../domain/Execution.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { NotificationKind } from "../../domain/Notification.ts"
import type { RemediationEvent, RemediationEventKind } from "../../domain/Remediation.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { AlertStatus } from "../../intake/Intake.ts"
import type { CircuitTag, TransitionCause } from "../../resilience/ResilienceEvent.ts"

/** The identity of an alert, as its sender knows it. */
export interface AlertIdentity {
  readonly fingerprint: string
  readonly startsAt: string
}

/** A row of the journal, as committed. */
export interface CommittedEvent {
  readonly remediationId: string
  readonly sequence: number
  readonly epoch: number | null
  readonly kind: RemediationEventKind
  /** The wall-clock time of the process that wrote it. */
  readonly at: string
  /** The stored JSON of the event. Absent in rows made by tests. */
  readonly text?: string
  /** Parsed on first use. */
  readonly event: RemediationEvent
}

/** A request to a peer of the fallback chain, observed at the service's end of the wire. */
export interface Call {
  /** The name of its breaker: `holmesgpt`, `llm:alpha`. */
  readonly peer: string
  /** The number of the service's process that sent it. */
  readonly process: number
  /** Counts the calls to this peer. */
  readonly number: number
  /** `probe`: it only checks whether the peer responds. */
  readonly purpose: "work" | "probe"
  /** The same object for all attempts of one hop; absent for probes. */
  readonly hop: object | undefined
  /** The same object for all hops of one investigation; absent for probes. */
  readonly investigation?: object
  /** The span of its attempt; absent for probes. One attempt may send a shorter question after a long one. */
  readonly attempt?: { readonly spanId: string }
}

/** How a post is: on its way, or why its sender waits until it tries again. */
export type PostState = "tried" | "unreachable" | "shed" | "not-stored" | "broken"

/**
 * How a call ended: `good` and `bad` count for and against the peer; `neither` is a rejection of the request itself;
 * `given-up` means that the service interrupted it. A call that a crash cut off has no end.
 */
export type CallEnding = "good" | "bad" | "neither" | "given-up"

/** An attempt of a request to the cluster's API server, observed at the service's end of the wire. */
export interface ApiRequest {
  /** The same object for all attempts of one request. */
  readonly work: { readonly verb: string; readonly about: string }
  /** The number of the service's process that sent it. */
  readonly process: number
  /** Counts all attempts. */
  readonly number: number
  /** The number of requests that the service had made by then, sent or not. */
  readonly asked: number
}

/** How a text left the service. */
export type TextChannel = "prompt" | "journal" | "audit" | "answer" | "crash" | "span" | "log"

/** The outcome of a batch of spans: `not-now` may be retried; `given-up` is a timeout of the service. */
export type ExportEnding = "taken" | "refused" | "not-now" | "given-up"

/** What is observed of a fault of the plan: the same object when it begins and when it heals. */
export interface ObservedFault {
  readonly kind: string
  /** 0 for a fault that happens at one moment. */
  readonly forMs: number
  readonly parameters: Schema.JsonObject
}

/**
 * One thing that happened. Handle the tags of interest with `Handlers`; each tag's comment states who publishes it and
 * what its fields mean.
 */
export type Observation =
  /**
   * The sender sends an alert for the first time. It retries until the alert is acknowledged. `about` is the workload
   * that is truly broken.
   */
  | { readonly _tag: "AlertSent"; readonly alert: AlertIdentity; readonly firing: boolean; readonly about: ResourceRef }
  /**
   * A post with an alert is on its way to the service for the first time. Between `AlertSent` and this, something
   * before the service may have held it up.
   */
  | { readonly _tag: "AlertPosted"; readonly alert: AlertIdentity; readonly firing: boolean }
  /** The sender tries a post, or waits until it tries it again. */
  | {
      readonly _tag: "PostIs"
      readonly state: PostState
      readonly alerts: ReadonlyArray<{ readonly alert: AlertIdentity; readonly firing: boolean }>
    }
  /** The service responded for an alert: any status but `shed` is an acknowledgement, after which it must not be lost. */
  | {
      readonly _tag: "AlertAnswered"
      readonly alert: AlertIdentity
      readonly firing: boolean
      readonly status: AlertStatus
      readonly remediationId?: string
      /** It is on the disk of the spool. Its remediation is found when the database has it. */
      readonly spooled?: true
      /** When the alert ended, in a post that says so. */
      readonly endsAt?: string
    }
  /**
   * The rows that one commit added to the journal, in order. `process` is the number of the service's process that
   * committed them.
   */
  | { readonly _tag: "Committed"; readonly events: ReadonlyArray<CommittedEvent>; readonly process?: number }
  /** An entry is on the disk of the spool. `process` is the number of the process that wrote it. */
  | {
      readonly _tag: "SpoolStored"
      readonly spool: string
      readonly sequence: number
      readonly process?: number
      readonly alerts: ReadonlyArray<{ readonly fingerprint: string; readonly firing: boolean }>
    }
  /** An entry is no longer on the disk of the spool: it was replayed, or taken back because its post was refused. */
  | { readonly _tag: "SpoolErased"; readonly spool: string; readonly sequence: number }
  /** A commit has taken an entry of the spool. Published before its rows. */
  | { readonly _tag: "SpoolReplayed"; readonly spool: string; readonly sequence: number }
  /** A write arrived at the API server, with its outcome. Dry runs are not published. */
  | {
      readonly _tag: "ClusterWrite"
      readonly by: string
      readonly change: Change
      /** The `kubernaut.dev/execution` annotation of the write. */
      readonly executionId?: string
      readonly applied: Applied
      /** The reason of the API server's refusal. */
      readonly refused?: string
      /** The number of the service's process that sent it. */
      readonly process?: number
    }
  /** A workload became healthy or broken, as the cluster itself knows. */
  | { readonly _tag: "WorkloadHealth"; readonly ref: ResourceRef; readonly healthy: boolean }
  /** The service sends a request to a model. */
  | { readonly _tag: "CallBegan"; readonly call: Call }
  /** The same `call` object as when it began. */
  | { readonly _tag: "CallEnded"; readonly call: Call; readonly ending: CallEnding }
  /**
   * A model counts what a question has cost so far. `work` is the same object for one question. `isAll`: it will count
   * no more. `isTold`: the response says so, if it arrives as a whole.
   */
  | {
      readonly _tag: "ModelCounted"
      readonly peer: string
      readonly work: object
      readonly attempt?: { readonly spanId: string }
      readonly tokens: { readonly inputTokens: number; readonly outputTokens: number }
      readonly isAll: boolean
      readonly isTold: boolean
    }
  /** The service sends an attempt to the cluster's API server. */
  | { readonly _tag: "RequestBegan"; readonly request: ApiRequest }
  /** `given-up`: the service interrupted it. A request that a crash cut off has no end. */
  | { readonly _tag: "RequestEnded"; readonly request: ApiRequest; readonly ending: "answered" | "given-up" }
  /** A test after healing: of as many concurrent calls as a bulkhead has permits, so many began. */
  | { readonly _tag: "PermitsTried"; readonly peer: string; readonly begun: number; readonly limit: number }
  /** A text left the service. `about` identifies it in a few words. */
  | { readonly _tag: "TextLeft"; readonly channel: TextChannel; readonly about: string; readonly text: string }
  /** A person answered a review. `outcome` is what became of the answer; `changed`: it fits no more what was shown. */
  | {
      readonly _tag: "ReviewAnswered"
      readonly remediationId: string
      readonly answer: "approved" | "rejected"
      readonly outcome: "taken" | "changed" | "not-awaiting" | "not-stored" | "unreachable"
    }
  /**
   * The emergency stop is set, as the service has told an operator; or somebody sends the order to lift it, from which
   * on nobody knows.
   */
  | { readonly _tag: "EmergencyStop"; readonly set: boolean }
  /** The service did not take the alerts of a post, which is sent again: 429, 503 and, for a defect, 500. */
  | { readonly _tag: "AlertPutOff"; readonly how: "shed" | "not-stored" | "broken" }
  /** What must work at every level was asked for at `askedMs`. `broken`: a defect, which is a 500. */
  | {
      readonly _tag: "EssentialAsked"
      readonly essential: string
      readonly askedMs: number
      readonly outcome: "answered" | "not-stored" | "broken" | "unreachable"
    }
  /** The same about an emergency that an operator has declared. */
  | { readonly _tag: "EmergencyDeclared"; readonly set: boolean }
  /** `mode` is the mode of the process. */
  | { readonly _tag: "ProcessBooted"; readonly process: string; readonly number: number; readonly mode?: Mode }
  /** It accepts requests. */
  | { readonly _tag: "ProcessReady"; readonly process: string; readonly number: number }
  /** `exited`: its main effect completed or failed. Another process is booted after a while. */
  | {
      readonly _tag: "ProcessEnded"
      readonly process: string
      readonly number: number
      readonly how: "crashed" | "exited"
    }
  /**
   * Nothing of it runs for that time. At its end, everything that became due meanwhile runs in one moment, in any
   * order.
   */
  | { readonly _tag: "ProcessPaused"; readonly process: string; readonly number: number; readonly forMs: number }
  /**
   * The sweep for open work failed at the database, and its supervisor restarts it. Each process has its own
   * connection.
   */
  | { readonly _tag: "SweepBroke"; readonly connection: number }
  /** A circuit breaker of the service reports a transition. */
  | {
      readonly _tag: "BreakerMoved"
      readonly breaker: string
      readonly from: CircuitTag
      readonly to: CircuitTag
      readonly cause: TransitionCause
    }
  /** The service reports its degradation level: once when it is ready, then at every change. */
  | {
      readonly _tag: "LevelIs"
      readonly level: DegradationLevel
      readonly reasons: ReadonlyArray<string>
      /** The service says that no peer answers, so that it is cut off. */
      readonly isCutOff?: boolean
    }
  /** A health check of the service has another status than before. */
  | { readonly _tag: "HealthIs"; readonly check: string; readonly status: "healthy" | "unhealthy" | "unknown" }
  /** A fault of the plan takes effect. */
  | { readonly _tag: "FaultBegan"; readonly fault: ObservedFault }
  /** It is taken back, at its end or because healing begins. */
  | { readonly _tag: "FaultHealed"; readonly fault: ObservedFault }
  /** A batch of spans is sent to the receiver of traces. `process` counts boots. */
  | { readonly _tag: "ExportBegan"; readonly process: number; readonly number: number; readonly spans: number }
  /** Spans of this process so far: `made` and `received` as the world counts them, `dropped` as the service reports. */
  | {
      readonly _tag: "ExportEnded"
      readonly process: number
      readonly number: number
      readonly spans: number
      readonly ending: ExportEnding
      readonly made: number
      readonly received: number
      readonly dropped: number
    }
  /** The webhook has received a message with notifications. It may be a repeat. */
  | {
      readonly _tag: "NotificationArrived"
      readonly key: string
      readonly notifications: ReadonlyArray<{
        readonly key: string
        readonly kind: NotificationKind
        readonly remediation?: string
      }>
    }
  /** Alertmanager has received the heartbeat of the service. */
  | { readonly _tag: "HeartbeatArrived" }
  /** From now on nothing new breaks. */
  | { readonly _tag: "HealingBegan" }

/** The tag of an observation, as a key of `Handlers`. */
export type ObservationTag = Observation["_tag"]

/** A handler for each tag of interest. `atMs`: when it happened, in milliseconds since the run began. */
export type Handlers = {
  readonly [Tag in ObservationTag]?: (observation: Extract<Observation, { readonly _tag: Tag }>, atMs: number) => void
}

type Listener = (observation: Observation, atMs: number) => void

/** Publishes observations to all subscribers, synchronously and in the order of subscription. */
export class Observations {
  private readonly listeners = new Map<ObservationTag, Array<Listener>>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** Whether a tag has subscribers. Check it before building an expensive observation. */
  isObserved(tag: ObservationTag): boolean {
    return this.listeners.has(tag)
  }

  subscribe(handlers: Handlers): void {
    for (const tag of Object.keys(handlers) as Array<ObservationTag>) {
      const listener = handlers[tag] as Listener | undefined
      if (listener === undefined) continue
      const known = this.listeners.get(tag)
      if (known === undefined) this.listeners.set(tag, [listener])
      else known.push(listener)
    }
  }

  publish(observation: Observation): void {
    const listeners = this.listeners.get(observation._tag)
    if (listeners === undefined) return
    const atMs = this.now()
    for (const listener of listeners) listener(observation, atMs)
  }
}
