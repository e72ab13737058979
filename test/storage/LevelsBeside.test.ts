/** What several processes on one database make of each other's levels, also while the database takes nothing. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { change, dismissal, pass, recordAt, second, world } from "./LevelProcesses.ts"

describe("an emergency that an operator has dismissed while the database took nothing", () => {
  it.effect("does not come back in the process that began beside the one that knows it", () =>
    Effect.gen(function* () {
      const { begin, files, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* isFull
      yield* old.is(recordAt(5, 0, { dismissed: ["memory"] }), dismissal(5), change(5, 3, 0))
      const next = yield* begin
      assert.deepInclude(next.begun, { level: 0, dismissed: ["memory"] })
      yield* old.ends
      yield* pass(60)
      assert.deepStrictEqual(files(), ["spool.level.2.json"])
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [[0, 3], ["emergency.dismissed"], [3, 0]])
      assert.deepStrictEqual(files(), [])
    }).pipe(Effect.scoped)
  )

  it.effect("does not come back in the process that begins after it", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* isFull
      yield* old.is(recordAt(5, 0, { dismissed: ["memory"] }), dismissal(5), change(5, 3, 0))
      yield* old.ends
      const next = yield* begin
      assert.deepInclude(next.begun, { level: 0, dismissed: ["memory"] })
      yield* pass(30)
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [[0, 3], ["emergency.dismissed"], [3, 0]])
    }).pipe(Effect.scoped)
  )

  it.effect("is known to the process that begins after it, also where no line waits", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* isFull
      yield* old.is(recordAt(5, 0, { dismissed: ["memory"] }))
      yield* old.ends
      assert.deepInclude((yield* begin).begun, { level: 0, dismissed: ["memory"] })
    }).pipe(Effect.scoped)
  )

  it.effect("is not paged again by a process that began before, and is in it still", () =>
    Effect.gen(function* () {
      const { begin, files, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* isFull
      const next = yield* begin
      assert.strictEqual(next.begun.level, 3)
      yield* old.is(recordAt(5, 0, { dismissed: ["memory"] }), dismissal(5), change(5, 3, 0))
      yield* old.ends
      yield* pass(60)
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [[0, 3], ["emergency.dismissed"], [3, 0, 3]])
      assert.deepStrictEqual(files(), [])
    }).pipe(Effect.scoped)
  )

  it.effect("is known to the process after it for five minutes where a neighbour has taken up its file", () =>
    Effect.gen(function* () {
      const { begin, files, hasSpace, isFull } = yield* world
      const [old, neighbour] = [yield* begin, yield* begin]
      const dismissed = Effect.scoped(Effect.map(begin, ({ begun }) => begun.dismissed))
      yield* isFull
      yield* old.is(recordAt(5, 0, { dismissed: ["memory"] }), dismissal(5))
      yield* old.ends
      yield* pass(60)
      assert.deepStrictEqual(files(), ["spool.level.2.json"])
      assert.deepStrictEqual(yield* dismissed, ["memory"])
      yield* hasSpace
      yield* neighbour.is(recordAt(9, 2), change(9, 0, 2))
      assert.deepStrictEqual(yield* dismissed, ["memory"])
      // That of the neighbour, and then that of those which have only looked.
      yield* TestClock.adjust("5 minutes")
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(yield* dismissed, [])
    }).pipe(Effect.scoped)
  )
})

describe("an emergency", () => {
  it.effect("is not paged again when the file of a neighbour that was well is taken up", () =>
    Effect.gen(function* () {
      const { begin, files, hasSpace, isFull, lines } = yield* world
      const [one, neighbour] = [yield* begin, yield* begin]
      yield* isFull
      yield* one.is(recordAt(1, 3), change(1, 0, 3))
      yield* neighbour.is(recordAt(4, 0), change(3, 0, 2), change(4, 2, 0))
      yield* neighbour.ends
      yield* pass(60)
      assert.deepStrictEqual(files(), ["spool.level.json"])
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [
        [0, 2, 3],
        [2, 0, 3],
        [0, 3]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("that only a file knows is where the next process begins, beside it, and ends once", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* isFull
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      const next = yield* begin
      assert.strictEqual(next.begun.level, 3)
      assert.deepStrictEqual(yield* next.unrecorded, [])
      yield* old.ends
      yield* pass(10)
      yield* next.is(recordAt(40, 0), change(40, 3, 0))
      yield* pass(40)
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [
        [0, 3],
        [3, 0]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("that only a file knows is not over where the process that began beside it is well, before it ends", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* isFull
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      const next = yield* begin
      yield* next.is(recordAt(40, 0), change(40, 3, 0))
      yield* pass(10)
      assert.deepStrictEqual(yield* next.unrecorded, [[3, 0, 3]])
      yield* old.ends
      yield* pass(60)
      yield* hasSpace
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [
        [0, 3],
        [3, 0]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("of several processes that have ended is where the next one begins, with what each of them remembers", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const [one, other] = [yield* begin, yield* begin]
      yield* isFull
      yield* one.is(recordAt(1, 3, { dismissed: ["memory"] }), change(1, 0, 3))
      yield* other.is(recordAt(2, 0, { out: ["prometheus"], dismissed: ["models"], isCutOff: true }))
      yield* one.ends
      yield* other.ends
      const { begun } = yield* begin
      assert.deepInclude(begun, { level: 3, out: ["prometheus"], dismissed: ["memory", "models"], isCutOff: true })
    }).pipe(Effect.scoped)
  )
})

describe("a model that is not in full use", () => {
  const since = [{ service: "holmesgpt", since: second(1) }]
  const without = recordAt(1, 0, { out: ["holmesgpt"], unrestored: since })

  it.effect("for a process that is there is no past of one that begins beside it", () =>
    Effect.gen(function* () {
      const { begin } = yield* world
      const neighbour = yield* begin
      yield* neighbour.is(without)
      const { begun } = yield* begin
      assert.deepInclude(begun, { out: ["holmesgpt"], unrestored: [], elsewhere: since })
    }).pipe(Effect.scoped)
  )

  it.effect("for a process that is there is no past of others where only its file says so", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const neighbour = yield* begin
      yield* isFull
      yield* neighbour.is(without)
      const { begun } = yield* begin
      assert.deepInclude(begun, { out: ["holmesgpt"], unrestored: [], elsewhere: since })
    }).pipe(Effect.scoped)
  )

  it.effect.each(["in order", "without a word"])(
    "for a process that has ended %s is the past of the next one, also where a neighbour is there",
    (how) =>
      Effect.gen(function* () {
        const { begin, hasSpace, isFull } = yield* world
        const [old, neighbour] = [yield* begin, yield* begin]
        yield* neighbour.is(recordAt(2, 0, { dismissed: ["memory"] }))
        yield* old.is(without)
        if (how === "without a word") yield* isFull
        yield* old.ends
        if (how === "without a word") yield* hasSpace
        const { begun } = yield* begin
        assert.deepInclude(begun, { out: ["holmesgpt"], unrestored: since })
        assert.isUndefined(begun.elsewhere)
      }).pipe(Effect.scoped)
  )
})
