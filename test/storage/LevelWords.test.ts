/** Which word of a process counts: what it has said last, by its name, wherever it is and whatever the clocks say. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { LevelLine, LevelRecord } from "../../src/domain/LevelRecord.ts"
import { hung } from "./HungFile.ts"
import { change, dismissal, pass, recordAt, second, world } from "./LevelProcesses.ts"

type World = Effect.Success<typeof world>

const dismissed = (seconds: number) =>
  [recordAt(seconds, 0, { dismissed: ["memory"] }), dismissal(seconds), change(seconds, 3, 0)] as const

const out = [{ service: "holmesgpt", since: second(1) }]
const without = recordAt(1, 0, { out: ["holmesgpt"], unrestored: out })

/** The row is as an earlier version has written it: its parts do not say that their files have names. */
const withoutNamesInRow = ({ database }: World) => {
  const { data } = database.prepare("select data from levels").get() as { readonly data: string }
  const row = JSON.parse(data)
  for (const part of Object.values<Record<string, unknown>>(row.processes)) delete part["hasName"]
  database.prepare("update levels set data = ?").run(JSON.stringify(row))
}

/** An earlier version has left its file. */
const leavesUnnamed = ({ spool }: World, record: LevelRecord, ...lines: ReadonlyArray<LevelLine>) =>
  writeFileSync(
    join(spool, "spool.level.json"),
    JSON.stringify({ record, lines: lines.map((line, key) => ({ key: `${key}`, line, told: [] })) })
  )

describe("what a process has kept in its file", () => {
  it.effect.each<readonly [string, 2 | 3, LevelRecord, ReadonlyArray<LevelLine>]>([
    ["a dismissed emergency", 3, dismissed(5)[0], [dismissal(5), change(5, 3, 0)]],
    ["an emergency", 2, recordAt(5, 3), [change(5, 2, 3)]]
  ])("counts where it is %s, although the clock was set back since the row", ([, level, record, lines]) =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(3600, level), change(3600, 0, level))
      yield* isFull
      yield* old.is(record, ...lines)
      yield* old.ends
      assert.deepInclude((yield* begin).begun, { level: record.level, dismissed: record.dismissed })
    }).pipe(Effect.scoped)
  )

  it.effect("is not what another one says whose file has the same path on another disk", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines, onPod } = yield* world
      const one = yield* begin
      yield* isFull
      onPod("other")
      const other = yield* begin
      yield* other.is(recordAt(9, 0), change(8, 0, 2), change(9, 2, 0))
      yield* other.ends
      yield* hasSpace
      yield* one.is(recordAt(1, 3), change(1, 0, 3))
      const next = yield* begin
      assert.strictEqual(next.begun.level, 3)
      yield* pass(10)
      assert.deepStrictEqual(yield* lines, [
        [0, 3],
        [0, 2, 3],
        [2, 0, 3]
      ])
      assert.strictEqual((yield* begin).begun.level, 3, "the part of the other one is still there")
    }).pipe(Effect.scoped)
  )

  it.effect("does not outweigh what a process on another disk has said since", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, onPod } = yield* world
      const one = yield* begin
      yield* one.is(recordAt(1, 2), change(1, 0, 2))
      onPod("other")
      const other = yield* begin
      yield* isFull
      yield* other.is(recordAt(9, 0), change(9, 2, 0))
      yield* other.ends
      yield* hasSpace
      yield* one.is(recordAt(12, 3), change(12, 2, 3))
      assert.strictEqual((yield* begin).begun.level, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("ends nothing of a process that has the place of its file later", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines } = yield* world
      const [one, two] = [yield* begin, yield* begin]
      yield* isFull
      yield* two.is(recordAt(1, 3), change(1, 0, 3))
      yield* one.is(recordAt(2, 3), change(2, 0, 3))
      yield* two.ends
      yield* pass(48)
      yield* one.is(recordAt(60, 0), change(60, 3, 0))
      const third = yield* begin
      yield* pass(3)
      yield* hasSpace
      yield* third.is(recordAt(70, 3), change(70, 0, 3))
      yield* pass(6)
      const ends = (yield* lines).filter(([from]) => from === 3)
      assert.deepStrictEqual(ends, [[3, 0, 3]])
      assert.strictEqual((yield* begin).begun.level, 3)
    }).pipe(Effect.scoped)
  )
})

describe("a dismissed emergency does not come back in a crash loop while the database takes nothing", () => {
  it.effect("where its first process has ended in order before", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      const next = yield* begin
      yield* next.is(recordAt(1, 3))
      yield* old.ends
      yield* pass(2)
      yield* isFull
      yield* pass(60)
      yield* next.is(...dismissed(5))
      yield* pass(10)
      yield* next.ends
      assert.strictEqual((yield* begin).begun.level, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("where two processes were killed in it, and nobody can drop what they have said", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const [one, two] = [yield* begin, yield* begin]
      yield* one.is(recordAt(1, 3), change(1, 0, 3))
      yield* two.is(recordAt(1, 3))
      yield* isFull
      yield* two.ends
      yield* one.ends
      const next = yield* begin
      assert.strictEqual(next.begun.level, 3)
      yield* next.is(...dismissed(5))
      yield* next.ends
      for (const _ of [1, 2, 3]) {
        const { begun, ends } = yield* begin
        assert.deepInclude(begun, { level: 0, dismissed: ["memory"] })
        yield* ends
      }
    }).pipe(Effect.scoped)
  )

  it.effect("where the process in which it was dismissed is there beside the next one", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* old.ends
      yield* isFull
      const next = yield* begin
      yield* next.is(...dismissed(5))
      assert.strictEqual((yield* begin).begun.level, 0)
    }).pipe(Effect.scoped)
  )
})

describe("what an earlier version has left without names", () => {
  it.effect("is the file where that is newer than the row", () =>
    Effect.gen(function* () {
      const self = yield* world
      const { begin, isFull } = self
      const old = yield* begin
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* isFull
      yield* old.ends
      rmSync(join(self.spool, "spool.level.json"), { force: true })
      yield* self.hasSpace
      withoutNamesInRow(self)
      yield* isFull
      leavesUnnamed(self, recordAt(5, 0, { dismissed: ["memory"] }), dismissal(5), change(5, 3, 0))
      const next = yield* begin
      assert.deepInclude(next.begun, { level: 0, dismissed: ["memory"] })
      assert.deepStrictEqual(yield* next.unrecorded, [["emergency.dismissed"], [3, 0]])
      yield* next.ends
      assert.strictEqual((yield* begin).begun.level, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("is the row where that is newer than the file", () =>
    Effect.gen(function* () {
      const self = yield* world
      const old = yield* self.begin
      yield* old.is(recordAt(9, 3), change(9, 0, 3))
      yield* old.ends
      withoutNamesInRow(self)
      leavesUnnamed(self, recordAt(5, 2))
      assert.strictEqual((yield* self.begin).begun.level, 3)
    }).pipe(Effect.scoped)
  )

  it.effect("is not what a process of this version is in", () =>
    Effect.gen(function* () {
      const self = yield* world
      const one = yield* self.begin
      yield* one.is(recordAt(1, 3), change(1, 0, 3))
      self.onPod("other")
      leavesUnnamed(self, recordAt(3, 0), change(2, 0, 2), change(3, 2, 0))
      assert.strictEqual((yield* self.begin).begun.level, 3)
      yield* pass(10)
      assert.deepStrictEqual(yield* self.lines, [
        [0, 3],
        [0, 2, 3],
        [2, 0, 3]
      ])
    }).pipe(Effect.scoped)
  )
})

describe("the file of a process that has just ended", () => {
  const found = [{ check: "pressure", key: "memory", cause: "memory is above 95 %" }]

  it.effect("waits for the next one, although a neighbour has begun with it and is well since", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines } = yield* world
      const old = yield* begin
      yield* isFull
      yield* old.is(recordAt(1, 3, { found }), change(1, 0, 3))
      const neighbour = yield* begin
      yield* pass(25)
      yield* old.ends
      yield* pass(5)
      yield* neighbour.is(recordAt(40, 0), change(40, 3, 0))
      assert.deepStrictEqual(yield* neighbour.unrecorded, [[3, 0, 3]])
      yield* pass(2)
      const next = yield* begin
      assert.deepInclude(next.begun, { level: 3, found })
      yield* hasSpace
      yield* pass(10)
      const ends = (yield* lines).filter(([from]) => from === 3)
      assert.deepStrictEqual(ends, [[3, 0, 3]])
    }).pipe(Effect.scoped)
  )

  it.effect("tells the next one which model was not in full use", () =>
    Effect.gen(function* () {
      const { begin, isFull } = yield* world
      const old = yield* begin
      yield* isFull
      yield* old.is(without, change(1, 2, 0))
      const neighbour = yield* begin
      yield* neighbour.is(recordAt(1, 0))
      yield* old.ends
      yield* pass(10)
      assert.deepStrictEqual((yield* begin).begun.unrestored, out)
    }).pipe(Effect.scoped)
  )

  it.effect("does not make the outage of a neighbour the past of the next one", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull } = yield* world
      const [neighbour, old] = [yield* begin, yield* begin]
      yield* neighbour.is(without)
      yield* isFull
      yield* old.is(recordAt(2, 0, { dismissed: ["memory"] }), dismissal(2))
      yield* old.ends
      yield* hasSpace
      assert.deepInclude((yield* begin).begun, { elsewhere: out, unrestored: [] })
    }).pipe(Effect.scoped)
  )
})

/** Time passes, whether the disk answers or not. */
const time = (seconds: number) =>
  Effect.repeat(Effect.andThen(TestClock.adjust("1 second"), TestClock.withLive(Effect.sleep("1 millis"))), {
    times: seconds - 1
  })

describe("what a neighbour was in", () => {
  it.effect("is no longer said by the lines of a process for which the disk of the files hangs", () =>
    Effect.gen(function* () {
      const { begin, hasSpace, isFull, lines, spool } = yield* world
      const [old, next] = [yield* begin, yield* begin]
      yield* isFull
      yield* old.is(recordAt(1, 3), change(1, 0, 3))
      yield* pass(6)
      rmSync(join(spool, "spool.level.lock"))
      const { release } = yield* hung(join(spool, "spool.level.lock"))
      yield* time(11)
      yield* hasSpace
      yield* time(10)
      old.keeps(recordAt(20, 0), change(20, 3, 0))
      yield* time(60)
      next.keeps(recordAt(200, 3), change(200, 0, 3))
      yield* time(10)
      next.keeps(recordAt(300, 0), change(300, 3, 0))
      yield* time(10)
      const found = yield* lines
      yield* release
      assert.deepStrictEqual(found, [
        [0, 3],
        [3, 0],
        [0, 3],
        [3, 0]
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("is no past of the next one where the name beside a lock is that of the neighbour, and only there", () =>
    Effect.gen(function* () {
      const { begin, spool } = yield* world
      const names = () => readdirSync(spool).filter((each) => each.endsWith(".name"))
      const neighbour = yield* begin
      yield* neighbour.is(without)
      assert.deepInclude((yield* begin).begun, { elsewhere: out })
      assert.deepStrictEqual(names().toSorted(), ["spool.level.2.name", "spool.level.name"])
      const [one, two] = names().map((each) => readFileSync(join(spool, each), "utf8"))
      assert.notStrictEqual(one, two)
      writeFileSync(join(spool, "spool.level.name"), "another")
      assert.deepInclude((yield* begin).begun, { unrestored: out })
    }).pipe(Effect.scoped)
  )
})
