/** The migration that records when actions were carried out. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * From when an action counts.
 *
 * | column      | holds                                                                                            |
 * | ----------- | ------------------------------------------------------------------------------------------------ |
 * | executed_at | when its execution was recorded, but not before `at`; null: it was not, or by an earlier version |
 */
export const executionTimes = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      "alter table action_history add column executed_at text",
      "drop index action_history_target",
      "drop index action_history_cluster",
      "create index action_history_target on action_history (target_key, (coalesce(executed_at, at)), execution_id)",
      "create index action_history_counted on action_history (cluster, (coalesce(executed_at, at)))"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
})
