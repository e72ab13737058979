/** The transactions of a SQLite connection, for `BatchWriter`. */

import type { DatabaseSync } from "node:sqlite"
import type { Transactions } from "./BatchWriter.ts"
import { prepare } from "./Sqlite.ts"

/** State that a table keeps in memory and that must match its rows. */
export interface KeptInMemory {
  /** Saves the state. The returned function restores it after a rollback. */
  readonly checkpoint: () => () => void
  /** Reads the state again, because another process has written. */
  readonly reload: () => void
}

/**
 * The transactions of one connection. `kept` is the in-memory state of its tables. `requireFiles` throws when the files
 * of the database are not those that were opened.
 */
export const make = (
  database: DatabaseSync,
  kept: ReadonlyArray<KeptInMemory>,
  requireFiles: (othersWrote: boolean) => void = () => {}
): Transactions => {
  const begin = prepare(database, "begin immediate")
  const commit = prepare(database, "commit")
  const rollback = prepare(database, "rollback")
  const version = prepare<{ readonly data_version: number }>(database, "pragma data_version")
  let knownVersion = version.get()?.data_version
  let othersWrote = false
  return {
    begin: () => {
      // A transaction is still open if a rollback failed, or if an earlier `begin` failed below.
      if (database.isTransaction) rollback.run()
      othersWrote ||= version.get()?.data_version !== knownVersion
      requireFiles(othersWrote)
      begin.run()
      // The version changes when another connection commits, never for our own commits.
      const found = version.get()?.data_version
      if (found === knownVersion) return
      for (const table of kept) table.reload()
      // Set last: if one of the tables cannot be read, the next attempt reads all of them again.
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
