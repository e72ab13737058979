/** Posts that were refused, because the disk of the spool took too long, and are on it all the same. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type SpoolDisturbance, SpoolFiles, type SpoolOperation } from "../../../src/simulation/farEnds/SpoolFolder.ts"
import { type AlertSpool, make } from "../../../src/storage/spool/AlertSpool.ts"
import { SpoolFault } from "../../../src/storage/spool/SpoolDisk.ts"
import type { SpooledPost } from "../../../src/storage/spool/SpooledPost.ts"
import { firing, named } from "./Posts.ts"

const seconds = (count: number) =>
  Effect.gen(function* () {
    for (let half = 0; half < 2 * count; half++) yield* TestClock.adjust("500 millis")
  })

const limits = { maxBytes: 64 * 1024, reservedBytes: 8 * 1024 }

/** A spool whose syncs take so many seconds each, the first ones first. */
const slow = (syncs: ReadonlyArray<number>, faults: ReadonlyArray<SpoolDisturbance> = []) =>
  Effect.gen(function* () {
    const disturbances: Array<SpoolDisturbance> = [...faults]
    const files = new SpoolFiles(disturbances)
    const spool = yield* make(files.diskOf(1), limits)
    const left = [...syncs]
    disturbances.push({
      takesMs: (operation: SpoolOperation) => (operation === "sync" ? (left.shift() ?? 0) * 1000 : 0)
    })
    const append = (post: SpooledPost) => Effect.forkScoped(Effect.exit(spool.append(post)), { startImmediately: true })
    return { append, files, spool }
  })

/** Takes out everything that waits. */
const entries = (spool: AlertSpool["Service"]) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    while ((yield* spool.status).posts > 0) {
      const { entry } = yield* spool.oldest
      found.push(`${named(entry) || "nothing"} ${entry.sequence}`)
      yield* spool.replayed(entry)
    }
    return found
  })

describe("a post that was refused", () => {
  it.effect("leaves nothing but its number between others, which are stored without a gap in their numbers", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { append, spool } = yield* slow([3, 2])
        const before = yield* append(firing("before"))
        yield* seconds(0.5)
        const refused = yield* append(firing("refused"))
        yield* seconds(2)
        const after = yield* append(firing("after"))
        yield* seconds(3)
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(before)))
        assert.isTrue(Exit.isFailure(yield* Fiber.join(refused)))
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(after)))
        yield* append(firing("later"))
        assert.deepStrictEqual(yield* entries(spool), ["before 1", "nothing 2", "after 3", "later 4"])
      })
    )
  )

  it.effect("is not replayed by this process or the next one, whether the disk was slow or hung", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const lasts of [5, 29, 60]) {
          const { append, files, spool } = yield* slow([0, lasts])
          yield* append(firing("before"))
          yield* seconds(1)
          yield* append(firing("refused"))
          yield* seconds(lasts + 1)
          yield* spool.check
          assert.strictEqual((yield* spool.status).posts, 1)
          files.end(1)
          assert.deepStrictEqual(yield* entries(yield* make(files.diskOf(2), limits)), ["before 1"])
        }
      })
    )
  )

  it.effect.each<SpoolOperation>(["write", "sync"])(
    "is not replayed where a failed %s has kept its disk from saying so, and no post after it is lost",
    (failing) =>
      Effect.scoped(
        Effect.gen(function* () {
          let operations = 0
          const fault = new SpoolFault({ reason: "failed", detail: "EIO" })
          const { append, files, spool } = yield* slow(
            [5],
            // The second one says it.
            [{ before: (operation) => (operation === failing && ++operations === 2 ? fault : undefined) }]
          )
          yield* append(firing("refused"))
          yield* seconds(6)
          assert.include((yield* spool.status).fault, "EIO")
          assert.strictEqual((yield* spool.status).posts, 0)
          const after = yield* append(firing("after"))
          yield* seconds(1)
          assert.isTrue(Exit.isSuccess(yield* Fiber.join(after)))
          assert.strictEqual((yield* spool.status).posts, 1)
          files.end(1)
          const found = yield* entries(yield* make(files.diskOf(2), limits))
          assert.deepStrictEqual(
            found.map((entry) => entry.split(" ")[0]).filter((name) => name !== "nothing"),
            ["after"]
          )
        })
      )
  )

  it.effect("is not replayed after what its disk says of it has hung", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { append, files, spool } = yield* slow([3, 2, 60])
        yield* append(firing("before"))
        yield* seconds(0.5)
        yield* append(firing("refused"))
        yield* seconds(2)
        yield* append(firing("after"))
        yield* seconds(70)
        yield* spool.check
        assert.strictEqual((yield* spool.status).posts, 2)
        files.end(1)
        const found = yield* entries(yield* make(files.diskOf(2), limits))
        assert.deepStrictEqual(found, ["before 1", "nothing 2", "after 3"])
      })
    )
  )

  it.effect("keeps the space of its entry reserved", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { append, files } = yield* slow([5])
        yield* append(firing("refused"))
        yield* seconds(6)
        assert.strictEqual((yield* files.diskOf(1).read("alerts-000001.spool")).length, limits.reservedBytes)
      })
    )
  )
})
