/**
 * Opens and closes a SQLite database through `node:sqlite`, and classifies its errors.
 *
 * - **WAL and `synchronous=FULL`.** A commit is on disk when it returns, because a 202 means that the alert is durable.
 *   With `NORMAL` a power failure would lose the last commits.
 * - **One connection.** A second one in the same thread would block the event loop while it waits for the first. All
 *   writes go through `BatchWriter`. Each batch is one synchronous step, so a read on the same connection never sees
 *   half of it.
 * - **Prepared statements.** Each module prepares its statements once and keeps them.
 */

import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { Effect, Schema, type Scope } from "effect"
import { StorageError } from "../StorageError.ts"

export interface SqliteOptions {
  /** The database file, created with its directory when missing, or `:memory:`. */
  readonly filename: string
  /**
   * How long a statement waits for another process to release its lock, in milliseconds. The event loop is blocked
   * meanwhile. Default 500: only a command that opens the same file takes locks, and a longer wait would fail health
   * probes.
   */
  readonly busyTimeoutMs?: number
}

/** A prepared statement with the shape of its rows. */
export interface SqliteStatement<Row, Params extends ReadonlyArray<SQLInputValue>> {
  readonly get: (...params: Params) => Row | undefined
  readonly all: (...params: Params) => Array<Row>
  /** Returns the number of changed rows. */
  readonly run: (...params: Params) => number
}

/**
 * SQLite plans a statement whose limit is a bare parameter again at each run, because the value might change the plan.
 * That costs several times what the run does. An expression is not looked into.
 */
const plannedOnce = (sql: string): string => sql.replaceAll(/\blimit (\?\d*)/g, "limit 0 + $1")

/**
 * Prepares a statement. `Row` is not checked: it must match the select list, so statements name every column. The text
 * in a `data` column is decoded by Schema before use.
 */
export const prepare = <Row = never, Params extends ReadonlyArray<SQLInputValue> = []>(
  database: DatabaseSync,
  sql: string
): SqliteStatement<Row, Params> => {
  const statement = database.prepare(plannedOnce(sql))
  return {
    get: (...params) => statement.get(...params) as Row | undefined,
    all: (...params) => statement.all(...params) as Array<Row>,
    run: (...params) => Number(statement.run(...params).changes)
  }
}

/** The extended result code of a `node:sqlite` error; `undefined` for any other error. */
export const resultCode = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode
    : undefined

/** Why SQLite failed with a result code, and whether the same operation may succeed later. */
// https://www.sqlite.org/rescode.html
export const reasonOf = (primary: number): readonly [reason: StorageError["reason"], retryable: boolean] => {
  switch (primary) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return ["busy", true]
    case 13: // SQLITE_FULL
      return ["full", true]
    case 8: // SQLITE_READONLY
    case 14: // SQLITE_CANTOPEN
    case 23: // SQLITE_AUTH
    case 3: // SQLITE_PERM
      return ["unavailable", true]
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return ["damaged", false]
    case 18: // SQLITE_TOOBIG
    case 19: // SQLITE_CONSTRAINT
    case 20: // SQLITE_MISMATCH
    case 25: // SQLITE_RANGE
      return ["refused", false]
    case 10: // SQLITE_IOERR
      return ["failed", true]
    default:
      return ["failed", false]
  }
}

const isStorageError = Schema.is(StorageError)

/**
 * Converts an error of the driver to a `StorageError`. Returns a `StorageError` unchanged, and `undefined` for errors
 * that SQLite did not raise: they are defects.
 *
 * `atCommit`: after an I/O error during the commit, the commit record may or may not have reached the disk, so a
 * restart could restore the transaction. After every other error nothing was committed.
 */
export const classify = (cause: unknown, operation: string, atCommit = false): StorageError | undefined => {
  if (isStorageError(cause)) return cause
  const code = resultCode(cause)
  if (code === undefined) return undefined
  const primary = code & 0xff
  const [reason, retryable] = reasonOf(primary)
  return new StorageError({
    reason,
    operation,
    retryable,
    committed: atCommit && primary === 10 ? "unknown" : "no",
    detail: `SQLite result code ${code}`
  })
}

/** Runs a read. Errors of SQLite become a `StorageError`; any other exception is a defect. */
export const attempt = <A>(operation: string, body: () => A): Effect.Effect<A, StorageError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(body())
    } catch (cause) {
      const error = classify(cause, operation)
      return error === undefined ? Effect.die(cause) : Effect.fail(error)
    }
  })

/** What a path itself can be wrong about, so that waiting does not help. */
const wrongPaths: ReadonlySet<unknown> = new Set(["ENOTDIR", "EEXIST", "ENAMETOOLONG", "EINVAL", "ELOOP"])

/** The folder of the database cannot be made. Its volume may be missing, full or read-only now. */
const cannotCreate = (filename: string, cause: unknown): StorageError => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  return new StorageError({
    reason: code === "ENOSPC" || code === "EDQUOT" ? "full" : "unavailable",
    operation: "open",
    retryable: code !== undefined && !wrongPaths.has(code),
    committed: "no",
    detail: `${filename} cannot be created${typeof code === "string" ? ` (${code})` : ""}`
  })
}

/** Opens a database for the lifetime of the scope. Closing it moves the write-ahead log into the file. */
export const open = (options: SqliteOptions): Effect.Effect<DatabaseSync, StorageError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      try {
        return Effect.succeed(openUnsafe(options))
      } catch (cause) {
        return Effect.fail(classify(cause, "open") ?? cannotCreate(options.filename, cause))
      }
    }),
    (database) => Effect.sync(() => database.close())
  )

/** An in-memory database: empty, or a copy of one that was serialized. */
export const openMemory = (content?: Uint8Array): DatabaseSync => {
  const database = openUnsafe({ filename: ":memory:" })
  if (content !== undefined) database.deserialize(content)
  return database
}

/**
 * Creates the file, and its directory, for the owner alone: the journal holds pod templates, logs and alert text.
 * SQLite gives the write-ahead log the permissions of the file. Files that exist keep theirs.
 */
const createPrivate = (filename: string): void => {
  mkdirSync(dirname(filename), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(filename, "wx", 0o600))
  } catch {
    // It exists, or it cannot be created, which SQLite then reports with a code of its own.
  }
}

const openUnsafe = (options: SqliteOptions): DatabaseSync => {
  if (options.filename !== ":memory:") createPrivate(options.filename)
  const database = new DatabaseSync(options.filename, { timeout: options.busyTimeoutMs ?? 500 })
  try {
    database.exec("pragma journal_mode = wal")
    database.exec("pragma synchronous = full")
    database.exec("pragma foreign_keys = on")
    // 32 MB of pages: keeps the open remediations, the ends of all indices and the newest journals in memory.
    database.exec("pragma cache_size = -32768")
    // Checkpoint at 16 MB of write-ahead log instead of 4, so that pages changed by many batches are copied once.
    // Measured under full load: a tenth less CPU, a third more remediations per second, and the same longest pauses.
    database.exec("pragma wal_autocheckpoint = 4000")
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}
