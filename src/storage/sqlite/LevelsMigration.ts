/** The migration that adds the degradation level. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One row: the last level, as JSON. */
export const levels = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create table levels (id integer primary key check (id = 1), data text not null)")
)
