/** `ClusterBinding` on SQLite: a table of at most one row. */

import type { DatabaseSync } from "node:sqlite"
import { Clock, Effect, Option } from "effect"
import { fromMillis } from "../../domain/Timestamp.ts"
import type { ClusterBinding } from "../ClusterBinding.ts"
import type { BatchWriter } from "./BatchWriter.ts"
import { attempt, prepare } from "./Sqlite.ts"

export const make = (database: DatabaseSync, writer: BatchWriter): ClusterBinding["Service"] => {
  const read = prepare<{ readonly uid: string }>(database, "select uid from cluster_identity where id = 1")
  const insert = prepare<never, [string, string]>(
    database,
    "insert into cluster_identity (id, uid, bound_at) values (1, ?, ?) on conflict (id) do nothing"
  )
  return {
    bind: (uid) =>
      Effect.flatMap(Clock.currentTimeMillis, (millis) =>
        writer.write("bind", "journal", () => {
          insert.run(uid, fromMillis(millis))
          return read.get()?.uid ?? uid
        })
      ),
    bound: attempt("bound", () => Option.fromUndefinedOr(read.get()?.uid))
  }
}
