/** The transactions of a SQLite connection, for `BatchWriter`. */

import type { DatabaseSync } from "node:sqlite"
import type { Transactions } from "./BatchWriter.ts"
import { prepare } from "./Sqlite.ts"

/** State that a table keeps in memory beside its rows, and that has to follow them. */
export interface KeptInMemory {
  /** Remembers the state; the answer puts it back after a rollback. */
  readonly checkpoint: () => () => void
  /** Reads it anew, because another process has written. */
  readonly reload: () => void
}

/** The transactions of one connection, with what its tables keep in memory. */
export const make = (database: DatabaseSync, kept: ReadonlyArray<KeptInMemory>): Transactions => {
  const begin = prepare(database, "begin immediate")
  const commit = prepare(database, "commit")
  const rollback = prepare(database, "rollback")
  const version = prepare<{ readonly data_version: number }>(database, "pragma data_version")
  let knownVersion = version.get()?.data_version
  return {
    begin: () => {
      // Still open where rolling back failed, or where what follows here did.
      if (database.isTransaction) rollback.run()
      begin.run()
      // Changes whenever another connection has committed, and never for our own.
      const found = version.get()?.data_version
      if (found === knownVersion) return
      for (const table of kept) table.reload()
      // Only now: where one of them can't be read, all are read at the next attempt.
      knownVersion = found
    },
    commit: () => void commit.run(),
    rollback: () => {
      if (database.isTransaction) rollback.run()
    },
    savepoint: () => database.exec("savepoint job"),
    release: () => database.exec("release job"),
    rollbackToSavepoint: () => database.exec("rollback to job; release job"),
    isOpen: () => database.isTransaction,
    checkpoint: () => {
      const restores = kept.map((table) => table.checkpoint())
      return () => {
        for (const restore of restores) restore()
      }
    }
  }
}
