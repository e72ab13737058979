import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Intake from "../../src/intake/Intake.ts"
import * as ReplaySpool from "../../src/intake/ReplaySpool.ts"
import { SpoolFiles } from "../../src/simulation/farEnds/SpoolFolder.ts"
import { AlertSpool, make as makeSpool } from "../../src/storage/spool/AlertSpool.ts"
import { SpoolReplay } from "../../src/storage/spool/SpoolReplay.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageHealth } from "../../src/storage/StorageHealth.ts"
import { alert, post, receive } from "./intaking.ts"

const options = { cluster: "test", onAccepted: () => Effect.void }

/** A service on a database file, without its spool's replay. */
const service = Effect.fnUntraced(function* (filename: string, files: SpoolFiles) {
  const storage = yield* Layer.build(Storage.layerSqlite({ filename }))
  const spool = yield* makeSpool(files.diskOf(1))
  const context = yield* Layer.build(Layer.merge(Intake.layer(options), ReplaySpool.layer(options))).pipe(
    Effect.provide(Context.add(storage, AlertSpool, spool))
  )
  return {
    spool,
    health: Context.get(storage, StorageHealth),
    replay: Context.get(context, SpoolReplay).run,
    receive: (name: string) => Effect.provide(receive(post(alert(name, name)), "am"), context)
  }
})

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-damaged-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Overwrites the first page of a table or of an index. */
const damage = (filename: string, name: string) => {
  const database = new DatabaseSync(filename)
  database.exec("pragma wal_checkpoint(truncate)")
  const { page } = database.prepare("select rootpage as page from sqlite_schema where name = ?").get(name) ?? {}
  const { page_size: size } = database.prepare("pragma page_size").get() ?? {}
  database.close()
  const file = openSync(filename, "r+")
  writeSync(file, Buffer.alloc(Number(size), 0xa5), 0, Number(size), (Number(page) - 1) * Number(size))
  closeSync(file)
}

describe("alerts while a page of the database is damaged", () => {
  it.effect.each(["remediations_alert", "remediation_events"])(
    "wait in the spool, and none of them is set aside: %s",
    (damaged) =>
      Effect.scoped(
        Effect.gen(function* () {
          const filename = join(yield* temporary, "kubernaut.db")
          const files = new SpoolFiles()
          yield* Effect.scoped(
            Effect.gen(function* () {
              const { receive } = yield* service(filename, files)
              for (let number = 0; number < 30; number++) yield* receive(`before-${number}`)
            })
          )
          damage(filename, damaged)
          const { health, receive, replay, spool } = yield* service(filename, files)
          assert.isTrue((yield* receive("new")).results[0]!.spooled)
          assert.strictEqual((yield* health.status)._tag, "Down")
          assert.isTrue((yield* receive("newer")).results[0]!.spooled)
          yield* Effect.forkScoped(replay)
          yield* TestClock.adjust("1 minute")
          assert.deepInclude(yield* spool.status, { posts: 2, alerts: 2 })
          assert.deepStrictEqual(yield* files.diskOf(1).files, ["alerts-000001.spool"])
        })
      )
  )
})
