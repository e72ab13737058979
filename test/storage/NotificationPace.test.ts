/** How many messages a sink is sent in a minute, by all processes together. */

import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Notification } from "../../src/domain/Notification.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

const notification = (key: string): Notification => ({
  key,
  kind: "escalated",
  severity: "warning",
  at: "2026-11-24T03:00:00.000Z",
  cluster: "prod",
  title: "A person is needed",
  facts: []
})

const open = <A, E>(database: DatabaseSync, use: Effect.Effect<A, E, Outbox>) =>
  Effect.provide(use, Storage.layerDatabase(database))

describe("the outbox", () => {
  it.effect("claims as many messages in a minute as the pace allows, and a message of many notifications is one", () =>
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
        const pace = { sink: "slack", most: 2 }
        const [first, second, ...rest] = yield* each.waiting("slack", 10)
        assert.isTrue(yield* each.claim(rest, "digest", pace))
        assert.deepStrictEqual(
          (yield* each.waiting("slack", 10)).map(({ message }) => message),
          [undefined, undefined, "digest", "digest"]
        )
        assert.isTrue(yield* each.claim([first!], "a", pace))
        assert.isFalse(yield* each.claim([second!], "b", pace))
        assert.strictEqual(yield* each.sentInMinute("slack"), 2)
        assert.strictEqual(yield* each.sentInMinute("pager"), 0)
        // What is only decided is not sent, and other sinks have a pace of their own.
        assert.isTrue(yield* each.claim([second!], "b"))
        const [, again] = yield* each.waiting("slack", 10)
        yield* TestClock.adjust("59 seconds")
        assert.isFalse(yield* each.claim([again!], "b", pace))
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* each.claim([again!], "b", pace))
      })
    )
  )

  it.effect("counts a message when its claim is stored, however long that has waited", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: [{ sink: "slack", notification: notification("a") }],
          conditions: []
        })
        let nowMs = 0
        const clock: Clock.Clock = Object.assign(Object.create(yield* Clock.Clock), {
          currentTimeMillisUnsafe: () => nowMs
        })
        const at = <A, E>(use: Effect.Effect<A, E>) => Effect.provideService(use, Clock.Clock, clock)
        const claim = at(each.claim(yield* each.waiting("slack", 1), "a", { sink: "slack", most: 1 }))
        const fiber = yield* Effect.forkChild(claim, { startImmediately: true })
        nowMs = 30_000
        assert.isTrue(yield* Fiber.join(fiber))
        nowMs = 89_000
        assert.strictEqual(yield* at(each.sentInMinute("slack")), 1)
        nowMs = 90_000
        assert.strictEqual(yield* at(each.sentInMinute("slack")), 0)
      })
    )
  )

  it.effect("claims no more messages in a minute where the clock of one process is a little behind", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: Array.from({ length: 100 }, (_, of) => ({
            sink: "slack",
            notification: notification(`k${of}`)
          })),
          conditions: []
        })
        const rows = yield* each.waiting("slack", 100)
        const claimed = yield* Effect.filter(rows, (row: (typeof rows)[number], of: number) =>
          Effect.andThen(
            TestClock.setTime(of * 20 + (of % 2 === 0 ? 30 : 0)),
            each.claim([row], row.notification.key, { sink: "slack", most: 20 })
          )
        )
        assert.lengthOf(claimed, 20)
      })
    )
  )

  it.effect("does not count what a wall clock that was set back has left in the future", () =>
    open(
      Sqlite.openMemory(),
      Effect.gen(function* () {
        const each = yield* Outbox
        yield* each.add({
          through: 0,
          sinks: [],
          notifications: ["a", "b"].map((key) => ({ sink: "slack", notification: notification(key) })),
          conditions: []
        })
        const [first, second] = yield* each.waiting("slack", 10)
        const hourMs = 3_600_000
        yield* TestClock.setTime(hourMs)
        yield* each.claim([first!], "a", { sink: "slack", most: 1 })
        yield* TestClock.setTime(0)
        assert.strictEqual(yield* each.sentInMinute("slack"), 0)
        assert.isTrue(yield* each.claim([second!], "b", { sink: "slack", most: 1 }))
        yield* TestClock.setTime(hourMs)
        assert.strictEqual(yield* each.sentInMinute("slack"), 0, "it is forgotten")
      })
    )
  )
})
