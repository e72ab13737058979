/** `SpendLedger` on SQLite: a table with one row for each model call. */

import type { DatabaseSync } from "node:sqlite"
import { Option, Schema } from "effect"
import { ModelCall, serviceOf } from "../../domain/ModelCall.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { keptDays, type SpendLedger, type SpendSum, type SpendTotal, type SpentBefore } from "../SpendLedger.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ModelCall))
const dayMs = 24 * 60 * 60_000
/** Each reservation deletes more old lines than it adds, and few enough to take no time. */
const deletedAtOnce = 100

/** `sum` fails beyond the integers of SQLite, and nothing could be reserved any more. `total` does not. */
const totalOf = (column: string): string => `min(total(${column}), ${Number.MAX_SAFE_INTEGER})`

const sums = `count(*) as calls,
  ${totalOf("input_tokens")} as inputTokens,
  ${totalOf("output_tokens")} as outputTokens,
  ${totalOf("cost")} as cost,
  ${totalOf("input_tokens is null or output_tokens is null")} as unknownTokens,
  ${totalOf("cost is null")} as unknownCost`

const none: SpendSum = { calls: 0, inputTokens: 0, outputTokens: 0, cost: 0, unknownTokens: 0, unknownCost: 0 }

/** The key of a group. Times are text, so the beginning of an hour is the beginning of its text. */
const keys = {
  hour: "substr(at, 1, 13) || ':00:00.000Z'",
  day: "substr(at, 1, 10) || 'T00:00:00.000Z'",
  service: "service"
}

const interval = (at: string, length: number): readonly [string, string] => {
  const prefix = at.slice(0, length)
  // No character of a time sorts behind it.
  return [prefix, `${prefix}~`]
}

const statementsOf = (database: DatabaseSync) => {
  const between = prepare<SpendSum, [string, string]>(
    database,
    `select ${sums} from model_calls where at >= ? and at < ?`
  )
  const totals = (key: string) =>
    prepare<SpendTotal, [string, string]>(
      database,
      `select ${key} as key, ${sums} from model_calls where at >= ? and at < ? group by 1 order by 1`
    )
  return {
    between,
    hour: totals(keys.hour),
    day: totals(keys.day),
    service: totals(keys.service),
    ofIncident: prepare<SpendSum, [string]>(database, `select ${sums} from model_calls where remediation_id = ?`),
    write: prepare<never, [string, string, string, string, number | null, number | null, number | null, string]>(
      database,
      `insert into model_calls (id, at, remediation_id, service, input_tokens, output_tokens, cost, data)
       values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (id) do update set input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
         cost = excluded.cost, data = excluded.data`
    ),
    remove: prepare<never, [string]>(database, "delete from model_calls where id = ?"),
    forget: prepare<never, [string]>(
      database,
      `delete from model_calls where id in (select id from model_calls where at < ? order by at limit ${deletedAtOnce})`
    ),
    calls: prepare<{ readonly data: string }, [string, string, string | null, number]>(
      database,
      `select data from model_calls where at >= ?1 and at < ?2 and (?3 is null or remediation_id = ?3)
       order by at desc, id desc limit ?4`
    ),
    ofRemediation: prepare<{ readonly data: string }, [string]>(
      database,
      "select data from model_calls where remediation_id = ? order by at, id limit 500"
    )
  }
}

type Statements = ReturnType<typeof statementsOf>

const spentBefore = (
  { between, ofIncident }: Statements,
  at: Timestamp.Timestamp,
  remediation: string | undefined
): SpentBefore => ({
  incident: (remediation === undefined ? undefined : ofIncident.get(remediation)) ?? none,
  hour: between.get(...interval(at, 13)) ?? none,
  day: between.get(...interval(at, 10)) ?? none
})

const writeLine = ({ write }: Statements, call: ModelCall): void =>
  void write.run(
    call.id,
    call.at,
    call.remediation,
    serviceOf(call),
    call.inputTokens,
    call.outputTokens,
    call.cost,
    JSON.stringify(call)
  )

const read = (rows: ReadonlyArray<{ readonly data: string }>): ReadonlyArray<ModelCall> =>
  rows.flatMap(({ data }) => Option.toArray(decode(data)))

export const make = (database: DatabaseSync, writer: BatchWriter): SpendLedger["Service"] => {
  const statements = statementsOf(database)
  return {
    reserve: (call, refuse) =>
      writer.write("reserveSpend", "journal", () => {
        const refusal = refuse(spentBefore(statements, call.at, call.remediation))
        if (refusal !== undefined) return refusal
        writeLine(statements, call)
        statements.forget.run(Timestamp.fromMillis(Timestamp.toMillis(call.at) - keptDays * dayMs))
        return undefined
      }),
    write: (calls, removed = []) =>
      writer.write("recordSpend", "journal", () => {
        for (const call of calls) writeLine(statements, call)
        for (const id of removed) statements.remove.run(id)
      }),
    spent: (at, remediation) => attempt("spent", () => spentBefore(statements, at, remediation)),
    totals: (by, { since, until }) => attempt("spendTotals", () => statements[by].all(since, until)),
    calls: ({ limit, remediation, since, until }) =>
      attempt("modelCalls", () => read(statements.calls.all(since, until, remediation ?? null, limit))),
    ofRemediation: (id) => attempt("modelCallsOf", () => read(statements.ofRemediation.all(id)))
  }
}
