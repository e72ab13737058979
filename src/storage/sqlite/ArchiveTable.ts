/**
 * The tables behind the archive: the checkpoint of every file, and the remediations that each holds.
 *
 * The database refuses to delete a journal or an audit line that no checkpoint covers.
 *
 * Functions that write must be called within a transaction.
 */

import { hash } from "node:crypto"
import type { DatabaseSync } from "node:sqlite"
import type { Timestamp } from "../../domain/Timestamp.ts"
import type { ArchiveKind, Checkpoint } from "../archive/Checkpoint.ts"
import { prepare } from "./Sqlite.ts"

interface CheckpointRow {
  readonly sequence: number
  readonly at: Timestamp
  readonly kind: ArchiveKind
  readonly file: string
  readonly sha256: string
  readonly records: number
  readonly audit_sequence: number | null
  readonly audit_hash: string | null
  readonly signature: string
}

/** What a file has of a remediation. */
export interface Archived {
  readonly id: string
  /** Of its line, without the line break. */
  readonly sha256: string
  /** The last event of its journal. */
  readonly through: number
  /** How it has ended. */
  readonly state: string
}

/** A finished remediation, and whether it is old enough. */
export interface Candidate {
  readonly id: string
  readonly received_at: Timestamp
  readonly old: number
}

export interface ArchiveTable {
  readonly checkpoints: () => ReadonlyArray<Checkpoint>
  readonly last: () => Checkpoint | undefined
  readonly add: (checkpoint: Checkpoint, remediations: ReadonlyArray<Archived>) => void
  /** Remediations after `id`, in the order of their creation. `old`: ended and last received before `cutoff`. */
  readonly candidates: (after: string, cutoff: Timestamp, limit: number) => ReadonlyArray<Candidate>
  /** How many of these remediations are still old enough. One that is received again, or changes, is recent. */
  readonly countOld: (ids: ReadonlyArray<string>, cutoff: Timestamp) => number
  /** Everything about a remediation, as its line in the file. Events stay text: a damaged one is archived as it is. */
  readonly read: (id: string) => { readonly line: string; readonly archived: Archived }
  /**
   * Deletes remediations of the newest file after `id`, at most `limit`. One that is not old any more, or of which the
   * file has not everything, stays. Returns the last id that it has looked at; `undefined`: there was none.
   */
  readonly deleteRemediations: (after: string, cutoff: Timestamp, limit: number) => string | undefined
  /** Deletes archived audit lines, at most `limit`. Returns how many it deleted. */
  readonly deleteAuditLines: (limit: number) => number
}

const checkpointOf = ({ audit_hash, audit_sequence, ...row }: CheckpointRow): Checkpoint => ({
  ...row,
  ...(audit_sequence === null || audit_hash === null ? {} : { through: { sequence: audit_sequence, hash: audit_hash } })
})

const columns = "sequence, at, kind, file, sha256, records, audit_sequence, audit_hash, signature"

// A remediation that others joined stays as long as one of them is recent.
const isOld = `open = 0 and updated_at < ? and coalesce(fired_at, received_at) < ? and not exists
  (select 1 from remediations as joined where joined.joined_to = remediations.id
     and (joined.updated_at >= ? or coalesce(joined.fired_at, joined.received_at) >= ?))`

const makeReads = (database: DatabaseSync) => ({
  all: prepare<CheckpointRow>(database, `select ${columns} from archives order by sequence`),
  last: prepare<CheckpointRow>(database, `select ${columns} from archives order by sequence desc limit 1`),
  candidates: prepare<Candidate, [Timestamp, Timestamp, Timestamp, Timestamp, string, number]>(
    database,
    `select id, received_at, ${isOld} as old from remediations where id > ? order by id limit ?`
  ),
  isOld: prepare<{ readonly old: number }, [Timestamp, Timestamp, Timestamp, Timestamp, string]>(
    database,
    `select ${isOld} as old from remediations where id = ?`
  ),
  remediation: prepare<Record<string, unknown> & { readonly state: string }, [string]>(
    database,
    "select * from remediations where id = ?"
  ),
  events: prepare<Record<string, unknown> & { readonly sequence: number }, [string]>(
    database,
    "select sequence, epoch, at, data from remediation_events where remediation_id = ? order by sequence"
  ),
  actions: prepare<Record<string, unknown>, [string]>(
    database,
    "select * from action_history where remediation_id = ? order by at"
  ),
  review: prepare<Record<string, unknown>, [string]>(database, "select * from reviews where remediation_id = ?"),
  // Only the newest file can have remediations that were not deleted before a crash. What an earlier one has of them is
  // not deleted any more: a later one has them again.
  left: prepare<{ readonly id: string; readonly sha256: string | null }, [string, number]>(
    database,
    `select id, sha256 from archived_remediations where archive =
       (select max(sequence) from archives where kind = 'remediations')
       and id > ? and exists (select 1 from remediations where remediations.id = archived_remediations.id)
     order by id limit ?`
  )
})

const makeWrites = (database: DatabaseSync) => ({
  checkpoint: prepare<never, [number, string, string, string, string, number, number | null, string | null, string]>(
    database,
    `insert into archives (${columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  archived: prepare<never, [string, number, number, string, string]>(
    database,
    "insert into archived_remediations (id, archive, through, sha256, state) values (?, ?, ?, ?, ?)"
  ),
  deletes: ["remediation_events", "action_history", "reviews"].map((table) =>
    prepare<never, [string]>(database, `delete from ${table} where remediation_id = ?`)
  ),
  remediation: prepare<never, [string]>(database, "delete from remediations where id = ?"),
  audit: prepare<never, [number]>(
    database,
    `delete from audit where sequence in (select sequence from audit
       where sequence <= (select coalesce(max(audit_sequence), 0) from archives) order by sequence limit ?)`
  )
})

/** `deleted` is called after actions were deleted. */
export const make = (database: DatabaseSync, deleted: () => void): ArchiveTable => {
  const reads = makeReads(database)
  const writes = makeWrites(database)
  const old = (id: string, cutoff: Timestamp): boolean => reads.isOld.get(cutoff, cutoff, cutoff, cutoff, id)?.old === 1
  const read: ArchiveTable["read"] = (id) => {
    const journal = reads.events.all(id)
    const remediation = reads.remediation.get(id)
    const line = JSON.stringify({
      remediation,
      journal,
      actions: reads.actions.all(id),
      review: reads.review.get(id) ?? null
    })
    const sha256 = hash("sha256", line)
    const archived = { id, sha256, through: journal.at(-1)?.sequence ?? 0, state: remediation?.state ?? "" }
    return { line, archived }
  }
  return {
    checkpoints: () => reads.all.all().map(checkpointOf),
    last: () => {
      const row = reads.last.get()
      return row && checkpointOf(row)
    },
    add: ({ at, file, kind, records, sequence, sha256, signature, through }, remediations) => {
      writes.checkpoint.run(
        sequence,
        at,
        kind,
        file,
        sha256,
        records,
        through?.sequence ?? null,
        through?.hash ?? null,
        signature
      )
      for (const { id, sha256, state, through } of remediations)
        writes.archived.run(id, sequence, through, sha256, state)
    },
    candidates: (after, cutoff, limit) => reads.candidates.all(cutoff, cutoff, cutoff, cutoff, after, limit),
    countOld: (ids, cutoff) => ids.filter((id) => old(id, cutoff)).length,
    read,
    deleteRemediations: (after, cutoff, limit) => {
      const left = reads.left.all(after, limit)
      for (const { id, sha256 } of left) {
        if (!old(id, cutoff) || read(id).archived.sha256 !== sha256) continue
        for (const statement of writes.deletes) statement.run(id)
        writes.remediation.run(id)
      }
      deleted()
      return left.at(-1)?.id
    },
    deleteAuditLines: (limit) => writes.audit.run(limit)
  }
}
