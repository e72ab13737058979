import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { SpoolFiles } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import * as NodeSpoolDisk from "../../../src/storage/spool/NodeSpoolDisk.ts"
import { contract } from "./SpoolDisk.contract.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-spool-"))),
  (path) =>
    Effect.sync(() => {
      chmodSync(path, 0o700)
      rmSync(path, { recursive: true, force: true })
    })
)

contract(
  "the file system",
  Effect.gen(function* () {
    const directory = join(yield* folder, "spool")
    const life = yield* Scope.make()
    return {
      one: yield* Scope.provide(NodeSpoolDisk.make(directory), life),
      other: yield* NodeSpoolDisk.make(directory),
      restart: Effect.andThen(Scope.close(life, Exit.void), NodeSpoolDisk.make(directory))
    }
  })
)

contract(
  "the simulated file system",
  Effect.sync(() => {
    const files = new SpoolFiles()
    return {
      one: files.diskOf(1),
      other: files.diskOf(2),
      restart: Effect.sync(() => {
        files.end(1)
        return files.diskOf(3)
      })
    }
  })
)

describe("the spool on the file system", () => {
  it.effect("is for its owner alone: alerts may contain what others must not read", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const directory = join(yield* folder, "spool")
        const disk = yield* NodeSpoolDisk.make(directory)
        yield* disk.lock
        yield* disk.create("a", 0)
        const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
        assert.strictEqual(mode(directory), "700")
        assert.strictEqual(mode(join(directory, "a")), "600")
        assert.strictEqual(mode(join(directory, "lock")), "600")
      })
    )
  )

  it.effect("names the path and the code when the folder cannot be made", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const file = join(yield* folder, "file")
        writeFileSync(file, "")
        const fault = yield* Effect.flip((yield* NodeSpoolDisk.make(join(file, "spool"))).lock)
        assert.include(fault.message, file)
        assert.include(fault.message, "ENOTDIR")
      })
    )
  )
})
