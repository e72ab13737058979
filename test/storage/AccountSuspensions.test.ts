import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { AccountSuspensions } from "../../src/storage/AccountSuspensions.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

const suspension = {
  account: "0123456789abcdef",
  reason: "out-of-money",
  until: "2026-11-24T03:00:00.000Z",
  times: 3
}
const services = ["llm:a", "llm:b"]

describe("the suspensions of accounts on record", () => {
  it.effect("survive the process, until they are removed; each change has its line of the audit log", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const open = <A, E>(use: Effect.Effect<A, E, AccountSuspensions | AuditLog>) =>
        Effect.provide(use, Storage.layerDatabase(database))
      yield* open(
        Effect.flatMap(AccountSuspensions, ({ record }) =>
          Effect.andThen(
            record(suspension.account, { ...suspension, times: 2 }, { kind: "account.suspended", services }),
            record(suspension.account, suspension, { kind: "account.suspended", services })
          )
        )
      )
      assert.deepStrictEqual(yield* open(Effect.flatMap(AccountSuspensions, ({ all }) => all)), [suspension])
      const lines = yield* open(
        Effect.gen(function* () {
          const { all, record } = yield* AccountSuspensions
          yield* record(suspension.account, undefined, { kind: "account.resumed", services })
          assert.deepStrictEqual(yield* all, [])
          return yield* (yield* AuditLog).read(0, 10)
        })
      )
      assert.deepStrictEqual(
        lines.map(({ kind, subject }) => [kind, subject]),
        [
          ["account.suspended", "llm:a"],
          ["account.suspended", "llm:a"],
          ["account.resumed", "llm:a"]
        ]
      )
      assert.notInclude(JSON.stringify(lines), suspension.account)
    })
  )
})
