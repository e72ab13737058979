/**
 * One SQLite database by `node:sqlite`: how it is opened and closed, and what its errors mean.
 *
 * - **WAL and `synchronous=FULL`**: a commit is on disk when it returns, because a 202 means that the alert is durable.
 *   `NORMAL` would lose the last commits when the machine loses power.
 * - **One connection.** A second one in the same thread would wait for the first with the event loop held. All writes go
 *   through `BatchWriter`, and as each of its batches is one synchronous step, a read on the same connection never sees
 *   half of one.
 * - Its statements are prepared once and kept by whoever uses them.
 */

import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"
import { Effect, Schema, type Scope } from "effect"
import { StorageError } from "../StorageError.ts"

export interface SqliteOptions {
  /** A file, which is created with its directory when missing, or `:memory:`. */
  readonly filename: string
  /**
   * How long a statement waits, with the whole process, for another process to release its lock, in milliseconds.
   * Default 500: only a command that looks into the same file ever holds one, and holding the event loop for longer
   * would fail probes.
   */
  readonly busyTimeoutMs?: number
}

/** A prepared statement with the shape of its rows. */
export interface SqliteStatement<Row, Params extends ReadonlyArray<SQLInputValue>> {
  readonly get: (...params: Params) => Row | undefined
  readonly all: (...params: Params) => Array<Row>
  /** The number of rows that it changed. */
  readonly run: (...params: Params) => number
}

/**
 * Prepares a statement. `Row` is a claim about the select list, which the statements of this folder keep by naming
 * every column; what comes out of a `data` column is decoded by Schema before it is used.
 */
export const prepare = <Row = never, Params extends ReadonlyArray<SQLInputValue> = []>(
  database: DatabaseSync,
  sql: string
): SqliteStatement<Row, Params> => {
  const statement = database.prepare(sql)
  return {
    get: (...params) => statement.get(...params) as Row | undefined,
    all: (...params) => statement.all(...params) as Array<Row>,
    run: (...params) => Number(statement.run(...params).changes)
  }
}

/**
 * The result code of an error of `node:sqlite`, extended by its cause in the upper bits; `undefined` for any other
 * error.
 */
export const resultCode = (cause: unknown): number | undefined =>
  typeof cause === "object" && cause !== null && "errcode" in cause && typeof cause.errcode === "number"
    ? cause.errcode
    : undefined

// https://www.sqlite.org/rescode.html
const reasonOf = (primary: number): readonly [reason: StorageError["reason"], retryable: boolean] => {
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
      return ["corrupt", false]
    case 10: // SQLITE_IOERR
      return ["failed", true]
    default:
      return ["failed", false]
  }
}

const isStorageError = Schema.is(StorageError)

/**
 * What an error of the driver means. A `StorageError` stays what it is, and what is no error of SQLite answers
 * `undefined`: that is a defect of ours, and no caller can do anything about it.
 *
 * `atCommit`: an I/O error while committing leaves open whether the commit record reached the disk, so that a restart
 * could bring the transaction back. Every other error is known to leave nothing.
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

/** Runs a read: what SQLite reports becomes a `StorageError`, anything else is a defect. */
export const attempt = <A>(operation: string, body: () => A): Effect.Effect<A, StorageError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(body())
    } catch (cause) {
      const error = classify(cause, operation)
      return error === undefined ? Effect.die(cause) : Effect.fail(error)
    }
  })

/** Opens a database for as long as the scope lasts. Closing it moves what is in the write-ahead log into the file. */
export const open = (options: SqliteOptions): Effect.Effect<DatabaseSync, StorageError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      try {
        return Effect.succeed(openUnsafe(options))
      } catch (cause) {
        return Effect.fail(
          classify(cause, "open")
            ?? new StorageError({
              reason: "unavailable",
              operation: "open",
              retryable: false,
              committed: "no",
              detail: `${options.filename} cannot be created`
            })
        )
      }
    }),
    (database) => Effect.sync(() => database.close())
  )

/**
 * A database in memory, which lives for as long as somebody holds it: empty, or with what `serialize` of another one
 * gave.
 */
export const openMemory = (content?: Uint8Array): DatabaseSync => {
  const database = openUnsafe({ filename: ":memory:" })
  if (content !== undefined) database.deserialize(content)
  return database
}

const openUnsafe = (options: SqliteOptions): DatabaseSync => {
  if (options.filename !== ":memory:") mkdirSync(dirname(options.filename), { recursive: true })
  const database = new DatabaseSync(options.filename, { timeout: options.busyTimeoutMs ?? 500 })
  try {
    database.exec("pragma journal_mode = wal")
    database.exec("pragma synchronous = full")
    database.exec("pragma foreign_keys = on")
    // 32 MB of pages: the open remediations, the ends of all indices and the newest journals stay in memory.
    database.exec("pragma cache_size = -32768")
    // 16 MB of write-ahead log before its pages move into the file, instead of 4: pages that many batches change move
    // once. Measured under a full load, side by side: a tenth less CPU and a third more remediations a second, with the
    // same longest pauses.
    database.exec("pragma wal_autocheckpoint = 4000")
    return database
  } catch (cause) {
    database.close()
    throw cause
  }
}
