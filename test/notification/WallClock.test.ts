import type { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { SinkError } from "../../src/notification/NotificationSink.ts"
import * as Sqlite from "../../src/storage/sqlite/Sqlite.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import { hourMs, type SetWallClock, withWallClock } from "../resilience/WallClock.ts"
import { emergency, start, stopped, testSink } from "./notifying.ts"

/** Lets everything that is due happen, and time pass. */
const pass = (seconds: number) =>
  Effect.andThen(TestClock.adjust(`${seconds} seconds`), Effect.repeat(Effect.yieldNow, { times: 100 }))
const dayMs = 24 * hourMs

const pagerThatIsDown = () => {
  const sink = testSink("pager")
  sink.behave = () => Effect.fail(new SinkError({ sink: "pager", reason: "unreachable" }))
  return sink
}
type Pager = ReturnType<typeof pagerThatIsDown>

/** One process, from its start to its end. */
const process = (database: DatabaseSync, pager: Pager, record: typeof emergency) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { audit } = yield* start(database, [pager])
      yield* pass(60)
      yield* record(audit)
      yield* pass(60)
    })
  )

const clocks: ReadonlyArray<{
  readonly name: string
  readonly meanwhile: (set: SetWallClock, database: DatabaseSync, pager: Pager) => Effect.Effect<void, StorageError>
}> = [
  { name: "31 days ahead when the next one starts", meanwhile: (set) => set(31 * dayMs) },
  {
    name: "31 days behind while one runs",
    meanwhile: (set, database, pager) =>
      Effect.andThen(Effect.andThen(set(-31 * dayMs), process(database, pager, stopped)), set(31 * dayMs))
  }
]

describe("an emergency that waits for a pager that is down", () => {
  it.effect.each(clocks)("is told when the pager is back, though the wall clock is $name", ({ meanwhile }) =>
    withWallClock((set) =>
      Effect.gen(function* () {
        yield* set(60 * dayMs)
        const database = Sqlite.openMemory()
        const pager = pagerThatIsDown()
        yield* process(database, pager, emergency)
        yield* meanwhile(set, database, pager)
        yield* start(database, [pager])
        yield* pass(60)
        pager.behave = () => Effect.void
        for (let count = 0; count < 60; count++) yield* pass(10)
        const kinds = pager.arrived.flatMap(({ notifications }) => notifications.map(({ kind }) => kind))
        assert.include(kinds, "emergency-entered")
      })
    )
  )
})
