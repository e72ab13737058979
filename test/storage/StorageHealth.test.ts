import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { StorageHealth } from "../../src/storage/StorageHealth.ts"
import { deployment, minute, newAlert } from "./Incident.ts"

/** A connection whose statements can be made to fail. */
const failing = (database: DatabaseSync) => {
  const state: { fail: ((sql: string) => void) | undefined } = { fail: undefined }
  const proxy = new Proxy(database, {
    get: (target, property) => {
      const value: unknown = Reflect.get(target, property, target)
      if (property !== "prepare") return typeof value === "function" ? value.bind(target) : value
      return (sql: string) => {
        const statement = target.prepare(sql)
        return new Proxy(statement, {
          get: (prepared, method) => {
            const call = Reflect.get(prepared, method, prepared) as (...params: Array<unknown>) => unknown
            return (...params: Array<unknown>) => {
              state.fail?.(sql)
              return call.apply(prepared, params)
            }
          }
        })
      }
    }
  })
  return { proxy, state }
}

/** The methods of a clock, to be spread. */
const bound = (clock: Clock.Clock): Clock.Clock => ({
  currentTimeMillis: clock.currentTimeMillis,
  currentTimeNanos: clock.currentTimeNanos,
  currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
  currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  sleep: (duration) => clock.sleep(duration)
})

const driverError = (errcode: number) => Object.assign(new Error("sqlite"), { code: "ERR_SQLITE_ERROR", errcode })

/** A store whose health is watched, as the supervisor does it. */
const start = Effect.gen(function* () {
  const database = yield* Effect.acquireRelease(Effect.sync(Sqlite.openMemory), (open) =>
    Effect.sync(() => open.close())
  )
  const { proxy, state } = failing(database)
  const clock = yield* Clock.Clock
  const slow = { skippedMs: 0 }
  const context = yield* Layer.build(Storage.layerDatabase(proxy)).pipe(
    Effect.provideService(Clock.Clock, {
      ...bound(clock),
      monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + BigInt(slow.skippedMs) * 1_000_000n
    })
  )
  const health = Context.get(context, StorageHealth)
  const store = Context.get(context, RemediationStore)
  yield* Effect.forkChild(health.watch, { startImmediately: true })
  let posts = 0
  const post = Effect.suspend(() =>
    Effect.result(
      store.accept([newAlert(`${++posts}`, `f${posts}`, deployment(`d${posts}`), { annotations: { text } })], minute(0))
    )
  )
  const noGrowth = Effect.sync(() => database.exec("pragma max_page_count = 1"))
  const growth = Effect.sync(() => database.exec("pragma max_page_count = 1000000"))
  /** Posts until the database refuses one. */
  const fill = Effect.gen(function* () {
    yield* noGrowth
    for (let tries = 0; tries < 100; tries++) if ((yield* post)._tag === "Failure") return
    assert.fail("the database never became full")
  })
  return {
    database,
    state,
    slow,
    health,
    store,
    post,
    noGrowth,
    growth,
    fill,
    is: Effect.map(health.status, ({ _tag }) => _tag)
  }
})

const text = "x".repeat(4000)

describe("the health of the database", () => {
  it.effect("is down from the first post that a full database refuses until it can grow again", () =>
    Effect.gen(function* () {
      const { fill, growth, health, is, post } = yield* start
      assert.strictEqual(yield* is, "Up")
      yield* fill
      for (let second = 0; second < 60; second++) {
        assert.deepInclude(yield* health.status, { _tag: "Down" })
        yield* TestClock.adjust("1 second")
      }
      const status = yield* health.status
      assert.match(status._tag === "Down" ? status.message : "", /storage full/)
      yield* growth
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* is, "Up")
      assert.strictEqual((yield* post)._tag, "Success")
    })
  )

  it.effect("notices within ten seconds that an idle database cannot grow", () =>
    Effect.gen(function* () {
      const { is, noGrowth } = yield* start
      yield* TestClock.adjust("15 seconds")
      yield* noGrowth
      assert.strictEqual(yield* is, "Up")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* is, "Down")
    }).pipe(Effect.scoped)
  )

  it.effect("is up again with the first post that is stored", () =>
    Effect.gen(function* () {
      const { fill, growth, is, post } = yield* start
      yield* fill
      assert.strictEqual(yield* is, "Down")
      yield* growth
      yield* post
      assert.strictEqual(yield* is, "Up")
    })
  )

  const faults: ReadonlyArray<readonly [string, (sql: string) => void]> = [
    [
      "another process holds the lock",
      (sql) => {
        if (sql === "begin immediate") throw driverError(5)
      }
    ],
    [
      "the file system is read-only",
      (sql) => {
        if (/^(insert|update)/.test(sql.trim())) throw driverError(8)
      }
    ],
    [
      "the disk is full for the write-ahead log",
      (sql) => {
        if (sql === "commit") throw driverError(13)
      }
    ],
    [
      "the disk fails",
      (sql) => {
        if (sql === "commit") throw driverError(1034)
      }
    ],
    [
      "a table is damaged",
      (sql) => {
        if (/^\s*insert into remediations\b/.test(sql)) throw driverError(11)
      }
    ],
    [
      "an index that new alerts are looked up by is damaged",
      (sql) => {
        if (/^\s*select .* from remediations\b/s.test(sql)) throw driverError(779)
      }
    ],
    [
      "a table is missing",
      (sql) => {
        if (/^\s*insert into remediation_events\b/.test(sql)) throw driverError(1)
      }
    ],
    [
      "a trigger refuses every alert",
      (sql) => {
        if (/^\s*insert into remediations\b/.test(sql)) throw driverError(1811)
      }
    ],
    [
      "the driver breaks",
      (sql) => {
        if (sql === "begin immediate") throw new TypeError("broken")
      }
    ]
  ]
  for (const [when, fail] of faults) {
    it.effect(`is down while ${when}, whether idle or not, and up within a second after that`, () =>
      Effect.gen(function* () {
        const { is, post, state } = yield* start
        yield* TestClock.adjust("1 minute")
        state.fail = fail
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* is, "Down")
        yield* Effect.exit(post)
        assert.strictEqual(yield* is, "Down")
        state.fail = undefined
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* is, "Up")
      })
    )
  }

  it.effect("is down, without a moment of being up, while every post is refused", () =>
    Effect.gen(function* () {
      const { health, is, post, state } = yield* start
      state.fail = (sql) => {
        if (/^\s*insert into remediations\b/.test(sql)) throw driverError(11)
      }
      yield* Effect.exit(post)
      const changes: Array<string> = []
      yield* health.changes.listen(({ _tag }) => changes.push(_tag))
      for (let second = 0; second < 60; second++) {
        assert.strictEqual(yield* is, "Down")
        if (second % 15 === 0) assert.strictEqual((yield* post)._tag, "Failure")
        yield* TestClock.adjust("1 second")
      }
      assert.deepStrictEqual(changes, [])
    })
  )

  it.effect("is down at once when it can store nothing from the start", () =>
    Effect.gen(function* () {
      const { proxy, state } = failing(Sqlite.openMemory())
      const health = Context.get(yield* Layer.build(Storage.layerDatabase(proxy)), StorageHealth)
      state.fail = (sql) => {
        if (sql === "commit") throw driverError(8)
      }
      yield* Effect.forkChild(health.watch, { startImmediately: true })
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* health.status)._tag, "Down")
    })
  )

  it.effect("is up although one alert cannot be stored because of what it contains", () =>
    Effect.gen(function* () {
      const { is, post, state } = yield* start
      state.fail = (sql) => {
        if (/^\s*insert into remediations\b/.test(sql)) throw driverError(18)
      }
      yield* Effect.exit(post)
      assert.strictEqual(yield* is, "Up")
    })
  )

  it.effect("stays down while every commit is slow, and is up after a quick one", () =>
    Effect.gen(function* () {
      const { health, is, slow, state } = yield* start
      const changes: Array<string> = []
      yield* health.changes.listen(({ _tag }) => changes.push(_tag))
      state.fail = (sql) => {
        if (sql === "commit") slow.skippedMs += 4000
      }
      yield* TestClock.adjust("11 seconds")
      for (let second = 0; second < 20; second++) {
        assert.strictEqual(yield* is, "Down")
        yield* TestClock.adjust("1 second")
      }
      state.fail = undefined
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([yield* is, changes], ["Up", ["Down", "Up"]])
    })
  )

  it.effect("leaves no trace of its checks", () =>
    Effect.gen(function* () {
      const { database, is, post } = yield* start
      yield* post
      const count = () =>
        database
          .prepare("select (select count(*) from remediations) + (select count(*) from remediation_events) as rows")
          .get()
      const before = count()
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual([yield* is, count()], ["Up", before])
      assert.strictEqual((yield* post)._tag, "Success")
    })
  )

  it.effect("stores a new alert in each check, whatever clusters the alerts of others name", () =>
    Effect.gen(function* () {
      const { is, state, store } = yield* start
      const target = { ...deployment("check"), cluster: "kubernaut/check" }
      yield* store.accept([newAlert("check", "check", target)], minute(0))
      state.fail = (sql) => {
        if (sql.startsWith("insert into remediations ")) throw driverError(13)
      }
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* is, "Down")
    }).pipe(Effect.scoped)
  )

  it.effect("does not depend on a row that cannot be read", () =>
    Effect.gen(function* () {
      const { database, is, post } = yield* start
      yield* post
      database.exec("drop trigger remediation_events_no_update; update remediation_events set data = '{}'")
      yield* post
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* is, "Up")
    })
  )

  it.effect("publishes each change once", () =>
    Effect.gen(function* () {
      const { fill, growth, health } = yield* start
      const changes: Array<string> = []
      yield* health.changes.listen(({ _tag }) => changes.push(_tag))
      yield* fill
      yield* TestClock.adjust("10 seconds")
      yield* growth
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(changes, ["Down", "Up"])
    })
  )

  it.effect("writes nothing more while posts come in", () =>
    Effect.gen(function* () {
      const { post, state } = yield* start
      yield* TestClock.adjust(0)
      let checks = 0
      state.fail = (sql) => void (/storage_check/.test(sql) && checks++)
      for (let second = 0; second < 60; second++) {
        yield* post
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(checks, 0)
      yield* TestClock.adjust("60 seconds")
      assert.isAtMost(checks, 2 * 6)
      assert.isAtLeast(checks, 2 * 5)
    })
  )
})
