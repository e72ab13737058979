/**
 * What can be seen of a run from outside of the service: what its far ends were asked and answered, what its database
 * committed, when its processes lived, what was done to it. Checkers build their own account from these and from
 * nothing else.
 *
 * All moments are milliseconds of the world's monotonic clock, because the wall clock may be what is wrong.
 */

import type { Schema } from "effect"
import type { Change } from "../../domain/Change.ts"
import type { DegradationLevel } from "../../domain/DegradationLevel.ts"
import type { Applied } from "../../domain/Execution.ts"
import type { Mode } from "../../domain/Mode.ts"
import type { RemediationEvent, RemediationEventKind } from "../../domain/Remediation.ts"
import type { ResourceRef } from "../../domain/Target.ts"
import type { AlertStatus } from "../../intake/Intake.ts"
import type { CircuitTag, TransitionCause } from "../../resilience/ResilienceEvent.ts"

/** An alert as its sender knows it. */
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
  /** By the wall clock of the process that wrote it. */
  readonly at: string
  /** The event as it is stored, JSON. Absent where it is made by hand. */
  readonly text?: string
  /** Parsed when somebody looks. */
  readonly event: RemediationEvent
}

/** A request to a peer of the fallback chain, as it is seen on the wire at the service's end. */
export interface Call {
  /** As the service calls its breaker: `holmesgpt`, `llm:alpha`. */
  readonly peer: string
  /** The number of the service's process that sent it. */
  readonly process: number
  /** Of this peer's calls. */
  readonly number: number
  /** `probe`: it only asks whether the peer is there. */
  readonly purpose: "work" | "probe"
  /** The same object for all attempts of one hop, by the trace; absent for probes. */
  readonly hop: object | undefined
}

/**
 * How a call ended: `good` and `bad` speak for and against the peer; `neither` is a refusal of what was asked;
 * `given-up` says that the service let go before there was an answer. A call that a crash cut has no end.
 */
export type CallEnding = "good" | "bad" | "neither" | "given-up"

/** An attempt of a request to the cluster's API server, as it is seen on the wire at the service's end. */
export interface ApiRequest {
  /** The same object for all attempts of one request. */
  readonly work: { readonly verb: string; readonly about: string }
  /** The number of the service's process that sent it. */
  readonly process: number
  /** Of all attempts. */
  readonly number: number
  /** How many requests the service had made by then, sent or not. */
  readonly asked: number
}

/** By which way a text left the service. */
export type TextChannel = "prompt" | "journal" | "audit" | "answer" | "crash" | "span" | "log"

/** What became of a batch of spans: `not-now` may be sent again, `given-up` by the service after its time. */
export type ExportEnding = "taken" | "refused" | "not-now" | "given-up"

/** What is observed of a fault of the plan: the same object when it begins and when it heals. */
export interface ObservedFault {
  readonly kind: string
  /** 0 for a fault that happens at one moment. */
  readonly forMs: number
  readonly parameters: Schema.JsonObject
}

export type Observation =
  /**
   * The sender tries for the first time to tell of an alert. It goes on until it is answered. `about`: the workload
   * that is truly in trouble.
   */
  | { readonly _tag: "AlertSent"; readonly alert: AlertIdentity; readonly firing: boolean; readonly about: ResourceRef }
  /** The sender got an answer for an alert: whatever is not `shed` is acknowledged, and the service's to keep. */
  | {
      readonly _tag: "AlertAnswered"
      readonly alert: AlertIdentity
      readonly firing: boolean
      readonly status: AlertStatus
      readonly remediationId?: string
    }
  /**
   * Rows that one commit added to the journal, in order. `process`: the number of the service's process that committed
   * them.
   */
  | { readonly _tag: "Committed"; readonly events: ReadonlyArray<CommittedEvent>; readonly process?: number }
  /** A write arrived at the API server, and this is what it did. Dry runs are not here. */
  | {
      readonly _tag: "ClusterWrite"
      readonly by: string
      readonly change: Change
      /** The `kubernaut.dev/execution` that it carries, where it carries one. */
      readonly executionId?: string
      readonly applied: Applied
      /** The tag of the API server's refusal. */
      readonly refused?: string
      /** The number of the service's process that sent it. */
      readonly process?: number
    }
  /** A workload began or ceased to serve as it should, as the cluster itself knows. */
  | { readonly _tag: "WorkloadHealth"; readonly ref: ResourceRef; readonly healthy: boolean }
  | { readonly _tag: "CallBegan"; readonly call: Call }
  | { readonly _tag: "CallEnded"; readonly call: Call; readonly ending: CallEnding }
  | { readonly _tag: "RequestBegan"; readonly request: ApiRequest }
  /** `given-up`: the service let go before there was an answer. One that a crash cut has no end. */
  | { readonly _tag: "RequestEnded"; readonly request: ApiRequest; readonly ending: "answered" | "given-up" }
  /** When all was healed and quiet: of as many calls at once as a bulkhead of the service has places, so many began. */
  | { readonly _tag: "PlacesTried"; readonly peer: string; readonly begun: number; readonly limit: number }
  /** A text left the service. `about` says in a few words which. */
  | { readonly _tag: "TextLeft"; readonly channel: TextChannel; readonly about: string; readonly text: string }
  /** A person answered a question of the service. `outcome`: what became of the answer. */
  | {
      readonly _tag: "ReviewAnswered"
      readonly remediationId: string
      readonly answer: "approved" | "rejected"
      readonly outcome: "taken" | "not-awaiting" | "not-stored" | "unreachable"
    }
  /** `mode`: in which it was started. */
  | { readonly _tag: "ProcessBooted"; readonly process: string; readonly number: number; readonly mode?: Mode }
  /** It can be spoken to. */
  | { readonly _tag: "ProcessReady"; readonly process: string; readonly number: number }
  | {
      readonly _tag: "ProcessEnded"
      readonly process: string
      readonly number: number
      readonly how: "crashed" | "exited"
    }
  /**
   * It stands still: nothing of it runs for that time, and at the end of it, in one moment and in any order, all that
   * was due meanwhile.
   */
  | { readonly _tag: "ProcessPaused"; readonly process: string; readonly number: number; readonly forMs: number }
  /**
   * The sweep for open work came to the database and broke there: its supervisor starts it again. A connection is a
   * process.
   */
  | { readonly _tag: "SweepBroke"; readonly connection: number }
  /** A circuit breaker of the service says that it changed its state. */
  | {
      readonly _tag: "BreakerMoved"
      readonly breaker: string
      readonly from: CircuitTag
      readonly to: CircuitTag
      readonly cause: TransitionCause
    }
  /** The service says which degradation level it is at: once when it is ready, then at every change. */
  | { readonly _tag: "LevelIs"; readonly level: DegradationLevel; readonly reasons: ReadonlyArray<string> }
  | { readonly _tag: "FaultBegan"; readonly fault: ObservedFault }
  | { readonly _tag: "FaultHealed"; readonly fault: ObservedFault }
  /** A batch of spans is on its way to the receiver of traces. `process` counts boots. */
  | { readonly _tag: "ExportBegan"; readonly process: number; readonly number: number; readonly spans: number }
  /** `made`, `received`: spans of this process so far, as the world counts them; `dropped`: as the service says. */
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
  /** From now on nothing new goes wrong. */
  | { readonly _tag: "HealingBegan" }

export type ObservationTag = Observation["_tag"]

/** A handler for each kind of observation that is of interest. `atMs` is when it happened. */
export type Handlers = {
  readonly [Tag in ObservationTag]?: (observation: Extract<Observation, { readonly _tag: Tag }>, atMs: number) => void
}

type Listener = (observation: Observation, atMs: number) => void

/** Tells everybody who asked, at once and in the order of asking. */
export class Observations {
  private readonly listeners = new Map<ObservationTag, Array<Listener>>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** Is there anybody to hear of this? For what is dear to tell. */
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
