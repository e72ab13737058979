/** The migration that records how archived remediations have ended. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | column | holds                                                                  |
 * | ------ | ---------------------------------------------------------------------- |
 * | state  | the final state; null: an earlier version has archived the remediation |
 */
export const archivedStates = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("alter table archived_remediations add column state text")
)
