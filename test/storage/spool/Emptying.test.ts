/** A spool whose emptying is cut short: what is accepted afterwards is stored, although old entries may come back. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { now } from "../../../src/domain/Timestamp.ts"
import * as RemediationIds from "../../../src/intake/RemediationIds.ts"
import { type SpoolDisturbance, SpoolFiles } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { type AlertSpool, make } from "../../../src/storage/spool/AlertSpool.ts"
import { SpoolFault } from "../../../src/storage/spool/SpoolDisk.ts"
import { SpoolStore } from "../../../src/storage/spool/SpoolStore.ts"
import * as Storage from "../../../src/storage/Storage.ts"
import { firing } from "./Posts.ts"

type Spool = AlertSpool["Service"]

const file = "alerts-000001.spool"
const limits = { maxBytes: 64 * 1024, reservedBytes: 4 * 1024 }
const old = Array.from({ length: 12 }, (_, index) => `old-${index}`)
const later = Array.from({ length: 4 }, (_, index) => `new-${index}`)

/** A database, and a folder that processes use one after the other. */
const machine = Effect.gen(function* () {
  const storage = yield* Layer.build(Storage.layerMemory)
  const { replay } = Context.get(storage, SpoolStore)
  const newIds = RemediationIds.make()
  const faults: Array<SpoolDisturbance> = []
  const files = new SpoolFiles(faults)
  let process = 0

  const replayOne = (spool: Spool) =>
    Effect.gen(function* () {
      const { entry, isLast } = yield* spool.oldest
      const ids = yield* newIds(entry.firing.length)
      const alerts = entry.firing.map((alert, place) => ({ id: ids[place]!, ...alert }))
      yield* replay({ ...entry, firing: alerts, isLast }, yield* now)
      yield* spool.replayed(entry)
    })

  return {
    faults,
    files,
    replayOne,
    append: (spool: Spool, names: ReadonlyArray<string>) =>
      Effect.forEach(names, (name) => spool.append(firing(name, 0, "x".repeat(500))), { discard: true }),
    replayAll: (spool: Spool) =>
      Effect.gen(function* () {
        while ((yield* spool.status).posts > 0) yield* replayOne(spool)
      }),
    /** Runs a process until the effect ends; then it is killed. */
    life: <A, E>(use: (spool: Spool) => Effect.Effect<A, E, Scope.Scope>) =>
      Effect.gen(function* () {
        const number = ++process
        const scope = yield* Scope.make()
        const exit = yield* Effect.exit(
          Effect.flatMap(make(files.diskOf(number), limits), use).pipe(Scope.provide(scope))
        )
        files.end(number)
        yield* Scope.close(scope, Exit.void)
        return yield* exit
      }),
    stored: Effect.map(Context.get(storage, RemediationStore).list({ limit: 100 }), ({ items }) =>
      items.map(({ target }) => target.name).toReversed()
    )
  }
})

/** Fails operations on the disk from the one with this number on, or that one alone. Returns how many there were. */
const failing = (faults: Array<SpoolDisturbance>, from: number, isAlone: boolean) => {
  let operations = 0
  faults.push({
    before: (operation) => {
      if (operation === "read") return undefined
      const number = operations++
      return (isAlone ? number === from : number >= from)
        ? new SpoolFault({ reason: "failed", detail: "EIO" })
        : undefined
    }
  })
  return () => operations
}

/** As many numbers as an emptying has operations, and one more. */
const steps = [0, 1, 2, 3, 4]

describe("a spool that is emptied", () => {
  it.effect("loses no post that is accepted after the process was killed before any step of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        let most = 0
        // With a loss of power, a part of what was not synced is on the disk.
        for (const kept of [undefined, 0, 0.5]) {
          for (const step of steps) {
            const { append, faults, life, replayAll, replayOne, stored } = yield* machine
            yield* life((spool) =>
              Effect.gen(function* () {
                yield* append(spool, old)
                while ((yield* spool.status).posts > 1) yield* replayOne(spool)
                const operations = failing(faults, step, false)
                if (kept !== undefined) faults.push({ kept: () => kept })
                yield* Effect.exit(replayOne(spool))
                most = Math.max(most, operations())
              })
            )
            faults.length = 0
            yield* life((spool) => append(spool, later))
            yield* life(replayAll)
            assert.deepStrictEqual(yield* stored, [...old, ...later], `killed before step ${step}, ${kept} kept`)
          }
        }
        assert.strictEqual(most, steps.at(-1))
      })
    )
  )

  it.effect("loses none after a failure of any step either, and lets the database take posts meanwhile", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const step of steps.slice(0, -1)) {
          const { append, faults, life, replayAll, replayOne, stored } = yield* machine
          yield* life((spool) =>
            Effect.gen(function* () {
              yield* append(spool, old)
              while ((yield* spool.status).posts > 1) yield* replayOne(spool)
              failing(faults, step, true)
              assert.isTrue(Exit.isFailure(yield* Effect.exit(replayOne(spool))), `step ${step}`)
              assert.isFalse(spool.isInUse())
              assert.include((yield* spool.status).fault, "EIO")
              yield* append(spool, later)
              yield* replayAll(spool)
              assert.isUndefined((yield* spool.status).fault)
            })
          )
          assert.deepStrictEqual(yield* stored, [...old, ...later], `failed at step ${step}`)
        }
      })
    )
  )

  it.effect("is emptied by itself when its disk works again, and its status says so", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { append, faults, files, life, replayAll } = yield* machine
        yield* life((spool) =>
          Effect.gen(function* () {
            yield* append(spool, old)
            failing(faults, 0, false)
            yield* Effect.exit(replayAll(spool))
            // As the replay does it.
            const waiting = yield* Effect.forkScoped(
              Effect.forever(Effect.catch(spool.oldest, () => Effect.sleep("1 second"))),
              { startImmediately: true }
            )
            yield* TestClock.adjust("10 seconds")
            assert.include((yield* spool.status).fault, "EIO")
            faults.length = 0
            yield* TestClock.adjust("1 second")
            assert.deepStrictEqual(yield* spool.status, { posts: 0, alerts: 0, bytes: 0 })
            yield* Fiber.interrupt(waiting)
          })
        )
        const content = yield* files.diskOf(99).read(file)
        assert.strictEqual(content.length, limits.reservedBytes)
        assert.isTrue(content.every((byte) => byte === 0))
      })
    )
  )
})

describe("a spool that has lost its end when the database has taken everything", () => {
  /** What a disk may have of the file: pages that were not written yet, and zeros. */
  const page = 1024
  const losses: ReadonlyArray<readonly [name: string, isLost: (page: number, pages: number) => boolean]> = [
    ["its last page", (each, pages) => each === pages - 1],
    ["its second half", (each, pages) => each >= pages / 2],
    ["every other page", (each) => each % 2 === 1],
    ["all but its first page", (each) => each > 0]
  ]
  it.effect.each(losses)("loses no post that is accepted without %s", ([name, isLost]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const { append, faults, files, life, replayAll, stored } = yield* machine
        yield* life((spool) => append(spool, old))
        yield* life((spool) => {
          failing(faults, 0, false)
          return Effect.exit(replayAll(spool))
        })
        faults.length = 0
        const disk = files.diskOf(99)
        const { length } = yield* disk.read(file)
        const pages = Math.ceil(length / page)
        for (let each = 0; each < pages; each++)
          if (isLost(each, pages))
            yield* disk.write(file, each * page, new Uint8Array(Math.min(page, length - each * page)))
        yield* disk.sync(file)
        yield* life((spool) => append(spool, later))
        yield* life(replayAll)
        assert.deepStrictEqual(yield* stored, [...old, ...later], name)
      })
    )
  )
})
