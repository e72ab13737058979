/**
 * `Levels` on SQLite: a table of one row.
 *
 * The row has the keys of the lines that led to it. So it is known of which emergency it says that it is over, where
 * several processes write the one row, and a line that was committed is not recorded again.
 */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Schema } from "effect"
import { type LevelLine, LevelRecord } from "../../domain/LevelRecord.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { Levels, RecordedLevel } from "../Levels.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

const Row = Schema.Struct({ ...LevelRecord.fields, lines: Schema.optionalKey(Schema.Array(Schema.String)) })
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Row))

/** As many as lines that wait for a database that is down. */
const mostLines = 100

const keysOf = (lines: ReadonlyArray<LevelLine>): ReadonlyArray<string> =>
  lines.flatMap(({ data: { key } }) => (typeof key === "string" ? [key] : []))

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  audit: AuditTable
): Pick<Levels["Service"], "latest" | "record" | "recorded"> => {
  const read = prepare<{ readonly data: string }>(database, "select data from levels where id = 1")
  const write = prepare<never, [string]>(
    database,
    "insert into levels (id, data) values (1, ?) on conflict (id) do update set data = excluded.data"
  )
  const stored = (): Option.Option<RecordedLevel> =>
    Option.map(Option.flatMap(Option.fromUndefinedOr(read.get()?.data), decode), ({ lines, ...record }) => ({
      record,
      ...(lines === undefined ? {} : { lines })
    }))
  /** The keys of the lines of this process, and of those that led to the level with which it began. */
  let own: ReadonlyArray<string> | undefined
  return {
    latest: attempt("level", () =>
      Option.map(stored(), ({ lines = [], record }) => {
        own ??= lines
        return record
      })
    ),
    recorded: attempt("level", stored),
    record: (record, lines) =>
      Effect.flatMap(Timestamp.now, (now) => {
        const before = own ?? []
        const after = [...new Set([...before, ...keysOf(lines)])].slice(-mostLines)
        // That the system is in an emergency does not wait behind the work.
        const written = writer.write("level", "intake", () => {
          const found = Option.getOrUndefined(stored())
          const known = new Set<unknown>([...before, ...(found?.lines ?? [])])
          write.run(JSON.stringify({ ...record, lines: after }))
          for (const { actor = "kubernaut", at, data, kind, subject } of lines)
            if (!known.has(data["key"])) audit.append({ actor, kind, data: { ...data, at } }, subject, now)
        })
        return Effect.map(written, () => {
          own = after
        })
      })
  }
}
