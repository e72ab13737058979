import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { LevelRecord } from "../../src/domain/LevelRecord.ts"
import { AccountSuspensions } from "../../src/storage/AccountSuspensions.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Levels } from "../../src/storage/Levels.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { StandingOrders } from "../../src/storage/StandingOrders.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { conditionSink, start, testSink, type TestSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const at = "1970-01-01T00:00:00.000Z"
const record = (level: LevelRecord["level"], more: Partial<LevelRecord> = {}): LevelRecord => ({
  level,
  automatic: level,
  reasons: [],
  since: at,
  out: [],
  dismissed: [],
  ...more
})

/** Stores of a database, for what happens beside its notifications. */
const storesOf = (database: DatabaseSync) =>
  Effect.map(Layer.build(Storage.layerDatabase(database)), (context) => ({
    accounts: Context.get(context, AccountSuspensions),
    audit: Context.get(context, AuditLog),
    levels: Context.get(context, Levels),
    orders: Context.get(context, StandingOrders),
    outbox: Context.get(context, Outbox)
  }))

/** Conditions that last in the outbox, whatever the record says. */
const lasting = (database: DatabaseSync, names: ReadonlyArray<string>) =>
  Effect.flatMap(storesOf(database), ({ outbox }) =>
    outbox.add({
      through: 0,
      sinks: [],
      notifications: [],
      conditions: names.map((name) => {
        const condition = { name, severity: "critical" } as const
        const began = {
          key: name,
          kind: "emergency-entered",
          severity: "critical",
          at,
          cluster: "prod",
          title: "It began",
          facts: [],
          begins: condition
        } as const
        return { line: 1, _tag: "Begins", lasting: { condition, began } }
      })
    })
  )

/** An earlier version has recorded a level, without the lines that led to it. */
const recordedBefore = (database: DatabaseSync, level: LevelRecord): void => {
  database.prepare("insert into levels (id, data) values (1, ?)").run(JSON.stringify(level))
}

/** What begins a condition by the level, and the level with it. */
const byLevel = [
  { name: "emergency", level: record(3), kind: "level.changed", data: { from: 0, to: 3 } },
  { name: "level", level: record(1), kind: "level.changed", data: { from: 0, to: 1 } },
  { name: "cut-off", level: record(0, { isCutOff: true }), kind: "peers.cut-off", data: {} }
]

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-lost-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))
/** The stores of another process, which has a connection of its own. */
const processOn = (file: string) => Effect.flatMap(Sqlite.open({ filename: file }), storesOf)

/** A process says again and again what it is in, for some minutes. */
const says = (levels: Levels["Service"], level: LevelRecord, minutes: number) =>
  Effect.repeat(Effect.andThen(pass(5), levels.record(level, [])), { times: minutes * 12 - 1 })

const shownBy = ({ refreshed }: TestSink) => refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)
const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))

const conditions = ["emergency", "level", "cut-off", "emergency-stop", "account/llm:openai"]

describe("a condition whose end is on no line", () => {
  it.effect("ends soon after the start where the record says that it does not last, and people are told", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* storesOf(database)
      recordedBefore(database, record(0))
      yield* lasting(database, [...conditions, "approval/rem-gone"])
      const [shows, tells] = [conditionSink("alertmanager"), testSink("ops")]
      yield* start(database, [shows, tells])
      yield* pass(1)
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["approval/rem-gone"], "of a record that is gone nothing is known")
      assert.sameMembers(kindsOf(tells), [
        "emergency-left",
        "level-changed",
        "cut-off-ended",
        "emergency-stop-lifted",
        "account-resumed"
      ])
      for (let minute = 0; minute < 60; minute++) yield* pass(60)
      assert.lengthOf(kindsOf(tells), 5, "once")
    })
  )

  it.effect("lasts where the record says so, or says nothing", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const { accounts, orders } = yield* storesOf(database)
      recordedBefore(database, record(3, { isCutOff: true }))
      yield* orders.give("emergency-stop", { by: "ada" })
      yield* accounts.record(
        "digest",
        { account: "digest", reason: "out-of-money", until: at, times: 1, services: ["llm:openai"] },
        { kind: "account.suspended", services: ["llm:openai"], isFirst: true }
      )
      yield* lasting(database, ["emergency", "cut-off", "emergency-stop", "account/llm:openai", "alerting", "other"])
      const [shows, tells] = [conditionSink("alertmanager"), testSink("ops")]
      yield* start(database, [shows, tells])
      for (let minute = 0; minute < 30; minute++) yield* pass(60)
      assert.lengthOf(shownBy(shows) ?? [], 6)
      assert.deepStrictEqual(kindsOf(tells), [])
    })
  )

  it.effect.each(byLevel)(
    "($name) ends where the same process, or the next one, has recorded a level without it",
    ({ data, kind, level, name }) =>
      Effect.gen(function* () {
        for (const isNext of [false, true]) {
          const file = yield* filename
          const shows = conditionSink("alertmanager")
          yield* start(yield* Sqlite.open({ filename: file }), [shows])
          const { levels } = yield* processOn(file)
          yield* pass(1)
          yield* levels.record(level, [{ kind, subject: "level", data, at }])
          yield* says(levels, level, 20)
          assert.deepStrictEqual(shownBy(shows), [name])
          const by = isNext ? (yield* processOn(file)).levels : levels
          yield* by.latest
          yield* pass(30)
          yield* by.record(record(0), [])
          for (let minute = 0; minute < 20; minute++) yield* pass(60)
          assert.deepStrictEqual(shownBy(shows), [])
        }
      })
  )

  it.effect.each(byLevel)(
    "($name) lasts where another process, which is well, has recorded its own level, and ends when its own is gone",
    ({ data, kind, level, name }) =>
      Effect.gen(function* () {
        const file = yield* filename
        const [shows, tells] = [conditionSink("alertmanager"), testSink("ops")]
        yield* start(yield* Sqlite.open({ filename: file }), [shows, tells])
        const [{ levels }, { levels: other }] = [yield* processOn(file), yield* processOn(file)]
        yield* other.latest
        yield* pass(1)
        yield* levels.record(level, [{ kind, subject: "level", data, at }])
        yield* says(levels, level, 1)
        yield* other.record(record(0, { out: ["prometheus"] }), [])
        // One that starts now has the level of the other.
        yield* (yield* processOn(file)).levels.latest
        yield* says(levels, level, 30)
        assert.deepStrictEqual(shownBy(shows), [name])
        assert.lengthOf(kindsOf(tells), 1)
        for (let minute = 0; minute < 25; minute++) yield* pass(60)
        assert.deepStrictEqual(shownBy(shows), [], "it has ended without a word")
        assert.lengthOf(kindsOf(tells), 2)
      })
  )

  it.effect("is told once where two processes find it", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const { audit } = yield* storesOf(database)
      recordedBefore(database, record(0))
      yield* lasting(database, ["emergency"])
      const ended = {
        actor: "kubernaut",
        kind: "condition.ended",
        subject: "emergency",
        data: { severity: "critical" }
      }
      yield* audit.record(ended)
      yield* audit.record(ended)
      const tells = testSink("ops")
      yield* start(database, [tells])
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      yield* audit.record(ended)
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.isAtMost(kindsOf(tells).length, 1)
    })
  )
})

describe("an audit log that was changed", () => {
  const change = (database: DatabaseSync, line: number, actor: string) =>
    Effect.sync(() => {
      database.exec("drop trigger if exists audit_no_update")
      database.exec(`update audit set actor = '${actor}' where sequence = ${line}`)
    })

  it.effect("is shown until every line is intact again, and that is told", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const [shows, tells] = [conditionSink("alertmanager"), testSink("ops")]
      const { audit } = yield* start(database, [shows, tells])
      yield* pass(1)
      for (let count = 0; count < 9; count++)
        yield* audit.record({ actor: "ann", kind: "note", subject: "s", data: {} })
      yield* change(database, 3, "mallory")
      yield* change(database, 6, "mallory")
      yield* audit.verifyEnd
      yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["audit"])
      yield* change(database, 3, "ann")
      yield* audit.verifyEnd
      yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["audit"], "one is left")
      yield* change(database, 6, "ann")
      yield* audit.verifyEnd
      yield* audit.verifyEnd
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), [])
      assert.deepStrictEqual(kindsOf(tells), ["audit-broken", "audit-broken", "audit-intact"])
      yield* change(database, 6, "mallory")
      yield* audit.verifyEnd
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["audit"], "the same change is another break")
      assert.strictEqual(kindsOf(tells).at(-1), "audit-broken")
    })
  )

  it.effect("is shown while a break is left that the operator who acknowledged the others was not told of", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const shows = conditionSink("alertmanager")
      const { audit } = yield* start(database, [shows])
      yield* pass(1)
      for (let count = 0; count < 9; count++)
        yield* audit.record({ actor: "ann", kind: "note", subject: "s", data: {} })
      yield* change(database, 3, "mallory")
      yield* audit.verifyEnd
      yield* change(database, 6, "mallory")
      assert.deepStrictEqual(yield* audit.acknowledge({ by: "ada" }), [3])
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), ["audit"])
      assert.deepStrictEqual(yield* audit.acknowledge({ by: "ada" }), [6])
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(shownBy(shows), [])
    })
  )
})
