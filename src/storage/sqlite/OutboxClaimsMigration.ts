/** The migration that lets several processes share the outbox of notifications. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | column | holds                                                            |
 * | ------ | ---------------------------------------------------------------- |
 * | claim  | how often the notification was claimed: the fence                |
 * | held   | 1: nobody has released the last claim, and it may still be valid |
 */
export const outboxClaims = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      "alter table outbox add column claim integer not null default 0",
      "alter table outbox add column held integer not null default 0"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
