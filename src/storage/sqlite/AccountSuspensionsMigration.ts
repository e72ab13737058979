/** The migration that adds the suspensions of accounts. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One row for each account that is suspended, as JSON. */
export const accountSuspensions = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create table account_suspensions (account text primary key, data text not null) strict, without rowid")
)
