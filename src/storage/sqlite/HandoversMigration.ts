/** The migration that adds handovers. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Handovers: when a remediation ends without an action, an alert that had joined it takes over.
 *
 * | column         | holds                                                                          |
 * | -------------- | ------------------------------------------------------------------------------ |
 * | handed_over_to | the remediation that took over                                                 |
 * | urgency        | the highest severity of the alerts that joined, if it is above that of its own |
 */
export const handovers = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* Effect.forEach(
    [
      "alter table remediations add column handed_over_to text",
      "alter table remediations add column urgency text",
      "create index remediations_handed_over on remediations (handed_over_to) where handed_over_to is not null"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
})
