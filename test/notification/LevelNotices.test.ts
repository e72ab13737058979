import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import * as LevelMemory from "../../src/health/LevelMemory.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, running, start, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass in small steps. */
const pass = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), Effect.repeat(Effect.yieldNow, { times: 60 })), {
    times: seconds
  })

/** Waits for the disk. */
const until = (isSo: () => boolean) =>
  Effect.repeat(
    Effect.promise(() => stat(tmpdir())),
    { until: isSo }
  )

const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)
const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))
const keysOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key))

const record = (level: LevelRecord["level"], since: string): LevelRecord => ({
  level,
  automatic: level,
  reasons: ["4 services are out at once"],
  since,
  out: [],
  dismissed: []
})
const line = (from: number, to: number, at: string): LevelLine => ({
  kind: "level.changed",
  subject: "emergency",
  data: { from, to, reasons: ["4 services are out at once"] },
  at
})
const began = "1970-01-01T00:00:02.000Z"
const ended = "1970-01-01T00:10:00.000Z"

/** Processes on one file, which another program can lock. */
const world = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-level-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const filename = join(directory, "kubernaut.db")
  const levelFile = join(directory, "spool.level.json")
  const begin = Effect.fnUntraced(function* (sinks: ReadonlyArray<TestSink>) {
    const scope = yield* Scope.make()
    return yield* Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename })
      database.exec("pragma busy_timeout = 1")
      const harness = yield* start(database, sinks, Effect.succeed(running), { levelFile })
      const memory = yield* LevelMemory.make(harness.levels, undefined)
      yield* Effect.forkScoped(memory.run)
      return { ...harness, keep: memory.keep, kill: Scope.close(scope, Exit.void) }
    }).pipe(Scope.provide(scope))
  })
  const lock = Effect.sync(() => {
    const other = new DatabaseSync(filename)
    other.exec("begin immediate")
    return Effect.sync(() => other.close())
  })
  return { begin, levelFile, lock }
})

describe("an emergency while the database takes nothing", () => {
  it.effect("is told from memory after ten seconds, with its end, and once", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const [pager, shows] = [testSink("pager"), conditionSink("alertmanager")]
      const { keep } = yield* begin([pager, shows])
      yield* pass(2)
      const unlock = yield* lock
      keep(record(3, began), [line(0, 3, began)])
      yield* pass(8)
      assert.deepStrictEqual(kindsOf(pager), [])
      yield* pass(70)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
      keep(record(0, ended), [line(3, 0, ended)])
      yield* pass(75)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(shownBy(shows), [])
      yield* until(() => existsSync(levelFile))
      yield* unlock
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(kindsOf(shows), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(shownBy(shows), [])
      yield* until(() => !existsSync(levelFile))
    })
  )

  it.effect("is known to the next process, which tells of its end, and those who have not heard of it", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const [pager, lost] = [testSink("pager"), testSink("lost")]
      lost.behave = () => new SinkError({ sink: "lost", reason: "unreachable" })
      const first = yield* begin([pager, lost])
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(30)
      yield* until(() => readFileSync(levelFile, "utf8").includes("pager"))
      yield* first.kill
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      yield* unlock
      lost.behave = () => Effect.void
      const second = yield* begin([pager, lost])
      const latest = yield* second.levels.latest
      assert.strictEqual(latest._tag === "Some" ? latest.value.level : undefined, 3)
      yield* pass(90)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.deepStrictEqual(keysOf(lost), keysOf(pager))
      second.keep(record(0, ended), [line(3, 0, ended)])
      yield* pass(5)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "emergency-left"])
      assert.deepStrictEqual(
        (yield* second.audit.read(0, 10)).map(({ kind }) => kind),
        ["level.changed", "level.changed"]
      )
    })
  )

  it.effect("that a process did not live to tell of is told by the next one", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const pager = testSink("pager")
      const first = yield* begin([pager])
      yield* pass(2)
      const unlock = yield* lock
      first.keep({ ...record(3, began), isCutOff: true }, [
        line(0, 3, began),
        { kind: "peers.cut-off", subject: "peers", data: { reasons: [] }, at: began }
      ])
      yield* pass(3)
      yield* until(() => existsSync(levelFile))
      yield* first.kill
      yield* unlock
      const second = yield* begin([pager])
      yield* second.levels.latest
      yield* pass(5)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered", "cut-off"])
    })
  )

  it.effect("does not replace the level that another process has recorded since", () =>
    Effect.gen(function* () {
      const { begin, levelFile, lock } = yield* world
      const first = yield* begin([])
      const other = yield* begin([])
      yield* pass(2)
      const unlock = yield* lock
      first.keep(record(3, began), [line(0, 3, began)])
      yield* pass(5)
      yield* until(() => existsSync(levelFile))
      yield* first.kill
      yield* unlock
      other.keep(record(1, ended), [line(0, 1, ended)])
      yield* pass(5)
      const next = yield* begin([])
      const latest = yield* next.levels.latest
      assert.strictEqual(latest._tag === "Some" ? latest.value.level : undefined, 1)
    })
  )

  it.effect("is not told from memory where the database takes it at once, and leaves no file", () =>
    Effect.gen(function* () {
      const { begin, levelFile } = yield* world
      const pager = testSink("pager")
      const { audit, keep } = yield* begin([pager])
      yield* pass(2)
      keep(record(3, began), [line(0, 3, began)])
      yield* pass(30)
      assert.deepStrictEqual(kindsOf(pager), ["emergency-entered"])
      assert.isFalse(existsSync(levelFile))
      assert.isUndefined((yield* audit.read(0, 1))[0]?.data["key"])
    })
  )
})
