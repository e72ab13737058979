/** The migration that gives the conditions a position of their own, and says when each sink was named last. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | table or column                 | holds                                                             |
 * | ------------------------------- | ----------------------------------------------------------------- |
 * | condition_position              | one row: the last audit line that was considered for `conditions` |
 * | notification_positions.named_at | when a process last said that it has this sink                    |
 *
 * Until now the conditions were as far as the sink that was furthest.
 */
export const outboxPositions = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      "create table condition_position (id integer primary key check (id = 1), sequence integer not null)",
      `insert into condition_position (id, sequence)
       select 1, max(sequence) from notification_positions having count(*) > 0`,
      "alter table notification_positions add column named_at text"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
