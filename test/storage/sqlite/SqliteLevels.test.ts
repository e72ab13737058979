import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { LevelRecord } from "../../../src/domain/LevelRecord.ts"
import type { Timestamp } from "../../../src/domain/Timestamp.ts"
import { type InForce, Levels } from "../../../src/storage/Levels.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import type { Part } from "../../../src/storage/sqlite/LevelParts.ts"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { concluded, decided, deployment, minute, newAlert, started, take } from "../Incident.ts"

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
): ReadonlyArray<InForce & Pick<Part, "beat" | "hasName" | "isOver" | "record">> => {
  const row = database.prepare("select data from levels").get() as { readonly data: string }
  return Object.values(JSON.parse(row.data).processes)
}

/** A process looks again and again whether others are there. */
const looks = (levels: Levels["Service"], seconds: number) =>
  Effect.repeat(Effect.andThen(levels.tidy, TestClock.adjust("5 seconds")), { times: seconds / 5 })

const beginsAt = (levels: Levels["Service"]) => Effect.map(levels.latest, Option.getOrThrow)

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
      assert.deepStrictEqual(partsIn(database), [
        { level: 3, isCutOff: false, beat: 1, hasName: true, record: emergency, isOver: true }
      ])
      assert.lengthOf((yield* othersOf(other)) ?? [], 1)
      yield* TestClock.adjust("25 seconds")
      assert.deepStrictEqual(yield* othersOf(other), [])
      yield* other.record(well, [])
      assert.deepStrictEqual(partsIn(database), [{ level: 0, isCutOff: false, beat: 1, hasName: true, record: well }])
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

describe("where a process begins", () => {
  it.effect(
    "is the worst of what is there, with what each process remembers, and not where the last one that wrote is",
    () =>
      Effect.gen(function* () {
        const database = yield* Sqlite.open({ filename: ":memory:" })
        const [one, other] = [yield* levelsOn(database), yield* levelsOn(database)]
        const cause = { check: "pressure", key: "memory", cause: "memory is above 95 %" }
        const [earlier, later] = ["1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"] as const
        const outSince = (since: Timestamp) => ({ service: "holmesgpt", since })
        const unrestored = [outSince(later), { service: "llm:main", since: later }]
        yield* one.record({ ...emergency, found: [cause], roseAt: "1970-01-01T00:00:09.000Z", unrestored }, [])
        const rest = { dismissed: ["models"], isCutOff: true, unrestored: [outSince(earlier)] }
        yield* other.record({ ...well, out: ["prometheus"], ...rest }, [])
        assert.deepStrictEqual(yield* beginsAt(yield* levelsOn(database)), {
          ...emergency,
          roseAt: "1970-01-01T00:00:09.000Z",
          out: ["prometheus"],
          dismissed: ["models"],
          isCutOff: true,
          found: [cause],
          unrestored: [outSince(earlier), { service: "llm:main", since: later }]
        })
      })
  )

  it.effect("is that of the process that was alone, however long ago it has ended", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      yield* Effect.scoped(Effect.flatMap(levelsOn(database), (levels) => levels.record(emergency, [])))
      yield* TestClock.adjust("1 hour")
      const next = yield* levelsOn(database)
      assert.deepStrictEqual(yield* beginsAt(next), emergency)
      yield* next.record(well, [])
      assert.deepStrictEqual(yield* beginsAt(yield* levelsOn(database)), well, "it has taken over what it began with")
    })
  )

  it.effect("is nowhere that a process was which another one knows to be gone", () =>
    Effect.gen(function* () {
      for (const isInOrder of [true, false]) {
        const database = yield* Sqlite.open({ filename: ":memory:" })
        const other = yield* levelsOn(database)
        const life = yield* Scope.make()
        yield* Scope.provide(
          Effect.flatMap(levelsOn(database), (levels) => levels.record(emergency, [])),
          life
        )
        if (isInOrder) yield* Scope.close(life, Exit.void)
        yield* looks(other, 20)
        assert.strictEqual((yield* beginsAt(other)).level, 3)
        yield* looks(other, 10)
        assert.strictEqual((yield* beginsAt(other)).level, 0)
        assert.deepStrictEqual(partsIn(database), [])
      }
    })
  )

  it.effect("is where a process is that could not say so while the disk was full", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const [one, other] = [yield* levelsOn(database), yield* levelsOn(database)]
      yield* one.record(emergency, [])
      database.exec("create trigger full before update on levels begin select raise(abort, 'full'); end")
      yield* Effect.repeat(Effect.andThen(Effect.exit(other.tidy), TestClock.adjust("5 seconds")), { times: 4 })
      database.exec("drop trigger full")
      yield* looks(other, 5)
      assert.strictEqual((yield* beginsAt(other)).level, 3)
      assert.deepStrictEqual(yield* othersOf(other), [{ level: 3, isCutOff: false }])
    })
  )

  it.effect("has what an operator has dismissed for five minutes after the process has said so", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const [one, other] = [yield* levelsOn(database), yield* levelsOn(database)]
      yield* one.record({ ...well, dismissed: ["memory"] }, [])
      yield* looks(other, 290)
      assert.deepStrictEqual((yield* beginsAt(other)).dismissed, ["memory"])
      yield* looks(other, 10)
      assert.deepStrictEqual((yield* beginsAt(other)).dismissed, [])
    })
  )

  it.effect("is as an earlier version has written it, whose parts remember nothing", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const levels = yield* levelsOn(database)
      const processes = { a: { level: 3, isCutOff: true, beat: 4 }, b: { level: 1, isCutOff: false, beat: 9 } }
      const row = { ...well, level: 1, automatic: 1, out: ["holmesgpt"], lines: [], processes }
      database.prepare("insert into levels (id, data) values (1, ?)").run(JSON.stringify(row))
      const { automatic, isCutOff, level, out } = yield* beginsAt(levels)
      assert.deepStrictEqual(
        { automatic, isCutOff, level, out },
        {
          automatic: 3,
          isCutOff: true,
          level: 3,
          out: ["holmesgpt"]
        }
      )
    })
  )
})

describe("an alert that an emergency has held back", () => {
  it.effect("is new work once the process that was in the emergency is gone, and not before", () =>
    Effect.gen(function* () {
      const database = yield* Sqlite.open({ filename: ":memory:" })
      const context = yield* Layer.build(Layer.fresh(Storage.layerDatabase(database)))
      const [levels, store] = [Context.get(context, Levels), Context.get(context, RemediationStore)]
      yield* Effect.scoped(Effect.flatMap(levelsOn(database), (one) => one.record(emergency, [])))
      yield* store.accept([newAlert("x", "x", deployment("x"))], minute(0))
      const { claim, remediation } = yield* take(deployment("x")).pipe(Effect.provideService(RemediationStore, store))
      const event = decided(deployment("x"), "escalate")
      if (event._tag !== "Decided") return assert.fail()
      const reasons = [{ rule: "emergency-level", message: "the level is 3" }]
      const held = { ...event, level: 3 as const, decision: { ...event.decision, reasons } }
      yield* store.append(claim, remediation, [started, held, concluded("Escalated")], minute(1))
      const again = Effect.map(
        store.accept([newAlert("y", "x", deployment("x"))], minute(240)),
        ([each]) => each?.status
      )
      assert.strictEqual(yield* again, "duplicate")
      // Another one that is well has the last word in the row.
      yield* levels.record(well, [])
      assert.strictEqual(yield* again, "duplicate")
      yield* looks(levels, 30)
      assert.strictEqual(yield* again, "accepted")
    })
  )
})
