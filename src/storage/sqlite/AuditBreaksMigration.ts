/** The migrations that find the lines of the audit log about breaks of its chain, and about the end of them. */

import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** There are few, if any. Each health check of the chain reads them. */
export const auditBreaks = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create index audit_breaks on audit (subject) where kind = 'audit.broken'")
)

export const auditAcknowledgements = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create index audit_acknowledgements on audit (sequence) where kind = 'audit.acknowledged'")
)

export const auditIntact = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql.unsafe("create index audit_breaks_over on audit (sequence) where kind = 'audit.intact'")
)
