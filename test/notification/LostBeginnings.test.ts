import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { LevelRecord } from "../../src/domain/LevelRecord.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, start, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-lost-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

const at = "1970-01-01T00:00:00.000Z"
const well: LevelRecord = { level: 0, automatic: 0, reasons: [], since: at, out: [], dismissed: [] }
const cases = [
  { name: "emergency", level: { ...well, level: 3, automatic: 3 }, kinds: ["emergency-entered", "emergency-left"] },
  { name: "level", level: { ...well, level: 2, automatic: 2 }, kinds: ["level-changed", "level-changed"] },
  { name: "cut-off", level: { ...well, isCutOff: true }, kinds: ["cut-off", "cut-off-ended"] }
] as const

const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)
const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))

/** A process with these sinks, on a connection of its own. */
const process = (file: string, sinks: ReadonlyArray<TestSink>) =>
  Effect.flatMap(Sqlite.open({ filename: file }), (database) => start(database, sinks))

describe("a condition of the level that lasts, and that no line begins", () => {
  it.effect.each(cases)("($name) is told once, by whichever process it lasts in, and ends", ({ kinds, level, name }) =>
    Effect.gen(function* () {
      const file = yield* filename
      const [shows, tells] = [conditionSink("alertmanager"), testSink("ops")]
      const one = yield* process(file, [shows, tells])
      const other = yield* process(file, [shows, tells])
      const says = (seconds: number) =>
        Effect.repeat(
          Effect.andThen(Effect.all([one.levels.record(level, []), other.levels.record(level, [])]), pass(5)),
          { times: seconds / 5 }
        )
      yield* says(20 * 60)
      assert.deepStrictEqual(shownBy(shows), [name])
      assert.deepStrictEqual(kindsOf(tells), kinds.slice(0, 1))
      yield* one.levels.record(well, [])
      yield* other.levels.record(well, [])
      for (let minute = 0; minute < 20; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.deepStrictEqual(kindsOf(tells), [...kinds])
    })
  )

  it.effect("is not begun by a process that the record has forgotten, until it says something again", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const shows = conditionSink("alertmanager")
      const one = yield* process(file, [shows])
      yield* pass(60)
      const { level } = cases[0]
      yield* one.levels.record(level, [])
      const forgets = new DatabaseSync(file)
      forgets.exec("update levels set data = json_set(data, '$.processes', json('{}'))")
      forgets.close()
      for (let minute = 0; minute < 20; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), [])
      yield* one.levels.record(level, [])
      for (let minute = 0; minute < 12; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["emergency"])
    })
  )
})
