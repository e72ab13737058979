import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as SqliteTransactions from "../../../src/storage/sqlite/SqliteTransactions.ts"

/** A connection that sees another connection commit whenever `others` grows. */
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
  it("reloads in-memory state when another connection has committed, and only then", () => {
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

  it("reloads in-memory state at the next attempt when a reload failed, so that no audit line extends a stale chain", () => {
    const { state, transactions } = shared()
    state.others++
    state.readable = false
    assert.throws(() => transactions.begin())
    state.readable = true
    transactions.begin()
    assert.strictEqual(state.reads, 1)
  })
})
