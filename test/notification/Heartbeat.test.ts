import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import { TestClock } from "effect/testing"
import type { Lasting, NotificationSeverity } from "../../src/domain/Notification.ts"
import * as Channel from "../../src/notification/Channel.ts"
import * as Heartbeat from "../../src/notification/Heartbeat.ts"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import { conditionSink, emergency, start, type TestSink } from "./notifying.ts"

const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))

const filename = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-heartbeat-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

/** A receiver that keeps state, and a sink of it for each process. `arrive`: what a refresh waits for on its way. */
const receiver = () => {
  const shown = new Map<string, "firing" | "ended">()
  const sink = (arrive: Effect.Effect<void>) =>
    conditionSink("alertmanager", {
      send: ({ notifications }) =>
        Effect.sync(() => {
          for (const { begins, ends = [] } of notifications) {
            for (const { name } of ends) shown.set(name, "ended")
            if (begins !== undefined) shown.set(begins.name, "firing")
          }
        }),
      refresh: (lasting, _isWorking, ended) =>
        Effect.map(arrive, () => {
          for (const { condition } of lasting) shown.set(condition.name, "firing")
          for (const { condition } of ended) shown.set(condition.name, "ended")
        })
    })
  return { shown, sink }
}

const lasting = (name: string, severity: NotificationSeverity = "critical"): Lasting => ({
  condition: { name, severity },
  began: {
    key: name,
    kind: "level-changed",
    severity,
    at: "1970-01-01T00:00:00.000Z",
    cluster: "prod",
    title: "The level has changed",
    facts: []
  }
})

/**
 * Refreshes a sink from conditions that are read one after the other; the last is read ever after. Returns what was
 * posted: what lasts, and what has ended.
 */
const refreshing = (reads: ReadonlyArray<ReadonlyArray<Lasting>>, failing: ReadonlySet<number> = new Set()) =>
  Effect.gen(function* () {
    const posted: Array<readonly [lasting: ReadonlyArray<string>, ended: ReadonlyArray<string>]> = []
    let count = 0
    const names = (all: ReadonlyArray<Lasting>) => all.map(({ condition: { name, severity } }) => `${name} ${severity}`)
    const { sink } = conditionSink("alertmanager", {
      refresh: (now, _isWorking, ended) =>
        Effect.suspend(() => {
          posted.push([names(now), names(ended)])
          return failing.has(posted.length) ? new SinkError({ sink: "alertmanager", reason: "refused" }) : Effect.void
        })
    })
    const conditions = Effect.sync(() => reads[Math.min(count++, reads.length - 1)] ?? [])
    const outbox = { conditions } as never
    yield* Effect.forkScoped(Heartbeat.run(yield* Channel.make(sink), outbox, Effect.succeed(true)))
    yield* pass(1)
    return posted
  })

describe("a refresh", () => {
  it.effect("that arrives after another process has told of an end does not leave the condition firing", () =>
    Effect.gen(function* () {
      const file = yield* filename
      const { shown, sink } = receiver()
      const isFree = yield* Latch.make(true)
      let underWay = 0
      const arrive = Effect.andThen(
        Effect.sync(() => void underWay++),
        isFree.await
      )
      const process = (each: TestSink) =>
        Effect.flatMap(Sqlite.open({ filename: file }), (database) => start(database, [each]))
      const { audit } = yield* process(sink(Effect.void))
      yield* process(sink(arrive))
      yield* pass(1)
      assert.strictEqual(underWay, 1)
      yield* emergency(audit)
      yield* isFree.close
      // The second process has read the emergency, and its refresh is under way.
      yield* Effect.repeat(pass(1), { until: () => underWay === 2, times: 90 })
      assert.strictEqual(underWay, 2)
      yield* audit.record({
        actor: "kubernaut",
        kind: "level.changed",
        subject: "full",
        data: { from: 3, to: 0, reasons: [] }
      })
      yield* pass(1)
      assert.strictEqual(shown.get("emergency"), "ended")
      yield* isFree.open
      yield* pass(1)
      assert.strictEqual(shown.get("emergency"), "ended")
    })
  )

  it.effect("posts once more what began again while its end was posted", () =>
    Effect.gen(function* () {
      const x = lasting("emergency")
      const posted = yield* refreshing([[x], [x], [], [x]])
      yield* pass(60)
      assert.deepStrictEqual(posted, [
        [["emergency critical"], []],
        [[], ["emergency critical"]],
        [["emergency critical"], []]
      ])
    })
  )

  it.effect("is repeated once while conditions change all the time, and then waits", () =>
    Effect.gen(function* () {
      const x = lasting("emergency")
      const posted = yield* refreshing(Array.from({ length: 10_000 }, (_, read) => (read % 2 === 0 ? [x] : [])))
      assert.isAtMost(posted.length, 2)
      yield* Effect.repeat(pass(1), { times: 59 })
      assert.isAtLeast(posted.length, 8)
      assert.isAtMost(posted.length, 14)
    })
  )

  it.effect("leaves the messages their turn while conditions change all the time", () =>
    Effect.gen(function* () {
      let refreshes = 0
      const sink = conditionSink("alertmanager", {
        refresh: () =>
          Effect.andThen(
            Effect.sleep("3 seconds"),
            Effect.sync(() => void refreshes++)
          )
      })
      const { audit } = yield* start(Sqlite.openMemory(), [sink])
      yield* pass(1)
      for (let time = 0; time < 150; time++)
        for (const kind of ["peers.cut-off", "peers.reached"]) {
          yield* audit.record({ actor: "kubernaut", kind, subject: "peers", data: {} })
          yield* pass(1)
        }
      assert.isAtLeast(sink.arrived.length, 80, "20 a minute may be sent")
      assert.isAtLeast(refreshes, 2)
      assert.isAtMost(refreshes, 50)
    })
  )

  it.effect("posts the end of a condition that lasts with another urgency", () =>
    Effect.gen(function* () {
      const posted = yield* refreshing([[lasting("level", "warning")], [lasting("level")]])
      assert.deepStrictEqual(posted, [
        [["level warning"], []],
        [["level critical"], ["level warning"]]
      ])
    })
  )

  it.effect("posts an end until it has arrived, and then no more", () =>
    Effect.gen(function* () {
      const x = lasting("emergency")
      const posted = yield* refreshing([[x], [x], []], new Set([2]))
      yield* pass(60)
      yield* pass(60)
      yield* pass(60)
      assert.deepStrictEqual(
        posted.map(([, ended]) => ended),
        [[], ["emergency critical"], ["emergency critical"], []]
      )
    })
  )
})
