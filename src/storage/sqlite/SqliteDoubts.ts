/** `Doubts` on SQLite: a table with one row for each cluster. */

import type { DatabaseSync } from "node:sqlite"
import { Option } from "effect"
import type { Doubts } from "../Doubts.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

export const make = (database: DatabaseSync, writer: BatchWriter): Doubts["Service"] => {
  const read = prepare<{ readonly at: string }, [string]>(database, "select at from doubts where cluster = ?")
  const write = prepare<never, [string, string]>(
    database,
    "insert into doubts (cluster, at) values (?, ?) on conflict (cluster) do update set at = excluded.at"
  )
  return {
    record: (cluster, at) => writer.write("doubt", "journal", () => void write.run(cluster, at)),
    latest: (cluster) => attempt("latestDoubt", () => Option.fromUndefinedOr(read.get(cluster)?.at))
  }
}
