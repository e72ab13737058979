/** A spool whose disk does not end an operation, beside a database that works or does not. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { SpoolFiles, type SpoolOperation } from "../../src/simulation/farEnds/SpoolFolder.ts"
import { make as makeSpool } from "../../src/storage/spool/AlertSpool.ts"
import { scan } from "../../src/storage/spool/SpoolFormat.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import { alert, ended } from "./intaking.ts"
import { service, states, unavailable } from "./spooling.ts"

const seconds = (count: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < count; second++) yield* TestClock.adjust("1 second")
  })

/** A disk of which one operation hangs for so many milliseconds. */
const hanging = (operations: ReadonlyArray<SpoolOperation>, ms = 600_000) => {
  const state = { isOn: true, hung: 0 }
  return {
    state,
    fault: {
      takesMs: (operation: SpoolOperation) => {
        if (!state.isOn || !operations.includes(operation)) return 0
        state.isOn = false
        state.hung++
        return ms
      }
    }
  }
}

/** What becomes of a post within so many seconds. */
const outcome = <A>(posting: Effect.Effect<A, StorageError>, within: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.result(posting), { startImmediately: true })
    yield* seconds(within)
    return fiber.pollUnsafe() === undefined ? assert.fail("the post still waits") : yield* Fiber.join(fiber)
  })

describe("a disk of the spool that hangs", () => {
  it.effect.each<SpoolOperation>(["write", "sync"])(
    "in a %s refuses the post that waits for it, and none after it that the database takes",
    (operation) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { database, faults, receive, spool, store } = yield* service()
          const { fault, state } = hanging([operation])
          faults.push(fault)
          database.trouble = unavailable
          assert.isTrue(Result.isFailure(yield* outcome(receive(alert("1", "a")), 4)))
          assert.strictEqual(state.hung, 1)
          assert.include((yield* spool.status).fault, "its disk does not answer")
          database.trouble = undefined
          for (let number = 0; number < 60; number++) {
            const { results } = yield* receive(alert(`n${number}`, `n${number}`))
            assert.isUndefined(results[0]!.spooled)
            yield* TestClock.adjust("1 second")
          }
          assert.include((yield* spool.status).fault, "has not ended within 30 s")
          assert.lengthOf(yield* states(store), 60)
        })
      )
  )

  it.effect("writes no post that was refused meanwhile, and is found to work again when it does", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, faults, files, receive, spool, store } = yield* service()
        faults.push(hanging(["write"]).fault)
        database.trouble = unavailable
        for (let number = 0; number < 20; number++)
          assert.isTrue(Result.isFailure(yield* outcome(receive(alert(`${number}`, `d-${number}`)), 5)))
        // Nor is the entry there that was written at last.
        yield* seconds(600 - 100 + 2)
        assert.deepStrictEqual(yield* spool.status, { posts: 0, alerts: 0, bytes: 0 })
        assert.deepStrictEqual(scan(yield* files.diskOf(1).read("alerts-000001.spool")).places, [])
        assert.isTrue((yield* receive(alert("x", "after"))).results[0]!.spooled)
        database.trouble = undefined
        yield* seconds(3)
        assert.deepStrictEqual(
          (yield* states(store)).map((each) => each.split(" ")[0]),
          ["after"]
        )
      })
    )
  )

  it.effect.each([5_000, 20_000, 600_000])(
    "for %s ms leaves no remediation of a post that was refused, whose end its sender may never say",
    (ms) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { audit, database, faults, receive, spool, store } = yield* service()
          faults.push(hanging(["sync"], ms).fault)
          database.trouble = unavailable
          assert.isTrue(Result.isFailure(yield* outcome(receive(alert("1", "shop")), 4)))
          database.trouble = undefined
          yield* receive(ended("1", "shop"))
          yield* seconds(ms / 1000 + 5)
          assert.deepStrictEqual(yield* states(store), [])
          assert.deepStrictEqual(yield* spool.status, { posts: 0, alerts: 0, bytes: 0 })
          assert.deepStrictEqual(yield* audit.read(0, 10), [])
        })
      )
  )

  it.effect("keeps what waits in it from being overtaken for 30 seconds, and loses nothing of it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { database, faults, receive, spool, store } = yield* service()
        database.trouble = unavailable
        yield* receive(alert("1", "first"))
        faults.push(hanging(["read"]).fault)
        yield* seconds(2)
        database.trouble = undefined
        assert.isTrue(Result.isFailure(yield* outcome(receive(alert("2", "too-early")), 5)))
        yield* seconds(25)
        assert.isUndefined((yield* receive(alert("3", "overtakes"))).results[0]!.spooled)
        yield* seconds(600)
        assert.deepStrictEqual(
          (yield* states(store)).map((each) => each.split(" ")[0]),
          ["overtakes", "first"]
        )
        assert.deepStrictEqual(yield* spool.status, { posts: 0, alerts: 0, bytes: 0 })
      })
    )
  )

  it.effect("holds up nothing while it is emptied, and is emptied later", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const operation of ["files", "write", "sync"] as const) {
          const { database, faults, files, receive, spool } = yield* service()
          database.trouble = unavailable
          yield* receive(alert("1", "a"))
          faults.push(hanging([operation]).fault)
          database.trouble = undefined
          yield* seconds(2)
          assert.isUndefined((yield* receive(alert("2", "b"))).results[0]!.spooled)
          yield* seconds(605)
          assert.isUndefined((yield* spool.status).fault)
          assert.isTrue((yield* files.diskOf(1).read("alerts-000001.spool")).every((byte) => byte === 0))
        }
      })
    )
  )

  it.effect("holds up neither the start of the service nor a look at it for more than four seconds", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const files = new SpoolFiles([{ takesMs: () => Infinity }])
        const starting = yield* Effect.forkChild(makeSpool(files.diskOf(1)), { startImmediately: true })
        yield* seconds(4)
        const spool = yield* Fiber.join(starting)
        assert.include((yield* spool.status).fault, "its disk does not answer")
        const checking = yield* Effect.forkChild(spool.check, { startImmediately: true })
        yield* seconds(4)
        assert.include((yield* Fiber.join(checking)).fault, "its disk does not answer")
        assert.isFalse(spool.isInUse())
      })
    )
  )
})
