/**
 * Effect's `SqlClient` over a `node:sqlite` connection. Only the migrations use it.
 *
 * Effect's `Migrator` needs a `SqlClient` and runs the same migrations on SQLite and PostgreSQL. Journal and intake
 * writes do not use it: they are synchronous closures in one batch (`BatchWriter`), because an Effect per statement
 * would yield to the event loop in the middle of a transaction, and was measured at several times the CPU. Effect 4.1
 * has no published driver for `node:sqlite`; once it has one, that driver replaces this file.
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite"
import { Context, Effect, type Scope, Semaphore, Stream } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient, type SqlConnection, SqlError, Statement } from "effect/sql"
import { resultCode } from "./Sqlite.ts"

/** `classifySqliteError` reads the result code from `errno`; `node:sqlite` names it `errcode`. */
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
        // The SQLite compiler converts all parameters to primitives, as the driver requires.
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

/** A client on a connection that nothing else uses at the same time. */
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
      // When two processes start together, the second waits here instead of finding half of the tables.
      beginTransaction: "BEGIN IMMEDIATE",
      spanAttributes: [["db.system.name", "sqlite"]]
    })
  }).pipe(Effect.provide(Reactivity.layer))
