/** `Figures` on SQLite: a table of some dozens of rows, which triggers keep (`FiguresMigration`). */

import type { DatabaseSync } from "node:sqlite"
import type { ActionType } from "../../domain/Action.ts"
import type { ActionOutcome, BusinessFigures, Figures } from "../Figures.ts"
import { attempt, prepare } from "./Sqlite.ts"

interface FigureRow {
  readonly subject: string
  readonly outcome: string
  readonly count: number
}

const action = "action:"

const counts = (rows: ReadonlyArray<FigureRow>, subject: string): Readonly<Record<string, number>> =>
  Object.fromEntries(rows.filter((row) => row.subject === subject).map(({ count, outcome }) => [outcome, count]))

const figuresOf = (rows: ReadonlyArray<FigureRow>): BusinessFigures => ({
  alerts: counts(rows, "remediation"),
  verdicts: counts(rows, "verdict"),
  actions: rows
    .filter(({ subject }) => subject.startsWith(action))
    .map(({ count, outcome, subject }) => ({
      action: subject.slice(action.length) as ActionType,
      outcome: outcome as ActionOutcome,
      count
    }))
})

export const make = (database: DatabaseSync): Figures["Service"] => {
  const all = prepare<FigureRow>(
    database,
    "select subject, outcome, count from figures where count <> 0 order by subject, outcome"
  )
  const newest = prepare<FigureRow>(
    database,
    `with newest as materialized (
       select action, verdict, case when executed_at is null and applied = 'unknown' then 'pending' else applied end as outcome
       from action_history where writing = 1 order by rowid desc limit 100)
     select 'action:' || action as subject, outcome, count(*) as count from newest group by 1, 2
     union all select 'verdict', verdict, count(*) from newest where verdict is not null group by verdict`
  )
  return {
    current: attempt("figures", () => figuresOf(all.all())),
    recent: attempt("figures", () => figuresOf(newest.all()))
  }
}
