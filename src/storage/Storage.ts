/**
 * Layers that provide `RemediationStore`, `AccountSuspensions`, `ActionHistory`, `AuditLog`, `Archive`, `ChangeStore`,
 * `ClusterBinding`, `Doubts`, `Figures`, `HeldBack`, `Levels`, `Outbox`, `SpendLedger`, `SpoolStore`, `StandingOrders`
 * and `StorageHealth` on one database.
 *
 * `layerSqlite` is the default: one process, one file. `layerMemory` uses an in-memory database, for tests and
 * examples. Every layer migrates the database when it is built.
 *
 * One service process owns the database. Other processes may read the file, or write to it with this library: the fence
 * and the audit chain stay intact, and two services together stay within the budgets of actions. They would compete for
 * targets.
 */

import { dirname, join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { Context, Effect, Layer, type Scope } from "effect"
import { SqlClient } from "effect/sql"
import { AccountSuspensions } from "./AccountSuspensions.ts"
import { ActionHistory } from "./ActionHistory.ts"
import { Archive } from "./Archive.ts"
import { AuditLog } from "./AuditLog.ts"
import { ChangeStore } from "./ChangeStore.ts"
import { ClusterBinding } from "./ClusterBinding.ts"
import { Doubts } from "./Doubts.ts"
import { Figures } from "./Figures.ts"
import { HeldBack } from "./HeldBack.ts"
import { Levels } from "./Levels.ts"
import { Outbox } from "./Outbox.ts"
import { RemediationStore } from "./RemediationStore.ts"
import { SpendLedger } from "./SpendLedger.ts"
import { SpoolStore } from "./spool/SpoolStore.ts"
import * as ArchiveTable from "./sqlite/ArchiveTable.ts"
import * as AuditTable from "./sqlite/AuditTable.ts"
import * as BatchWriter from "./sqlite/BatchWriter.ts"
import * as FileIdentity from "./sqlite/FileIdentity.ts"
import * as JournalTable from "./sqlite/JournalTable.ts"
import { migrate } from "./sqlite/Migrations.ts"
import * as RemediationTable from "./sqlite/RemediationTable.ts"
import * as Sqlite from "./sqlite/Sqlite.ts"
import * as SqliteAccountSuspensions from "./sqlite/SqliteAccountSuspensions.ts"
import * as SqliteActionHistory from "./sqlite/SqliteActionHistory.ts"
import * as SqliteArchive from "./sqlite/SqliteArchive.ts"
import * as SqliteAuditLog from "./sqlite/SqliteAuditLog.ts"
import * as SqliteChangeStore from "./sqlite/SqliteChangeStore.ts"
import * as SqliteClient from "./sqlite/SqliteClient.ts"
import * as SqliteClusterBinding from "./sqlite/SqliteClusterBinding.ts"
import * as SqliteDoubts from "./sqlite/SqliteDoubts.ts"
import * as SqliteFigures from "./sqlite/SqliteFigures.ts"
import * as SqliteHealth from "./sqlite/SqliteHealth.ts"
import * as SqliteHeldBack from "./sqlite/SqliteHeldBack.ts"
import * as SqliteLevels from "./sqlite/SqliteLevels.ts"
import * as SqliteOutbox from "./sqlite/SqliteOutbox.ts"
import * as SqliteRemediationStore from "./sqlite/SqliteRemediationStore.ts"
import * as SqliteSpendLedger from "./sqlite/SqliteSpendLedger.ts"
import * as SqliteSpoolStore from "./sqlite/SqliteSpoolStore.ts"
import * as SqliteStandingOrders from "./sqlite/SqliteStandingOrders.ts"
import * as SqliteTransactions from "./sqlite/SqliteTransactions.ts"
import * as TrialAlert from "./sqlite/TrialAlert.ts"
import { StandingOrders } from "./StandingOrders.ts"
import type { StorageError } from "./StorageError.ts"
import { StorageHealth } from "./StorageHealth.ts"
import * as UnrecordedLevels from "./UnrecordedLevels.ts"

/** The options of a database. The defaults suit one service on a local disk. */
export interface StorageOptions
  extends Sqlite.SqliteOptions, RemediationTable.RemediationTableOptions, BatchWriter.BatchWriterOptions {
  /**
   * Where `Archive` keeps its files and its key. Default: the folder `archive` beside the database, with `archive.key`.
   * A database in memory has no such folder: without `directory`, its archive fails.
   */
  readonly archive?: Partial<SqliteArchive.ArchiveOptions>
  /**
   * The file that keeps the degradation level while the database takes no writes. Its folder has to exist. Other
   * processes with the same file have one beside it (`LevelFiles`). Default: none, and a level that the database has
   * not taken ends with the process.
   */
  readonly levelFile?: string
}

/** The services that every layer provides on one database. */
export type Services =
  | RemediationStore
  | AccountSuspensions
  | ActionHistory
  | Archive
  | AuditLog
  | ChangeStore
  | ClusterBinding
  | Doubts
  | Figures
  | HeldBack
  | Outbox
  | SpendLedger
  | SpoolStore
  | Levels
  | StandingOrders
  | StorageHealth

const isFile = (filename: string | undefined): filename is string => filename !== undefined && filename !== ":memory:"

/** The archive beside a database file. A database in memory has one only if its folder is named. */
const archiveOptions = (
  filename: string | undefined,
  given: StorageOptions["archive"] = {}
): SqliteArchive.ArchiveOptions | undefined => {
  const directory = given.directory ?? (isFile(filename) ? join(dirname(filename), "archive") : undefined)
  return directory === undefined ? undefined : { directory, keyFile: given.keyFile ?? join(directory, "archive.key") }
}

/** The tables, and the transactions that keep their state in memory right. */
const makeTables = (
  database: DatabaseSync,
  filename: string | undefined,
  options: RemediationTable.RemediationTableOptions
) => {
  const audit = AuditTable.make(database)
  const history = SqliteActionHistory.make(database)
  const journal = JournalTable.make(database, audit, history.changes)
  const remediations = RemediationTable.make(database, journal, options)
  const cache = { checkpoint: () => journal.forget, reload: journal.forget }
  const transactions = SqliteTransactions.make(
    database,
    [audit, remediations, cache, journal.started],
    filename === undefined ? undefined : FileIdentity.make(filename)
  )
  return {
    audit,
    archive: ArchiveTable.make(database, history.changes.deleted),
    history: history.service,
    journal,
    remediations,
    transactions,
    trial: TrialAlert.make(transactions, remediations)
  }
}

const make = (
  open: Effect.Effect<DatabaseSync, StorageError, Scope.Scope>,
  { filename, ...options }: Partial<StorageOptions>
): Effect.Effect<Context.Context<Services>, StorageError, Scope.Scope> =>
  Effect.gen(function* () {
    const database = yield* open
    yield* Effect.scoped(
      Effect.flatMap(SqliteClient.make(database), (client) =>
        Effect.provideService(migrate, SqlClient.SqlClient, client)
      )
    )
    const tables = yield* Sqlite.attempt("open", () => makeTables(database, filename, options))
    const record = SqliteHealth.makeRecord()
    const growth = SqliteOutbox.makeGrowth(() => tables.audit.head().sequence)
    const writer = yield* BatchWriter.make(tables.transactions, {
      ...options,
      onBatch: (batch) => {
        record.onBatch(batch)
        growth.committed()
      }
    })
    const auditLog = SqliteAuditLog.make(writer, tables.audit)
    const { broken } = yield* auditLog.verifyEnd
    // The service still starts: a broken audit log is no reason to leave alerts unhandled.
    if (broken.length > 0) yield* Effect.logError("The audit chain is broken", { sequences: broken })
    const name = yield* SqliteLevels.processName
    const levels = yield* Sqlite.attempt("open", () => SqliteLevels.make(database, writer, tables.audit, name))
    yield* Effect.addFinalizer(() => levels.end)
    const unrecorded = yield* UnrecordedLevels.make(levels, options.levelFile)
    const archiving = archiveOptions(filename, options.archive)
    return yield* Sqlite.attempt("open", () =>
      Context.make(
        RemediationStore,
        SqliteRemediationStore.make(database, writer, tables.remediations, tables.journal)
      ).pipe(
        Context.add(AccountSuspensions, SqliteAccountSuspensions.make(database, writer, tables.audit)),
        Context.add(ActionHistory, tables.history),
        Context.add(AuditLog, auditLog),
        Context.add(ChangeStore, SqliteChangeStore.make(database, writer)),
        Context.add(ClusterBinding, SqliteClusterBinding.make(database, writer)),
        Context.add(Doubts, SqliteDoubts.make(database, writer)),
        Context.add(Figures, SqliteFigures.make(database)),
        Context.add(HeldBack, SqliteHeldBack.make(database, writer, tables.remediations)),
        Context.add(Outbox, SqliteOutbox.make(database, writer, tables.audit, growth)),
        Context.add(SpendLedger, SqliteSpendLedger.make(database, writer)),
        Context.add(
          SpoolStore,
          SqliteSpoolStore.make(database, writer, tables.remediations, tables.audit, isFile(filename))
        ),
        Context.add(Levels, unrecorded),
        Context.add(StandingOrders, SqliteStandingOrders.make(database, writer, tables.audit)),
        Context.add(
          Archive,
          archiving === undefined
            ? SqliteArchive.nowhere
            : SqliteArchive.make(writer, tables.archive, tables.audit, archiving)
        ),
        Context.add(StorageHealth, SqliteHealth.make(database, writer, record, tables.trial, filename))
      )
    )
  })

/**
 * Storage in a SQLite file, which is created with its directory when missing.
 *
 * Fails with a `StorageError` when the database cannot be opened (`unavailable`, `busy`), is damaged (`damaged`), or
 * was written by a newer version (`incompatible`).
 *
 * ```ts
 * import { Storage } from "kubernaut"
 *
 * const storage = Storage.layerSqlite({ filename: "./data/kubernaut.db" })
 * ```
 */
export const layerSqlite = (options: StorageOptions): Layer.Layer<Services, StorageError> =>
  Layer.effectContext(make(Sqlite.open(options), options))

/**
 * Storage on a database that the caller opens and closes. The simulator uses it so that successive processes share one
 * in-memory database.
 */
export const layerDatabase = (
  database: DatabaseSync,
  options: Omit<StorageOptions, keyof Sqlite.SqliteOptions> = {}
): Layer.Layer<Services, StorageError> => Layer.effectContext(make(Effect.succeed(database), options))

/** Storage in memory, discarded when the scope closes. */
export const layerMemory: Layer.Layer<Services, StorageError> = layerSqlite({
  filename: ":memory:"
})
