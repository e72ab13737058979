/** Tables that are only ever added to. */

import { Effect } from "effect"
import type { SqlClient } from "effect/sql"

/** Makes a table append-only: the database refuses updates and deletes, by this program and by others. */
export const refuseChanges = (sql: SqlClient.SqlClient, name: string) =>
  sql.onDialectOrElse({
    sqlite: () =>
      Effect.forEach(["update", "delete"], (verb) =>
        sql.unsafe(
          `create trigger ${name}_no_${verb} before ${verb} on ${name} begin select raise(abort, '${name} is append-only'); end`
        )
      ),
    orElse: () => Effect.die(new Error(`no append-only triggers for ${name} in this SQL dialect`))
  })
