import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Notification } from "../../src/domain/Notification.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { hourMs, withWallClock } from "../resilience/WallClock.ts"

const dayMs = 24 * hourMs

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

const emergency = { name: "emergency", severity: "critical" } as const
const began: Notification = {
  key: "e",
  kind: "emergency-entered",
  severity: "critical",
  at: "2026-11-24T03:00:00.000Z",
  cluster: "prod",
  title: "Emergency",
  facts: [],
  begins: emergency
}
const begins = (line: number) => ({ line, _tag: "Begins", lasting: { condition: emergency, began } }) as const
const ends = (line: number) => ({ line, _tag: "Ends", condition: emergency }) as const
const lasting = outbox((each) =>
  Effect.map(each.conditions, (conditions) => conditions.map(({ condition: { name } }) => name))
)

/** A process with these sinks derives nothing for as many hours. */
const idle = (sinks: ReadonlyArray<string>, hours: number) =>
  outbox((each) =>
    Effect.andThen(TestClock.adjust("1 hour"), each.add({ through: 0, sinks, notifications: [], conditions: [] })).pipe(
      Effect.repeat({ times: hours - 1 })
    )
  )

describe("the outbox", () => {
  it.effect(
    "changes no condition by a line that the conditions are past: a slow process brings back what has ended",
    () =>
      open(
        Sqlite.openMemory(),
        Effect.gen(function* () {
          const each = yield* Outbox
          const derived = { sinks: [], notifications: [] }
          yield* each.add({ ...derived, through: 1, conditions: [begins(1)] })
          yield* each.add({ ...derived, through: 2, conditions: [ends(2)] })
          yield* each.add({ ...derived, through: 1, conditions: [begins(1)] })
          assert.deepStrictEqual(yield* lasting, [])
          yield* each.add({ ...derived, through: 4, conditions: [begins(3), ends(4)] })
          yield* each.add({ ...derived, through: 5, conditions: [begins(5)] })
          // It has read the end, and is slower than the one that has read on.
          yield* each.add({ ...derived, through: 4, conditions: [begins(3), ends(4)] })
          assert.deepStrictEqual(yield* lasting, ["emergency"])
        })
      )
  )

  it.effect("moves the positions of the sinks that a process has, and of no other, also where it has none", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.register(["slack"])
        yield* each.register(["pager"])
        yield* line
        yield* each.add({ through: 1, sinks: ["pager"], notifications: [], conditions: [] })
        assert.deepStrictEqual(yield* each.register(["slack"]), positions({ slack: 0 }, 1))
        yield* line
        assert.deepStrictEqual(yield* each.register([]), positions({}, 1))
        yield* each.add({ through: 2, sinks: [], notifications: [], conditions: [] })
        assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 0, pager: 1 }, 2))
      })
    )
  )

  it.effect(
    "keeps the position of a sink that nobody names for 30 days, and as long as one of its processes derives",
    () =>
      open(
        Sqlite.openMemory(),
        Effect.gen(function* () {
          const each = yield* Outbox
          yield* each.register(["slack", "pager"])
          yield* line
          yield* TestClock.adjust("29 days")
          assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 0, pager: 0 }, 0))
          yield* TestClock.adjust("29 days")
          yield* idle(["pager"], 50)
          assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 1, pager: 0 }, 0))
        })
      )
  )

  /** Waiting rows for two sinks, and how many there are now. */
  const withBacklog = Effect.gen(function* () {
    const each = yield* Outbox
    yield* each.register(["slack", "pager"])
    const notifications = ["slack", "pager"].map((sink) => ({ sink, notification: began }))
    yield* each.add({ through: 0, sinks: ["slack", "pager"], notifications, conditions: [] })
    yield* line
    const waiting = Effect.map(Effect.all([each.backlog("slack"), each.backlog("pager")]), (all) =>
      all.map((backlog) => backlog.waiting)
    )
    return { waiting }
  })
  it.effect("tells a sink that a process has run without for 30 days of nothing before it came back", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        const { waiting } = yield* withBacklog
        yield* each.register(["pager"])
        yield* idle(["pager"], 29 * 24)
        assert.deepStrictEqual(yield* waiting, [1, 1])
        yield* idle(["pager"], 3 * 24)
        // The conditions are of now, whenever they began: they are derived from where they were.
        assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 1, pager: 0 }, 0))
        assert.deepStrictEqual(yield* waiting, [0, 1])
      })
    )
  )

  it.effect("forgets nothing of the sinks that a process has, whatever the wall clock says", () =>
    open(
      Sqlite.openMemory(),
      withWallClock((set) =>
        Effect.gen(function* () {
          const each = yield* Outbox
          yield* set(100 * dayMs)
          const { waiting } = yield* withBacklog
          for (const days of [31, -62, 62, 365, -300]) {
            yield* set(days * dayMs)
            assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 0, pager: 0 }, 0))
            yield* idle(["slack", "pager"], 30)
            assert.deepStrictEqual(yield* waiting, [1, 1], `${days} days`)
          }
        })
      )
    )
  )

  it.effect("keeps what waits for the sink of another process where the wall clock is wrong for less than a day", () =>
    open(
      Sqlite.openMemory(),
      withWallClock((set) =>
        Effect.gen(function* () {
          const each = yield* Outbox
          yield* set(100 * dayMs)
          const { waiting } = yield* withBacklog
          yield* set(31 * dayMs)
          yield* each.register(["pager"])
          yield* idle(["pager"], 23)
          yield* set(-31 * dayMs)
          yield* idle(["pager"], 1)
          yield* set(31 * dayMs)
          yield* idle(["pager"], 23)
          assert.deepStrictEqual(yield* waiting, [1, 1])
          // One that is behind does not make it unnamed for long.
          yield* set(-62 * dayMs)
          yield* each.register(["slack", "pager"])
          yield* set(31 * dayMs)
          yield* idle(["pager"], 48)
          assert.deepStrictEqual(yield* waiting, [1, 1])
        })
      )
    )
  )

  it.effect("shows no question and no escalation of more than 30 days ago for longer than a day", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* TestClock.setTime(Date.parse(began.at))
        const beginning = (name: string) =>
          ({
            line: 1,
            _tag: "Begins",
            lasting: { condition: { ...emergency, name }, began: { ...began, begins: { ...emergency, name } } }
          }) as const
        const all = ["account/llm:openai", "approval/a", "emergency", "escalation/b"]
        yield* TestClock.adjust("31 days")
        yield* each.add({ through: 1, sinks: [], notifications: [], conditions: all.map(beginning) })
        yield* idle([], 23)
        assert.deepStrictEqual(yield* lasting, all, "the wall clock may be wrong")
        yield* idle([], 1)
        assert.deepStrictEqual(yield* lasting, ["account/llm:openai", "emergency"], "they end by themselves")
      })
    )
  )

  it.effect("knows how far the conditions of an older version were: as far as the sink that was furthest", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      yield* open(
        database,
        Effect.andThen(
          Effect.andThen(line, line),
          outbox((each) => each.register(["slack"]))
        )
      )
      database.exec(`
        drop table early_ends;
        drop table notification_sends;
        drop index audit_breaks_over;
        drop table condition_position;
        alter table notification_positions drop column named_at;
        insert into notification_positions (sink, sequence) values ('pager', 1);
        delete from kubernaut_migrations where migration_id >= 27`)
      yield* open(
        database,
        Effect.gen(function* () {
          yield* line
          assert.deepStrictEqual(
            yield* outbox((each) => each.register(["slack", "pager"])),
            positions({ slack: 2, pager: 1 }, 2)
          )
        })
      )
    })
  )

  it.effect("lets a new sink begin at the end of the audit log, and moves no position back", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* line
        yield* each.register(["slack"])
        yield* line
        yield* line
        assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 1, pager: 3 }, 1))
        yield* each.add({ through: 2, sinks: ["slack", "pager"], notifications: [], conditions: [] })
        assert.deepStrictEqual(yield* each.register(["slack", "pager"]), positions({ slack: 2, pager: 3 }, 2))
      })
    )
  )
})
