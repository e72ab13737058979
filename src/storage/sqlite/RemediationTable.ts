/**
 * The current state of remediations in SQLite: the writes of intake (`AlertWrites`), of the owner of a target
 * (`OwnerWrites`) and of reviewers, over one set of tables.
 *
 * Functions that write must be called within a transaction. Those that may be refused return a `Result`; a failure
 * means that nothing was written.
 */

import type { DatabaseSync } from "node:sqlite"
import { Result } from "effect"
import type { Remediation, RemediationEvent, RemediationId } from "../../domain/Remediation.ts"
import type { ReviewAnswer } from "../../domain/Review.ts"
import type { Target, TargetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import {
  type AcceptResult,
  type Admission,
  type AlertResolution,
  type AlertStart,
  type Begin,
  type Claim,
  type Fenced,
  type NewAlert,
  NotAwaiting,
  type NotRollbackable,
  type ResolveResult,
  type RollbackAsk
} from "../RemediationStore.ts"
import * as AlertWrites from "./AlertWrites.ts"
import * as EarlyEnds from "./EarlyEnds.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"
import { continueWith } from "./Handover.ts"
import type { JournalTable } from "./JournalTable.ts"
import * as OwnerWrites from "./OwnerWrites.ts"
import * as RemediationRows from "./RemediationRows.ts"
import { requestRollback } from "./RollbackWrites.ts"
import type { KeptInMemory } from "./SqliteTransactions.ts"

export interface RemediationTableOptions {
  /** The name of the process that claims targets. Operators see it in the table `targets`. Default `local`. */
  readonly owner?: string
  /**
   * How long after the end of a `Remediated` remediation a recurrence of the same alert refutes the fix, in
   * milliseconds. The last action is then marked `not-fixed`. An alert that still fires after that time, and has not
   * been resolved, refutes it as well. Default 10 minutes: longer than the 5 minutes for which Alertmanager by default
   * treats a silent alert as firing, and short enough that a new incident is not blamed on this action.
   */
  readonly cameBackWithinMs?: number
}

export interface RemediationTable extends KeptInMemory {
  readonly accept: (alert: NewAlert, at: Timestamp) => AcceptResult
  readonly resolve: (resolution: AlertResolution, at: Timestamp) => ResolveResult
  /** Accepts an alert that was received at `at`, and ends it at once if its end has overtaken it. */
  readonly acceptLate: (alert: NewAlert, at: Timestamp) => AcceptResult
  /** Every alert that was received before now has been accepted. */
  readonly noneIsLate: () => void
  readonly claim: (
    target: TargetKey,
    at: Timestamp,
    begin?: Begin
  ) => { readonly claim: Claim; readonly open: Remediation | undefined }
  readonly append: (
    claim: Claim,
    self: Remediation,
    events: ReadonlyArray<RemediationEvent>,
    at: Timestamp
  ) => Result.Result<Remediation, Fenced>
  /** As `append`. Returns nothing, and writes nothing, if the admission is refused. */
  readonly start: (
    claim: Claim,
    self: Remediation,
    events: ReadonlyArray<RemediationEvent>,
    at: Timestamp,
    admission: Admission
  ) => Result.Result<Remediation | undefined, Fenced>
  readonly retarget: (
    claim: Claim,
    self: Remediation,
    target: Target,
    at: Timestamp
  ) => Result.Result<Remediation, Fenced>
  /** Ends a question that nobody answered; `undefined` if it is not asked any more. */
  readonly timeOut: (id: RemediationId, at: Timestamp) => Remediation | undefined
  readonly review: (id: RemediationId, answer: ReviewAnswer, at: Timestamp) => Result.Result<Remediation, NotAwaiting>
  readonly requestRollback: (
    id: RemediationId,
    ask: RollbackAsk,
    at: Timestamp
  ) => Result.Result<Remediation, NotRollbackable>
  /** Begins another remediation for the alert of one that has ended. Returns the ended one after that. */
  readonly takeUp: (id: RemediationId, at: Timestamp) => Remediation | undefined
  readonly holds: (claim: Claim) => boolean
  /** The remediation of which a firing post of this alert is a repeat. */
  readonly find: (alert: AlertStart, at: Timestamp) => RemediationId | undefined
  readonly get: (id: RemediationId) => Remediation | undefined
  readonly backlog: () => number
}

type Refusal = Pick<NotAwaiting, "why" | "asks" | "by" | "at">

/** Why the answer does not count. A rejection counts as long as the question is open: nothing is done by it. */
const whyRefused = (self: Remediation, { answer, question = 1 }: ReviewAnswer, at: Timestamp): Refusal | undefined => {
  if (self.state !== "AwaitingReview") return whyClosed(self)
  if (answer === "rejected") return undefined
  const { alertResolvedAt, answerBy, questions } = self
  if (alertResolvedAt !== undefined) return { why: "alert-resolved", at: alertResolvedAt }
  // The sweep has not seen it yet.
  if (answerBy !== undefined && answerBy <= at) return { why: "timed-out", at: answerBy }
  // A second click, a request that is sent again, or a slow reader: the person has not seen what the remediation asks
  // now. An answer without a number is to the first question.
  return question === questions ? undefined : { why: "older-question", asks: questions }
}

/** Why there is no open question. */
const whyClosed = ({ alertResolvedAt, approval, questions, review, timedOut }: Remediation): Refusal => {
  if (timedOut !== undefined) return { why: "timed-out", at: timedOut.answerBy }
  const answered = review ?? approval
  if (answered !== undefined) return { why: "already-reviewed", by: answered.by, at: answered.at }
  return questions > 0 && alertResolvedAt !== undefined
    ? { why: "alert-resolved", at: alertResolvedAt }
    : { why: "not-asked" }
}

const timeOut = (tables: Tables, id: RemediationId, at: Timestamp): Remediation | undefined => {
  const row = tables.rows.byId(id)
  if (row === undefined || row.state !== "AwaitingReview") return undefined
  const self = load(tables, row)
  const timeout = { question: self.questions, answerBy: self.answerBy ?? at }
  return writeEvents(tables, self, [{ _tag: "ReviewTimedOut", timeout }], at, row.target_key)
}

const review = (
  tables: Tables,
  id: RemediationId,
  answer: ReviewAnswer,
  at: Timestamp
): Result.Result<Remediation, NotAwaiting> => {
  const row = tables.rows.byId(id)
  if (row === undefined) return Result.fail(new NotAwaiting({ remediationId: id, why: "not-found" }))
  const self = load(tables, row)
  const refusal = whyRefused(self, answer, at)
  if (refusal !== undefined) return Result.fail(new NotAwaiting({ remediationId: id, state: row.state, ...refusal }))
  return Result.succeed(writeEvents(tables, self, [{ _tag: "Reviewed", review: answer }], at, row.target_key))
}

export const make = (
  database: DatabaseSync,
  journal: JournalTable,
  options: RemediationTableOptions = {}
): RemediationTable => {
  const { cameBackWithinMs = 600_000, owner = "local" } = options
  const rows = RemediationRows.make(database)
  const tables: Tables = { rows, journal }
  const earlyEnds = EarlyEnds.make(database)
  return {
    accept: (alert, at) => AlertWrites.accept(tables, alert, at, cameBackWithinMs),
    resolve: (resolution, at) => {
      if (resolution.mayOvertake === true) earlyEnds.remember(resolution, at)
      return AlertWrites.resolve(tables, resolution, at)
    },
    acceptLate: (incoming, at) => {
      const accepted = AlertWrites.accept(tables, incoming, at, cameBackWithinMs)
      const { alert, target } = incoming
      const end = earlyEnds.of({ cluster: target.cluster, ...alert }, at)
      if (end !== undefined && accepted.status !== "duplicate") AlertWrites.endLate(tables, end)
      return accepted
    },
    noneIsLate: earlyEnds.forget,
    find: (alert, at) => AlertWrites.find(tables, alert, at, cameBackWithinMs),
    claim: (target, at, begin) => OwnerWrites.claim(tables, target, owner, at, begin),
    append: (claim, self, events, at) => OwnerWrites.append(tables, { claim, self, events, at }),
    start: (claim, self, events, at, admission) => OwnerWrites.start(tables, { claim, self, events, at }, admission),
    retarget: (claim, self, target, at) => OwnerWrites.retarget(tables, claim, self, target, at, cameBackWithinMs),
    holds: (claim) => OwnerWrites.holds(tables, claim),
    timeOut: (id, at) => timeOut(tables, id, at),
    review: (id, answer, at) => review(tables, id, answer, at),
    takeUp: (id, at) => {
      const row = rows.byId(id)
      if (row === undefined || row.open === 1) return undefined
      return continueWith(tables, load(tables, row), row, at, { target: row.target_key, because: "level" })
    },
    requestRollback: (id, ask, at) => requestRollback(tables, id, ask, at),
    get: (id) => {
      const row = rows.byId(id)
      return row && load(tables, row)
    },
    backlog: rows.openCount,
    checkpoint: rows.checkpoint,
    reload: rows.reload
  }
}
