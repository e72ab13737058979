/** `ActionHistory` on SQLite: reads the rows that `JournalTable` derives from events. */

import type { DatabaseSync } from "node:sqlite"
import type { ActionType } from "../../domain/Action.ts"
import type { Applied } from "../../domain/Execution.ts"
import type { ActionRecord, PastAction } from "../../domain/PastAction.ts"
import type { RemediationId } from "../../domain/Remediation.ts"
import type { TargetKey } from "../../domain/Target.ts"
import type { Verdict } from "../../domain/Verification.ts"
import type { ActionHistory } from "../ActionHistory.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface ActionRow {
  readonly remediation_id: RemediationId
  readonly action: ActionType
  readonly at: string
  readonly applied: Applied
  readonly verdict: Verdict | null
}

const pastAction = (row: ActionRow): PastAction => ({
  remediationId: row.remediation_id,
  action: row.action,
  at: row.at,
  applied: row.applied,
  ...(row.verdict === null ? {} : { verdict: row.verdict })
})

/** Enough for a ratio in whole percent; older results say little, because clusters change. */
const newestVerdicts = 100

export const make = (database: DatabaseSync): ActionHistory["Service"] => {
  const ofTarget = prepare<ActionRow, [TargetKey, number]>(
    database,
    "select remediation_id, action, at, applied, verdict from action_history where target_key = ? order by at desc, execution_id desc limit ?"
  )
  const countSince = prepare<{ readonly count: number }, [string, string, number]>(
    database,
    "select count(*) as count from (select 1 from action_history where cluster = ? and at >= ? limit ?)"
  )
  const recordOf = prepare<ActionRecord, [string, ActionType, string, number]>(
    database,
    `select count(*) as verified, count(case when verdict = 'fixed' then 1 end) as fixed from
       (select verdict from action_history where alert_name = ? and action = ? and verdict is not null and at >= ? order by at desc limit ?)`
  )
  return {
    ofTarget: (target, limit) => attempt("ofTarget", () => ofTarget.all(target, limit).map(pastAction)),
    countSince: (cluster, since, atMost) =>
      attempt("countSince", () => countSince.get(cluster, since, atMost)?.count ?? 0),
    recordOf: (alertName, action, since) =>
      attempt("recordOf", () => {
        const { fixed, verified } = recordOf.get(alertName, action, since, newestVerdicts) ?? { fixed: 0, verified: 0 }
        return { fixed, verified }
      })
  }
}
