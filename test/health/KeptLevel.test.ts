import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { LevelRecord } from "../../src/domain/LevelRecord.ts"
import { Levels } from "../../src/storage/Levels.ts"
import { StorageError } from "../../src/storage/StorageError.ts"
import * as UnrecordedLevels from "../../src/storage/UnrecordedLevels.ts"
import { keptLevel } from "../../src/wiring/KeptLevel.ts"
import { hung } from "../storage/HungFile.ts"

const emergency: LevelRecord = {
  level: 3,
  automatic: 3,
  reasons: [],
  since: "1970-01-01T00:00:00.000Z",
  out: [],
  dismissed: []
}
const failed = (retryable: boolean): StorageError =>
  new StorageError({
    operation: "level",
    reason: retryable ? "busy" : "damaged",
    retryable,
    committed: "no",
    detail: "test"
  })

/** What a process begins with whose first reads fail, how often it reads, and how long its start waits. */
const begun = Effect.fnUntraced(function* (failures: number, error: StorageError) {
  let reads = 0
  const latest = Effect.suspend(() => (++reads <= failures ? Effect.fail(error) : Effect.succeedSome(emergency)))
  const levels = Layer.mock(Levels, { latest })
  const waited = yield* Effect.forkChild(
    Effect.map(Effect.provide(keptLevel, levels), (kept) => ({ level: Option.getOrUndefined(kept)?.level })).pipe(
      Effect.flatMap((found) => Effect.map(Clock.currentTimeMillis, (endMs) => ({ ...found, endMs })))
    )
  )
  yield* TestClock.adjust("1 minute")
  return { ...(yield* Fiber.join(waited)), reads }
})

describe("the level that a process begins with", () => {
  it.effect("is that of the one before it, although the database fails for a moment", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* begun(1, failed(true)), { level: 3 })
      assert.deepInclude(yield* begun(7, failed(true)), { level: 3 })
    })
  )

  it.effect("is unknown where the database fails for two seconds, and the start waits no longer", () =>
    Effect.gen(function* () {
      const { endMs, level } = yield* begun(Infinity, failed(true))
      assert.isUndefined(level)
      assert.isAtMost(endMs, 2000)
    })
  )

  it.effect("is unknown at once where it cannot be read at all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* begun(Infinity, failed(false)), { level: undefined, endMs: 0, reads: 1 })
    })
  )

  it.effect("is unknown after four seconds, and two for each other look, where no disk answers", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-kept-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
      )
      const path = join(folder, "spool.level.json")
      const { release } = yield* hung(path)
      const fails = Effect.fail(failed(true))
      const database = { name: "this", said: fails, recorded: fails, tidy: fails, record: () => fails }
      const levels = Layer.succeed(Levels, yield* UnrecordedLevels.make(database, path))
      const look = Effect.andThen(Effect.provide(keptLevel, levels), Clock.currentTimeMillis)
      const looks = yield* Effect.forkChild(Effect.all([look, look]))
      for (let second = 0; second < 20; second++)
        yield* Effect.andThen(TestClock.adjust("1 second"), TestClock.withLive(Effect.sleep("1 millis")))
      const [first, other] = yield* Fiber.join(looks)
      yield* release
      assert.isAtMost(first, 4000)
      assert.isAtMost(other, 6000)
    }).pipe(Effect.scoped)
  )
})
