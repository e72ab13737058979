import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ClusterBinding } from "../../../src/storage/ClusterBinding.ts"
import { inspect } from "../../../src/storage/sqlite/Inspection.ts"
import { schemaVersion } from "../../../src/storage/sqlite/Migrations.ts"
import * as Storage from "../../../src/storage/Storage.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
)

/** Inspects a file that a program has written, and asserts that nothing in its folder has changed. */
const inspected = Effect.fnUntraced(function* (sql: string) {
  const directory = yield* temporary
  const file = join(directory, "kubernaut.db")
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
  const before = readFileSync(file)
  const found = yield* Effect.result(inspect(file))
  assert.deepStrictEqual(readFileSync(file), before)
  assert.deepStrictEqual(readdirSync(directory), ["kubernaut.db"])
  return found._tag === "Success" ? found.success : found.failure.message
})

const version1 = readFileSync(join(import.meta.dirname, "version1.sql"), "utf8")

describe("looking at a database file", () => {
  it.live("does not migrate a database of an earlier version", () =>
    Effect.gen(function* () {
      for (const mode of ["delete", "wal"]) {
        assert.deepStrictEqual(yield* inspected(`pragma journal_mode = ${mode}; ${version1}`), {
          _tag: "Kubernaut",
          version: 1,
          cluster: undefined
        })
      }
    })
  )

  it.live("adds no table to the database of another program, or to an empty one", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* inspected("create table notes (text)"), { _tag: "Foreign" })
      assert.deepStrictEqual(yield* inspected(""), { _tag: "Empty" })
    })
  )

  it.live("refuses a database of a newer version", () =>
    Effect.gen(function* () {
      const newer = `insert into kubernaut_migrations (migration_id, name) values (${schemaVersion + 1}, 'later')`
      assert.include(yield* inspected(`${version1}; ${newer}`), `has schema version ${schemaVersion + 1}`)
    })
  )

  it.live("finds a damaged file", () =>
    Effect.gen(function* () {
      const file = join(yield* temporary, "kubernaut.db")
      writeFileSync(file, "x".repeat(8192))
      assert.strictEqual((yield* Effect.flip(inspect(file))).reason, "damaged")
    })
  )

  it.live("names the cluster of a database that a service uses", () =>
    Effect.gen(function* () {
      const file = join(yield* temporary, "kubernaut.db")
      yield* Effect.gen(function* () {
        yield* Effect.flatMap(ClusterBinding, ({ bind }) => bind("uid"))
        assert.deepStrictEqual(yield* inspect(file), { _tag: "Kubernaut", version: schemaVersion, cluster: "uid" })
        assert.strictEqual(yield* Effect.flatMap(ClusterBinding, ({ bind }) => bind("other")), "uid")
      }).pipe(Effect.provide(Storage.layerSqlite({ filename: file })))
    })
  )
})
