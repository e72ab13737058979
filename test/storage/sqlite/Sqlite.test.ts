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

describe("an error of SQLite", () => {
  /** What a statement throws. */
  const thrown = (body: () => void): unknown => {
    try {
      body()
    } catch (cause) {
      return cause
    }
    return assert.fail("nothing was thrown")
  }
  const reasonOf = (cause: unknown) => Sqlite.classify(cause, "test")?.reason

  it("about what is stored is not one about the database", () => {
    const database = Sqlite.openMemory()
    database.exec("create table numbers (value integer primary key check (value > 0)) strict")
    database.exec("insert into numbers values (1)")
    const refused = ["values (1)", "values (0)", "values ('text')", "values (zeroblob(2000000000))"]
    for (const values of refused)
      assert.strictEqual(reasonOf(thrown(() => database.exec(`insert into numbers ${values}`))), "refused", values)
    database.close()
  })

  it.each([0, 1, 2, 3])("about damage of the file is one about the database, wherever the damage is: %s", (page) => {
    const database = Sqlite.openMemory()
    database.exec("create table texts (value text); create index by_value on texts (value)")
    const insert = database.prepare("insert into texts values (?)")
    for (let row = 0; row < 500; row++) insert.run(`${row}`.padStart(20, "0"))
    const content = database.serialize()
    database.close()
    content.fill(0xa5, page * 4096 + (page === 0 ? 100 : 0), (page + 1) * 4096)
    const damaged = Sqlite.openMemory(content)
    const cause = thrown(() =>
      damaged.exec("insert into texts select value || 'x' from texts; select count(*) from texts order by value")
    )
    assert.deepInclude(Sqlite.classify(cause, "test"), { reason: "damaged", retryable: false, committed: "no" })
    damaged.close()
  })
})
