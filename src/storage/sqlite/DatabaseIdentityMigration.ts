/** The migration that gives the database an identity. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** One row with a random text, which tells this database from others, wherever its file is. */
export const databaseIdentity = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe("create table database_identity (id integer primary key check (id = 1), identity text not null)")
  const random = sql.onDialectOrElse({
    sqlite: () => "lower(hex(randomblob(16)))",
    orElse: () => "gen_random_uuid()"
  })
  yield* sql.unsafe(`insert into database_identity (id, identity) values (1, ${random})`)
})
