/** What of a process lasts longer than what it is in: a dismissal, a file that could not be removed, a name. */

import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { hung } from "./HungFile.ts"
import { change, dismissal, pass, recordAt, second, world } from "./LevelProcesses.ts"

const dismissed = (seconds: number) =>
  [recordAt(seconds, 0, { dismissed: ["memory"] }), dismissal(seconds), change(seconds, 3, 0)] as const

/** Minutes in steps of five: each process looks once in each step. */
const minutes = (count: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("5 minutes"), pass(2)), { times: count / 5 - 1 })

/** Time passes, whether the disk answers or not. */
const time = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), TestClock.withLive(Effect.sleep("1 millis"))), {
    times: seconds - 1
  })

describe("what was dismissed in a process that has ended", () => {
  const takenUp = Effect.gen(function* () {
    const self = yield* world
    const { begin, hasSpace, isFull } = self
    const old = yield* begin
    const neighbour = yield* begin
    yield* old.is(recordAt(1, 3), change(1, 0, 3))
    yield* isFull
    yield* old.is(...dismissed(5))
    yield* old.ends
    yield* hasSpace
    yield* pass(45)
    return { ...self, neighbour }
  })

  it.effect("does not silence the next incident, although a well process has taken it up", () =>
    Effect.gen(function* () {
      const { begin } = yield* takenUp
      yield* minutes(60)
      assert.deepStrictEqual((yield* begin).begun.dismissed, [])
    }).pipe(Effect.scoped)
  )

  it.effect("is forgotten, too, where the database takes nothing at the time", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull } = yield* takenUp
      yield* isFull
      yield* minutes(20)
      yield* hasSpace
      yield* pass(7)
      assert.deepStrictEqual((yield* begin).begun.dismissed, [])
    }).pipe(Effect.scoped)
  )

  it.effect("counts for a process that begins soon after it was taken up", () =>
    Effect.gen(function* () {
      const { begin } = yield* takenUp
      yield* pass(120)
      assert.deepStrictEqual((yield* begin).begun.dismissed, ["memory"])
    }).pipe(Effect.scoped)
  )

  it.effect("stays dismissed in a crash loop of 46 starts while the database takes nothing", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const [one, two] = [yield* begin, yield* begin]
      yield* one.is(recordAt(1, 3), change(1, 0, 3))
      yield* two.is(recordAt(1, 3))
      yield* isFull
      yield* two.ends
      yield* one.ends
      const next = yield* begin
      yield* next.is(...dismissed(5))
      yield* next.ends
      const levels: Array<number> = []
      for (let start = 0; start < 46; start++) {
        const { begun, ends } = yield* begin
        levels.push(begun.level)
        yield* ends
      }
      assert.strictEqual(levels.join(""), "0".repeat(46))
    }).pipe(Effect.scoped)
  )
})

describe("a level file that could not be removed once", () => {
  /** A process is well again, and its file still says an emergency. */
  const unremoved = Effect.gen(function* () {
    const self = yield* world
    const { begin, hasSpace, isFull, spool } = self
    const [one, other] = [yield* begin, yield* begin]
    yield* isFull
    yield* one.is(recordAt(1, 3), change(1, 0, 3))
    yield* pass(5)
    const [file, aside] = [join(spool, "spool.level.json"), join(spool, "aside")]
    renameSync(file, aside)
    mkdirSync(file)
    yield* hasSpace
    yield* pass(8)
    rmdirSync(file)
    renameSync(aside, file)
    yield* one.is(recordAt(20, 0), change(20, 3, 0))
    yield* pass(5)
    return { ...self, other }
  })

  it.effect("is not where the next process begins", () =>
    Effect.gen(function* () {
      const { begin, files } = yield* unremoved
      yield* minutes(20)
      assert.deepStrictEqual(files(), [])
      assert.strictEqual((yield* begin).begun.level, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("does not keep the emergency of another process from ending", () =>
    Effect.gen(function* () {
      const { lines, other } = yield* unremoved
      yield* minutes(20)
      yield* other.is(recordAt(2000, 3), change(2000, 0, 3))
      yield* pass(10)
      yield* other.is(recordAt(2040, 0), change(2040, 3, 0))
      assert.deepStrictEqual((yield* lines).slice(2), [
        [0, 3],
        [3, 0]
      ])
    }).pipe(Effect.scoped)
  )
})

describe("a level file whose removal had not reached the disk when its process ended", () => {
  /** A process was in an emergency, and has told the end of it. `kept`: its file as it was before. */
  const outdated = Effect.gen(function* () {
    const self = yield* world
    const { begin, hasSpace, isFull, spool } = self
    const [one, other] = [yield* begin, yield* begin]
    const file = join(spool, "spool.level.json")
    yield* isFull
    yield* one.is(recordAt(1, 3, { dismissed: ["disk"] }), change(1, 0, 3))
    yield* pass(5)
    const kept = readFileSync(file, "utf8")
    yield* hasSpace
    yield* pass(6)
    yield* one.is(recordAt(20, 0), change(20, 3, 0))
    yield* one.ends
    return { ...self, file, kept, other }
  })
  const toldOnce = [
    [0, 3],
    [3, 0]
  ]

  it.effect("does not end the emergency once more where a neighbour takes it up, and dismisses nothing", () =>
    Effect.gen(function* () {
      const { begin, file, files, kept, lines } = yield* outdated
      writeFileSync(file, kept)
      yield* pass(60)
      assert.deepStrictEqual(files(), [])
      assert.deepStrictEqual(yield* lines, toldOnce)
      assert.deepInclude((yield* begin).begun, { level: 0, dismissed: [] })
    }).pipe(Effect.scoped)
  )

  it.effect("does not end the emergency once more where its disk answers after the start", () =>
    Effect.gen(function* () {
      const { begin, file, kept, lines, other } = yield* outdated
      yield* other.ends
      const { release } = yield* hung(file, kept)
      const next = yield* Effect.forkChild(begin)
      yield* time(10)
      yield* release
      yield* time(20)
      yield* pass(10)
      assert.strictEqual((yield* Fiber.join(next)).begun.level, 0)
      assert.deepStrictEqual(yield* lines, toldOnce)
    }).pipe(Effect.scoped)
  )
})

describe("a process whose disk was full when it began", () => {
  it.effect.each([false, true])(
    "is there for the next one as soon as the disk has space (its file is kept: %s)",
    (isKept) =>
      Effect.gen(function* () {
        const { begin, isFull, spool } = yield* world
        const out = [{ service: "holmesgpt", since: second(1) }]
        mkdirSync(join(spool, "spool.level.name.new"))
        const one = yield* begin
        rmdirSync(join(spool, "spool.level.name.new"))
        if (isKept) yield* isFull
        yield* one.is(recordAt(1, 0, { out: ["holmesgpt"], unrestored: out }), change(1, 2, 0))
        yield* pass(6)
        assert.deepInclude((yield* begin).begun, { elsewhere: out })
      }).pipe(Effect.scoped)
  )
})

describe("a process whose folder was emptied", () => {
  it.effect("is there for the next one, whose end of an emergency names it", () =>
    Effect.gen(function* () {
      const { begin, files, hasSpace, isFull, lines, spool } = yield* world
      const one = yield* begin
      yield* one.is(recordAt(1, 0, { dismissed: ["disk"] }), dismissal(1))
      yield* isFull
      yield* one.is(recordAt(2, 3), change(2, 0, 3))
      for (const file of readdirSync(spool)) rmSync(join(spool, file))
      yield* pass(12)
      assert.deepStrictEqual(files(), ["spool.level.json"])
      const next = yield* begin
      yield* pass(10)
      assert.strictEqual(next.begun.level, 3)
      yield* next.is(recordAt(60, 0), change(60, 3, 0))
      yield* pass(12)
      assert.deepStrictEqual(yield* next.unrecorded, [[3, 0, 3]])
      yield* hasSpace
      yield* pass(20)
      assert.deepStrictEqual(
        (yield* lines).filter(([from]) => from === 3),
        [[3, 0, 3]]
      )
    }).pipe(Effect.scoped)
  )
})
