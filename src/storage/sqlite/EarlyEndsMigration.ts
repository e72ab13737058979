/** The migration that adds the ends of alerts whose beginning may still be in the spool. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One row for each alert, until the spool has been replayed. */
export const earlyEnds = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      `create table early_ends (
        cluster text not null,
        fingerprint text not null,
        starts_at text not null,
        ends_at text not null,
        received_at text not null,
        primary key (cluster, fingerprint)
      )`,
      "create index early_ends_received on early_ends (received_at)"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
