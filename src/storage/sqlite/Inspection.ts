/** Looks at a database file without changing it: nothing is created, migrated or recorded. */

import { DatabaseSync } from "node:sqlite"
import type { Effect } from "effect"
import type { StorageError } from "../StorageError.ts"
import { migrationsTable, newerVersion, schemaVersion } from "./Migrations.ts"
import { attempt, prepare } from "./Sqlite.ts"

/** What is in an existing file. */
export type Inspection =
  /** Nothing: its tables are created at the first start. */
  | { readonly _tag: "Empty" }
  /** The tables of another program. */
  | { readonly _tag: "Foreign" }
  /** A database of this version or of an earlier one. */
  | { readonly _tag: "Kubernaut"; readonly version: number; readonly cluster: string | undefined }

const tablesOf = (database: DatabaseSync): ReadonlySet<string> =>
  new Set(
    prepare<{ readonly name: string }>(database, "select name from sqlite_schema where type = 'table'")
      .all()
      .map(({ name }) => name)
  )

const inspectOpen = (database: DatabaseSync): Inspection => {
  database.exec("pragma query_only = on")
  const tables = tablesOf(database)
  if (tables.size === 0) return { _tag: "Empty" }
  if (!tables.has(migrationsTable)) return { _tag: "Foreign" }
  const newest = prepare<{ readonly version: number | null }>(
    database,
    `select max(migration_id) as version from ${migrationsTable}`
  )
  const version = newest.get()?.version ?? 0
  if (version > schemaVersion) throw newerVersion(version)
  if (version === 0) return { _tag: "Empty" }
  // Damage of the file shows when its rows are read.
  prepare(database, "select count(*) from remediations where open = 1").get()
  const cluster = tables.has("cluster_identity")
    ? prepare<{ readonly uid: string }>(database, "select uid from cluster_identity where id = 1").get()?.uid
    : undefined
  return { _tag: "Kubernaut", version, cluster }
}

/** Looks at a file that exists. Fails like `Storage.layerSqlite` if it is damaged or of a newer version. */
export const inspect = (filename: string): Effect.Effect<Inspection, StorageError> =>
  attempt("inspect", () => {
    const database = new DatabaseSync(filename, { timeout: 5000 })
    try {
      return inspectOpen(database)
    } finally {
      database.close()
    }
  })
