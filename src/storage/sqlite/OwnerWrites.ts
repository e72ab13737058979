/**
 * The writes of the activation that owns a target: it claims the target, then appends and retargets under its epoch. A
 * write that is refused returns a failure and has written nothing.
 *
 * Functions that write must be called within a transaction.
 */

import { Result } from "effect"
import type { Remediation, RemediationEvent } from "../../domain/Remediation.ts"
import { type Target, type TargetKey, targetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { type Admission, type Begin, type Claim, Fenced } from "../RemediationStore.ts"
import { StorageError } from "../StorageError.ts"
import { refute } from "./AlertWrites.ts"
import { load, type Tables, writeEvents } from "./EventWriter.ts"
import { handOver } from "./Handover.ts"
import { advance, eventOf, type StoredEntry } from "./JournalTable.ts"
import type { CurrentRow } from "./RemediationRows.ts"

/** Events that need no claim, and so may lie between the state an actor knows and the events it appends. */
const needsNoClaim = (event: RemediationEvent): boolean => {
  switch (event._tag) {
    case "AlertResolved":
    case "Reviewed":
    case "ReviewTimedOut":
      return true
    case "RollbackRequested":
      return event.request.trigger === "operator"
    default:
      return false
  }
}

/**
 * The position of an append that is based on the state of the remediation at `self.sequence`:
 *
 * - `ready`: only events that need no claim were written since; `now` includes them.
 * - `done`: an earlier attempt of the same append wrote exactly these events; `now` is the state they led to.
 * - `overtaken`: the owner of the target has written something else since.
 */
const positionOf = (
  self: Remediation,
  since: ReadonlyArray<StoredEntry>,
  isRepeat: () => boolean
): { readonly is: "ready" | "done" | "overtaken"; readonly now: Remediation } => {
  const now = since.reduce(advance, self)
  const isReady = since.every(({ event }) => event !== undefined && needsNoClaim(event))
  return { is: isReady ? "ready" : isRepeat() ? "done" : "overtaken", now }
}

const refuse = (operation: string, { id }: Remediation, detail: string): StorageError =>
  new StorageError({
    reason: "failed",
    operation,
    retryable: false,
    committed: "no",
    detail: `remediation ${id} ${detail}`
  })

/** Whether `events` are the owner's first events after `self.sequence`. Compares text, because decoding sorts keys. */
const wasWritten = ({ journal }: Tables, self: Remediation, events: ReadonlyArray<RemediationEvent>): boolean => {
  const written = journal.texts(self.id, self.sequence).filter(({ data }) => {
    const event = eventOf(data)
    return event === undefined || !needsNoClaim(event)
  })
  return events.every((event, index) => written[index]?.data === JSON.stringify(event))
}

export const holds = ({ rows }: Tables, claim: Claim): boolean => rows.epochOf(claim.target) === claim.epoch

/** Checks the fence and the position of a write, then calls `proceed` with the current state. */
const asOwner = <A>(
  tables: Tables,
  operation: string,
  claim: Claim,
  self: Remediation,
  events: ReadonlyArray<RemediationEvent>,
  proceed: (now: Remediation, row: CurrentRow) => A
): Result.Result<Remediation | A, Fenced> => {
  const fenced = () => Result.fail(new Fenced({ target: claim.target, epoch: claim.epoch }))
  const row = tables.rows.fenced(claim.target, self.id)
  if (row === undefined ? !holds(tables, claim) : row.epoch !== claim.epoch) return fenced()
  if (row === undefined || row.sequence < self.sequence)
    throw refuse(operation, self, `has no entry ${self.sequence - 1}`)
  const since = row.sequence === self.sequence ? [] : tables.journal.entries(self.id, self.sequence)
  const { is, now } = positionOf(self, since, () => wasWritten(tables, self, events))
  if (is === "done") return Result.succeed(now)
  if (is === "overtaken" || row.target_key !== claim.target) return fenced()
  if (row.open === 0) throw refuse(operation, self, `has ended as ${row.state}`)
  return Result.succeed(proceed(now, row))
}

export const claim = (
  tables: Tables,
  target: TargetKey,
  owner: string,
  at: Timestamp,
  begin?: Begin
): { readonly claim: Claim; readonly open: Remediation | undefined } => {
  const epoch = tables.rows.claim(target, owner, at)
  const claim = { target, epoch }
  const row = tables.rows.openOf(target)
  const open = row && load(tables, row)
  const events = open === undefined ? [] : (begin?.(open, claim) ?? [])
  return { claim, open: open && events.length > 0 ? writeEvents(tables, open, events, at, target, epoch) : open }
}

/** What the owner writes, with the state of the remediation that it knows. */
interface Addition {
  readonly claim: Claim
  readonly self: Remediation
  readonly events: ReadonlyArray<RemediationEvent>
  readonly at: Timestamp
}

const add = (tables: Tables, { at, claim, events, self }: Addition, now: Remediation): Remediation => {
  if (events.length === 0) return now
  const after = writeEvents(tables, now, stillValid(self, now, events), at, claim.target, claim.epoch)
  return handOver(tables, after, at, claim)
}

export const append = (tables: Tables, addition: Addition): Result.Result<Remediation, Fenced> =>
  asOwner(tables, "append", addition.claim, addition.self, addition.events, (now) => add(tables, addition, now))

export const start = (
  tables: Tables,
  addition: Addition,
  admission: Admission
): Result.Result<Remediation | undefined, Fenced> =>
  asOwner(tables, "append", addition.claim, addition.self, addition.events, (now) =>
    tables.journal.started.mayStart(admission) ? add(tables, addition, now) : undefined
  )

/** The owner drew its conclusion without knowing of a rollback that a person has asked for since. */
const stillValid = (
  self: Remediation,
  now: Remediation,
  events: ReadonlyArray<RemediationEvent>
): ReadonlyArray<RemediationEvent> =>
  now.rollback === self.rollback
    ? events
    : events.filter(({ _tag }) => _tag !== "Concluded" && _tag !== "RollbackRequested")

export const retarget = (
  tables: Tables,
  claim: Claim,
  self: Remediation,
  target: Target,
  at: Timestamp,
  cameBackWithinMs: number
): Result.Result<Remediation, Fenced> => {
  const retargeted: RemediationEvent = { _tag: "Retargeted", target }
  return asOwner(tables, "retarget", claim, self, [retargeted], (now, row) => {
    const key = targetKey(target)
    const joins = key === claim.target ? undefined : tables.rows.openOf(key)
    const events: ReadonlyArray<RemediationEvent> =
      joins === undefined ? [retargeted] : [retargeted, { _tag: "Joined", joinedTo: joins.id }]
    // The row ends as `Joined` before it moves: the database refuses two open remediations on one target.
    const next = writeEvents(tables, now, events, at, key, claim.epoch)
    tables.rows.move(self.id, target)
    if (joins !== undefined) tables.rows.raise(joins, row.urgency)
    if (joins === undefined && key !== claim.target) refute(tables, next, undefined, at, cameBackWithinMs)
    return next
  })
}
