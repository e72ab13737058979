/**
 * The journal in SQLite. Writing an event also writes its audit line and the rows derived from it: action history and
 * reviews.
 *
 * Recently used remediations are cached in memory, so that their journals need not be decoded at every step. A cached
 * remediation is valid only while its sequence equals that of the row. As the journal is append-only, equal sequences
 * mean equal content.
 */

import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import {
  type JournalEntry,
  type Remediation,
  RemediationEvent,
  type RemediationId,
  type RemediationState,
  begin,
  evolve,
  skip
} from "../../domain/Remediation.ts"
import { type TargetKey, targetKey } from "../../domain/Target.ts"
import type { Timestamp } from "../../domain/Timestamp.ts"
import { auditOf } from "../AuditChain.ts"
import { StorageError } from "../StorageError.ts"
import * as ActionRows from "./ActionRows.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { ActionChanges } from "./NewestRows.ts"
import { prepare } from "./Sqlite.ts"
import type { StartedActions } from "./StartedActions.ts"

interface EventRow {
  readonly sequence: number
  readonly kind: RemediationEvent["_tag"]
  readonly at: string
  readonly data: string
}

type Accepted = Extract<RemediationEvent, { _tag: "Accepted" }>

/** An entry of the journal, or the place of one that cannot be read. */
export type StoredEntry = JournalEntry | { readonly sequence: number; readonly at: Timestamp; readonly event?: never }

/** The columns of a row that a remediation is loaded by. */
export interface LoadedRow {
  readonly id: RemediationId
  readonly sequence: number
  readonly state: RemediationState
}

export interface JournalTable {
  /**
   * Writes the event that led to `next`, at position `next.sequence - 1`. `key` is the key of its target. `epoch` is
   * absent for events that need no claim.
   */
  readonly write: (next: Remediation, event: RemediationEvent, at: Timestamp, key: TargetKey, epoch?: number) => void
  /** Entries from position `from` on. */
  readonly entries: (id: RemediationId, from: number) => ReadonlyArray<StoredEntry>
  /** The same entries as the text that was written. */
  readonly texts: (
    id: RemediationId,
    from: number
  ) => ReadonlyArray<{ readonly kind: RemediationEvent["_tag"]; readonly data: string }>
  /**
   * The remediation of a row. Entries that cannot be read are skipped and listed as `unreadable`; if that is the first
   * one, `accepted` stands in for it.
   */
  readonly load: (row: LoadedRow, accepted: () => Accepted) => Remediation
  /** Marks the last action of a remediation as `not-fixed`, because the alert of `by` came back. */
  readonly cameBack: (previous: Remediation, by: RemediationId, at: Timestamp) => void
  /** The actions that this process and others start. */
  readonly started: StartedActions
  /** Clears the cache. */
  readonly forget: () => void
}

/** Half the size of the cache. A remediation takes at most 10 KB. Two generations cover about two seconds of full load. */
const generationSize = 2048

const decodeEvent = Schema.decodeUnknownOption(Schema.fromJsonString(RemediationEvent))
const isEvent = Schema.is(RemediationEvent)

/** An event that could not be read again. Written, it would hide the remediation for good. */
const invalid = (id: RemediationId, { _tag }: RemediationEvent): StorageError =>
  new StorageError({
    reason: "invalid",
    operation: "journal",
    retryable: false,
    committed: "no",
    detail: `event ${_tag} of remediation ${id} does not match its schema`
  })

/** A missing journal entry. */
const corrupt = (id: RemediationId, sequence: number): StorageError =>
  new StorageError({
    reason: "corrupt",
    operation: "journal",
    retryable: false,
    committed: "no",
    detail: `remediation ${id}, sequence ${sequence}`
  })

/** Decodes the text of an event; `undefined` if it cannot be read. */
export const eventOf = (data: string): RemediationEvent | undefined => Option.getOrUndefined(decodeEvent(data))

/** The remediation after one more entry. */
export const advance = (self: Remediation, { at, event }: StoredEntry): Remediation =>
  event === undefined ? skip(self, at) : evolve(self, event, at)

const isAccepted = (event: RemediationEvent | undefined): event is Accepted => event?._tag === "Accepted"

/** A cache of the latest remediations, in two generations: the older is dropped when the younger is full. */
const makeRecent = () => {
  let young = new Map<RemediationId, Remediation>()
  let old = new Map<RemediationId, Remediation>()
  return {
    get: (id: RemediationId): Remediation | undefined => young.get(id) ?? old.get(id),
    put: (remediation: Remediation): void => {
      young.set(remediation.id, remediation)
      if (young.size < generationSize) return
      old = young
      young = new Map()
    },
    clear: (): void => {
      young = new Map()
      old = new Map()
    }
  }
}

export const make = (database: DatabaseSync, audit: AuditTable, changes: ActionChanges): JournalTable => {
  const insert = prepare<never, [string, number, number | null, string, string, string]>(
    database,
    "insert into remediation_events (remediation_id, sequence, epoch, kind, at, data) values (?, ?, ?, ?, ?, ?)"
  )
  const from = prepare<EventRow, [string, number]>(
    database,
    "select sequence, kind, at, data from remediation_events where remediation_id = ? and sequence >= ? order by sequence"
  )
  const recent = makeRecent()
  const derive = makeDerived(database, changes)

  const entries = (id: RemediationId, first: number): ReadonlyArray<StoredEntry> =>
    from.all(id, first).map((row, index) => {
      if (row.sequence !== first + index) throw corrupt(id, first + index)
      const event = eventOf(row.data)
      return { sequence: row.sequence, at: row.at, ...(event === undefined ? {} : { event }) }
    })

  const replayed = (row: LoadedRow, accepted: () => Accepted): Remediation => {
    const [first, ...rest] = entries(row.id, 0)
    if (first === undefined) throw corrupt(row.id, 0)
    const begun = isAccepted(first.event)
      ? begin(row.id, first.event, first.at)
      : { ...begin(row.id, accepted(), first.at), unreadable: [0] }
    const remediation = rest.reduce(advance, begun)
    if (remediation.sequence !== row.sequence) throw corrupt(row.id, remediation.sequence)
    // The entry that led to the state may be the one that cannot be read.
    return remediation.unreadable === undefined ? remediation : { ...remediation, state: row.state }
  }

  return {
    write: (next, event, at, key, epoch) => {
      if (!isEvent(event)) throw invalid(next.id, event)
      insert.run(next.id, next.sequence - 1, epoch ?? null, event._tag, at, JSON.stringify(event))
      audit.append(auditOf(event, key), next.id, at)
      derive.follow(next, event, at, key)
      recent.put(next)
    },
    entries,
    texts: from.all,
    load: (row, accepted) => {
      const kept = recent.get(row.id)
      if (kept?.sequence === row.sequence) return kept
      const remediation = replayed(row, accepted)
      recent.put(remediation)
      return remediation
    },
    cameBack: (previous, by, at) => {
      const last = previous.executions.at(-1)
      if (last === undefined || derive.refute(last.intent.executionId) === 0) return
      const data = { target: targetKey(previous.target), executionId: last.intent.executionId, by }
      audit.append({ actor: "kubernaut", kind: "action.came-back", data }, previous.id, at)
    },
    started: derive.started,
    forget: recent.clear
  }
}

/** The rows derived from events: action history and reviews. */
const makeDerived = (database: DatabaseSync, changes: ActionChanges) => {
  const actions = ActionRows.make(database, changes)
  const opened = prepare<never, [string, string, string, string | null]>(
    database,
    `insert into reviews (remediation_id, since, data, answer_by) values (?, ?, ?, ?)
     on conflict (remediation_id) do update set since = excluded.since, data = excluded.data,
       answer_by = excluded.answer_by, closed_at = null, timed_out = 0`
  )
  const closed = prepare<never, [string, number, string]>(
    database,
    "update reviews set closed_at = ?, timed_out = ? where remediation_id = ? and closed_at is null"
  )

  const follow = (next: Remediation, event: RemediationEvent, at: Timestamp, key: TargetKey): void => {
    switch (event._tag) {
      case "Intended":
        actions.intended(next, event.intent, at, key)
        return
      case "Executed":
        actions.executed(event.outcome, at)
        return
      case "Verified": {
        const last = next.executions.at(-1)
        if (last !== undefined) actions.verified(last.intent.executionId, event.verification, at)
        return
      }
      case "RollbackVerified":
        if (event.verification.restored === "yes" && next.rollback !== undefined)
          actions.undone(next.rollback.undoes, at)
        return
      case "Decided":
        if (event.decision.outcome === "review")
          opened.run(next.id, at, JSON.stringify(event.decision), event.answerBy ?? null)
        return
      case "Reviewed":
      case "Joined":
      case "Concluded":
        if (next.decision?.outcome === "review") closed.run(at, 0, next.id)
        return
      case "ReviewTimedOut":
        closed.run(at, 1, next.id)
        return
    }
  }

  return { follow, refute: actions.refute, started: actions.started }
}
