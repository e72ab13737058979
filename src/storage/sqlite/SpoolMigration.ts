/** The migration that adds how far each use of the spool has been replayed. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One row for each use of a spool file. They are few and small, and kept: a file may be put back from a backup. */
export const spoolReplays = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe(`create table spool_replays (
    spool text primary key,
    sequence integer not null,
    posts integer not null,
    alerts integer not null,
    received_from text not null
  )`)
)
