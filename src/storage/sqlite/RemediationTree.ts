/**
 * SQL about the remediations that belong together: those that joined one, or handed over to it, and again those that
 * joined or handed over to these.
 */

import type { DatabaseSync } from "node:sqlite"
import type { RemediationId } from "../../domain/Remediation.ts"
import { prepare } from "./Sqlite.ts"

/**
 * A recursive table `part (id)` of a remediation, whose id is its one parameter, and of all that belong to it. Close it
 * with a query.
 */
export const partOfTree = `with recursive part (id) as (
       select ?
       union all
       select r.id from part e join remediations r on r.joined_to = e.id or r.handed_over_to = e.id
     )`

/** The rank of a column with a severity. The most severe comes first. */
export const rankOf = (severity: string): string =>
  `case ${severity} when 'critical' then 0 when 'warning' then 1 when 'info' then 2 else 3 end`

/**
 * Whether any remediation joined this one or handed over to it. Most have none, and the recursive query builds its
 * tables before it finds that out.
 */
export const makeHasParts = (database: DatabaseSync): ((id: RemediationId) => boolean) => {
  const find = prepare<{ readonly found: 1 }, [RemediationId, RemediationId]>(
    database,
    "select 1 as found from remediations where joined_to = ? union all select 1 from remediations where handed_over_to = ? limit 1"
  )
  return (id) => find.get(id, id) !== undefined
}
