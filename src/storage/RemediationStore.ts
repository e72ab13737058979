/**
 * The truth about remediations: current rows, the append-only journal, and the fence that lets only the owner of a
 * target write.
 *
 * **What is durable when.** `accept` returns after the commit, so a 202 means the alert is on disk. `append` returns
 * after the commit, so an `Intended` event is on disk before the write to the cluster that follows it. Audit lines and
 * action history are written in the same transaction as the journal events that they tell of: neither can be missing or
 * extra.
 *
 * **Fencing.** An activation `claim`s its target and gets a new epoch; every later write names that epoch and fails
 * with `Fenced` once a newer activation has claimed the same target.
 */

import { Context, type Effect, type Option, Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Alert } from "../domain/Alert.ts"
import type { Decision, Risk } from "../domain/Decision.ts"
import {
  type JournalEntry,
  type Remediation,
  type RemediationEvent,
  RemediationId,
  RemediationState
} from "../domain/Remediation.ts"
import type { ReviewAnswer } from "../domain/Review.ts"
import type { Target, TargetKey } from "../domain/Target.ts"
import type { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** A newer activation owns the target: whoever gets this stops at once and writes nothing more. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  target: Schema.String,
  epoch: Schema.Int
}) {
  override get message(): string {
    return `epoch ${this.epoch} of ${this.target} has been superseded`
  }
}

/** Nobody waits for an answer: it is not `AwaitingReview`, or somebody answered before. Nothing was written. */
export class NotAwaiting extends Schema.TaggedError<NotAwaiting>()("NotAwaiting", {
  remediationId: RemediationId,
  /** Absent when there is no such remediation. */
  state: Schema.optionalKey(RemediationState),
  /** Somebody has answered before. */
  answered: Schema.Boolean
}) {
  override get message(): string {
    if (this.state === undefined) return `there is no remediation ${this.remediationId}`
    return `remediation ${this.remediationId} does not wait for a review: ${this.answered ? "it has been answered and" : "it"} is ${this.state}`
  }
}

export interface NewAlert {
  /** The id that the remediation gets if the alert is new. */
  readonly id: RemediationId
  readonly alert: Alert
  readonly target: Target
  readonly provisional: boolean
}

export interface AlertResolution {
  readonly fingerprint: string
  readonly startsAt: Timestamp
  readonly endsAt: Timestamp
}

/**
 * - `accepted`: a new remediation, `Received`.
 * - `joined`: a new remediation, ended at once as `Joined`, because its target already has an open one.
 * - `duplicate`: fingerprint + startsAt is known; `remediationId` is the one of the first time.
 */
export interface AcceptResult {
  readonly status: "accepted" | "joined" | "duplicate"
  readonly remediationId: RemediationId
  readonly target: TargetKey
}

/**
 * `remediationId` is absent when no remediation is known for the alert. `open`: it was still at work, or, for a joined
 * one, the remediation that it joined was. `target` is then the actor that may want to look.
 */
export interface ResolveResult {
  readonly remediationId?: RemediationId
  readonly target?: TargetKey
  readonly open: boolean
}

/** The right to write about one target, until somebody claims it anew. */
export interface Claim {
  readonly target: TargetKey
  readonly epoch: number
}

/** The events with which an owner begins its work on what is open; none leave it untouched. */
export type Begin = (open: Remediation, claim: Claim) => ReadonlyArray<RemediationEvent>

export interface RemediationSummary {
  readonly id: RemediationId
  readonly state: RemediationState
  readonly alertName: string
  readonly severity: string
  readonly target: Target
  readonly joinedTo?: RemediationId
  readonly receivedAt: Timestamp
  readonly updatedAt: Timestamp
}

export interface RemediationPage {
  readonly items: ReadonlyArray<RemediationSummary>
  /** Pass as `cursor` for the page after this one; absent on the last. */
  readonly nextCursor?: string
}

/** A decision that waits for a person. */
export interface PendingReview {
  readonly id: RemediationId
  readonly alertName: string
  readonly severity: string
  readonly target: Target
  readonly action: Action
  readonly risk: Risk
  readonly confidence: number
  readonly reasons: Decision["reasons"]
  readonly since: Timestamp
}

export class RemediationStore extends Context.Service<
  RemediationStore,
  {
    /** One transaction for all; requests that arrive during a commit share the next one. */
    readonly accept: (
      alerts: ReadonlyArray<NewAlert>,
      at: Timestamp
    ) => Effect.Effect<ReadonlyArray<AcceptResult>, StorageError>
    /** The remediation of each alert, where there is one: what admission asks before it sheds an alert. */
    readonly known: (
      alerts: ReadonlyArray<Pick<AlertResolution, "fingerprint" | "startsAt">>
    ) => Effect.Effect<ReadonlyArray<RemediationId | undefined>, StorageError>
    /** Journals `AlertResolved` for those that are still open. Any process may call it: it needs no claim. */
    readonly resolve: (
      alerts: ReadonlyArray<AlertResolution>,
      at: Timestamp
    ) => Effect.Effect<ReadonlyArray<ResolveResult>, StorageError>
    /**
     * A new epoch for the target, with its open remediation, if it has one, as it is after the events that `begin`
     * answers: they are journaled in the claim's own commit. `begin` runs within the transaction, so it is a plain
     * function, and may be called again where the transaction is.
     */
    readonly claim: (
      target: TargetKey,
      begin?: Begin
    ) => Effect.Effect<{ readonly claim: Claim; readonly open: Option.Option<Remediation> }, StorageError>
    /**
     * Appends events to a remediation that the caller knows up to `self.sequence`, and answers it as it now is. Events
     * that others journaled meanwhile (`AlertResolved`, `Reviewed`) are folded in before the new ones.
     *
     * Repeating an append whose outcome was not known (`committed: "unknown"`) with the same `self` and the same events
     * writes nothing twice: it answers what the first one did.
     */
    readonly append: (
      claim: Claim,
      self: Remediation,
      events: ReadonlyArray<RemediationEvent>,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | Fenced>
    /** Is the claim still the newest? Asked just before a write to the cluster. */
    readonly holds: (claim: Claim) => Effect.Effect<boolean, StorageError>
    /**
     * Moves a remediation to its root owner: journals `Retargeted`, and `Joined` where that target already has an open
     * one. Afterwards the remediation belongs to the actor of the new target.
     */
    readonly retarget: (
      claim: Claim,
      self: Remediation,
      target: Target,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | Fenced>
    /**
     * A person's answer, from any process: it needs no claim, and the actor of the target reads it from the journal.
     */
    readonly review: (
      id: RemediationId,
      answer: ReviewAnswer,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | NotAwaiting>
    /** What waits for a person, oldest first. */
    readonly reviews: (limit: number) => Effect.Effect<ReadonlyArray<PendingReview>, StorageError>
    readonly get: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
    readonly journal: (id: RemediationId) => Effect.Effect<ReadonlyArray<JournalEntry>, StorageError>
    /** Newest first, by id: ids sort as the moments at which they were given out do. */
    readonly list: (query: {
      readonly state?: RemediationState
      readonly limit: number
      readonly cursor?: string
    }) => Effect.Effect<RemediationPage, StorageError>
    /**
     * Targets with something to do, oldest first: what a process takes up when it starts, and what sweeps look for. Not
     * what only waits for a person: that may be much and wait long, and an answer, or the end of the alert, makes it
     * something to do.
     */
    readonly openTargets: Effect.Effect<ReadonlyArray<TargetKey>, StorageError>
    /**
     * Remediations that are not final, by severity: what admission weighs. Kept in memory, so it may be asked for every
     * request.
     */
    readonly backlog: Effect.Effect<number>
    /** Alerts that joined a remediation as evidence and have not been resolved. */
    readonly joinedAlerts: (id: RemediationId, limit: number) => Effect.Effect<ReadonlyArray<Alert>, StorageError>
  }
>()("kubernaut/storage/RemediationStore") {}
