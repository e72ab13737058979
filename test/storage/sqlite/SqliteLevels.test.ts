import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { LevelRecord } from "../../../src/domain/LevelRecord.ts"
import { type InForce, Levels } from "../../../src/storage/Levels.ts"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"

const emergency: LevelRecord = {
  level: 3,
  automatic: 3,
  reasons: ["memory is above 95 %"],
  since: "1970-01-01T00:00:00.000Z",
  out: [],
  dismissed: []
}
const well: LevelRecord = { ...emergency, level: 0, automatic: 0, reasons: [] }

/** A process on the database. */
const levelsOn = (database: DatabaseSync) =>
  Effect.map(Layer.build(Layer.fresh(Storage.layerDatabase(database))), (context) => Context.get(context, Levels))

const partsIn = (
  database: DatabaseSync
): ReadonlyArray<InForce & { readonly beat: number; readonly isOver?: boolean }> => {
  const row = database.prepare("select data from levels").get() as { readonly data: string }
  return Object.values(JSON.parse(row.data).processes)
}

const othersOf = (levels: Levels["Service"]) =>
  Effect.map(levels.recorded, (found) => Option.getOrThrow(found).processes?.others)

describe("what processes are in", () => {
  it.effect("is of at most 20, and the one that speaks stays", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const first = yield* levelsOn(database)
      for (let each = 0; each < 40; each++) {
        yield* first.record({ ...emergency, level: 2 }, [])
        yield* Effect.flatMap(levelsOn(database), (levels) => levels.record(emergency, []))
      }
      assert.lengthOf(partsIn(database), 20)
      assert.lengthOf(
        partsIn(database).filter(({ level }) => level === 2),
        1
      )
    })
  )

  it.effect("has no say in the lines of others when the process has ended in order, and lasts for 25 seconds", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const other = yield* levelsOn(database)
      yield* Effect.scoped(Effect.flatMap(levelsOn(database), (levels) => levels.record(emergency, [])))
      assert.deepStrictEqual(partsIn(database), [{ level: 3, isCutOff: false, beat: 1, isOver: true }])
      assert.lengthOf((yield* othersOf(other)) ?? [], 1)
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* othersOf(other), [])
      yield* other.record(well, [])
      assert.deepStrictEqual(partsIn(database), [])
    })
  )

  it.effect("does not matter to a process that ends after its database was closed", () =>
    Effect.gen(function* () {
      const [disk, life] = [yield* Scope.make(), yield* Scope.make()]
      const database = yield* Scope.provide(Sqlite.open({ filename: ":memory:" }), disk)
      const levels = yield* Scope.provide(levelsOn(database), life)
      yield* levels.record(emergency, [])
      yield* Scope.close(disk, Exit.void)
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Scope.close(life, Exit.void))))
    })
  )

  it.effect("is in doubt until the process was seen to say something again", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const [one, other] = [yield* levelsOn(database), yield* levelsOn(database)]
      yield* one.record(emergency, [])
      const isInDoubt = Effect.map(other.recorded, (found) => Option.getOrThrow(found).processes?.isInDoubt === true)
      assert.isTrue(yield* isInDoubt)
      yield* TestClock.adjust("5 seconds")
      yield* one.record(emergency, [])
      assert.isFalse(yield* isInDoubt)
    })
  )
})
