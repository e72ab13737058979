import { readFileSync } from "node:fs"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { ClusterBinding } from "../../src/storage/ClusterBinding.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

const open = <A, E>(database: DatabaseSync, use: Effect.Effect<A, E, ClusterBinding>) =>
  Effect.provide(use, Storage.layerDatabase(database))

const bind = (uid: string) => Effect.flatMap(ClusterBinding, (binding) => binding.bind(uid))
const bound = Effect.flatMap(ClusterBinding, (binding) => binding.bound)

describe("ClusterBinding", () => {
  it.effect("keeps the first cluster, also after the database is opened again", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      assert.isTrue(Option.isNone(yield* open(database, bound)))
      assert.strictEqual(yield* open(database, bind("ours")), "ours")
      assert.strictEqual(yield* open(database, bind("theirs")), "ours")
      assert.deepStrictEqual(yield* open(database, bound), Option.some("ours"))
      database.close()
    })
  )

  it.effect("binds one cluster when several bind at once", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const uids = yield* open(database, Effect.forEach(["a", "b", "c"], bind, { concurrency: "unbounded" }))
      assert.strictEqual(new Set(uids).size, 1)
      database.close()
    })
  )

  it.effect("a database of an older version belongs to no cluster yet, and can be bound", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(new URL("sqlite/version1.sql", import.meta.url), "utf8"))
      assert.isTrue(Option.isNone(yield* open(database, bound)))
      assert.strictEqual(yield* open(database, bind("ours")), "ours")
      database.close()
    })
  )
})
