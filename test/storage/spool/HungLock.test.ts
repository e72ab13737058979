import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { make } from "../../../src/storage/spool/AlertSpool.ts"
import * as NodeSpoolDisk from "../../../src/storage/spool/NodeSpoolDisk.ts"
import { folderOf } from "../../../src/storage/spool/SpoolPlace.ts"
import { hung } from "../HungFile.ts"
import { database, directory, limits } from "./Lives.ts"

describe("a lock on a disk that hangs", () => {
  const locks = [
    ["the folder of the service", (folder: string) => join(folder, "lock")],
    ["the folder of an earlier version, whose alerts are taken over", (folder: string) => join(dirname(folder), "lock")]
  ] as const

  for (const [name, lockIn] of locks) {
    it.effect(`holds up neither the start nor anything else of the process: of ${name}`, () =>
      Effect.gen(function* () {
        const data = yield* directory
        const owner = { cluster: "test", database: join(data, "kubernaut.db") }
        database(owner.database)
        const root = join(data, "spool")
        mkdirSync(root)
        writeFileSync(join(root, "alerts-000001.spool"), "an entry\n")
        const { hangs } = yield* hung(lockIn(folderOf(root, owner)))
        const disk = yield* NodeSpoolDisk.make(root, owner)
        const start = yield* Effect.forkChild(make(disk, limits), { startImmediately: true })
        // The turns in which Node.js begins to read.
        yield* TestClock.withLive(Effect.sleep("100 millis"))
        assert.isTrue(hangs())
        yield* TestClock.adjust("4 seconds")
        const { status } = yield* Fiber.join(start)
        assert.include((yield* status).fault, "its disk does not answer")
        assert.isTrue(hangs())
      }).pipe(Effect.scoped)
    )
  }
})
