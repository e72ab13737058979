/** `HeldBack` on SQLite. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option } from "effect"
import type { RemediationId } from "../../domain/Remediation.ts"
import { targetKey } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import { base32 } from "../../domain/Ulid.ts"
import type { HeldBack, HeldBackQuery, TakenUp } from "../HeldBack.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import type { RemediationTable } from "./RemediationTable.ts"
import { rankOf } from "./RemediationTree.ts"
import { attempt, prepare } from "./Sqlite.ts"

/** Ids begin with the time of receipt, so the index of ended remediations finds the recent ones. */
const longestMs = 7 * 24 * 60 * 60 * 1000

// The newest of these events says how it ended: after an action or an answer nothing is held back.
const isHeldBack = `r.state = 'Escalated' and r.open = 0 and r.cluster = ? and r.resolved = 0
    and r.handed_over_to is null and coalesce(r.fired_at, r.received_at) >= ?
    and (select e.kind = 'Decided' and case when json_valid(e.data)
             then json_extract(e.data, '$.level') > ? and json_extract(e.data, '$.decision.reasons[0].rule')
               in ('emergency-level', 'level', 'no-investigation', 'notify') end
           from remediation_events e
           where e.remediation_id = r.id and e.kind in ('Decided', 'Reviewed', 'Intended')
           order by e.sequence desc limit 1)
    and not exists (select 1 from remediations o where o.target_key = r.target_key and o.open = 1)`

type Held = [cluster: string, firedSince: string, level: number]

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  { takeUp }: Pick<RemediationTable, "takeUp">
): HeldBack["Service"] => {
  const list = prepare<{ readonly id: RemediationId }, [...Held, firstId: string, limit: number]>(
    database,
    `select r.id from remediations r where ${isHeldBack} and r.id >= ? order by ${rankOf("r.severity")}, r.id limit ?`
  )
  const one = prepare<{ readonly id: RemediationId }, [...Held, id: RemediationId]>(
    database,
    `select r.id from remediations r where ${isHeldBack} and r.id = ?`
  )
  const parameters = ({ cluster, firedSince, level }: HeldBackQuery): Held => [cluster, firedSince, level]
  const firstId = ({ firedSince }: HeldBackQuery): string => `rem-${base32(toMillis(firedSince) - longestMs, 10)}`
  return {
    waiting: (query, limit) =>
      attempt("heldBack", () => list.all(...parameters(query), firstId(query), limit).map(({ id }) => id)),
    takeUp: (id, query, at) =>
      Effect.map(
        writer.write("takeUp", "journal", () =>
          one.get(...parameters(query), id) === undefined ? undefined : takeUp(id, at)
        ),
        (ended): Option.Option<TakenUp> =>
          ended === undefined
            ? Option.none()
            : Option.some({ target: targetKey(ended.target), severity: ended.alert.severity, ended })
      )
  }
}
