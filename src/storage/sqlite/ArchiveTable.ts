/**
 * The tables behind the archive: the checkpoint of every file, and the remediations that each holds.
 *
 * The database refuses to delete a journal or an audit line that no checkpoint covers.
 *
 * Functions that write must be called within a transaction.
 */

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

/** A finished remediation, and whether it is old enough. */
export interface Candidate {
  readonly id: string
  readonly received_at: Timestamp
  readonly old: number
}

export interface ArchiveTable {
  readonly checkpoints: () => ReadonlyArray<Checkpoint>
  readonly last: () => Checkpoint | undefined
  readonly add: (checkpoint: Checkpoint, remediations: ReadonlyArray<string>) => void
  /** Remediations after `id`, in the order of their creation. `old`: ended and last received before `cutoff`. */
  readonly candidates: (after: string, cutoff: Timestamp, limit: number) => ReadonlyArray<Candidate>
  /** How many of these remediations are still old enough. One that is received again, or changes, is recent. */
  readonly countOld: (ids: ReadonlyArray<string>, cutoff: Timestamp) => number
  /** Everything about a remediation, for its line in the file. Events stay text: a damaged one is archived as it is. */
  readonly read: (id: string) => unknown
  /** Deletes archived remediations, at most `limit`. Returns how many it deleted. */
  readonly deleteRemediations: (limit: number) => number
  /** Deletes archived audit lines, at most `limit`. Returns how many it deleted. */
  readonly deleteAuditLines: (limit: number) => number
}

const checkpointOf = ({ audit_hash, audit_sequence, ...row }: CheckpointRow): Checkpoint => ({
  ...row,
  ...(audit_sequence === null || audit_hash === null ? {} : { through: { sequence: audit_sequence, hash: audit_hash } })
})

const columns = "sequence, at, kind, file, sha256, records, audit_sequence, audit_hash, signature"

const makeReads = (database: DatabaseSync) => ({
  all: prepare<CheckpointRow>(database, `select ${columns} from archives order by sequence`),
  last: prepare<CheckpointRow>(database, `select ${columns} from archives order by sequence desc limit 1`),
  candidates: prepare<Candidate, [Timestamp, Timestamp, Timestamp, Timestamp, string, number]>(
    database,
    // A remediation that others joined stays as long as one of them is recent.
    `select id, received_at,
       open = 0 and updated_at < ? and coalesce(fired_at, received_at) < ? and not exists
         (select 1 from remediations as joined where joined.joined_to = remediations.id
            and (joined.updated_at >= ? or coalesce(joined.fired_at, joined.received_at) >= ?)) as old
     from remediations where id > ? order by id limit ?`
  ),
  isOld: prepare<{ readonly id: string }, [string, Timestamp, Timestamp]>(
    database,
    `select id from remediations where id = ? and open = 0 and updated_at < ? and coalesce(fired_at, received_at) < ?`
  ),
  remediation: prepare<Record<string, unknown>, [string]>(database, "select * from remediations where id = ?"),
  events: prepare<Record<string, unknown>, [string]>(
    database,
    "select sequence, epoch, at, data from remediation_events where remediation_id = ? order by sequence"
  ),
  actions: prepare<Record<string, unknown>, [string]>(
    database,
    "select * from action_history where remediation_id = ? order by at"
  ),
  review: prepare<Record<string, unknown>, [string]>(database, "select * from reviews where remediation_id = ?"),
  // Only the newest file can have remediations that were not deleted before a crash.
  left: prepare<{ readonly id: string }, [number]>(
    database,
    `select id from remediations where id in
       (select id from archived_remediations where archive =
         (select max(sequence) from archives where kind = 'remediations')) limit ?`
  )
})

const makeWrites = (database: DatabaseSync) => ({
  checkpoint: prepare<never, [number, string, string, string, string, number, number | null, string | null, string]>(
    database,
    `insert into archives (${columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)`
  ),
  archived: prepare<never, [string, number]>(database, "insert into archived_remediations (id, archive) values (?, ?)"),
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

export const make = (database: DatabaseSync): ArchiveTable => {
  const reads = makeReads(database)
  const writes = makeWrites(database)
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
      for (const id of remediations) writes.archived.run(id, sequence)
    },
    candidates: (after, cutoff, limit) => reads.candidates.all(cutoff, cutoff, cutoff, cutoff, after, limit),
    countOld: (ids, cutoff) => ids.filter((id) => reads.isOld.get(id, cutoff, cutoff) !== undefined).length,
    read: (id) => ({
      remediation: reads.remediation.get(id),
      journal: reads.events.all(id),
      actions: reads.actions.all(id),
      review: reads.review.get(id) ?? null
    }),
    deleteRemediations: (limit) => {
      const left = reads.left.all(limit)
      for (const { id } of left) {
        for (const statement of writes.deletes) statement.run(id)
        writes.remediation.run(id)
      }
      return left.length
    },
    deleteAuditLines: (limit) => writes.audit.run(limit)
  }
}
