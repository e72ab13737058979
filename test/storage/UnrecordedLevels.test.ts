import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import * as LevelMemory from "../../src/health/LevelMemory.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import * as UnrecordedLevels from "../../src/storage/UnrecordedLevels.ts"
import { withStandstill } from "../resilience/StoodStill.ts"
import { hung } from "./HungFile.ts"

const at = "2026-01-01T00:00:00.000Z"
const record = (level: 0 | 3): LevelRecord => ({
  level,
  automatic: level,
  reasons: level === 0 ? [] : ["memory is above 95 %"],
  since: at,
  out: [],
  dismissed: []
})
const line = { kind: "level.changed", subject: "emergency", data: { from: 0, to: 3, key: "k" }, at }
/** The file of a process that told `ops` of an emergency, and has ended. */
const kept = JSON.stringify({ record: record(3), lines: [{ key: "k", line, told: ["ops"] }] })

const down = new StorageError({ reason: "full", operation: "level", retryable: true, committed: "no", detail: "" })

/** The database. `isDown`: it takes nothing. `isUnreadable`: it gives nothing. `row`: the level that it has. */
const database = (row?: LevelRecord) => {
  const lines: Array<LevelLine> = []
  const self = { isDown: false, isUnreadable: false, reads: 0, lines }
  const levels = {
    name: "this",
    said: Effect.suspend(() => {
      self.reads++
      if (self.isUnreadable) return Effect.fail(down)
      return Effect.succeed(row === undefined ? [] : [{ name: "", beat: 0, record: row }])
    }),
    recorded: Effect.succeedNone,
    tidy: Effect.void,
    record: (_: LevelRecord, added: ReadonlyArray<LevelLine>) =>
      Effect.suspend(() => (self.isDown ? Effect.fail(down) : Effect.sync(() => void lines.push(...added))))
  }
  return { self, levels, changes: () => lines.map(({ data: { from, to, told } }) => [from, to, told]) }
}

const levelFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-levels-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
  ),
  (folder) => join(folder, "level.json")
)

/** Waits for two seconds at most. */
const until = (holds: () => boolean, turns = 400): Effect.Effect<void> =>
  Effect.suspend(() =>
    holds() || turns === 0
      ? Effect.void
      : Effect.andThen(TestClock.withLive(Effect.sleep("5 millis")), until(holds, turns - 1))
  )

/** A process begins without what another one has kept, because its disk does not answer. */
const beganWithout = Effect.fnUntraced(function* (isDown: boolean) {
  const path = yield* levelFile
  const { release } = yield* hung(path, kept)
  const { changes, levels, self } = database()
  const own = yield* UnrecordedLevels.make(levels, path)
  const start = yield* Effect.forkChild(own.latest, { startImmediately: true })
  yield* TestClock.adjust("2 seconds")
  assert.deepStrictEqual(yield* Fiber.join(start), Option.none())
  self.isDown = isDown
  yield* Effect.exit(own.record(record(0), []))
  yield* release
  return { changes, own, path, self }
})

/** A process that is well, as the database has it, and so records nothing. The disk answers later. */
const wellWithout = Effect.fnUntraced(function* (isDown: boolean) {
  const path = yield* levelFile
  const { release } = yield* hung(path, kept)
  const { changes, levels, self } = database(record(0))
  const own = yield* UnrecordedLevels.make(levels, path)
  const start = yield* Effect.forkChild(own.latest, { startImmediately: true })
  yield* TestClock.adjust("2 seconds")
  assert.deepStrictEqual(yield* Fiber.join(start), Option.some(record(0)))
  const memory = yield* LevelMemory.make(own, record(0))
  yield* Effect.forkScoped(memory.run, { startImmediately: true })
  memory.keep(record(0), [])
  self.isDown = isDown
  yield* release
  return { changes, path, self }
})

/** A file that hangs is none, and to read it would hang. */
const isTaken = (path: string): boolean =>
  existsSync(path) && statSync(path).isFile() && readFileSync(path, "utf8").includes('"k"')

/** The level that was kept is recorded with its end, and its file is gone. */
const isToldAsOver = Effect.fnUntraced(function* ({ changes, path }: Effect.Success<ReturnType<typeof wellWithout>>) {
  yield* until(() => changes().length > 0)
  assert.deepStrictEqual(changes(), [
    [0, 3, ["ops"]],
    [3, 0, undefined]
  ])
  yield* until(() => !existsSync(path))
  assert.isFalse(existsSync(path))
})

describe("the level that the process before this one has kept", () => {
  it.effect("is taken up by a process that stood still while it began", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const path = yield* levelFile
        writeFileSync(path, kept)
        const { changes, levels } = database()
        const own = yield* UnrecordedLevels.make(levels, path)
        const start = yield* Effect.forkChild(own.latest, { startImmediately: true })
        yield* standStill(500)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(start)
        assert.deepStrictEqual(changes(), [[0, 3, ["ops"]]])
      })
    ).pipe(Effect.scoped)
  )

  it.effect("is where the next process begins, also where the database cannot be read", () =>
    Effect.gen(function* () {
      const path = yield* levelFile
      writeFileSync(path, kept)
      const { changes, levels, self } = database()
      self.isDown = true
      self.isUnreadable = true
      const own = yield* UnrecordedLevels.make(levels, path)
      const start = yield* Effect.forkChild(own.latest, { startImmediately: true })
      yield* until(() => self.reads > 0)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(start), Option.some(record(3)))
      assert.deepStrictEqual(yield* own.latest, Option.some(record(3)))
      self.isDown = false
      yield* own.record(record(0), [{ ...line, data: { from: 3, to: 0 } }])
      assert.deepStrictEqual(
        changes().map(([from, to]) => [from, to]),
        [
          [0, 3],
          [3, 0]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is recorded when its disk answers, and that it is over: another one is in force", () =>
    Effect.gen(function* () {
      const { changes, path } = yield* beganWithout(false)
      const both = [
        [0, 3, ["ops"]],
        [3, 0, undefined]
      ]
      yield* until(() => changes().length >= both.length)
      assert.deepStrictEqual(changes(), both)
      yield* until(() => !existsSync(path))
      assert.isFalse(existsSync(path))
    }).pipe(Effect.scoped)
  )

  it.effect("is over, too, where the process after it is well, and has nothing of its own to record", () =>
    Effect.gen(function* () {
      yield* isToldAsOver(yield* wellWithout(false))
    }).pipe(Effect.scoped)
  )

  it.effect("is recorded when the database is back, although the process after it is well", () =>
    Effect.gen(function* () {
      const process = yield* wellWithout(true)
      yield* until(() => isTaken(process.path))
      assert.deepStrictEqual(process.changes(), [])
      process.self.isDown = false
      yield* TestClock.adjust("5 seconds")
      yield* isToldAsOver(process)
    }).pipe(Effect.scoped)
  )

  it.effect("stays in the file where the database takes nothing either when its disk answers", () =>
    Effect.gen(function* () {
      const { changes, own, path, self } = yield* beganWithout(true)
      yield* until(() => isTaken(path))
      self.isDown = false
      yield* own.record(record(0), [])
      assert.deepStrictEqual(
        changes().map(([from, to]) => [from, to]),
        [
          [0, 3],
          [3, 0]
        ]
      )
      yield* until(() => !existsSync(path))
      assert.isFalse(existsSync(path))
    }).pipe(Effect.scoped)
  )
})
