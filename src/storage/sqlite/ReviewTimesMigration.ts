/** The migration that gives the table `reviews` the end of the time for an answer. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * | column    | holds                                                                        |
 * | --------- | ---------------------------------------------------------------------------- |
 * | answer_by | the end of the time for an answer; null: a version without such a time asked |
 * | timed_out | whether the question ended because nobody answered it in time                |
 */
export const reviewTimes = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      "alter table reviews add column answer_by text",
      "alter table reviews add column timed_out integer not null default 0"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
