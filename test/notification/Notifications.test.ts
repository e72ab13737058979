import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Scope } from "effect"
import { TestClock } from "effect/testing"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, emergency, start, stopped, testSink, type TestSink } from "./notifying.ts"

const keysOf = ({ arrived }: TestSink) => arrived.map(({ key }) => key)
const kindsOf = ({ arrived }: TestSink) =>
  arrived.map(({ notifications }) => notifications.map(({ kind }) => kind).join())
const unreachable = (sink: string) => new SinkError({ sink, reason: "unreachable" })

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))
const shortly = pass(1)

describe("notifications", () => {
  it.effect("reach every sink that takes them, once, and no other", () =>
    Effect.gen(function* () {
      const [all, urgent, stops] = [
        testSink("all"),
        testSink("urgent", { minimumSeverity: "critical" }),
        testSink("stops", { kinds: ["emergency-stop-set"] })
      ]
      const { audit } = yield* start(Sqlite.openMemory(), [all, urgent, stops])
      yield* shortly
      yield* stopped(audit)
      yield* emergency(audit)
      yield* pass(120)
      assert.deepStrictEqual(kindsOf(all), ["emergency-entered", "emergency-stop-set"])
      assert.deepStrictEqual(kindsOf(urgent), ["emergency-entered"])
      assert.deepStrictEqual(kindsOf(stops), ["emergency-stop-set"])
    })
  )

  it.effect("are not sent again by the next process, and what this one could not send is", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const [works, down] = [testSink("works"), testSink("down")]
      down.behave = () => unreachable("down")
      const first = yield* Scope.make()
      const { audit } = yield* Scope.provide(start(database, [works, down]), first)
      yield* shortly
      yield* stopped(audit)
      yield* shortly
      yield* Scope.close(first, { _tag: "Success" } as never)
      assert.strictEqual(works.arrived.length, 1)
      down.behave = () => Effect.void
      yield* start(database, [works, down])
      yield* pass(120)
      assert.strictEqual(works.arrived.length, 1)
      assert.deepStrictEqual(keysOf(down), keysOf(works))
    })
  )

  it.effect("are sent again with the same key when the process ends between the send and its record", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const sink = testSink("ops")
      // It arrives, and the process learns nothing of it.
      sink.behave = (message) =>
        Effect.andThen(
          Effect.sync(() => void sink.arrived.push(message)),
          Effect.never
        )
      const first = yield* Scope.make()
      const { audit } = yield* Scope.provide(start(database, [sink]), first)
      yield* shortly
      yield* stopped(audit)
      yield* shortly
      yield* Scope.close(first, { _tag: "Success" } as never)
      assert.strictEqual(sink.arrived.length, 1)
      sink.behave = () => Effect.void
      yield* start(database, [sink])
      yield* shortly
      const [before, after, ...others] = keysOf(sink)
      assert.strictEqual(before, after)
      assert.deepStrictEqual(others, [])
    })
  )

  it.effect("keep coming to the other sinks while one hangs, and come to that one when it is back", () =>
    Effect.gen(function* () {
      const [works, hangs] = [testSink("works"), testSink("hangs")]
      hangs.behave = () => Effect.never
      const { audit } = yield* start(Sqlite.openMemory(), [works, hangs])
      yield* shortly
      for (let count = 1; count <= 5; count++) {
        yield* stopped(audit)
        yield* shortly
        assert.strictEqual(works.arrived.length, count)
      }
      yield* pass(3600)
      assert.strictEqual(hangs.arrived.length, 0)
      hangs.behave = () => Effect.void
      yield* pass(180)
      assert.deepStrictEqual(new Set(keysOf(hangs)), new Set(keysOf(works)))
      assert.strictEqual(hangs.arrived.length, 5)
    })
  )

  it.effect("are tried with pauses: a sink that is down for an hour is not asked more than twice a minute", () =>
    Effect.gen(function* () {
      const sink = testSink("down")
      sink.behave = () => unreachable("down")
      const { audit, notifications } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* stopped(audit)
      yield* pass(3600)
      assert.isAtLeast(sink.attempts, 30)
      assert.isAtMost(sink.attempts, 130)
      const status = yield* notifications.statusOf("down")
      assert.strictEqual(status.status, "down")
      assert.strictEqual(status.backlog?.waiting, 1)
    })
  )

  it.effect("wait as long as the sink asks", () =>
    Effect.gen(function* () {
      const sink = testSink("busy")
      sink.behave = () => new SinkError({ sink: "busy", reason: "overloaded", status: 429, retryAfterMs: 120_000 })
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* stopped(audit)
      yield* pass(115)
      assert.strictEqual(sink.attempts, 1)
      sink.behave = () => Effect.void
      yield* pass(10)
      assert.strictEqual(sink.arrived.length, 1)
    })
  )

  it.effect("pause also where the sink asks to be asked again at once", () =>
    Effect.gen(function* () {
      const sink = testSink("busy")
      sink.behave = () =>
        Effect.fail(new SinkError({ sink: "busy", reason: "overloaded", status: 503, retryAfterMs: 0 }))
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* stopped(audit)
      yield* pass(15)
      // After 1, 2, 4 and 8 s.
      assert.isAtMost(sink.attempts, 5)
    })
  )

  it.effect("become a digest when there are more than the sink is sent in a minute, and none is missing", () =>
    Effect.gen(function* () {
      const sink = testSink("ops", { perMinute: 8 })
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* Effect.forEach(Array.from({ length: 50 }), () => stopped(audit), { concurrency: "unbounded" })
      yield* emergency(audit)
      yield* shortly
      assert.isAtMost(sink.arrived.length, 8)
      assert.deepStrictEqual(kindsOf(sink)[0], "emergency-entered")
      const last = sink.arrived.at(-1)
      assert.isDefined(last?.digest)
      assert.deepStrictEqual(
        last?.digest?.counts.map(({ kind }) => kind),
        ["emergency-stop-set"]
      )
      yield* pass(120)
      const all = sink.arrived.flatMap(({ notifications }) => notifications.map(({ key }) => key))
      assert.strictEqual(all.length, 51)
      assert.strictEqual(new Set(all).size, 51)
    })
  )

  it.effect("stay within the sink's limit across a restart", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const sink = testSink("ops", { perMinute: 3 })
      const first = yield* Scope.make()
      const { audit } = yield* Scope.provide(start(database, [sink]), first)
      yield* shortly
      for (let count = 0; count < 3; count++) {
        yield* stopped(audit)
        yield* shortly
      }
      yield* Scope.close(first, { _tag: "Success" } as never)
      assert.strictEqual(sink.arrived.length, 3)
      const second = yield* start(database, [sink])
      yield* emergency(second.audit)
      yield* pass(10)
      assert.strictEqual(sink.arrived.length, 3)
      yield* pass(60)
      assert.strictEqual(sink.arrived.length, 4)
    })
  )

  it.effect("of a digest that was cut off by a crash are sent again as the same digest", () =>
    Effect.gen(function* () {
      const database = Sqlite.openMemory()
      const sink = testSink("ops", { perMinute: 1 })
      sink.behave = (message) =>
        Effect.andThen(
          Effect.sync(() => void sink.arrived.push(message)),
          Effect.never
        )
      const first = yield* Scope.make()
      const { audit } = yield* Scope.provide(start(database, [sink]), first)
      yield* shortly
      yield* Effect.forEach(Array.from({ length: 5 }), () => stopped(audit), { concurrency: "unbounded" })
      yield* shortly
      yield* Scope.close(first, { _tag: "Success" } as never)
      sink.behave = () => Effect.void
      const second = yield* start(database, [sink])
      yield* stopped(second.audit)
      yield* pass(200)
      const [before, after, later, ...others] = sink.arrived
      assert.strictEqual(before?.digest?.total, 5)
      assert.deepStrictEqual(after, before)
      assert.strictEqual(later?.notifications.length, 1)
      assert.deepStrictEqual(others, [])
    })
  )

  it.effect("that a sink refuses do not hold up the others, and are tried again", () =>
    Effect.gen(function* () {
      const sink = testSink("picky")
      sink.behave = ({ notifications: [{ kind }] }) =>
        kind === "emergency-entered"
          ? Effect.fail(new SinkError({ sink: "picky", reason: "refused", status: 400 }))
          : Effect.void
      const { audit, notifications } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* emergency(audit)
      yield* shortly
      yield* stopped(audit)
      yield* shortly
      assert.deepStrictEqual(kindsOf(sink), ["emergency-stop-set"])
      const status = yield* notifications.statusOf("picky")
      assert.strictEqual(status.status, "degraded")
      sink.behave = () => Effect.void
      yield* pass(120)
      assert.deepStrictEqual(kindsOf(sink), ["emergency-stop-set", "emergency-entered"])
    })
  )

  it.effect("show a sink as unknown until it has responded, and ask it when there is nothing to send", () =>
    Effect.gen(function* () {
      let checks = 0
      const gate = yield* Deferred.make<void>()
      const sink = testSink("ops", {
        check: Effect.andThen(
          Effect.sync(() => void checks++),
          Deferred.await(gate)
        )
      })
      const { notifications } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "unknown")
      yield* Deferred.succeed(gate, undefined)
      yield* shortly
      assert.strictEqual((yield* notifications.statusOf("ops")).status, "up")
      yield* pass(3600)
      assert.isAtLeast(checks, 10)
      assert.isAtMost(checks, 14)
      assert.strictEqual(sink.attempts, 0)
    })
  )

  it.effect("show a sink as down when it stops responding, before there is anything to send", () =>
    Effect.gen(function* () {
      const sink = testSink("ops", { check: Effect.fail(unreachable("ops")) })
      const { notifications } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(10)
      assert.deepInclude(yield* notifications.statusOf("ops"), { status: "down", message: "it cannot be reached" })
    })
  )

  it.effect("tell of a service that works again", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { recoveries } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      recoveries.publish({ service: "holmesgpt", durationMs: 90_000 })
      yield* shortly
      assert.deepStrictEqual(sink.arrived[0]?.notifications[0].facts, [
        { name: "Service", value: "holmesgpt" },
        { name: "After", value: "90 s" }
      ])
    })
  )
})

describe("an outage of the database", () => {
  const down = { _tag: "Down", message: "the disk is full" } as const

  it.effect("is told from memory after ten seconds, and its end by the outbox", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { setStorage } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      setStorage(down)
      yield* pass(9)
      assert.deepStrictEqual(kindsOf(sink), [])
      yield* pass(2)
      assert.deepStrictEqual(kindsOf(sink), ["storage-down"])
      setStorage({ _tag: "Up" })
      yield* shortly
      assert.deepStrictEqual(kindsOf(sink), ["storage-down", "storage-up"])
    })
  )

  it.effect("of a moment is not told at all", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { setStorage } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      setStorage(down)
      yield* pass(5)
      setStorage({ _tag: "Up" })
      yield* pass(60)
      assert.deepStrictEqual(kindsOf(sink), [])
    })
  )

  it.effect("is told afterwards, under the same key, to a sink that was down too", () =>
    Effect.gen(function* () {
      const [works, lost] = [testSink("works"), testSink("lost")]
      // It hears of it, and its response is lost.
      lost.behave = (message) =>
        Effect.andThen(
          Effect.sync(() => void lost.arrived.push(message)),
          Effect.fail(unreachable("lost"))
        )
      const { setStorage } = yield* start(Sqlite.openMemory(), [works, lost])
      yield* shortly
      setStorage(down)
      yield* pass(20)
      lost.behave = () => Effect.void
      setStorage({ _tag: "Up" })
      yield* pass(120)
      assert.deepStrictEqual(kindsOf(works), ["storage-down", "storage-up"])
      const downs = lost.arrived.filter(({ notifications: [{ kind }] }) => kind === "storage-down")
      assert.deepStrictEqual(new Set(downs.map(({ key }) => key)), new Set([works.arrived[0]?.key]))
      assert.isAtLeast(downs.length, 2)
    })
  )
})

describe("a sink that shows conditions", () => {
  it.effect("is refreshed each minute with what lasts, and with the heartbeat while the service works", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager")
      const { audit, setStorage } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* stopped(audit)
      yield* pass(60)
      yield* audit.record({ actor: "ada", kind: "emergency-stop.lifted", subject: "emergency-stop", data: {} })
      yield* pass(60)
      assert.deepStrictEqual(
        sink.refreshed.map(({ isWorking, lasting }) => [isWorking, lasting.map(({ condition: { name } }) => name)]),
        [
          [true, []],
          [true, ["emergency-stop"]],
          [true, []]
        ]
      )
      setStorage({ _tag: "Down", message: "gone" })
      yield* pass(60)
      assert.deepStrictEqual(sink.refreshed.at(-1)?.isWorking, false)
      assert.deepStrictEqual(
        sink.refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name),
        ["storage"]
      )
    })
  )

  it.effect("gets no heartbeat while a child without which no alert is worked on is down", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager")
      const children = [
        { name: "sweep", status: "gave-up", restarts: 9 },
        { name: "changes", status: "running", restarts: 0 }
      ] as never
      yield* start(Sqlite.openMemory(), [sink], Effect.succeed(children))
      yield* shortly
      assert.deepStrictEqual(sink.refreshed, [{ lasting: [], isWorking: false }])
    })
  )

  it.effect("gets all that waits in one message, and never a digest", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager", { perMinute: 1 })
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* shortly
      yield* Effect.forEach(Array.from({ length: 50 }), () => stopped(audit), { concurrency: "unbounded" })
      yield* shortly
      assert.deepStrictEqual(
        sink.arrived.map(({ digest, notifications }) => [notifications.length, digest]),
        [[50, undefined]]
      )
    })
  )
})
