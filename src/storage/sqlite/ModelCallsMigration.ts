/** The migration that adds the ledger of model calls. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * One row per call, as JSON, with what is summed in columns of its own; null: not known. The first index has all that
 * the sums read.
 */
export const modelCalls = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach(
    [
      `create table model_calls (
        id text primary key,
        at text not null,
        remediation_id text not null,
        service text not null,
        input_tokens integer,
        output_tokens integer,
        cost integer,
        data text not null
      )`,
      "create index model_calls_time on model_calls (at, service, input_tokens, output_tokens, cost)",
      "create index model_calls_remediation on model_calls (remediation_id, at)"
    ],
    (statement) => sql.unsafe(statement),
    { discard: true }
  )
)
