import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Settings } from "../../src/cli/settings/Settings.ts"
import * as StorageParts from "../../src/cli/StorageParts.ts"
import * as StartMemoryFile from "../../src/notification/StartMemoryFile.ts"
import type { StartNotice } from "../../src/notification/StartNotices.ts"
import { make } from "../../src/storage/spool/AlertSpool.ts"
import * as NodeSpoolDisk from "../../src/storage/spool/NodeSpoolDisk.ts"
import { firing, named } from "../storage/spool/Posts.ts"

const notice: StartNotice = {
  key: "k",
  at: "2026-01-01T00:00:00.000Z",
  toldAt: "2026-01-01T00:00:10.000Z",
  message: "busy",
  told: [],
  isOver: false
}
const limits = { maxBytes: 64 * 1024, reservedBytes: 8 * 1024 }

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-notice-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The settings of a service with its database in this folder. */
const settingsIn = (data: string, more: Partial<Settings> = {}) =>
  ({ clusterName: "test", databaseUrl: `sqlite:${join(data, "kubernaut.db")}`, spool: "on", ...more }) as Settings

describe("the file of what people were told while the database was waited for", () => {
  it.effect("does not keep the spool of an earlier version, which still runs, from being taken over", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const root = join(data, "spool")
      const settings = settingsIn(data)
      const owner = { cluster: "test", database: join(data, "kubernaut.db") }
      const disk = yield* NodeSpoolDisk.make(root, owner)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const old = yield* make(yield* NodeSpoolDisk.make(root), limits)
          yield* old.append(firing("accepted-before"))
          // The new process waits for its database, and the spool is still locked.
          assert.isDefined((yield* (yield* make(disk, limits)).status).fault)
          yield* StartMemoryFile.make(StorageParts.startNoticeFile(settings)).write(notice)
          assert.isTrue(existsSync(StorageParts.startNoticeFile(settings)))
        })
      )
      const spool = yield* make(disk, limits)
      yield* spool.belongTo("A")
      assert.strictEqual(named((yield* spool.oldest).entry), "accepted-before")
    })
  )

  it.effect("is beside the database where there is no spool, and makes no folder", () =>
    Effect.gen(function* () {
      const data = yield* directory
      const off = StorageParts.startNoticeFile(settingsIn(data, { spool: "off" }))
      assert.strictEqual(dirname(off), data)
      for (const settings of [settingsIn(data), settingsIn(join(data, "not-mounted"), { spool: "off" })])
        yield* StartMemoryFile.make(StorageParts.startNoticeFile(settings)).write(notice)
      assert.deepStrictEqual(readdirSync(data), [])
    })
  )
})
