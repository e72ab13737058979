import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { AuditLog } from "../../../src/storage/AuditLog.ts"
import * as Sqlite from "../../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../../src/storage/Storage.ts"

const add = (lines: number) =>
  Effect.flatMap(AuditLog, ({ record }) =>
    Effect.forEach(
      Array.from({ length: lines }, (_, index) => index),
      () => record({ actor: "ann", kind: "note", subject: "s", data: {} }),
      { concurrency: "unbounded", discard: true }
    )
  )

const set = Effect.fnUntraced(function* () {
  const database = yield* Effect.acquireRelease(
    Effect.sync(() => Sqlite.openMemory()),
    (open) => Effect.sync(() => open.close())
  )
  const actor = (name: string, sequence: number) => {
    database.exec("drop trigger if exists audit_no_update")
    database.exec(`update audit set actor = '${name}' where sequence = ${sequence}`)
  }
  const life = <A, E>(self: Effect.Effect<A, E, AuditLog>) =>
    self.pipe(Effect.provide(Storage.layerDatabase(database)), Effect.orDie)
  const breaks = Effect.flatMap(AuditLog, ({ verifyEnd }) => Effect.map(verifyEnd, ({ broken }) => broken))
  const reports = Effect.sync(() => database.prepare("select 1 from audit where kind = 'audit.broken'").all().length)
  return { actor, life, breaks, reports }
})

describe("a break of the audit chain", () => {
  it.effect("is found however many lines follow it, also after restarts, and is reported once", () =>
    Effect.gen(function* () {
      const { actor, breaks, life, reports } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 20)
          assert.deepStrictEqual(yield* breaks, [20])
          yield* add(1500)
          assert.deepStrictEqual(yield* breaks, [20])
        })
      )
      yield* life(
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* breaks, [20])
          assert.deepStrictEqual(yield* breaks, [20])
        })
      )
      assert.strictEqual(yield* reports, 1)
    })
  )

  it.effect("is over once that line is intact again", () =>
    Effect.gen(function* () {
      const { actor, breaks, life } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 20)
          yield* breaks
          yield* add(1500)
          actor("ann", 20)
          assert.deepStrictEqual(yield* breaks, [])
          actor("mallory", 20)
          assert.deepStrictEqual(yield* breaks, [20], "and found when it is broken again")
        })
      )
    })
  )

  it.effect("hides no other one", () =>
    Effect.gen(function* () {
      const { actor, breaks, life } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 20)
          assert.deepStrictEqual(yield* breaks, [20])
          actor("mallory", 30)
          actor("mallory", 10)
          assert.deepStrictEqual(yield* breaks, [10, 20, 30])
        })
      )
    })
  )
})

describe("a break of the audit chain that an operator has acknowledged", () => {
  const acknowledge = Effect.flatMap(AuditLog, (audit) => audit.acknowledge({ by: "ada", reason: "a repaired disk" }))
  const found = Effect.flatMap(AuditLog, ({ verifyEnd }) => verifyEnd)

  it.effect("is one that was found before: what nobody was told of stays a break", () =>
    Effect.gen(function* () {
      const { actor, life } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 10)
          assert.deepStrictEqual(yield* acknowledge, [])
          assert.deepStrictEqual((yield* found).broken, [10])
          actor("mallory", 20)
          assert.deepStrictEqual(yield* acknowledge, [10])
          assert.deepStrictEqual(yield* found, { broken: [20], acknowledged: [10] })
        })
      )
    })
  )

  it.effect("is found no more, also after restarts, and who acknowledged it and why is on record", () =>
    Effect.gen(function* () {
      const { actor, life } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 20)
          actor("mallory", 30)
          assert.deepStrictEqual((yield* found).broken, [20, 30])
          assert.deepStrictEqual(yield* acknowledge, [20, 30])
          assert.deepStrictEqual(yield* acknowledge, [], "there is nothing left to acknowledge")
          const lines = (yield* (yield* AuditLog).read(0, 100)).filter(({ kind }) => kind === "audit.acknowledged")
          assert.deepStrictEqual(
            lines.map(({ actor, data }) => [actor, data["reason"]]),
            [["ada", "a repaired disk"]]
          )
        })
      )
      yield* life(
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* found, { broken: [], acknowledged: [20, 30] })
        })
      )
    })
  )

  it.effect("hides neither another break nor another change of the same line, and each of them is reported once", () =>
    Effect.gen(function* () {
      const { actor, life, reports } = yield* set()
      yield* life(
        Effect.gen(function* () {
          yield* add(50)
          actor("mallory", 20)
          yield* found
          yield* acknowledge
          actor("mallory", 10)
          assert.deepStrictEqual(yield* found, { broken: [10], acknowledged: [20] })
          actor("trudy", 20)
          assert.deepStrictEqual(yield* found, { broken: [10, 20], acknowledged: [] })
          yield* found
          assert.strictEqual(yield* reports, 3)
          assert.deepStrictEqual(yield* acknowledge, [10, 20])
          assert.deepStrictEqual(yield* found, { broken: [], acknowledged: [10, 20] })
        })
      )
    })
  )
})
