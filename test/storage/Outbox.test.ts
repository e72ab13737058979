import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Notification } from "../../src/domain/Notification.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

const at = "2026-11-24T03:00:00.000Z"

const notification = (key: string, more: Partial<Notification> = {}): Notification => ({
  key,
  kind: "escalated",
  severity: "warning",
  at,
  cluster: "prod",
  title: "A person is needed",
  facts: [],
  ...more
})

const open = <A, E>(database: DatabaseSync, use: Effect.Effect<A, E, Outbox | AuditLog>) =>
  Effect.provide(use, Storage.layerDatabase(database))

const outbox = <A, E>(use: (outbox: Outbox["Service"]) => Effect.Effect<A, E>) => Effect.flatMap(Outbox, use)

const line = Effect.flatMap(AuditLog, (audit) =>
  audit.record({ actor: "ada", kind: "breaker.isolated", subject: "holmesgpt", data: {} })
)

/** What `register` returns. */
const positions = (sinks: Readonly<Record<string, number>>, conditions: number) => ({
  sinks: new Map(Object.entries(sinks)),
  conditions
})

const keysOf = (sink: string) =>
  outbox((each) => Effect.map(each.waiting(sink, 100), (rows) => rows.map(({ notification: { key } }) => key)))

describe("the outbox", () => {
  it.effect("keeps what waits, its position and the conditions across a restart", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const began = notification("a", { begins: { name: "escalation/rem-1", severity: "warning" } })
      yield* open(
        database,
        Effect.gen(function* () {
          const each = yield* Outbox
          yield* each.register(["slack", "pager"])
          const { sequence } = yield* line
          yield* each.add({
            through: sequence,
            sinks: ["slack", "pager"],
            notifications: [
              { sink: "slack", notification: began },
              { sink: "slack", notification: notification("b") },
              { sink: "pager", notification: began }
            ],
            conditions: [
              {
                line: sequence,
                _tag: "Begins",
                lasting: { condition: { name: "escalation/rem-1", severity: "warning" }, began }
              }
            ]
          })
        })
      )
      yield* open(
        database,
        Effect.gen(function* () {
          const each = yield* Outbox
          assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 1, pager: 1 }, 1))
          assert.deepStrictEqual(yield* keysOf("slack"), ["a", "b"])
          assert.deepStrictEqual(yield* keysOf("pager"), ["a"])
          assert.deepStrictEqual(yield* each.conditions, [{ condition: began.begins!, began }])
          assert.deepStrictEqual(yield* each.backlog("slack"), { waiting: 2, since: at })
        })
      )
    })
  )

  it.effect("has no second row for a notification that is derived again, also after its delivery", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        const derived = {
          through: 1,
          sinks: ["slack"],
          notifications: [{ sink: "slack", notification: notification("a") }],
          conditions: []
        }
        yield* each.add(derived)
        yield* each.add(derived)
        const [first, ...others] = yield* each.waiting("slack", 10)
        assert.deepStrictEqual(others, [])
        yield* each.delivered([first!.id], at)
        yield* each.add(derived)
        assert.deepStrictEqual(yield* keysOf("slack"), [])
      })
    )
  )

  it.effect("keeps what a removed sink has not received, and delivers it when the sink is back", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.register(["slack", "pager"])
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: [{ sink: "pager", notification: notification("a") }],
          conditions: []
        })
        yield* each.register(["slack"])
        yield* each.register(["slack", "pager"])
        assert.deepStrictEqual(yield* keysOf("pager"), ["a"])
      })
    )
  )

  it.effect("forgets 30 days later what was delivered and what nobody wants, and never what waits for a sink", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* open(
        database,
        Effect.gen(function* () {
          const each = yield* Outbox
          yield* each.register(["slack"])
          const sinks = ["slack", "gone"]
          yield* each.add({
            through: 0,
            sinks: [],
            notifications: sinks.flatMap((sink) => [
              { sink, notification: notification("a") },
              { sink, notification: notification("b") }
            ]),
            conditions: []
          })
          const [first, second] = yield* each.waiting("slack", 10)
          yield* each.delivered([first!.id], at)
          yield* each.delivered([], "2026-12-24T02:59:59.000Z")
          assert.strictEqual((yield* each.waiting("gone", 10)).length, 2)
          yield* each.delivered([], "2026-12-24T03:00:00.001Z")
          assert.deepStrictEqual(yield* each.waiting("slack", 10), [second!])
          assert.deepStrictEqual(yield* each.waiting("gone", 10), [])
        })
      )
      assert.deepStrictEqual(database.prepare("select count(*) as rows from outbox").get()?.["rows"], 1)
    })
  )

  it.effect("returns as many as are asked for, beside those that cannot be read", () => {
    const database = Sqlite.openMemory()
    return open(
      database,
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: Array.from({ length: 9 }, (_, index) => ({
            sink: "slack",
            notification: notification(`${index}`)
          })),
          conditions: []
        })
        database.exec("update outbox set data = '{' where id <= 5")
        const found = yield* each.waiting("slack", 3)
        assert.deepStrictEqual(
          found.map(({ notification: { key } }) => key),
          ["5", "6", "7"]
        )
      })
    )
  })

  it.effect("returns the critical ones also where more wait than are asked for", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: Array.from({ length: 9 }, (_, index) => ({
            sink: "slack",
            notification: notification(`${index}`, { severity: index % 3 === 1 ? "critical" : "info" })
          })),
          conditions: []
        })
        const found = yield* each.waiting("slack", 2)
        assert.deepStrictEqual(
          found.map(({ notification: { key } }) => key),
          ["0", "1", "4"]
        )
      })
    )
  )

  it.effect("returns the messages that are asked for, or all others", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: ["a", "b", "c", "d"].map((key) => ({ sink: "slack", notification: notification(key) })),
          conditions: []
        })
        const rows = yield* each.waiting("slack", 10)
        yield* each.claim(rows.slice(0, 2), "digest")
        yield* each.claim(rows.slice(2, 3), "c")
        const keys = (which: Parameters<typeof each.waiting>[2]) =>
          Effect.map(each.waiting("slack", 1, which), (found) => found.map(({ notification: { key } }) => key))
        assert.deepStrictEqual(yield* keys({ only: ["digest"] }), ["a", "b"])
        assert.deepStrictEqual(yield* keys({ without: ["digest"] }), ["c"])
        assert.deepStrictEqual(yield* keys({ without: ["digest", "c"] }), ["d"])
      })
    )
  )

  it.effect("ends a condition, and lets one that begins again show what began it last", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        const begins = (name: string, key: string) => {
          const condition = { name, severity: "warning" } as const
          const lasting = { condition, began: notification(key, { begins: condition }) }
          return { line: 1, _tag: "Begins", lasting } as const
        }
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: [],
          conditions: [
            begins("level", "a"),
            begins("emergency", "b"),
            begins("level", "c"),
            { line: 1, _tag: "Ends", condition: { name: "emergency", severity: "warning" } }
          ]
        })
        assert.deepStrictEqual(
          (yield* each.conditions).map(({ began, condition }) => [condition.name, began.key]),
          [["level", "c"]]
        )
      })
    )
  )

  it.effect("wakes who waits for the audit log to grow, and nobody else", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* line
        yield* each.grown(0)
        const waits = yield* Effect.forkChild(each.grown(1), { startImmediately: true })
        yield* each.add({ through: 1, sinks: [], notifications: [], conditions: [] })
        assert.isUndefined(waits.pollUnsafe())
        yield* line
        yield* Fiber.join(waits)
        assert.strictEqual(yield* each.head, 2)
      })
    )
  )

  it.effect("passes over a row that it cannot read, and delivers those after it", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* open(
        database,
        Effect.gen(function* () {
          yield* outbox((each) =>
            each.add({
              through: 0,
              sinks: [],
              notifications: ["a", "b"].map((key) => ({ sink: "slack", notification: notification(key) })),
              conditions: []
            })
          )
          database.exec("update outbox set data = 'torn' where key = 'a'")
          assert.deepStrictEqual(yield* keysOf("slack"), ["b"])
        })
      )
    })
  )

  it.effect("exists in a database of an older version", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      database.exec(readFileSync(join(import.meta.dirname, "sqlite", "version1.sql"), "utf8"))
      yield* open(
        database,
        outbox((each) => each.register(["slack"]))
      )
      assert.deepStrictEqual(yield* open(database, keysOf("slack")), [])
    })
  )
})
