import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Layer, Option } from "effect"
import { ActionHistory } from "../../../src/storage/ActionHistory.ts"
import { Archive } from "../../../src/storage/Archive.ts"
import { ChangeStore } from "../../../src/storage/ChangeStore.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { schemaVersion } from "../../../src/storage/sqlite/Migrations.ts"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { assertConsistent } from "../Consistency.ts"
import { deployment, minute, newAlert, remediationId } from "../Incident.ts"

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
      for (let statements = 0; !ends.has("built") && statements < 1000; statements++) {
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

  it.effect("refuses the database of another program, and adds no table to it", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec("create table orders (id integer primary key)")
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Storage.layerDatabase(database))))
      assert.strictEqual(error.reason, "incompatible")
      assert.include(error.message, "the tables orders and none of Kubernaut's")
      assert.deepStrictEqual(
        database
          .prepare("select name from sqlite_schema")
          .all()
          .map(({ name }) => name),
        ["orders"]
      )
      database.close()
    })
  )

  it.effect("an archive of a database in memory names the option that it needs", () =>
    Effect.gen(function* () {
      const archive = yield* Archive
      const error = yield* Effect.flip(archive.run(Duration.days(30)))
      assert.include(error.message, "set the option archive.directory")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("an action that an older version recorded counts from its plan", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(join(import.meta.dirname, "version1.sql"), "utf8"))
      database.exec(
        `insert into action_history select 'e', id, cluster, target_key, alert_name, 'RestartWorkload', '${minute(1)}', 'yes', 'fixed'
           from remediations where id = '${remediationId("1")}'`
      )
      const past = yield* Effect.gen(function* () {
        const history = yield* ActionHistory
        const [of] = yield* history.spentSince("test", minute(0), 1)
        return { of, past: of === undefined ? [] : yield* history.ofTarget(of.target, 1) }
      }).pipe(Effect.provide(Storage.layerDatabase(database)))
      assert.deepStrictEqual([past.of?.at, past.of?.unfinished], [minute(1), undefined])
      assert.strictEqual(past.past[0]?.at, minute(1))
      database.close()
    })
  )

  it.effect("a database of an older version keeps its remediations, and takes the same alerts for repeats", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(join(import.meta.dirname, "version1.sql"), "utf8"))
      yield* Effect.gen(function* () {
        const store = yield* RemediationStore
        const repeat = newAlert("4", "f", deployment("checkout"), { startsAt: minute(30) })
        const [of] = yield* store.accept([repeat], minute(31))
        assert.strictEqual(of?.remediationId, remediationId("3"))
        assert.deepStrictEqual(
          yield* store.lastFiring(remediationId("3")),
          Option.some({ at: minute(31), resolved: false })
        )
        assert.deepStrictEqual(
          yield* store.lastFiring(remediationId("1")),
          Option.some({ at: minute(0), resolved: false, joinedAt: minute(0) })
        )
        assert.deepStrictEqual(yield* (yield* ChangeStore).list({ limit: 1 }), [])
        yield* assertConsistent
      }).pipe(Effect.provide(Storage.layerDatabase(database)))
      database.close()
    })
  )

  it.effect("a database of a newer version is refused and stays unchanged", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* Effect.scoped(Layer.build(Storage.layerDatabase(database)))
      database.exec(`insert into kubernaut_migrations (migration_id, name) values (${schemaVersion + 1}, 'later')`)
      database.exec("create table later (id text)")
      const before = database.serialize()
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Storage.layerDatabase(database))))
      assert.strictEqual(error.reason, "incompatible")
      assert.deepStrictEqual(Buffer.from(database.serialize()), Buffer.from(before))
      database.close()
    })
  )
})
