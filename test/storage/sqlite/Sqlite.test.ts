import { constants } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"

describe("a prepared statement", () => {
  it("with a limit as a parameter is planned once, however often it runs", () => {
    const database = Sqlite.openMemory()
    database.exec("create table numbers (value integer primary key)")
    database.exec("insert into numbers values (1), (2), (3)")
    let planned = 0
    // SQLite asks the authorizer while it plans a statement, and never while it runs one.
    database.setAuthorizer(() => {
      planned++
      return constants.SQLITE_OK
    })
    const first = Sqlite.prepare<{ readonly value: number }, [number]>(
      database,
      "select value from numbers order by value limit ?"
    )
    const numbered = Sqlite.prepare<{ readonly value: number }, [number, number]>(
      database,
      "select value from numbers where value > ?1 order by value limit ?2"
    )
    const before = planned
    assert.isAbove(before, 0)
    for (const limit of [0, 1, 2, 5]) {
      assert.deepStrictEqual(
        first.all(limit).map(({ value }) => value),
        [1, 2, 3].slice(0, limit)
      )
      assert.strictEqual(numbered.all(1, limit).length, Math.min(2, limit))
    }
    assert.strictEqual(planned, before)
    database.close()
  })
})
