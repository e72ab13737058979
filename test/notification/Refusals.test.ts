import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Notification } from "../../src/domain/Notification.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import { counting, pieces, type Refusal, retried } from "../../src/notification/Refusals.ts"
import type { Outbox, Waiting } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, emergency, start, testSink, type TestSink } from "./notifying.ts"

const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))
const minutes = (count: number) => Effect.repeat(pass(60), { times: count - 1 })

const escalated = (id: number, severity: Notification["severity"] = "warning"): Notification => ({
  key: `k${id}`,
  kind: "escalated",
  severity,
  at: "1970-01-01T00:00:00.000Z",
  cluster: "prod",
  title: "A person is needed",
  facts: [],
  begins: { name: `escalation/${id}`, severity }
})

const add = (outbox: Outbox["Service"], notifications: ReadonlyArray<Notification>) =>
  outbox.add({
    through: 0,
    sinks: [],
    notifications: notifications.map((notification) => ({ sink: "ops", notification })),
    conditions: []
  })

const many = (count: number, severity: Notification["severity"] = "warning", from = 1) =>
  Array.from({ length: count }, (_, index) => escalated(from + index, severity))

const refusal = (status: number) => new SinkError({ sink: "ops", reason: "refused", status })

const keysOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key))
const kindsOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))

const waiting = (notification: Notification): Waiting => ({
  id: Number(notification.key.slice(1)),
  notification,
  message: notification.key,
  claim: { number: 1, isHeld: true }
})

const refusedAt = (id: number, times: number, dueMs: number, atMs = dueMs - 3_600_000): [string, Refusal] => [
  `k${id}`,
  { times, atMs, dueMs, isAbout: true, ids: [id], conditions: [`escalation/${id}`] }
]

describe("of what was refused", () => {
  it("that is tried again which is due, and of what was refused often only a quarter of a minute's messages", () => {
    const often = Array.from({ length: 30 }, (_, index) => refusedAt(index + 1, 9, 1000 - index))
    const refusals = new Map([...often, refusedAt(40, 1, 900), refusedAt(41, 1, 1001)])
    assert.deepStrictEqual([...retried(refusals, 20, 1000)], ["k40", "k30", "k29", "k28", "k27", "k26"])
  })

  it("nothing is tried that was refused often when a quarter of the last minute's messages were refused again", () => {
    const lately = Array.from({ length: 5 }, (_, index) => refusedAt(index + 1, 9, 3_600_000, 970_000))
    assert.deepStrictEqual([...retried(new Map([...lately, refusedAt(9, 9, 1)]), 20, 1_000_000)], [])
    assert.deepStrictEqual([...retried(new Map([...lately, refusedAt(9, 9, 1)]), 20, 1_031_000)], ["k9"])
  })

  it("one is tried every four minutes where one message a minute is allowed", () => {
    const refusals = new Map([refusedAt(1, 9, 9e9, 1_000_000), refusedAt(2, 9, 1)])
    assert.deepStrictEqual([...retried(refusals, 1, 1_239_000)], [])
    assert.deepStrictEqual([...retried(refusals, 1, 1_240_001)], ["k2"])
  })

  it("that is read which is tried, which others wait for, and which goes before what waits", () => {
    const refusals = new Map([
      refusedAt(1, 9, 2_000_000, 0),
      refusedAt(2, 9, 2_000_000, 0),
      refusedAt(3, 2, 2_000_000, 0),
      refusedAt(4, 9, 500, 0),
      // It was tried a moment ago.
      refusedAt(5, 9, 2_000_000, 999_000)
    ])
    const others = [waiting(escalated(2)), waiting(escalated(5))]
    const read = counting(refusals, retried(refusals, 20, 1_000_000), others, 1_000_000)
    assert.deepStrictEqual(read.toSorted(), ["k2", "k3", "k4"])
  })

  it("a message is cut in halves where the sink takes messages, and one notification is tried alone where not", () => {
    const [first, ...rest] = many(5).map(waiting)
    const sizes = (tookLast: boolean) => pieces([first!, ...rest], tookLast).map((piece) => piece.length)
    assert.deepStrictEqual(sizes(true), [3, 2])
    assert.deepStrictEqual(sizes(false), [1, 4])
  })
})

describe("a sink", () => {
  it.effect.each([
    { severity: "warning", status: 404 },
    { severity: "critical", status: 404 },
    { severity: "warning", status: 400 }
  ] as const)(
    "that has refused 2,200 notifications ($severity, $status) gets an emergency at once when it is repaired",
    ({ severity, status }) =>
      Effect.gen(function* () {
        const sink = testSink("ops")
        sink.behave = () => refusal(status)
        const { audit, outbox } = yield* start(Sqlite.openMemory(), [sink])
        yield* pass(1)
        yield* add(outbox, many(2200, severity))
        yield* minutes(20)
        sink.behave = () => Effect.void
        // What it got in the minutes before counts.
        yield* pass(60)
        yield* emergency(audit)
        yield* minutes(2)
        assert.include(kindsOf(sink), "emergency-entered")
        yield* minutes(300)
        assert.strictEqual(new Set(keysOf(sink)).size, 2201)
        assert.strictEqual(keysOf(sink).length, 2201)
      })
  )

  it.effect("that refuses digests gets an emergency at once, and in time each notification alone", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = ({ digest }) => (digest === undefined ? Effect.void : refusal(413))
      const { audit, outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(100))
      yield* pass(5)
      yield* emergency(audit)
      yield* pass(2)
      assert.include(kindsOf(sink), "emergency-entered")
      yield* minutes(40)
      assert.strictEqual(new Set(keysOf(sink)).size, 101)
      assert.strictEqual(keysOf(sink).length, 101)
    })
  )

  it.effect.each([
    { what: "shows messages", made: () => testSink("ops", { perMinute: 8 }) },
    { what: "shows conditions", made: () => conditionSink("ops") }
  ])("that $what and refuses one notification gets all the others", ({ made }) =>
    Effect.gen(function* () {
      const sink = made()
      sink.behave = ({ notifications }) => (notifications.some(({ key }) => key === "k37") ? refusal(400) : Effect.void)
      const { notifications, outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(60))
      yield* minutes(30)
      assert.strictEqual(new Set(keysOf(sink)).size, 59)
      assert.strictEqual(keysOf(sink).length, 59)
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "degraded")
      yield* add(outbox, many(3, "warning", 70))
      yield* pass(60)
      assert.strictEqual(new Set(keysOf(sink)).size, 62)
    })
  )

  it.effect("that did not know our key gets what it refused as soon as it takes another message", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => refusal(401)
      const { outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(3))
      // The fifth try is made after 15 minutes, and the sixth a quarter of an hour later.
      yield* minutes(17)
      sink.behave = () => Effect.void
      yield* add(outbox, [escalated(9)])
      yield* pass(60)
      yield* pass(60)
      assert.sameMembers(keysOf(sink), ["k1", "k2", "k3", "k9"])
    })
  )

  it.effect("whose filter refuses one message gets that one once a minute, however many others it takes", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      let tries = 0
      sink.behave = ({ notifications: [{ key }] }) =>
        key === "k1"
          ? Effect.andThen(
              Effect.sync(() => tries++),
              Effect.fail(refusal(403))
            )
          : Effect.void
      const { outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      for (let half = 0; half < 20; half++) {
        yield* add(outbox, [escalated(half + 1)])
        yield* pass(30)
      }
      assert.isAtMost(tries, 10)
      assert.strictEqual(keysOf(sink).length, 19)
    })
  )

  it.effect("that is repaired gets each message that it refused within a quarter of an hour", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => refusal(413)
      const { outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, [escalated(1)])
      yield* minutes(300)
      sink.behave = () => Effect.void
      yield* minutes(15)
      assert.deepStrictEqual(keysOf(sink), ["k1"])
    })
  )

  it.effect("that has refused everything for an hour gets its backlog in few messages", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => refusal(400)
      const { outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(500))
      yield* minutes(60)
      sink.behave = () => Effect.void
      yield* minutes(90)
      assert.strictEqual(new Set(keysOf(sink)).size, 500)
      assert.isAtMost(sink.arrived.length, 40)
    })
  )

  it.effect("that has refused many messages gets later ones within the minute", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = ({ notifications: [{ key }] }) => (Number(key.slice(1)) < 500 ? refusal(422) : Effect.void)
      const { outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      for (let hour = 0; hour < 20; hour++) {
        yield* add(outbox, many(14, "warning", hour * 14 + 1))
        yield* minutes(4)
      }
      for (let minute = 0; minute < 10; minute++) {
        yield* add(outbox, many(8, "warning", 1000 + minute * 8))
        yield* pass(60)
      }
      assert.strictEqual(keysOf(sink).length, 80)
    })
  )

  it.effect("that was away and then refuses a message is not down, and gets the next one at once", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => new SinkError({ sink: "ops", reason: "unreachable" })
      const { audit, notifications, outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(1))
      yield* Effect.repeat(pass(1), { times: 45 })
      sink.behave = ({ notifications: [{ key }] }) => (key === "k1" ? refusal(400) : Effect.void)
      yield* minutes(10)
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "degraded")
      yield* emergency(audit)
      yield* pass(1)
      assert.deepStrictEqual(kindsOf(sink), ["emergency-entered"])
    })
  )

  it.effect("is not degraded any more when another process has delivered what it had refused", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => refusal(400)
      const { notifications, outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      yield* add(outbox, many(1))
      yield* minutes(2)
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "degraded")
      yield* outbox.delivered(
        (yield* outbox.waiting("ops", 10)).map(({ id }) => id),
        "1970-01-01T00:10:00.000Z"
      )
      yield* minutes(5)
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "up")
    })
  )
})
