import { lookup } from "node:dns"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as SmallFile from "../../src/storage/SmallFile.ts"
import { withStandstill } from "../resilience/StoodStill.ts"
import { hung } from "./HungFile.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-small-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
)

const fileAt = (path: string, content = "new") => SmallFile.at(path, (at) => SmallFile.replace(at, content))

describe("a small file", () => {
  it.effect("is read as it is, and as none where there is none", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "file")
      const { read } = fileAt(path)
      assert.deepStrictEqual(yield* read, Option.none())
      writeFileSync(path, "content")
      assert.deepStrictEqual(yield* read, Option.some("content"))
    }).pipe(Effect.scoped)
  )

  it.effect("on a disk that hangs is as none after two seconds, and nobody waits longer", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "file")
      yield* hung(path)
      const { read } = fileAt(path)
      for (let turn = 0; turn < 3; turn++) {
        const fiber = yield* Effect.forkChild(read, { startImmediately: true })
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is read by a process that stood still meanwhile", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const path = join(yield* folder, "file")
        const { release } = yield* hung(path, "content")
        const fiber = yield* Effect.forkChild(fileAt(path).read, { startImmediately: true })
        yield* standStill(500)
        yield* TestClock.adjust("2 seconds")
        yield* release
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some("content"))
      })
    ).pipe(Effect.scoped)
  )

  it.live("leaves the look-up of a host its thread, however many of its folder hang", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const names = ["a", "b", "c"]
      const all = yield* Effect.forEach(
        names.flatMap((name) => [name, `${name}.new`]),
        (name) => hung(join(path, name))
      )
      for (const name of names) {
        const { read, store } = fileAt(join(path, name))
        yield* Effect.forkScoped(read, { startImmediately: true })
        void store()
      }
      const found = Effect.callback<void>((resume) => lookup("localhost", () => resume(Effect.void)))
      assert.deepStrictEqual(yield* Effect.timeoutOption(found, "3 seconds"), Option.some(undefined))
      assert.isTrue(all.every(({ hangs }) => hangs()))
      yield* Effect.forEach(all, ({ release }) => release, { concurrency: "unbounded" })
    }).pipe(Effect.scoped)
  )

  it.live("is written once, as it has to be then, however often that was asked while its disk hung", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const { release } = yield* hung(join(path, "other"))
      yield* Effect.forkScoped(fileAt(join(path, "other")).read, { startImmediately: true })
      const written: Array<number> = []
      let newest = 0
      const { store } = SmallFile.at(join(path, "file"), async () => void written.push(newest))
      const asked = new Set<Promise<void>>()
      for (newest = 1; newest < 1000; newest++) asked.add(store())
      assert.strictEqual(asked.size, 1)
      yield* release
      yield* Effect.promise(() => Promise.all(asked))
      assert.deepStrictEqual(written, [1000])
    }).pipe(Effect.scoped)
  )
})
