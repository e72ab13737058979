import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"

/** A database that fails from statement number `statements` on. */
const goneAfter = (database: DatabaseSync, statements: number): DatabaseSync => {
  let count = 0
  return new Proxy(database, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target)
      if (property !== "prepare") return typeof value === "function" ? value.bind(target) : value
      return (sql: string) => {
        if (count++ >= statements) throw Object.assign(new Error("unable to open database file"), { errcode: 14 })
        return target.prepare(sql)
      }
    }
  })
}

describe("opening a database", () => {
  it.effect("fails with a StorageError, not a defect, at whichever statement the database fails", () =>
    Effect.gen(function* () {
      const ends = new Set<string>()
      for (let statements = 0; statements < 120; statements++) {
        const database = Sqlite.openMemory()
        const exit = yield* Effect.exit(
          Effect.scoped(Layer.build(Storage.layerDatabase(goneAfter(database, statements))))
        )
        database.close()
        ends.add(
          Exit.isSuccess(exit)
            ? "built"
            : Cause.hasDies(exit.cause)
              ? `defect after ${statements} statements`
              : "StorageError"
        )
      }
      assert.deepStrictEqual(ends, new Set(["StorageError", "built"]))
    })
  )
})
