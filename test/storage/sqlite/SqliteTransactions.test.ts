import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as SqliteTransactions from "../../../src/storage/sqlite/SqliteTransactions.ts"

/** A connection beside which another one commits whenever `others` grows. */
const shared = () => {
  const database = Sqlite.openMemory()
  const state = { others: 0, reads: 0, readable: true }
  const seen = new Proxy(database, {
    get: (target, property) => {
      if (property === "prepare")
        return (sql: string) =>
          sql === "pragma data_version" ? { get: () => ({ data_version: state.others }) } : target.prepare(sql)
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === "function" ? value.bind(target) : value
    }
  }) as DatabaseSync
  const table = {
    checkpoint: () => () => {},
    reload: () => {
      if (!state.readable) throw new Error("disk I/O error")
      state.reads++
    }
  }
  return { state, transactions: SqliteTransactions.make(seen, [table]) }
}

describe("a transaction", () => {
  it("begins by reading what is kept in memory anew where another connection has committed, and only there", () => {
    const { state, transactions } = shared()
    const once = () => {
      transactions.begin()
      transactions.commit()
    }
    once()
    assert.strictEqual(state.reads, 0)
    state.others++
    once()
    once()
    assert.strictEqual(state.reads, 1)
  })

  it("reads it at the next attempt where it could not be read: a chain that goes on from an old line would be refused for ever", () => {
    const { state, transactions } = shared()
    state.others++
    state.readable = false
    assert.throws(() => transactions.begin())
    state.readable = true
    transactions.begin()
    assert.strictEqual(state.reads, 1)
  })
})
