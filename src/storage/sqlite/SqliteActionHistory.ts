/** `ActionHistory` on SQLite: reads the rows that `JournalTable` derives from events, the newest from memory. */

import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import type { ActionType } from "../../domain/Action.ts"
import type { Applied } from "../../domain/Execution.ts"
import type { ActionRecord, EndedAction, PastAction, SpentAction } from "../../domain/PastAction.ts"
import { Places, poolsOf } from "../../domain/Places.ts"
import type { RemediationId } from "../../domain/Remediation.ts"
import { kindOf, type TargetKey } from "../../domain/Target.ts"
import { Reversion, type Verdict } from "../../domain/Verification.ts"
import { Writes } from "../../domain/Writes.ts"
import type { ActionHistory } from "../ActionHistory.ts"
import * as NewestRows from "./NewestRows.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface ActionRow {
  readonly remediation_id: RemediationId
  readonly action: ActionType
  readonly at: string
  readonly applied: Applied
  readonly verdict: Verdict | null
  readonly writes: string | null
  readonly reversion: string | null
  readonly rolled_back_at: string | null
}

interface EndedRow extends NewestRows.Placed {
  readonly target_key: TargetKey
  readonly action: ActionType
  readonly verdict: Verdict | null
  readonly symptoms: string | null
  readonly places: string | null
}

interface SpentRow {
  readonly target_key: TargetKey
  readonly placed_at: string
  readonly places: string | null
  readonly unfinished: 0 | 1
}

/** How many texts of a column are kept decoded: many rows have the same. */
const keptTexts = 1000

/** Reads a column of JSON. What cannot be read is not known. */
const column = <S extends Schema.Codec<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
  const known = new Map<string, S["Type"] | undefined>()
  return (text: string | null): S["Type"] | undefined => {
    if (text === null) return undefined
    if (known.has(text)) return known.get(text)
    if (known.size === keptTexts) known.clear()
    const value = Option.getOrUndefined(decode(text))
    known.set(text, value)
    return value
  }
}
const writesIn = column(Writes)
const reversionIn = column(Reversion)
const placesIn = column(Places)
const symptomsIn = column(Schema.Array(Schema.String))

const pastAction = (row: ActionRow): PastAction => {
  const writes = writesIn(row.writes)
  const reversion = reversionIn(row.reversion)
  return {
    remediationId: row.remediation_id,
    action: row.action,
    at: row.at,
    applied: row.applied,
    ...(row.verdict === null ? {} : { verdict: row.verdict }),
    ...(writes === undefined ? {} : { writes }),
    ...(reversion === undefined ? {} : { reversion }),
    ...(row.rolled_back_at === null ? {} : { rolledBackAt: row.rolled_back_at })
  }
}

const endedAction = (row: EndedRow): EndedAction => {
  const places = placesIn(row.places)
  return {
    target: row.target_key,
    action: row.action,
    at: row.placed_at,
    ...(row.verdict === null ? {} : { verdict: row.verdict }),
    symptoms: symptomsIn(row.symptoms) ?? [],
    ...(places === undefined ? {} : { places })
  }
}

const spentAction = ({ placed_at: at, places, target_key: target, unfinished }: SpentRow): SpentAction => ({
  target,
  at,
  pools: poolsOf(kindOf(target), placesIn(places)?.pools ?? []),
  ...(unfinished === 1 ? { unfinished: true } : {})
})

/** What a budget counts. */
const isSpent = "writing = 1 and applied <> 'no'"
const spentColumns = "target_key, places, executed_at is null and applied = 'unknown' as unfinished"

/** Reads the actions that a budget counts, newest first, within a transaction too. */
export const spentReader = (
  database: DatabaseSync
): ((cluster: string, since: string, limit: number) => ReadonlyArray<SpentAction>) => {
  const rows = prepare<SpentRow, [string, string, number]>(
    database,
    `select ${NewestRows.countsFrom} as placed_at, ${spentColumns} from action_history
       where cluster = ? and ${NewestRows.countsFrom} >= ? and ${isSpent}
       order by ${NewestRows.countsFrom} desc, rowid desc limit ?`
  )
  return (cluster, since, limit) => rows.all(cluster, since, limit).map(spentAction)
}

/** Enough for a ratio in whole percent; older results say little, because clusters change. */
const mostTargets = 100

/** The history, and what is told of its changes. */
export interface SqliteActionHistory {
  readonly service: ActionHistory["Service"]
  readonly changes: NewestRows.ActionChanges
}

export const make = (database: DatabaseSync): SqliteActionHistory => {
  const selected = `select remediation_id, action, ${NewestRows.countsFrom} as at, applied, verdict, writes, reversion, rolled_back_at
       from action_history`

  const ofTarget = prepare<ActionRow, [TargetKey, number]>(
    database,
    `${selected} where target_key = ? order by ${NewestRows.countsFrom} desc, execution_id desc limit ?`
  )
  const ofObject = prepare<ActionRow, [TargetKey, number]>(
    database,
    `${selected} where target_key = ?1 or object_key = ?1 order by ${NewestRows.countsFrom} desc, execution_id desc limit ?2`
  )
  const spent = NewestRows.make<SpentRow & NewestRows.Placed, SpentAction>(database, {
    columns: spentColumns,
    at: NewestRows.countsFrom,
    where: isSpent,
    decode: spentAction
  })
  const ended = NewestRows.make(database, {
    columns: "target_key, action, verdict, symptoms, places",
    at: "ended_at",
    where: "ended_at is not null",
    decode: endedAction
  })
  // A key has the form cluster/namespace/kind/name, and no part of it contains a slash. Of the rows of a group, `verdict`
  // is that of the one with the maximum.
  const recordOf = prepare<ActionRecord, [string, ActionType, string, string, string, number]>(
    database,
    `select count(*) as verified, count(case when verdict = 'fixed' then 1 end) as fixed from
       (select verdict, max(at) as newest from action_history
          where alert_name = ? and action = ? and verdict is not null and at >= ? and cluster = ?
            and target_key like '%/%/' || ? || '/%'
          group by target_key order by newest desc limit ?)`
  )
  const service: ActionHistory["Service"] = {
    ofTarget: (target, limit) => attempt("ofTarget", () => ofTarget.all(target, limit).map(pastAction)),
    ofObject: (object, limit) => attempt("ofObject", () => ofObject.all(object, limit).map(pastAction)),
    spentSince: (cluster, since, limit) => attempt("spentSince", () => spent.since(cluster, since, limit)),
    endedSince: (cluster, since, limit) => attempt("endedSince", () => ended.since(cluster, since, limit)),
    recordOf: ({ action, alertName, cluster, kind }, since) =>
      attempt("recordOf", () => {
        const found = recordOf.get(alertName, action, since, cluster, kind, mostTargets)
        return found === undefined ? { fixed: 0, verified: 0 } : { fixed: found.fixed, verified: found.verified }
      })
  }
  const changes: NewestRows.ActionChanges = {
    added: spent.changed,
    executed: (executionId) => {
      spent.changed(executionId)
      ended.changed(executionId)
    },
    judged: ended.changed,
    deleted: () => {
      spent.deleted()
      ended.deleted()
    }
  }
  return { service, changes }
}
