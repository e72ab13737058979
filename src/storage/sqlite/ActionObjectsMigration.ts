/** The migration that records which object an action is about. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Which object an action is about.
 *
 * | column     | holds                                                                         |
 * | ---------- | ----------------------------------------------------------------------------- |
 * | object_key | the object of the action; null: its target, or recorded by an earlier version |
 */
export const actionObjects = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.andThen(
    sql.unsafe("alter table action_history add column object_key text"),
    sql.unsafe(
      "create index action_history_object on action_history (object_key, (coalesce(executed_at, at))) where object_key is not null"
    )
  )
)
