import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { Doubts } from "../../src/storage/Doubts.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { minute } from "./Incident.ts"

const open = <A, E>(database: DatabaseSync, use: Effect.Effect<A, E, Doubts>) =>
  Effect.provide(use, Storage.layerDatabase(database))
const record = (cluster: string, at: string) => Effect.flatMap(Doubts, (doubts) => doubts.record(cluster, at))
const latest = (cluster: string) => Effect.flatMap(Doubts, (doubts) => doubts.latest(cluster))

describe("the latest doubt about a cluster", () => {
  it.effect("is what was recorded last, by any process, for each cluster by itself", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      assert.deepStrictEqual(yield* open(database, latest("one")), Option.none())
      yield* open(database, record("one", minute(5)))
      yield* open(database, record("two", minute(9)))
      assert.deepStrictEqual(yield* open(database, latest("one")), Option.some(minute(5)))
      // The clock was set back.
      yield* open(database, record("one", minute(1)))
      assert.deepStrictEqual(yield* open(database, latest("one")), Option.some(minute(1)))
    })
  )

  it.effect("is not known in a database of an older version, and can be recorded there", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(join(import.meta.dirname, "sqlite", "version1.sql"), "utf8"))
      assert.deepStrictEqual(yield* open(database, latest("test")), Option.none())
      yield* open(database, record("test", minute(1)))
      assert.deepStrictEqual(yield* open(database, latest("test")), Option.some(minute(1)))
    })
  )
})
