import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"

const open = <A, E>(database: DatabaseSync, use: Effect.Effect<A, E, StandingOrders | AuditLog>) =>
  Effect.provide(use, Storage.layerDatabase(database))
const orders = <A, E>(use: (orders: StandingOrders["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(StandingOrders, use)
const current = orders((orders) => orders.current("emergency-stop"))
const byOf = Option.map(({ by }: { readonly by: string }) => by)

describe("the emergency stop on record", () => {
  it.effect("survives the process that set it, until somebody lifts it", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      assert.deepStrictEqual(yield* open(database, current), Option.none())
      const set = yield* open(
        database,
        orders((orders) => orders.give("emergency-stop", { by: "ada", reason: "the sale" }))
      )
      assert.deepInclude(set, { by: "ada", reason: "the sale" })
      assert.deepStrictEqual(yield* open(database, current), Option.some(set))
      const lifted = yield* open(
        database,
        orders((orders) => orders.takeBack("emergency-stop", { by: "bob" }))
      )
      assert.deepStrictEqual(lifted, Option.some(set))
      assert.deepStrictEqual(yield* open(database, current), Option.none())
    })
  )

  it.effect("is seen at once by a second process on the same database", () => {
    const database = Sqlite.openMemory()
    return open(
      database,
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* current, Option.none())
        yield* open(
          database,
          orders((orders) => orders.give("emergency-stop", { by: "ada" }))
        )
        assert.deepStrictEqual(byOf(yield* current), Option.some("ada"))
      })
    )
  })

  it.effect("stays that of who set it first, and every order is audited", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const orders = yield* StandingOrders
        yield* orders.give("emergency-stop", { by: "ada", reason: "first" })
        assert.deepInclude(yield* orders.give("emergency-stop", { by: "bob", reason: "second" }), {
          by: "ada",
          reason: "first"
        })
        yield* orders.takeBack("emergency-stop", { by: "bob" })
        assert.deepStrictEqual(yield* orders.takeBack("emergency-stop", { by: "ada" }), Option.none())
        const lines = yield* Effect.flatMap(AuditLog, (audit) => audit.read(0, 10))
        assert.deepStrictEqual(
          lines.map(({ actor, data, kind }) => [actor, kind, data["reason"]]),
          [
            ["ada", "emergency-stop.set", "first"],
            ["bob", "emergency-stop.set", "second"],
            ["bob", "emergency-stop.lifted", undefined],
            ["ada", "emergency-stop.lifted", undefined]
          ]
        )
      })
    )
  )

  it.effect("says nothing about the other order", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const orders = yield* StandingOrders
        yield* orders.give("emergency", { by: "ada" })
        assert.deepStrictEqual(yield* orders.current("emergency-stop"), Option.none())
        yield* orders.takeBack("emergency-stop", { by: "bob" })
        assert.deepStrictEqual(byOf(yield* orders.current("emergency")), Option.some("ada"))
      })
    )
  )

  it.effect("is not set in a database of an older version, and can be set there", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(join(import.meta.dirname, "sqlite", "version1.sql"), "utf8"))
      assert.deepStrictEqual(yield* open(database, current), Option.none())
      yield* open(
        database,
        orders((orders) => orders.give("emergency-stop", { by: "ada" }))
      )
      assert.deepStrictEqual(byOf(yield* open(database, current)), Option.some("ada"))
    })
  )
})
