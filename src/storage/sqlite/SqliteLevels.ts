/** `Levels` on SQLite: a table of one row. */

import type { DatabaseSync } from "node:sqlite"
import { Effect, Option, Schema } from "effect"
import { LevelRecord } from "../../domain/LevelRecord.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { Levels } from "../Levels.ts"
import type { AuditTable } from "./AuditTable.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(LevelRecord))

export const make = (
  database: DatabaseSync,
  writer: BatchWriter,
  audit: AuditTable
): Pick<Levels["Service"], "latest" | "record"> => {
  const read = prepare<{ readonly data: string }>(database, "select data from levels where id = 1")
  const write = prepare<never, [string]>(
    database,
    "insert into levels (id, data) values (1, ?) on conflict (id) do update set data = excluded.data"
  )
  return {
    latest: attempt("level", () => Option.flatMap(Option.fromUndefinedOr(read.get()?.data), decode)),
    record: (record, lines) =>
      Effect.flatMap(Timestamp.now, (now) =>
        // That the system is in an emergency does not wait behind the work.
        writer.write("level", "intake", () => {
          write.run(JSON.stringify(record))
          for (const { actor = "kubernaut", at, data, kind, subject } of lines)
            audit.append({ actor, kind, data: { ...data, at } }, subject, now)
        })
      )
  }
}
