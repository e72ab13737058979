/** The migration that lets several processes share the messages of a minute. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | table              | holds                                                                       |
 * | ------------------ | --------------------------------------------------------------------------- |
 * | notification_sends | one row per message that a process has claimed to send; older ones are gone |
 */
export const notificationSends = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      "create table notification_sends (sink text not null, at text not null)",
      "create index notification_sends_at on notification_sends (sink, at)"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
