/** The migrations that add the archive. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"
import { refuseChanges } from "./AppendOnly.ts"

/**
 * The archive: a checkpoint for each file, and the remediations in it.
 *
 * The journal and the audit log stay append-only, except that what a checkpoint covers may be deleted.
 */
export const archive = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      `create table archives (
        sequence integer primary key,
        at text not null,
        kind text not null,
        file text not null,
        sha256 text not null,
        records integer not null,
        audit_sequence integer,
        audit_hash text,
        signature text not null
      )`,
      "create table archived_remediations (id text primary key, archive integer not null references archives (sequence))",
      "create index archived_remediations_archive on archived_remediations (archive)",
      "drop trigger remediation_events_no_delete",
      `create trigger remediation_events_no_delete before delete on remediation_events
         when not exists (select 1 from archived_remediations where id = old.remediation_id)
         begin select raise(abort, 'remediation_events is append-only'); end`,
      "drop trigger audit_no_delete",
      `create trigger audit_no_delete before delete on audit
         when old.sequence > (select coalesce(max(audit_sequence), 0) from archives)
         begin select raise(abort, 'audit is append-only'); end`
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
  yield* refuseChanges(sql, "archives")
  yield* refuseChanges(sql, "archived_remediations")
})

/**
 * What each file of the archive has of a remediation, so that nothing else is deleted. A remediation that changes
 * between the checkpoint and the deletion stays, and a later file has it again.
 *
 * | column  | holds                                                            |
 * | ------- | ---------------------------------------------------------------- |
 * | through | the last event of its journal in the file; null: not known       |
 * | sha256  | of its line in the file, without the line break; null: not known |
 */
export const archivedContent = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      `create table archived_content (
        id text not null,
        archive integer not null references archives (sequence),
        through integer,
        sha256 text,
        primary key (id, archive)
      )`,
      "insert into archived_content (id, archive) select id, archive from archived_remediations",
      "drop trigger remediation_events_no_delete",
      "drop table archived_remediations",
      "alter table archived_content rename to archived_remediations",
      "create index archived_remediations_archive on archived_remediations (archive, id)",
      `create trigger remediation_events_no_delete before delete on remediation_events
         when old.sequence > coalesce((select max(through) from archived_remediations where id = old.remediation_id), -1)
         begin select raise(abort, 'remediation_events is append-only'); end`
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
  yield* refuseChanges(sql, "archived_remediations")
})
