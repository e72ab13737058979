import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
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

/** The database. `isDown`: it takes nothing. */
const database = () => {
  const lines: Array<LevelLine> = []
  const self = { isDown: false, lines }
  const levels = {
    latest: Effect.succeedNone,
    recorded: Effect.succeedNone,
    record: (_: LevelRecord, added: ReadonlyArray<LevelLine>) =>
      Effect.suspend(() => (self.isDown ? Effect.fail(down) : Effect.sync(() => void lines.push(...added))))
  }
  return { self, levels, changes: () => lines.map(({ data: { from, to, told } }) => [from, to, told]) }
}

const levelFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-levels-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "level.json")
)

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    holds() ? Effect.void : Effect.andThen(TestClock.withLive(Effect.sleep("5 millis")), until(holds))
  )

/** A process begins without what another one has kept, because its disk does not answer. */
const beganWithout = Effect.fnUntraced(function* (isDown: boolean) {
  const path = yield* levelFile
  const { release } = yield* hung(path, kept)
  const { changes, levels, self } = database()
  const own = UnrecordedLevels.make(levels, path)
  const start = yield* Effect.forkChild(own.latest, { startImmediately: true })
  yield* TestClock.adjust("2 seconds")
  assert.deepStrictEqual(yield* Fiber.join(start), Option.none())
  self.isDown = isDown
  yield* Effect.exit(own.record(record(0), []))
  yield* release
  return { changes, own, path, self }
})

const isTaken = (path: string): boolean => existsSync(path) && readFileSync(path, "utf8").includes('"k"')

describe("the level that the process before this one has kept", () => {
  it.effect("is taken up by a process that stood still while it began", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        const path = yield* levelFile
        writeFileSync(path, kept)
        const { changes, levels } = database()
        const start = yield* Effect.forkChild(UnrecordedLevels.make(levels, path).latest, { startImmediately: true })
        yield* standStill(500)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(start)
        assert.deepStrictEqual(changes(), [[0, 3, ["ops"]]])
      })
    ).pipe(Effect.scoped)
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
    }).pipe(Effect.scoped)
  )
})
