/**
 * The current row of each remediation in SQLite, and how rows and journal change together.
 *
 * Every function here that writes is to be called within a transaction. Those that may be refused answer a `Result`,
 * and have written nothing where it is a failure.
 */

import type { DatabaseSync } from "node:sqlite"
import { Result } from "effect"
import {
  begin,
  evolve,
  isFinal,
  type JournalEntry,
  type Remediation,
  type RemediationEvent,
  type RemediationId,
  type RemediationState
} from "../../domain/Remediation.ts"
import type { ReviewAnswer } from "../../domain/Review.ts"
import { type Target, type TargetKey, targetKey } from "../../domain/Target.ts"
import { type Timestamp, toMillis } from "../../domain/Timestamp.ts"
import {
  type AcceptResult,
  type AlertResolution,
  type Begin,
  type Claim,
  Fenced,
  type NewAlert,
  NotAwaiting,
  type ResolveResult
} from "../RemediationStore.ts"
import { StorageError } from "../StorageError.ts"
import type { JournalTable } from "./JournalTable.ts"
import { prepare } from "./Sqlite.ts"

export interface RemediationTableOptions {
  /** Who claims targets; shown to operators only. Default `local`. */
  readonly owner?: string
  /**
   * An alert that starts again within this time after its remediation ended as `Remediated` refutes that: the last
   * action is marked `not-fixed`. In milliseconds. Default 10 minutes: longer than the 5 minutes for which Alertmanager
   * by default still considers a silent alert as firing, and short enough that the next incident of the week is not
   * blamed on this action.
   */
  readonly cameBackWithinMs?: number
}

/** What the operations need to know of a row. */
export interface CurrentRow {
  readonly id: RemediationId
  readonly starts_at: Timestamp
  readonly target_key: TargetKey
  readonly alert_name: string
  readonly state: RemediationState
  readonly open: number
  readonly joined_to: RemediationId | null
  readonly resolved: number
  readonly updated_at: Timestamp
  readonly sequence: number
}

const current = "id, starts_at, target_key, alert_name, state, open, joined_to, resolved, updated_at, sequence"

const makeStatements = (database: DatabaseSync) => ({
  /** The newest alert of a fingerprint that started then or earlier. */
  byAlert: prepare<CurrentRow, [string, Timestamp]>(
    database,
    `select ${current} from remediations where fingerprint = ? and starts_at <= ? order by starts_at desc limit 1`
  ),
  byId: prepare<CurrentRow, [string]>(database, `select ${current} from remediations where id = ?`),
  /** A remediation beside the newest epoch of a target. */
  fenced: prepare<CurrentRow & { readonly epoch: number | null }, [TargetKey, string]>(
    database,
    `select ${current}, (select epoch from targets where key = ?) as epoch from remediations where id = ?`
  ),
  openOf: prepare<CurrentRow, [TargetKey]>(
    database,
    `select ${current} from remediations where target_key = ? and open = 1`
  ),
  countOpen: prepare<{ readonly count: number }>(database, "select count(*) as count from remediations where open = 1"),
  /** The remediation that acted last on a target. */
  lastActor: prepare<CurrentRow, [TargetKey]>(
    database,
    `select ${current} from remediations where id =
       (select remediation_id from action_history where target_key = ? order by at desc limit 1)`
  ),
  insert: prepare<
    never,
    [
      string,
      string,
      Timestamp,
      TargetKey,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      number,
      string | null,
      Timestamp,
      Timestamp,
      number
    ]
  >(
    database,
    `insert into remediations (id, fingerprint, starts_at, target_key, cluster, namespace, kind, name, alert_name, severity, state, open,
       joined_to, received_at, updated_at, sequence, resolved)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`
  ),
  // Three updates instead of one, because naming an indexed column in an update rewrites its index.
  touch: prepare<never, [Timestamp, number, number, string]>(
    database,
    "update remediations set updated_at = ?, sequence = ?, resolved = ? where id = ?"
  ),
  enter: prepare<never, [RemediationState, Timestamp, number, number, string]>(
    database,
    "update remediations set state = ?, updated_at = ?, sequence = ?, resolved = ? where id = ?"
  ),
  end: prepare<never, [RemediationState, Timestamp, number, number, string | null, string]>(
    database,
    "update remediations set state = ?, updated_at = ?, sequence = ?, resolved = ?, joined_to = ?, open = 0 where id = ?"
  ),
  move: prepare<never, [TargetKey, string, string, string, string, string]>(
    database,
    "update remediations set target_key = ?, cluster = ?, namespace = ?, kind = ?, name = ? where id = ?"
  ),
  epochOf: prepare<{ readonly epoch: number }, [TargetKey]>(database, "select epoch from targets where key = ?"),
  claim: prepare<{ readonly epoch: number }, [TargetKey, string, Timestamp]>(
    database,
    `insert into targets (key, epoch, owner, claimed_at) values (?, 1, ?, ?)
     on conflict (key) do update set epoch = targets.epoch + 1, owner = excluded.owner, claimed_at = excluded.claimed_at
     returning epoch`
  )
})

export interface RemediationTable {
  readonly accept: (alert: NewAlert, at: Timestamp) => AcceptResult
  readonly resolve: (resolution: AlertResolution, at: Timestamp) => ResolveResult
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
  readonly retarget: (
    claim: Claim,
    self: Remediation,
    target: Target,
    at: Timestamp
  ) => Result.Result<Remediation, Fenced>
  readonly review: (id: RemediationId, review: ReviewAnswer, at: Timestamp) => Result.Result<Remediation, NotAwaiting>
  readonly holds: (claim: Claim) => boolean
  /** The remediation of exactly this alert. */
  readonly find: (fingerprint: string, startsAt: Timestamp) => RemediationId | undefined
  readonly get: (id: RemediationId) => Remediation | undefined
  readonly backlog: () => number
  readonly checkpoint: () => () => void
  /** Reads again what is kept in memory. */
  readonly reload: () => void
}

const refuse = (operation: string, id: RemediationId, detail: string): StorageError =>
  new StorageError({
    reason: "failed",
    operation,
    retryable: false,
    committed: "no",
    detail: `remediation ${id} ${detail}`
  })

/** Events that reach the journal without a claim, and so may lie between what an actor knows and what it appends. */
const needsNoClaim = (entry: JournalEntry): boolean => isForeign(entry.event._tag)

const isForeign = (kind: RemediationEvent["_tag"]): boolean => kind === "AlertResolved" || kind === "Reviewed"

/**
 * Where a writer stands who knows a remediation up to `self.sequence`:
 *
 * - `ready`: nobody wrote anything but what needs no claim; `now` has that folded in.
 * - `done`: exactly these events were written already, by an earlier attempt of the same append; `now` is what they led
 *   to.
 * - `overtaken`: the owner of the target, which the caller believes to be, has written something else.
 */
const standing = (
  self: Remediation,
  since: ReadonlyArray<JournalEntry>,
  isRepeat: () => boolean
): { readonly is: "ready" | "done" | "overtaken"; readonly now: Remediation } => {
  const now = since.reduce((remediation, entry) => evolve(remediation, entry.event, entry.at), self)
  return { is: since.every(needsNoClaim) ? "ready" : isRepeat() ? "done" : "overtaken", now }
}

export const make = (
  database: DatabaseSync,
  journal: JournalTable,
  options: RemediationTableOptions = {}
): RemediationTable => {
  const { cameBackWithinMs = 600_000, owner = "local" } = options
  const sql = makeStatements(database)
  let openCount = sql.countOpen.get()?.count ?? 0

  /** Writes events in order, then the row as they leave it. */
  const journalAll = (
    self: Remediation,
    events: ReadonlyArray<RemediationEvent>,
    at: Timestamp,
    key: TargetKey,
    epoch?: number
  ): Remediation => {
    let next = self
    for (const event of events) {
      next = evolve(next, event, at)
      journal.write(next, event, at, key, epoch)
    }
    const resolved = next.alertResolvedAt === undefined ? 0 : 1
    if (next.state === self.state) sql.touch.run(at, next.sequence, resolved, next.id)
    else if (isFinal(next.state)) sql.end.run(next.state, at, next.sequence, resolved, next.joinedTo ?? null, next.id)
    else sql.enter.run(next.state, at, next.sequence, resolved, next.id)
    if (isFinal(next.state) && !isFinal(self.state)) openCount--
    return next
  }

  /** The remediation that a row's work went to: itself, or the one at the end of its joins. */
  const lead = (row: CurrentRow): CurrentRow => {
    let found = row
    while (found.state === "Joined" && found.joined_to !== null) {
      const next = sql.byId.get(found.joined_to)
      if (next === undefined) return found
      found = next
    }
    return found
  }

  /** Is this the fix that the new alert says was none? */
  const refuted = (row: CurrentRow, at: Timestamp): boolean =>
    row.state === "Remediated" && toMillis(at) - toMillis(row.updated_at) <= cameBackWithinMs

  /** The same alert again, by fingerprint, or the same rule about the same target by another pod. */
  const noteComeBack = (self: Remediation, key: TargetKey, before: CurrentRow | undefined, at: Timestamp): void => {
    const same = before === undefined ? undefined : lead(before)
    if (same !== undefined && refuted(same, at)) {
      journal.cameBack(journal.load(same.id, same.sequence), self.id, at)
      return
    }
    const actor = sql.lastActor.get(key)
    if (actor === undefined || actor.alert_name !== self.alert.name || !refuted(actor, at)) return
    // An alert that had begun before the fix is an echo of what was fixed.
    if (self.alert.startsAt > actor.updated_at) journal.cameBack(journal.load(actor.id, actor.sequence), self.id, at)
  }

  const accept = ({ alert, id, provisional, target }: NewAlert, at: Timestamp): AcceptResult => {
    const before = sql.byAlert.get(alert.fingerprint, alert.startsAt)
    if (before?.starts_at === alert.startsAt)
      return { status: "duplicate", remediationId: before.id, target: before.target_key }
    const key = targetKey(target)
    const joins = sql.openOf.get(key)
    const accepted: RemediationEvent = { _tag: "Accepted", alert, target, provisional }
    const received = begin(id, accepted, at)
    const joined: RemediationEvent | undefined = joins && { _tag: "Joined", joinedTo: joins.id }
    const self = joined === undefined ? received : evolve(received, joined, at)
    sql.insert.run(
      id,
      alert.fingerprint,
      alert.startsAt,
      key,
      target.cluster,
      target.namespace,
      target.kind,
      target.name,
      alert.name,
      alert.severity,
      self.state,
      isFinal(self.state) ? 0 : 1,
      self.joinedTo ?? null,
      at,
      at,
      self.sequence
    )
    journal.write(received, accepted, at, key)
    if (joined === undefined) openCount++
    else journal.write(self, joined, at, key)
    noteComeBack(self, key, before, at)
    return { status: joined === undefined ? "accepted" : "joined", remediationId: id, target: key }
  }

  const resolve = ({ endsAt, fingerprint, startsAt }: AlertResolution, at: Timestamp): ResolveResult => {
    const row = sql.byAlert.get(fingerprint, startsAt)
    if (row === undefined || row.starts_at !== startsAt) return { open: false }
    // One that joined is final, but its alert is evidence for as long as it is not resolved.
    if (row.resolved === 0 && (row.open === 1 || row.state === "Joined")) {
      journalAll(journal.load(row.id, row.sequence), [{ _tag: "AlertResolved", endsAt }], at, row.target_key)
    }
    const work = lead(row)
    return { remediationId: row.id, target: work.target_key, open: work.open === 1 }
  }

  const holds = (claim: Claim): boolean => sql.epochOf.get(claim.target)?.epoch === claim.epoch

  /**
   * Are these the first events that the owner wrote after what `self` knows? Compared as written: decoding sorts keys.
   */
  const wasWritten = (self: Remediation, events: ReadonlyArray<RemediationEvent>): boolean => {
    const written = journal.texts(self.id, self.sequence).filter((entry) => !isForeign(entry.kind))
    return events.every((event, index) => written[index]?.data === JSON.stringify(event))
  }

  /** What both writes of an owner have in common. `proceed` is called when it may write. */
  const asOwner = (
    operation: string,
    claim: Claim,
    self: Remediation,
    events: ReadonlyArray<RemediationEvent>,
    proceed: (now: Remediation) => Remediation
  ): Result.Result<Remediation, Fenced> => {
    const fenced = () => Result.fail(new Fenced({ target: claim.target, epoch: claim.epoch }))
    const row = sql.fenced.get(claim.target, self.id)
    if (row === undefined ? !holds(claim) : row.epoch !== claim.epoch) return fenced()
    if (row === undefined || row.sequence < self.sequence)
      throw refuse(operation, self.id, `has no entry ${self.sequence - 1}`)
    const since = row.sequence === self.sequence ? [] : journal.entries(self.id, self.sequence)
    const { is, now } = standing(self, since, () => wasWritten(self, events))
    if (is === "done") return Result.succeed(now)
    if (is === "overtaken" || row.target_key !== claim.target) return fenced()
    if (row.open === 0) throw refuse(operation, self.id, `has ended as ${row.state}`)
    return Result.succeed(proceed(now))
  }

  const append = (
    claim: Claim,
    self: Remediation,
    events: ReadonlyArray<RemediationEvent>,
    at: Timestamp
  ): Result.Result<Remediation, Fenced> =>
    asOwner("append", claim, self, events, (now) =>
      events.length === 0 ? now : journalAll(now, events, at, claim.target, claim.epoch)
    )

  const retarget = (
    claim: Claim,
    self: Remediation,
    target: Target,
    at: Timestamp
  ): Result.Result<Remediation, Fenced> => {
    const retargeted: RemediationEvent = { _tag: "Retargeted", target }
    return asOwner("retarget", claim, self, [retargeted], (now) => {
      const key = targetKey(target)
      const joins = key === claim.target ? undefined : sql.openOf.get(key)
      const events: Array<RemediationEvent> =
        joins === undefined ? [retargeted] : [retargeted, { _tag: "Joined", joinedTo: joins.id }]
      // Ended first where it joins, and moved then: two open ones on one target would be refused by the database.
      const next = journalAll(now, events, at, key, claim.epoch)
      sql.move.run(key, target.cluster, target.namespace, target.kind, target.name, self.id)
      if (joins === undefined && key !== claim.target) noteComeBack(next, key, undefined, at)
      return next
    })
  }

  const review = (id: RemediationId, answer: ReviewAnswer, at: Timestamp): Result.Result<Remediation, NotAwaiting> => {
    const row = sql.byId.get(id)
    if (row === undefined) return Result.fail(new NotAwaiting({ remediationId: id, answered: false }))
    const self = journal.load(id, row.sequence)
    if (self.state !== "AwaitingReview") {
      return Result.fail(new NotAwaiting({ remediationId: id, state: row.state, answered: self.review !== undefined }))
    }
    return Result.succeed(journalAll(self, [{ _tag: "Reviewed", review: answer }], at, row.target_key))
  }

  return {
    accept,
    resolve,
    append,
    retarget,
    review,
    claim: (target, at, begin) => {
      const epoch = sql.claim.get(target, owner, at)?.epoch
      if (epoch === undefined) throw new Error("an upsert with returning answers a row")
      const claim = { target, epoch }
      const row = sql.openOf.get(target)
      const open = row && journal.load(row.id, row.sequence)
      const events = open === undefined ? [] : (begin?.(open, claim) ?? [])
      return { claim, open: open && events.length > 0 ? journalAll(open, events, at, target, epoch) : open }
    },
    find: (fingerprint, startsAt) => {
      const row = sql.byAlert.get(fingerprint, startsAt)
      return row?.starts_at === startsAt ? row.id : undefined
    },
    holds,
    get: (id) => {
      const row = sql.byId.get(id)
      return row && journal.load(row.id, row.sequence)
    },
    backlog: () => openCount,
    checkpoint: () => {
      const before = openCount
      return () => {
        openCount = before
      }
    },
    reload: () => {
      openCount = sql.countOpen.get()?.count ?? 0
    }
  }
}
