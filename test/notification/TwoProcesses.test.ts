import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Channel from "../../src/notification/Channel.ts"
import * as Delivery from "../../src/notification/Delivery.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, start, stopped, testSink, type TestSink } from "./notifying.ts"

const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

/** Lets time pass in small steps, so that both processes have their turns in it. */
const passSlowly = (seconds: number) => Effect.repeat(pass(0.25), { times: seconds * 4 })

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-two-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

/** A sink that takes its time, so that the other process is due meanwhile. */
const slowSink = (make: typeof testSink) => (perMinute: number) => {
  const sink = make("ops", { perMinute })
  sink.behave = () => Effect.sleep("700 millis")
  return sink
}

/** One process on the file. */
const process = (file: string, sinks: ReadonlyArray<TestSink>) =>
  Effect.flatMap(Sqlite.open({ filename: file }), (database) => start(database, sinks))

const notification = {
  key: "a",
  kind: "escalated",
  severity: "warning",
  at: "2026-11-24T03:00:00.000Z",
  cluster: "prod",
  title: "A person is needed",
  facts: []
} as const

const keysOf = (sinks: ReadonlyArray<TestSink>) =>
  sinks.flatMap(({ arrived }) => arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key)))

describe("two processes on one database", () => {
  it.effect("send each notification once, whichever of them has recorded what it is about", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const sinks = [100, 100].map(slowSink(testSink))
      const [one, other] = [yield* process(file, [sinks[0]!]), yield* process(file, [sinks[1]!])]
      yield* pass(1)
      for (let count = 0; count < 15; count++) {
        yield* stopped(one.audit)
        yield* stopped(other.audit, "grace")
        yield* passSlowly(1)
      }
      yield* passSlowly(60)
      assert.strictEqual(keysOf(sinks).length, 30)
      assert.strictEqual(new Set(keysOf(sinks)).size, 30)
    })
  )

  it.effect("send a sink that shows conditions each notification once", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const sinks = [100, 100].map(slowSink(conditionSink))
      const [one] = [yield* process(file, [sinks[0]!]), yield* process(file, [sinks[1]!])]
      yield* pass(1)
      for (let count = 0; count < 10; count++) {
        yield* stopped(one.audit)
        yield* passSlowly(7)
      }
      yield* passSlowly(60)
      assert.strictEqual(keysOf(sinks).length, 10)
      assert.strictEqual(new Set(keysOf(sinks)).size, 10)
    })
  )

  it.effect("stay together within what a sink is sent in a minute, and lose nothing by it", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const sinks = [8, 8].map(slowSink(testSink))
      const one = yield* process(file, [sinks[0]!])
      yield* process(file, [sinks[1]!])
      yield* pass(1)
      for (let count = 0; count < 30; count++) {
        yield* stopped(one.audit)
        yield* passSlowly(1.5)
      }
      assert.isAtMost(sinks[0]!.arrived.length + sinks[1]!.arrived.length, 8)
      yield* passSlowly(200)
      assert.strictEqual(new Set(keysOf(sinks)).size, 30)
      assert.strictEqual(keysOf(sinks).length, 30)
    })
  )

  it.effect.each([0, 700, 3000])(
    "of which there are three begin together no more messages in a minute than the sink is sent (%i ms each)",
    (millis) =>
      Effect.gen(function* () {
        const file = yield* filename
        const begun: Array<number> = []
        const sinks = [0, 1, 2].map(() => {
          const sink = testSink("ops")
          sink.behave = () =>
            Effect.andThen(
              Effect.map(Clock.currentTimeMillis, (now) => void begun.push(now)),
              Effect.sleep(`${millis} millis`)
            )
          return sink
        })
        const [one] = yield* Effect.forEach(sinks, (sink) => process(file, [sink]))
        yield* pass(1)
        yield* one!.outbox.add({
          through: 0,
          sinks: [],
          notifications: Array.from({ length: 100 }, (_, index) => ({
            sink: "ops",
            notification: { ...notification, key: `k${index}`, severity: index % 3 === 0 ? "critical" : "warning" }
          })),
          conditions: []
        })
        yield* stopped(one!.audit)
        yield* passSlowly(130)
        const most = Math.max(...begun.map((from) => begun.filter((at) => at >= from && at < from + 60_000).length))
        assert.isAtMost(most, 20)
        assert.isAtLeast(begun.length, 20)
      })
  )

  it.effect("take over after the lease what the other had claimed when it was killed, with the same key", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const next = testSink("ops")
      const killed = yield* process(file, [testSink("none")])
      const notifications = ["a", "b"].map((key) => ({ sink: "ops", notification: { ...notification, key } }))
      yield* killed.outbox.add({ through: 0, sinks: [], notifications, conditions: [] })
      // It was about to send both as one message.
      assert.isTrue(yield* killed.outbox.claim(yield* killed.outbox.waiting("ops", 10), "decided"))
      yield* process(file, [next])
      yield* passSlowly(24)
      assert.deepStrictEqual(next.arrived, [])
      yield* passSlowly(3)
      assert.deepStrictEqual(
        next.arrived.map(({ key, notifications }) => [key, notifications.length]),
        [["decided", 2]]
      )
    })
  )

  it.effect.each([
    { what: "while it sends", behave: () => Effect.never },
    {
      what: "after a failure",
      behave: () => Effect.fail(new SinkError({ sink: "ops", reason: "unreachable" }))
    }
  ])("do not wait for the claim of one that stops in good order $what", ({ behave }) =>
    Effect.gen(function* () {
      const file = yield* filename
      const [gone, next] = [testSink("ops"), testSink("ops")]
      gone.behave = behave
      const sending = yield* Scope.make()
      const first = yield* Scope.provide(process(file, [gone]), sending)
      yield* pass(1)
      yield* stopped(first.audit)
      yield* pass(1)
      assert.isAbove(gone.attempts, 0)
      yield* Scope.close(sending, { _tag: "Success" } as never)
      yield* process(file, [next])
      yield* pass(1)
      assert.strictEqual(next.arrived.length, 1)
    })
  )

  it.effect("leave a message alone whose claim took so long that the other may take it over while it is sent", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { audit, outbox } = yield* process(yield* filename, [testSink("none")])
      const channel = yield* Channel.make(sink.sink)
      const { sequence } = yield* stopped(audit)
      yield* outbox.add({
        through: sequence,
        sinks: [],
        notifications: [{ sink: "ops", notification }],
        conditions: []
      })
      let claims = 0
      const slow = {
        ...outbox,
        claim: (...args: Parameters<typeof outbox.claim>) =>
          Effect.delay(outbox.claim(...args), claims++ === 0 ? "6 seconds" : "1 second")
      }
      yield* Effect.forkScoped(Delivery.run(channel, slow))
      yield* pass(1)
      yield* pass(6)
      assert.deepStrictEqual([claims, sink.arrived.length], [2, 0])
      yield* pass(2)
      assert.deepStrictEqual([claims, sink.arrived.length], [2, 1])
    })
  )

  it.effect("send what waits also where every commit takes so long that no claim is in time", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { audit, outbox } = yield* process(yield* filename, [testSink("none")])
      const channel = yield* Channel.make(sink.sink)
      const { sequence } = yield* stopped(audit)
      const notifications = ["a", "b"].map((key) => ({ sink: "ops", notification: { ...notification, key } }))
      yield* outbox.add({ through: sequence, sinks: [], notifications, conditions: [] })
      let claims = 0
      const slow = {
        ...outbox,
        claim: (...args: Parameters<typeof outbox.claim>) =>
          Effect.suspend(() => {
            claims++
            return Effect.delay(outbox.claim(...args), "6 seconds")
          })
      }
      yield* Effect.forkScoped(Delivery.run(channel, slow))
      yield* passSlowly(60)
      assert.deepStrictEqual([claims, keysOf([sink])], [4, ["a", "b"]])
    })
  )
})
