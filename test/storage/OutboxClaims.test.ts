import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import type { Notification } from "../../src/domain/Notification.ts"
import { Outbox } from "../../src/storage/Outbox.ts"
import * as Storage from "../../src/storage/Storage.ts"

const at = "2026-11-24T03:00:00.000Z"

const notification = (key: string): Notification => ({
  key,
  kind: "escalated",
  severity: "warning",
  at,
  cluster: "prod",
  title: "A person is needed",
  facts: []
})

const filename: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-claims-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
).pipe(Effect.map((directory) => join(directory, "kubernaut.db")))

/** The outbox of one process on the file. */
const opened = (file: string) =>
  Effect.map(Layer.build(Layer.fresh(Storage.layerSqlite({ filename: file }))), Context.get(Outbox))

/** The outboxes of two processes on one file, with the notifications a, b and c. */
const two = Effect.gen(function* () {
  const file = yield* filename
  const [one, other] = [yield* opened(file), yield* opened(file)]
  yield* one.add({
    through: 0,
    sinks: [],
    notifications: ["a", "b", "c"].map((key) => ({ sink: "slack", notification: notification(key) })),
    conditions: []
  })
  return { file, one, other }
})

const claims = (outbox: Outbox["Service"]) =>
  Effect.map(outbox.waiting("slack", 10), (rows) =>
    rows.map(({ claim: { isHeld, number }, message }) => [number, isHeld, message])
  )

describe("of two processes on one database", () => {
  it.effect("one claims a notification that both have read, and the other is told so", () =>
    Effect.gen(function* () {
      const { one, other } = yield* two
      const [first] = yield* one.waiting("slack", 1)
      const [same] = yield* other.waiting("slack", 1)
      assert.deepStrictEqual(first, same)
      assert.deepStrictEqual([yield* one.claim([first!], "a"), yield* other.claim([same!], "a")], [true, false])
      assert.deepStrictEqual((yield* claims(other))[0], [1, true, "a"])
    })
  )

  it.effect("one claims all of a digest or nothing of it", () =>
    Effect.gen(function* () {
      const { one, other } = yield* two
      const rows = yield* other.waiting("slack", 10)
      yield* one.claim(rows.slice(2), "c")
      assert.isFalse(yield* other.claim(rows, "digest"))
      assert.deepStrictEqual(yield* claims(other), [
        [0, false, undefined],
        [0, false, undefined],
        [1, true, "c"]
      ])
    })
  )

  it.effect(
    "the second may take over what the first has claimed, and the first cannot claim it by its old number",
    () =>
      Effect.gen(function* () {
        const { one, other } = yield* two
        const [before] = yield* one.waiting("slack", 1)
        yield* one.claim([before!], "a")
        const [mine] = yield* one.waiting("slack", 1)
        assert.isTrue(yield* other.claim([mine!], "a"))
        assert.isFalse(yield* one.claim([mine!], "a"))
        yield* one.release([{ id: mine!.id, number: 1 }])
        assert.deepStrictEqual((yield* claims(one))[0], [2, true, "a"])
      })
  )

  it.effect("a claim that is released is free for both, with the message that was decided", () =>
    Effect.gen(function* () {
      const { one, other } = yield* two
      const [before] = yield* one.waiting("slack", 1)
      yield* one.claim([before!], "a")
      yield* one.release([{ id: before!.id, number: 1 }])
      assert.deepStrictEqual((yield* claims(other))[0], [1, false, "a"])
    })
  )

  it.effect("nobody claims what was delivered, also by a process whose claim was over", () =>
    Effect.gen(function* () {
      const { one, other } = yield* two
      const [before] = yield* one.waiting("slack", 1)
      yield* one.claim([before!], "a")
      const [taken] = yield* other.waiting("slack", 1)
      yield* one.delivered([before!.id], at)
      assert.isFalse(yield* other.claim([taken!], "a"))
      assert.strictEqual((yield* other.waiting("slack", 10)).length, 2)
    })
  )

  it.effect("the claims of one that has ended are there for the next", () =>
    Effect.gen(function* () {
      const { file, one } = yield* two
      yield* one.claim(yield* one.waiting("slack", 10), "digest")
      const next = yield* opened(file)
      assert.deepStrictEqual(
        yield* claims(next),
        Array.from({ length: 3 }, () => [1, true, "digest"])
      )
    })
  )
})
