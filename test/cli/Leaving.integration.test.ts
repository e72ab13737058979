import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { folderOf } from "../../src/storage/spool/SpoolPlace.ts"
import { start, temporaryDirectory, until } from "../integration/Service.ts"

/** A service whose spool is on a disk that does not answer for one of its files. Its database is on another disk. */
const serviceWithHung = Effect.fnUntraced(function* (fileIn: (folder: string) => string) {
  const data = yield* temporaryDirectory
  const database = join(data, "kubernaut.db")
  const root = join(data, "spool")
  const folder = folderOf(root, { cluster: "sandbox", database })
  mkdirSync(folder, { recursive: true })
  mkdirSync(dirname(fileIn(folder)), { recursive: true })
  execFileSync("mkfifo", [fileIn(folder)])
  return yield* start({
    KUBERNAUT_PORT: "0",
    KUBERNAUT_DATABASE_URL: `sqlite:${database}`,
    KUBERNAUT_SPOOL_DIRECTORY: root
  })
})

const files = [
  ["the lock of the spool", (folder: string) => join(folder, "lock")],
  ["the owner of the spool", (folder: string) => join(folder, "owner.json")],
  ["the level", (folder: string) => `${folder}.level.json`]
] as const

describe("a service beside a disk that hangs", () => {
  for (const [name, fileIn] of files) {
    it.live(`starts, and ends with 0 after SIGTERM, although a read of ${name} does not return`, () =>
      Effect.gen(function* () {
        const { code, stderr } = yield* (yield* serviceWithHung(fileIn)).stop
        assert.match(stderr, /Kubernaut has stopped/)
        assert.match(stderr, /Kubernaut ends with exit code 0 although an operation of a file/)
        assert.strictEqual(code, 0)
      }).pipe(Effect.scoped)
    )
  }

  it.live("says that the spool cannot be used, and ends with 143 at the second SIGTERM", () =>
    Effect.gen(function* () {
      const service = yield* serviceWithHung((folder) => join(folder, "lock"))
      assert.match(service.log(), /The spool cannot be used now.*does not answer/)
      const first = yield* Effect.forkChild(service.stop)
      yield* until("it stops", Effect.sync(service.log), (log) => log.includes("Kubernaut is stopping"))
      const { code, stderr } = yield* service.stop
      assert.match(stderr, /Kubernaut ends with exit code 143 although an operation of a file/)
      assert.strictEqual(code, 143)
      yield* Fiber.join(first)
    }).pipe(Effect.scoped)
  )
})
