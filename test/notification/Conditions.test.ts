import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as EndOfSilence from "../../src/notification/EndOfSilence.ts"
import * as Heartbeat from "../../src/notification/Heartbeat.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { conditionSink, running, start, testSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const lastingOf = ({ refreshed }: ReturnType<typeof conditionSink>) =>
  refreshed.at(-1)?.lasting.map(({ condition: { name } }) => name)

describe("an outage of the database", () => {
  it.effect("lasts at every refresh until the database stores again, although it was delivered long ago", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager")
      const { setStorage } = yield* start(Sqlite.openMemory(), [sink])
      setStorage({ _tag: "Down", message: "gone" })
      for (let minute = 0; minute < 30; minute++) yield* pass(60)
      assert.lengthOf(sink.arrived, 1)
      assert.deepStrictEqual(lastingOf(sink), ["storage"])
      setStorage({ _tag: "Up" })
      for (let minute = 0; minute < 3; minute++) yield* pass(60)
      assert.deepStrictEqual(lastingOf(sink), [])
    })
  )

  it.effect(
    "whose end was not recorded before the process ended is over when the next one has opened the database",
    () =>
      Effect.gen(function* () {
        const database = Sqlite.openMemory()
        const first = yield* Scope.make()
        const { audit } = yield* Scope.provide(start(database, [conditionSink("alertmanager")]), first)
        yield* audit.record({
          actor: "kubernaut",
          kind: "storage.down",
          subject: "database",
          data: { message: "gone" }
        })
        yield* pass(2)
        yield* Scope.close(first, { _tag: "Success" } as never)
        const sink = conditionSink("alertmanager")
        yield* start(database, [sink])
        for (let minute = 0; minute < 3; minute++) yield* pass(60)
        assert.deepStrictEqual(lastingOf(sink), [])
      })
  )
})

describe("the alerting that is heard", () => {
  it.effect("is told after a silence, and not at each start", () =>
    Effect.gen(function* () {
      const sink = testSink("ops")
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(2)
      const told = (kind: string) => audit.record({ actor: "kubernaut", kind, subject: "Watchdog", data: {} })
      yield* told("alerting.heard")
      yield* pass(60)
      assert.deepStrictEqual(sink.arrived, [])
      yield* told("alerting.silent")
      yield* pass(60)
      yield* told("alerting.heard")
      yield* pass(60)
      assert.deepStrictEqual(
        sink.arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind)),
        ["alerting-silent", "alerting-heard"]
      )
    })
  )
})

describe("alerting that was silent and is not watched any more", () => {
  it.effect("ends its condition once, also if the silence is derived only after the start", () =>
    Effect.gen(function* () {
      const sink = conditionSink("alertmanager")
      const { audit, outbox } = yield* start(Sqlite.openMemory(), [sink])
      yield* Effect.forkScoped(
        EndOfSilence.run.pipe(Effect.provideService(AuditLog, audit), Effect.provideService(Outbox, outbox))
      )
      yield* pass(60)
      assert.deepStrictEqual(sink.arrived, [], "nothing was silent")
      yield* audit.record({ actor: "kubernaut", kind: "alerting.silent", subject: "Watchdog", data: {} })
      for (let minute = 0; minute < 4; minute++) yield* pass(60)
      assert.deepStrictEqual(
        sink.arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind)),
        ["alerting-silent", "alerting-unwatched"]
      )
      assert.deepStrictEqual(lastingOf(sink), [])
    })
  )
})

describe("a silence while no sink is configured", () => {
  it.effect("is ended once, and not each minute", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Storage.layerDatabase(Sqlite.openMemory()))
      const [audit, outbox] = [Context.get(context, AuditLog), Context.get(context, Outbox)]
      const condition = { name: "alerting", severity: "critical" } as const
      const began = {
        key: "k",
        kind: "alerting-silent",
        severity: "critical",
        cluster: "prod",
        title: "Silent"
      } as const
      yield* outbox.add({
        through: 0,
        sinks: [],
        notifications: [],
        conditions: [
          {
            line: 1,
            _tag: "Begins",
            lasting: { condition, began: { ...began, at: "1970-01-01T00:00:00.000Z", facts: [], begins: condition } }
          }
        ]
      })
      yield* Effect.forkScoped(Effect.provide(EndOfSilence.run, context))
      for (let minute = 0; minute < 10; minute++) yield* pass(60)
      assert.lengthOf(yield* audit.read(0, 100), 1)
    })
  )
})

describe("the heartbeat", () => {
  it("needs every part that takes alerts further, and the database", () => {
    assert.isTrue(Heartbeat.isWorking({ _tag: "Up" }, running))
    assert.isFalse(Heartbeat.isWorking({ _tag: "Down", message: "gone" }, running))
    assert.isFalse(Heartbeat.isWorking({ _tag: "Up" }, []))
    for (const { name } of running)
      assert.isFalse(
        Heartbeat.isWorking(
          { _tag: "Up" },
          running.filter((child) => child.name !== name)
        ),
        name
      )
  })
})
