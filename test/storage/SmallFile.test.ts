import { execFileSync } from "node:child_process"
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as SmallFile from "../../src/storage/SmallFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-small-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A file whose reads hang until the end of the test, as on a disk that does not answer. */
const hanging = Effect.map(folder, (path) => join(path, "file")).pipe(
  Effect.flatMap((path) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        execFileSync("mkfifo", [path])
        return path
      }),
      (each) =>
        Effect.sync(() => {
          try {
            closeSync(openSync(each, constants.O_WRONLY | constants.O_NONBLOCK))
          } catch {
            // Nobody reads it.
          }
        })
    )
  )
)

describe("a small file", () => {
  it.effect("is read as it is, and as none where there is none", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "file")
      const read = SmallFile.reader(path)
      assert.deepStrictEqual(yield* read, Option.none())
      writeFileSync(path, "content")
      assert.deepStrictEqual(yield* read, Option.some("content"))
    }).pipe(Effect.scoped)
  )

  it.effect("on a disk that hangs is as none after two seconds, and nobody waits longer", () =>
    Effect.gen(function* () {
      const read = SmallFile.reader(yield* hanging)
      for (let turn = 0; turn < 3; turn++) {
        const fiber = yield* Effect.forkChild(read, { startImmediately: true })
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
      }
    }).pipe(Effect.scoped)
  )
})
