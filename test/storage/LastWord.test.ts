import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Notification } from "../../src/domain/Notification.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"

const at = "2026-11-24T03:00:00.000Z"
const emergency = { name: "emergency", severity: "critical" } as const
const level = { name: "level", severity: "warning" } as const

const notification = (key: string, more: Partial<Notification>): Notification => ({
  key,
  kind: "level-changed",
  severity: "critical",
  at,
  cluster: "prod",
  title: "The level has changed",
  facts: [],
  ...more
})

const begins = notification("begins", { begins: emergency })
const ends = notification("ends", { ends: [emergency] })

/** Puts notifications into the outbox of a sink, and delivers them in another order: each list is a message. */
const delivering = (notifications: ReadonlyArray<Notification>, order: ReadonlyArray<ReadonlyArray<string>>) =>
  Effect.gen(function* () {
    const outbox = yield* Outbox
    yield* outbox.add({
      through: 0,
      sinks: [],
      notifications: ["ops", "pager"].flatMap((sink) => notifications.map((each) => ({ sink, notification: each }))),
      conditions: []
    })
    const rows = yield* outbox.waiting("ops", 100)
    const idOf = (key: string) => rows.find((row) => row.notification.key === key)?.id ?? -1
    for (const message of order) yield* outbox.delivered(message.map(idOf), at)
    const left = yield* outbox.waiting("ops", 100)
    const pager = yield* outbox.waiting("pager", 100)
    assert.strictEqual(pager.length, notifications.length)
    return { idOf, left, outbox, keys: left.map((row) => row.notification.key) }
  }).pipe(Effect.provide(Storage.layerDatabase(Sqlite.openMemory())))

describe("what was said last of a condition", () => {
  it.effect("waits again when what was said before is delivered after it, in a message with another key", () =>
    Effect.gen(function* () {
      const { left } = yield* delivering([begins, ends], [["ends"], ["begins"]])
      assert.deepStrictEqual(
        left.map((row) => row.notification),
        [ends]
      )
      assert.match(left[0]?.message ?? "", /^ends-after-\d+$/)
    })
  )

  it.effect("is the only thing that waits again", () =>
    Effect.gen(function* () {
      const again = notification("again", { begins: emergency })
      assert.deepStrictEqual((yield* delivering([begins, ends, again], [["ends"], ["again"], ["begins"]])).keys, [
        "again"
      ])
    })
  )

  it.effect("waits once for a late message that has two of its conditions", () =>
    Effect.gen(function* () {
      const first = notification("first", { begins: emergency, ends: [level] })
      const second = notification("second", { begins: level, ends: [emergency] })
      assert.deepStrictEqual((yield* delivering([first, second], [["second"], ["first"]])).keys, ["second"])
    })
  )

  it.effect.each([
    { what: "delivered in order", all: [begins, ends], order: [["begins"], ["ends"]] },
    { what: "in the same message", all: [begins, ends], order: [["begins", "ends"]] },
    {
      what: "said of another condition",
      all: [notification("begins", { begins: level }), ends],
      order: [["ends"], ["begins"]]
    },
    { what: "no condition at all", all: [notification("begins", {}), ends], order: [["ends"], ["begins"]] },
    { what: "delivered in order and recorded twice", all: [begins, ends], order: [["begins"], ["ends"], ["begins"]] }
  ])("does not wait again when it was $what", ({ all, order }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* delivering(all, order)).keys, [])
    })
  )

  it.effect("does not wait again while something later waits anyway", () =>
    Effect.gen(function* () {
      const again = notification("again", { begins: emergency })
      assert.deepStrictEqual((yield* delivering([begins, ends, again], [["ends"], ["begins"]])).keys, ["again"])
    })
  )

  it.effect("waits again although something waits that only has the name of the condition in its text", () =>
    Effect.gen(function* () {
      const other = notification("other", { facts: [{ name: "Service", value: "emergency" }] })
      assert.deepStrictEqual((yield* delivering([begins, ends, other], [["ends"], ["begins"]])).keys, ["other", "ends"])
    })
  )
})
