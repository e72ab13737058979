import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import type { Notification } from "../../src/domain/Notification.ts"
import * as Channel from "../../src/notification/Channel.ts"
import { dueInOrder, messagesOf, type Standing } from "../../src/notification/ConditionOrder.ts"
import * as Delivery from "../../src/notification/Delivery.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import { planned } from "../../src/notification/SendPlan.ts"
import { Outbox, type Waiting } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { type TestSink, testSink } from "./notifying.ts"

/** Ten minutes lie between two of them, as between the ends of an outage. */
const notice = (
  id: number,
  change: Pick<Notification, "begins" | "ends">,
  severity: Notification["severity"] = "critical"
): Notification => ({
  key: `k${id}`,
  kind: change.begins === undefined ? "storage-up" : "storage-down",
  severity,
  at: `2026-01-01T${String(Math.floor(id / 6)).padStart(2, "0")}:${id % 6}0:00.000Z`,
  cluster: "prod",
  title: "Something of the service",
  facts: [],
  ...change
})

const storage = { name: "storage", severity: "critical" } as const
const [begins, ends] = [{ begins: storage }, { ends: [storage] }]

const waiting = (notification: Notification, message?: string): Waiting => ({
  id: Number(notification.key.slice(1)),
  notification,
  claim: { number: 0, isHeld: false },
  ...(message === undefined ? {} : { message })
})

const idsOf = (batches: ReadonlyArray<ReadonlyArray<Waiting>>) => batches.map((batch) => batch.map(({ id }) => id))

describe("what is sent next", () => {
  it("has the beginning of a condition before its end, whatever their urgency", () => {
    for (const [first, second] of [
      ["critical", "critical"],
      ["info", "critical"],
      ["critical", "info"]
    ] as const) {
      const batches = planned([waiting(notice(1, begins, first)), waiting(notice(2, ends, second))], 0, 20)
      assert.deepStrictEqual(idsOf(batches), [[1], [2]])
    }
  })

  it("has before a critical end all that leads to it, and what has nothing to do with it after", () => {
    const level = { name: "level", severity: "warning" } as const
    const batches = planned(
      [
        waiting(notice(1, {}, "warning")),
        waiting(notice(2, { begins: level }, "info")),
        waiting(notice(3, { begins: storage, ends: [level] }, "warning")),
        waiting(notice(4, ends))
      ],
      0,
      20
    )
    assert.deepStrictEqual(idsOf(batches), [[2], [3], [4], [1]])
  })

  it("has a beginning that nobody has tried before an end that an earlier version has", () => {
    assert.deepStrictEqual(idsOf(planned([waiting(notice(1, begins)), waiting(notice(2, ends), "k2")], 0, 20)), [
      [1],
      [2]
    ])
  })

  it("has no end before the digest with its beginning", () => {
    const many = Array.from({ length: 40 }, (_, index) => waiting(notice(index + 1, index % 2 === 0 ? begins : ends)))
    const ids = planned(many, 0, 20)
      .flat()
      .map(({ id }) => id)
    assert.deepStrictEqual(
      ids,
      many.map(({ id }) => id)
    )
  })
})

describe("a message", () => {
  const messages = messagesOf([
    waiting(notice(1, begins)),
    waiting(notice(2, {})),
    waiting(notice(3, { ends: [storage], begins: { name: "level", severity: "warning" } })),
    waiting(notice(4, { ends: [{ name: "level", severity: "warning" }] }))
  ])
  const due = (standings: Readonly<Record<number, Standing>>) =>
    dueInOrder(messages, ([{ id }]) => standings[id] ?? "free").flatMap((batch) => batch.map(({ id }) => id))

  it("waits for each earlier one that is held and names one of its conditions, and for those that wait for it", () => {
    assert.deepStrictEqual(due({ 1: "held" }), [2])
    assert.deepStrictEqual(due({ 3: "held" }), [1, 2])
  })

  it("that is paused goes before a later one about the same condition, and not for others", () => {
    assert.deepStrictEqual(due({ 1: "paused" }), [1, 2, 3, 4])
    assert.deepStrictEqual(due({ 1: "paused", 3: "overtaken", 4: "overtaken" }), [2])
  })

  it("that is overtaken keeps nothing", () => {
    assert.deepStrictEqual(due({ 1: "overtaken" }), [2, 3, 4])
  })
})

const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const keysOf = ({ arrived }: TestSink) => arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key))

/** Sends the sink what is in the outbox, and lets time pass in steps of a second. */
const sending = (sink: TestSink, notifications: ReadonlyArray<Notification>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(Storage.layerDatabase(Sqlite.openMemory()))
    const outbox = Context.get(context, Outbox)
    const add = (more: ReadonlyArray<Notification>) =>
      outbox.add({
        through: 0,
        sinks: [],
        notifications: more.map((notification) => ({ sink: "ops", notification })),
        conditions: []
      })
    yield* add(notifications)
    return {
      add,
      outbox,
      start: Effect.flatMap(Channel.make(sink.sink), (made) => Effect.forkScoped(Delivery.run(made, outbox)))
    }
  })

const refuses = (sink: TestSink, key: string) => (tried: { readonly key: string }) =>
  tried.key === key ? new SinkError({ sink: sink.sink.name, reason: "refused", status: 422 }) : Effect.void

describe("a sink", () => {
  it.effect("that refuses a beginning for a moment gets it before its end, and others meanwhile", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = refuses(sink, "k1")
      const { start } = yield* sending(sink, [notice(1, begins), notice(2, ends), notice(3, {})])
      yield* start
      yield* pass(30)
      assert.deepStrictEqual(keysOf(sink), ["k3"])
      sink.behave = () => Effect.void
      yield* Effect.repeat(pass(1), { times: 60 })
      assert.deepStrictEqual(keysOf(sink), ["k3", "k1", "k2"])
    })
  )

  it.effect("that never takes one message is told of the next condition after some minutes", () =>
    Effect.gen(function* () {
      const sink = testSink("ops", { perMinute: 1 })
      sink.behave = refuses(sink, "k1")
      const { add, start } = yield* sending(sink, [notice(1, begins)])
      yield* start
      yield* Effect.repeat(pass(1), { times: 10 })
      yield* add([notice(2, ends)])
      yield* Effect.repeat(pass(1), { times: 360 })
      assert.deepStrictEqual(keysOf(sink), ["k2"])
      yield* add([notice(3, begins)])
      yield* Effect.repeat(pass(1), { times: 180 })
      assert.deepStrictEqual(keysOf(sink), ["k2", "k3"])
    })
  )

  it.effect("that has refused everything for hours gets the beginning before the end when it takes both", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = () => new SinkError({ sink: "ops", reason: "refused", status: 404 })
      const { add, start } = yield* sending(sink, [notice(1, begins)])
      yield* start
      yield* Effect.repeat(pass(60), { times: 50 })
      yield* add([notice(2, ends)])
      yield* Effect.repeat(pass(1), { times: 90 })
      sink.behave = () => Effect.void
      yield* Effect.repeat(pass(60), { times: 5 })
      assert.deepStrictEqual(keysOf(sink), ["k1", "k2"])
    })
  )

  it.effect("that takes a beginning an hour after its end is told of the end again, also by the next process", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      sink.behave = refuses(sink, "k1")
      const { add, outbox, start } = yield* sending(sink, [notice(1, begins)])
      const first = yield* Scope.make()
      yield* Scope.provide(start, first)
      yield* Effect.repeat(pass(10), { times: 20 })
      yield* add([notice(2, ends)])
      yield* Effect.repeat(pass(60), { times: 10 })
      assert.deepStrictEqual(keysOf(sink), ["k2"])
      yield* Scope.close(first, Exit.void)
      sink.behave = () => Effect.void
      yield* start
      yield* Effect.repeat(pass(1), { times: 30 })
      assert.deepStrictEqual(keysOf(sink), ["k2", "k1", "k2"])
      assert.strictEqual(new Set(sink.arrived.map(({ key }) => key)).size, 3)
      assert.deepStrictEqual(yield* outbox.waiting("ops", 10), [])
    })
  )

  it.effect("gets no end while another process may be sending the beginning", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { outbox, start } = yield* sending(sink, [notice(1, begins), notice(2, ends)])
      yield* outbox.claim((yield* outbox.waiting("ops", 10)).slice(0, 1), "k1")
      yield* start
      yield* Effect.repeat(pass(1), { times: 22 })
      assert.deepStrictEqual(keysOf(sink), [])
      yield* Effect.repeat(pass(1), { times: 3 })
      assert.deepStrictEqual(keysOf(sink), ["k1", "k2"])
    })
  )
})
