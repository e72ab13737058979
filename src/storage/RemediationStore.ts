/**
 * The store of remediations: current rows, the append-only journal, and the fence that lets only the owner of a target
 * write.
 *
 * **Durability.** `accept` returns after the commit, so a 202 means that the alert is on disk. `append` returns after
 * the commit, so an `Intended` event is on disk before the write to the cluster that follows it. Audit lines and action
 * history are written in the transaction of the journal events they describe, so neither can be missing or extra.
 *
 * **Fencing.** An activation claims its target and gets a new epoch. Each later write names that epoch, and fails with
 * `Fenced` once a newer activation has claimed the same target.
 */

import { Context, type Effect, type Option, Schema } from "effect"
import type { Action } from "../domain/Action.ts"
import type { Alert, Severity } from "../domain/Alert.ts"
import type { Decision, Figures, Risk } from "../domain/Decision.ts"
import type { EarlierFirings } from "../domain/Firing.ts"
import type { SpentAction } from "../domain/PastAction.ts"
import {
  type JournalEntry,
  type Remediation,
  type RemediationEvent,
  RemediationId,
  RemediationState
} from "../domain/Remediation.ts"
import type { ReviewAnswer } from "../domain/Review.ts"
import type { Target, TargetKey } from "../domain/Target.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import type { StorageError } from "./StorageError.ts"

/** A newer activation owns the target. The caller must stop and make no more writes. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", {
  target: Schema.String,
  epoch: Schema.Int
}) {
  override get message(): string {
    return `epoch ${this.epoch} of ${this.target} was superseded by a newer activation`
  }
}

/**
 * Why an answer to a review is refused:
 *
 * - `not-found`: there is no such remediation.
 * - `archived`: it has ended, and only the archive has it.
 * - `not-asked`: it asks nobody.
 * - `already-reviewed`: a person has answered before.
 * - `older-question`: the approval is of an earlier question than the one that is asked now.
 * - `timed-out`: the time for an answer is over.
 * - `alert-resolved`: the alert has resolved, so nothing is left to do.
 */
export const AnswerRefusal = Schema.Literals([
  "not-found",
  "archived",
  "not-asked",
  "already-reviewed",
  "older-question",
  "timed-out",
  "alert-resolved"
])
export type AnswerRefusal = typeof AnswerRefusal.Type

/** An answer that does not fit the state of the remediation. Nothing was written. */
export class NotAwaiting extends Schema.TaggedError<NotAwaiting>()("NotAwaiting", {
  remediationId: RemediationId,
  why: AnswerRefusal,
  /** Absent when there is no such remediation, or when an earlier version has archived it. */
  state: Schema.optionalKey(RemediationState),
  /** The file of the archive that has it. */
  file: Schema.optionalKey(Schema.String),
  /** The question that it asks, if the answer was to an earlier one. */
  asks: Schema.optionalKey(Schema.Int),
  /** Who reviewed it before. */
  by: Schema.optionalKey(Schema.String),
  /** When it was reviewed, timed out, or when the alert resolved. */
  at: Schema.optionalKey(Timestamp)
}) {
  override get message(): string {
    const name = `remediation ${this.remediationId}`
    switch (this.why) {
      case "not-found":
        return `there is no ${name}`
      case "archived":
        return `${name} has ended${this.state === undefined ? "" : ` as ${this.state}`}, and is archived in ${this.file}`
      case "not-asked":
        return `${name} is ${this.state} and does not await review`
      case "already-reviewed":
        return `${name} was already reviewed by ${this.by} at ${this.at}`
      case "older-question":
        return `${name} asks question ${this.asks} now`
      case "timed-out":
        return `the review of ${name} timed out at ${this.at}`
      case "alert-resolved":
        return `the alert of ${name} resolved at ${this.at}`
    }
  }
}

/** Where the archive has a remediation, and how that one has ended. */
export interface InArchive {
  /** The name of the file. */
  readonly file: string
  /** Absent: an earlier version has archived it, so only the file says how it has ended. */
  readonly state?: RemediationState
}

/** A remediation cannot be rolled back now. Nothing was written. */
export class NotRollbackable extends Schema.TaggedError<NotRollbackable>()("NotRollbackable", {
  remediationId: RemediationId,
  /** A code of `domain/RollbackObjection`, `not-found`, `archived`, `target-busy`, or a code of `execution/Rollback`. */
  code: Schema.String,
  /** For people: what is in the way. */
  detail: Schema.String,
  /** The fields that another party has changed. */
  fields: Schema.optionalKey(Schema.Array(Schema.String))
}) {
  override get message(): string {
    return this.detail
  }
}

/** A firing alert to accept. */
export interface NewAlert {
  /** The id of the remediation if the alert is new. */
  readonly id: RemediationId
  readonly alert: Alert
  readonly target: Target
  readonly provisional: boolean
  /**
   * Why no work is done about the alert. Its remediation then ends as `Observed` in the commit that accepts it. It
   * joins no other remediation, no other one joins it, and it says nothing about earlier fixes.
   */
  readonly observed?: string
}

/** A post of an alert. Alerts of different clusters are different alerts, even with equal fingerprints. */
export interface AlertStart {
  readonly cluster: string
  readonly fingerprint: string
  readonly startsAt: Timestamp
}

/** A resolved alert. */
export interface AlertResolution extends AlertStart {
  readonly endsAt: Timestamp
  /**
   * Its beginning may still be in the spool, where nobody can see it. The end is then kept until that has been
   * replayed, and ends it at once. Default false.
   */
  readonly mayOvertake?: boolean
}

/**
 * What was last heard of the alert of a remediation, and of those that joined it. Times are of this service's clock,
 * except `endedAt`.
 */
export interface LastFiring {
  /** When a firing post of the alert was last received, also one that joined because it fired again. */
  readonly at: Timestamp
  /** Whether the alert was resolved after that post. */
  readonly resolved: boolean
  /** The `endsAt` of its last resolution, by the clock of the sender, if it is resolved. */
  readonly endedAt?: Timestamp
  /** When that resolution was received, if the journal says so. */
  readonly endHeardAt?: Timestamp
  /** When it began to fire again, if it has been resolved and has fired since the remediation began. */
  readonly againAt?: Timestamp
  /** When a firing post of another alert was last received that has joined and is not resolved. */
  readonly joinedAt?: Timestamp
  /** Whether one of those is more severe than the alert itself. */
  readonly graverJoined?: boolean
}

/**
 * - `accepted`: a new remediation, in state `Received`.
 * - `joined`: a new remediation that ended at once as `Joined`, because its target already has an open one.
 * - `observed`: a new remediation that ended at once as `Observed`, because `NewAlert.observed` gives a reason.
 * - `duplicate`: the alert fires already, and `remediationId` handles or has handled it. `sqlite/Episode` says when.
 */
export interface AcceptResult {
  readonly status: "accepted" | "joined" | "observed" | "duplicate"
  readonly remediationId: RemediationId
  readonly target: TargetKey
}

/**
 * `remediationId` is absent when the alert has no remediation. `open` is true when the remediation, or the one that it
 * joined, has not ended; `target` then names the actor to notify.
 */
export interface ResolveResult {
  readonly remediationId?: RemediationId
  readonly target?: TargetKey
  readonly open: boolean
}

/** Who asks for a rollback, and why. */
export interface RollbackAsk {
  /** The authenticated principal, or `anonymous`. */
  readonly by: string
  readonly reason?: string
}

/** The right to write about a target, until the next claim of the same target. */
export interface Claim {
  readonly target: TargetKey
  readonly epoch: number
}

/**
 * Whether an action may still start, given what was started on its cluster meanwhile. It is asked in the transaction
 * that writes the intent, so that several processes together stay within the budgets.
 */
export interface Admission {
  readonly cluster: string
  /** The actions that count: as `ActionHistory.spentSince` returns them. */
  readonly since: Timestamp
  readonly limit: number
  /** Runs within the transaction, so it is a plain function. */
  readonly admits: (spent: ReadonlyArray<SpentAction>) => boolean
}

/** Returns the events with which an owner begins its work on the open remediation; an empty array changes nothing. */
export type Begin = (open: Remediation, claim: Claim) => ReadonlyArray<RemediationEvent>

/** A target with work to do, and the severity of the alert that is worked on. */
export interface OpenWork {
  readonly target: TargetKey
  readonly severity: Severity
  /** A person has answered it, and what they decided is not done yet. */
  readonly answered?: true
}

/** One line of a list of remediations. */
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

/** One page of a list, newest first. */
export interface RemediationPage {
  readonly items: ReadonlyArray<RemediationSummary>
  /** Pass as `cursor` to get the next page; absent on the last page. */
  readonly nextCursor?: string
}

/** A decision that awaits review. */
export interface PendingReview {
  readonly id: RemediationId
  readonly alertName: string
  readonly severity: string
  readonly target: Target
  readonly action: Action
  readonly risk: Risk
  readonly confidence: number
  readonly reasons: Decision["reasons"]
  readonly figures?: Figures
  readonly question?: number
  readonly since: Timestamp
  /** The end of the time for an answer: then the question times out. Absent in questions of earlier versions. */
  readonly expiresAt?: Timestamp
}

/** The journal and the current state of remediations. Provided by the layers of `Storage`. */
export class RemediationStore extends Context.Service<
  RemediationStore,
  {
    /**
     * Accepts all alerts in one transaction. Requests that arrive during a commit share the next one. A repeat of an
     * alert is not accepted, but `lastFiring` reports it.
     */
    readonly accept: (
      alerts: ReadonlyArray<NewAlert>,
      at: Timestamp
    ) => Effect.Effect<ReadonlyArray<AcceptResult>, StorageError>
    /** For each alert the remediation of which it is a repeat, if any. Admission checks it before it sheds an alert. */
    readonly known: (
      alerts: ReadonlyArray<AlertStart>
    ) => Effect.Effect<ReadonlyArray<RemediationId | undefined>, StorageError>
    /**
     * Records that alerts are resolved, and journals `AlertResolved` if their remediation is open, or has ended as
     * `Joined`, `Observed` or `Escalated`. The resolution of any replica ends the alert. One that is older than the
     * newest firing post does not. Needs no claim, so any process may call it.
     */
    readonly resolve: (
      alerts: ReadonlyArray<AlertResolution>,
      at: Timestamp
    ) => Effect.Effect<ReadonlyArray<ResolveResult>, StorageError>
    /**
     * Starts a new epoch of the target. Returns its open remediation, if any, after the events that `begin` returns;
     * they are journaled in the same commit. `begin` runs within the transaction, so it is a plain function, and it may
     * run again if the transaction is retried.
     */
    readonly claim: (
      target: TargetKey,
      begin?: Begin
    ) => Effect.Effect<{ readonly claim: Claim; readonly open: Option.Option<Remediation> }, StorageError>
    /**
     * Appends events to a remediation that the caller knows up to `self.sequence`, and returns its new state. Events
     * journaled by others in the meantime (`AlertResolved`, `Reviewed`) are applied before the new ones.
     *
     * Idempotent: after an error with `committed: "unknown"`, an append with the same `self` and the same events can be
     * retried. If the first attempt was committed, the retry writes nothing and returns the same result.
     */
    readonly append: (
      claim: Claim,
      self: Remediation,
      events: ReadonlyArray<RemediationEvent>,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | Fenced>
    /**
     * Appends events that begin an action. Returns nothing, and writes nothing, if its admission is refused. It is not
     * asked if nobody else has started an action since this process opened the database: what this process starts, it
     * knows.
     */
    readonly start: (
      claim: Claim,
      self: Remediation,
      events: ReadonlyArray<RemediationEvent>,
      at: Timestamp,
      admission: Admission
    ) => Effect.Effect<Option.Option<Remediation>, StorageError | Fenced>
    /** Whether the claim is still the newest. Checked just before each write to the cluster. */
    readonly holds: (claim: Claim) => Effect.Effect<boolean, StorageError>
    /**
     * Moves a remediation to its root owner: journals `Retargeted`, and `Joined` if that target already has an open
     * one. The remediation then belongs to the actor of the new target.
     */
    readonly retarget: (
      claim: Claim,
      self: Remediation,
      target: Target,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | Fenced>
    /** Records a person's review. Needs no claim; the actor of the target reads the review from the journal. */
    readonly review: (
      id: RemediationId,
      answer: ReviewAnswer,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | NotAwaiting>
    /**
     * Journals that a person wants the latest action of a remediation undone. Needs no claim. A remediation that has
     * ended is open again, so it is refused while another one is open for the same target.
     */
    readonly requestRollback: (
      id: RemediationId,
      request: RollbackAsk,
      at: Timestamp
    ) => Effect.Effect<Remediation, StorageError | NotRollbackable>
    /**
     * Journals `ReviewTimedOut` for the questions whose time for an answer ended at `at` or before, and for those
     * without such a time that were asked at `askedBefore` or before. Needs no claim. Returns the remediations after
     * it.
     */
    readonly timeOutReviews: (
      at: Timestamp,
      askedBefore?: Timestamp
    ) => Effect.Effect<ReadonlyArray<Remediation>, StorageError>
    /** Decisions that await review, oldest first. */
    readonly reviews: (limit: number) => Effect.Effect<ReadonlyArray<PendingReview>, StorageError>
    readonly get: (id: RemediationId) => Effect.Effect<Option.Option<Remediation>, StorageError>
    /** The entries of a journal that can be read. `Remediation.unreadable` lists the others. */
    readonly journal: (id: RemediationId) => Effect.Effect<ReadonlyArray<JournalEntry>, StorageError>
    /** Newest first, by id: ids sort by creation time. */
    readonly list: (query: {
      readonly state?: RemediationState
      readonly limit: number
      readonly cursor?: string
    }) => Effect.Effect<RemediationPage, StorageError>
    /**
     * Targets with work to do, by the severity of their alert and then oldest first. A process resumes them at start,
     * and every sweep reads them. A remediation that awaits review is not included until it is reviewed or its alert
     * resolves.
     */
    readonly openWork: Effect.Effect<ReadonlyArray<OpenWork>, StorageError>
    /** The targets of `openWork`. */
    readonly openTargets: Effect.Effect<ReadonlyArray<TargetKey>, StorageError>
    /** The number of open remediations, for admission. Kept in memory, so it is cheap to read for every request. */
    readonly backlog: Effect.Effect<number>
    /** When the alert of a remediation was last received as firing. Durable: it survives a restart. */
    readonly lastFiring: (id: RemediationId) => Effect.Effect<Option.Option<LastFiring>, StorageError>
    /**
     * When the alert of a remediation fired in the day before it, and when others of its namespace and of the cluster
     * did that began before it, newest first. Others are looked for among the `limit` newest remediations.
     */
    readonly earlierFirings: (id: RemediationId, limit: number) => Effect.Effect<EarlierFirings, StorageError>
    /** Where the archive has a remediation. Nothing for one that was never archived. */
    readonly archivedIn: (id: RemediationId) => Effect.Effect<Option.Option<InArchive>, StorageError>
    /** Unresolved alerts that joined a remediation as evidence. */
    readonly joinedAlerts: (id: RemediationId, limit: number) => Effect.Effect<ReadonlyArray<Alert>, StorageError>
  }
>()("kubernaut/storage/RemediationStore") {}
