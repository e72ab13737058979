/**
 * Effect's `SqlClient` over a `node:sqlite` connection, for the migrations only.
 *
 * **Why two ways to the same database.** Migrations are written once for SQLite and PostgreSQL and run through Effect's
 * `Migrator`, which needs a `SqlClient`; they run before anything else does. Journal and intake writes are synchronous
 * closures in one batch (`BatchWriter`): an Effect per statement would give the event loop away in the middle of a
 * transaction, and measured a multiple of the CPU. No driver of Effect's own for `node:sqlite` is published for Effect
 * 4.1; when one is, it replaces this file.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import { Context, Effect, type Scope, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"
import { resultCode } from "./Sqlite.ts"

/** `classifySqliteError` reads the number from `errno`, which `node:sqlite` calls `errcode`. */
const sqlError = (cause: unknown, operation: string): SqlError.SqlError => {
  const errno = resultCode(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  return new SqlError.SqlError({
    reason: SqlError.classifySqliteError(errno === undefined ? cause : { errno, message }, { message, operation })
  })
}

const run = <A>(
  database: DatabaseSync,
  sql: string,
  params: ReadonlyArray<unknown>,
  use: (statement: StatementSync, params: ReadonlyArray<SQLInputValue>) => A
): Effect.Effect<A, SqlError.SqlError> =>
  Effect.withFiber((fiber) =>
    Effect.try({
      try: () => {
        const statement = database.prepare(sql)
        statement.setReadBigInts(Context.get(fiber.context, SqlClient.SafeIntegers))
        // The compiler for SQLite makes primitives of all parameters, which is what the driver takes.
        return use(statement, params as ReadonlyArray<SQLInputValue>)
      },
      catch: (cause) => sqlError(cause, "execute")
    })
  )

const connection = (database: DatabaseSync): SqlConnection.Connection => {
  const rows = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<object>, SqlError.SqlError> =>
    run(database, sql, params, (statement, values) => statement.all(...values))
  const arrays = (sql: string, params: ReadonlyArray<unknown>) =>
    run(database, sql, params, (statement, values) => {
      statement.setReturnArrays(true)
      return statement.all(...values) as unknown as ReadonlyArray<ReadonlyArray<unknown>>
    })
  return {
    execute: (sql, params, transform) =>
      transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform),
    executeRaw: rows,
    executeStream: (sql, params, transform) =>
      Stream.fromIterableEffect(transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform)),
    executeValues: arrays,
    executeValuesUnprepared: arrays,
    executeUnprepared: (sql, params, transform) =>
      transform === undefined ? rows(sql, params) : Effect.map(rows(sql, params), transform)
  }
}

/** A client on a connection that nobody else uses meanwhile. */
export const make = (database: DatabaseSync): Effect.Effect<SqlClient.SqlClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const semaphore = yield* Semaphore.make(1)
    const acquirers = SqlClient.makeSqliteAcquirers({
      connection: Effect.succeed(connection(database)),
      semaphore,
      isTransaction: () => database.isTransaction
    })
    return yield* SqlClient.make({
      ...acquirers,
      driver: "kubernaut-sqlite",
      compiler: Statement.makeCompilerSqlite(),
      // Two processes that start together: the second waits here instead of finding half of the first one's tables.
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes: [["db.system.name", "sqlite"]]
    })
  }).pipe(Effect.provide(Reactivity.layer))
