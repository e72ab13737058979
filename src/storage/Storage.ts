/**
 * The three services of `storage` over one database.
 *
 * `layerSqlite` is the embedded default: one process, one file. `layerMemory` is the same on `:memory:`, for tests and
 * the simulator. Both migrate the database when they are built.
 *
 * The database belongs to one service process. Another process may read the file, or write to it with this library (the
 * fence and the audit chain hold), but two services on one file compete for targets.
 */

import type { DatabaseSync } from "node:sqlite"
import { Context, Effect, Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { ActionHistory } from "./ActionHistory.ts"
import { AuditLog } from "./AuditLog.ts"
import { RemediationStore } from "./RemediationStore.ts"
import * as AuditTable from "./sqlite/AuditTable.ts"
import * as BatchWriter from "./sqlite/BatchWriter.ts"
import * as JournalTable from "./sqlite/JournalTable.ts"
import { migrate } from "./sqlite/Migrations.ts"
import * as RemediationTable from "./sqlite/RemediationTable.ts"
import * as Sqlite from "./sqlite/Sqlite.ts"
import * as SqliteActionHistory from "./sqlite/SqliteActionHistory.ts"
import * as SqliteAuditLog from "./sqlite/SqliteAuditLog.ts"
import * as SqliteClient from "./sqlite/SqliteClient.ts"
import * as SqliteRemediationStore from "./sqlite/SqliteRemediationStore.ts"
import * as SqliteTransactions from "./sqlite/SqliteTransactions.ts"
import type { StorageError } from "./StorageError.ts"

export interface StorageOptions
  extends Sqlite.SqliteOptions, RemediationTable.RemediationTableOptions, BatchWriter.BatchWriterOptions {}

/**
 * Audit lines whose chain is checked when a database is opened, from the end. Default of `AuditLog.verify` is all of
 * them.
 */
const verifiedAtOpen = 1000

const make = (
  open: Effect.Effect<DatabaseSync, StorageError, Scope.Scope>,
  options: Omit<StorageOptions, keyof Sqlite.SqliteOptions>
): Effect.Effect<Context.Context<RemediationStore | ActionHistory | AuditLog>, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* open
    yield* Effect.scoped(
      Effect.flatMap(SqliteClient.make(database), (client) =>
        Effect.provideService(migrate, SqlClient.SqlClient, client)
      )
    )
    const tables = yield* Sqlite.attempt("open", () => {
      const audit = AuditTable.make(database)
      const journal = JournalTable.make(database, audit)
      const remediations = RemediationTable.make(database, journal, options)
      const cache = { checkpoint: () => journal.forget, reload: journal.forget }
      return {
        audit,
        journal,
        remediations,
        transactions: SqliteTransactions.make(database, [audit, remediations, cache])
      }
    })
    const writer = yield* BatchWriter.make(tables.transactions, options)
    const auditLog = SqliteAuditLog.make(writer, tables.audit)
    const broken = yield* SqliteAuditLog.firstBroken(tables.audit, tables.audit.trustedHead(verifiedAtOpen))
    if (broken !== undefined) {
      // Alerts go on being handled: a database that somebody has tampered with is no reason to let a cluster burn.
      yield* Effect.logError("the audit chain does not hold").pipe(Effect.annotateLogs({ sequence: broken }))
      yield* auditLog.record({ actor: "kubernaut", kind: "audit.broken", subject: String(broken), data: {} })
    }
    return yield* Sqlite.attempt("open", () =>
      Context.make(
        RemediationStore,
        SqliteRemediationStore.make(database, writer, tables.remediations, tables.journal)
      ).pipe(Context.add(ActionHistory, SqliteActionHistory.make(database)), Context.add(AuditLog, auditLog))
    )
  })

/** Fails when the database cannot be opened, is damaged, or was written by a newer version. */
export const layerSqlite = (
  options: StorageOptions
): Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError> =>
  Layer.effectContext(make(Sqlite.open(options), options))

/**
 * The same over a database that somebody else has opened and will close. For processes that come one after the other
 * and share a database in memory, as the simulator's do: what one has committed, the next one finds.
 */
export const layerDatabase = (
  database: DatabaseSync,
  options: Omit<StorageOptions, keyof Sqlite.SqliteOptions> = {}
): Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError> =>
  Layer.effectContext(make(Effect.succeed(database), options))

/** Gone with its scope. */
export const layerMemory: Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError> = layerSqlite({
  filename: ":memory:"
})
