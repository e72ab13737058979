/** Posts that share a sync of a slow disk, some of which have waited for too long when it ends. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { TestClock } from "effect/testing"
import { type SpoolDisturbance, SpoolFiles, type SpoolOperation } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { make } from "../../../src/storage/spool/AlertSpool.ts"
import { SpoolFault } from "../../../src/storage/spool/SpoolDisk.ts"
import { firing, named } from "./Posts.ts"

const limits = { maxBytes: 1024 * 1024, reservedBytes: 256 * 1024 }

/** A folder whose syncs take so many milliseconds each. */
const folder = (takesMs: (sync: number) => number, reservedBytes = limits.reservedBytes) => {
  const disturbances: Array<SpoolDisturbance> = []
  const files = new SpoolFiles(disturbances)
  let syncs = 0
  const accepted: Array<string> = []
  const start = Effect.gen(function* () {
    const spool = yield* make(files.diskOf(1), { ...limits, reservedBytes })
    disturbances.push({ takesMs: (operation: SpoolOperation) => (operation === "sync" ? takesMs(syncs++) : 0) })
    // As the replay does it, while the database takes nothing.
    yield* Effect.forkScoped(
      Effect.forever(Effect.andThen(Effect.exit(spool.oldest), Effect.sleep("1 second")), { disableYield: false })
    )
    return (name: string) =>
      Effect.forkScoped(
        Effect.map(Effect.exit(spool.append(firing(name))), (exit) => {
          if (Exit.isSuccess(exit)) accepted.push(name)
        }),
        { startImmediately: true }
      )
  })
  return { accepted, disturbances, files, start }
}

/** What the next process takes out, in order, and the numbers of all entries. */
const next = (files: SpoolFiles, reservedBytes = limits.reservedBytes) =>
  Effect.gen(function* () {
    files.end(1)
    const disk = files.diskOf(2)
    const spool = yield* make(disk, limits)
    const names: Array<string> = []
    const numbers = new Map<string, Array<number>>()
    while ((yield* spool.status).posts > 0) {
      const { entry, isLast } = yield* spool.oldest
      if (named(entry) !== "") names.push(named(entry))
      numbers.set(entry.spool, [...(numbers.get(entry.spool) ?? []), entry.sequence])
      assert.strictEqual(isLast, (yield* spool.status).posts === 1 && named(entry) !== "")
      yield* spool.replayed(entry)
    }
    const { length } = yield* disk.read("alerts-000001.spool")
    if (reservedBytes > 0) assert.strictEqual(length, reservedBytes)
    return { names, numbers: [...numbers.values()], files: yield* disk.files }
  })

describe("a spool on a slow disk", () => {
  // As many as a disk can store that is given each post at once, and answers within the 4 seconds of a post.
  const disks: ReadonlyArray<readonly [seconds: number, accepted: number]> = [
    [1.5, 295],
    [2.25, 195],
    [2.5, 115]
  ]
  it.effect.each(disks)("with syncs of %d s accepts %d of 300 posts and more, and replays these", ([takes, least]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { accepted, disturbances, files, start } = folder(() => takes * 1000)
        const post = yield* start
        for (let second = 0; second < 300; second++) {
          yield* post(`p${second}`)
          for (let quarter = 0; quarter < 4; quarter++) yield* TestClock.adjust("250 millis")
        }
        for (let quarter = 0; quarter < 40; quarter++) yield* TestClock.adjust("250 millis")
        assert.isAtLeast(accepted.length, least)
        disturbances.length = 0
        const { names, numbers } = yield* next(files)
        assert.deepStrictEqual(names, accepted)
        assert.deepStrictEqual(
          numbers,
          numbers.map((each) => each.map((_, index) => index + 1))
        )
      })
    )
  )

  it.effect(
    "replays no post that was refused, where the process is killed halfway through the emptying of its file",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          for (const takesMs of [4500, 5000, 6000, 7000, 9000]) {
            const { accepted, disturbances, files, start } = folder(() => takesMs, 1024)
            let isDead = false
            disturbances.push({
              before: (operation) => {
                // What is beyond the reserved space goes last.
                isDead ||= operation === "cut"
                return isDead ? new SpoolFault({ reason: "failed", detail: "the process has ended" }) : undefined
              }
            })
            yield* Effect.scoped(
              Effect.gen(function* () {
                const post = yield* start
                for (let each = 0; each < 40; each++) {
                  yield* post(`p${each}`)
                  yield* TestClock.adjust("500 millis")
                }
                for (let second = 0; second < 60; second++) yield* TestClock.adjust("1 second")
                assert.isTrue(isDead)
                files.end(1)
              })
            )
            disturbances.length = 0
            assert.deepStrictEqual((yield* next(files, 0)).names, accepted, `syncs of ${takesMs} ms`)
          }
        })
      )
  )

  it.effect(
    "loses nothing that it has accepted to a loss of power at any moment, and calls nothing damaged, and keeps its space reserved",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          for (const kept of [0, 0.2, 0.4, 0.7, 1]) {
            for (let half = 1; half <= 30; half++) {
              const { accepted, disturbances, files, start } = folder((sync) => [3000, 2000, 5000, 1000][sync % 4]!)
              disturbances.push({ kept: () => kept })
              const ended = yield* Effect.scoped(
                Effect.gen(function* () {
                  const post = yield* start
                  for (let each = 0; each < half; each++) {
                    yield* post(`p${each}`)
                    yield* TestClock.adjust("500 millis")
                  }
                  files.end(1)
                  return [...accepted]
                })
              )
              disturbances.length = 0
              const found = yield* next(files)
              const when = `${kept} kept after ${half / 2} s`
              assert.deepStrictEqual(
                ended.filter((name) => !found.names.includes(name)),
                [],
                when
              )
              assert.deepStrictEqual(
                found.numbers,
                found.numbers.map((each) => each.map((_, index) => index + 1)),
                when
              )
              assert.deepStrictEqual(found.files, ["alerts-000001.spool"], when)
            }
          }
        })
      )
  )
})
