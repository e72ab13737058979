import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Due from "../../../src/resilience/Due.ts"
import * as Bulkhead from "../../../src/resilience/pipeline/Bulkhead.ts"

const Load = Schema.Array(
  Schema.Struct({
    workMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 })),
    startMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
    interruptMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1500 }))
  })
).check(Schema.isMaxLength(30))

describe("Bulkhead", () => {
  it.effect.prop("never exceeds its limits of running and waiting calls, and is empty at the end", [Load], ([load]) =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 3, maxWaiting: 5, maxWait: "200 millis" })
      let inFlight = 0
      let ran = 0
      const work = (workMs: number) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            ran++
            assert.isAtMost(++inFlight, 3)
          }),
          () => Effect.sleep(workMs),
          () => Effect.sync(() => inFlight--)
        )
      const fibers = yield* Effect.forEach(load, (one) =>
        Effect.forkChild(
          Effect.sleep(one.startMs).pipe(
            Effect.andThen(bulkhead.withPermit(work(one.workMs))),
            Effect.timeoutOption(one.interruptMs),
            Effect.exit
          )
        )
      )
      for (let turn = 0; turn < 40; turn++) {
        yield* TestClock.adjust(50)
        const state = yield* bulkhead.state
        assert.isAtMost(state.inUse, 3)
        assert.isAtMost(state.waiting, 5)
      }
      yield* Fiber.awaitAll(fibers)
      assert.deepInclude(yield* bulkhead.state, { inUse: 0, waiting: 0 })
      const roomy = load.filter((one) => one.interruptMs > one.startMs + 200)
      assert.isAtLeast(ran, Math.min(1, roomy.length))
    })
  )

  it.effect("rejects a call at once when the queue is full, and after the longest wait otherwise", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 1, maxWait: "5 seconds" })
      yield* Effect.forkChild(bulkhead.withPermit(Effect.never), { startImmediately: true })
      const waiting = yield* Effect.forkChild(Effect.flip(bulkhead.withPermit(Effect.void)), { startImmediately: true })
      assert.deepInclude(yield* Effect.flip(bulkhead.withPermit(Effect.void)), { _tag: "BulkheadFull", waitedMs: 0 })
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "BulkheadFull", waitedMs: 5000 })
    })
  )

  it.effect("grants permits in the order in which calls joined the queue", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 3 })
      const gate = yield* Deferred.make<void>()
      const order: Array<number> = []
      const first = yield* Effect.forkChild(bulkhead.withPermit(Deferred.await(gate)), { startImmediately: true })
      const rest = yield* Effect.forEach([1, 2, 3], (number) =>
        Effect.forkChild(bulkhead.withPermit(Effect.sync(() => order.push(number))), { startImmediately: true })
      )
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll([first, ...rest])
      assert.deepStrictEqual(order, [1, 2, 3])
    })
  )

  it.effect("three thousand waiting calls run one after the other without nesting", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 3000 })
      const gate = yield* Deferred.make<void>()
      let ran = 0
      yield* Effect.forkChild(bulkhead.withPermit(Deferred.await(gate)), { startImmediately: true })
      const call = bulkhead.withPermit(Effect.sync(() => ran++))
      const fibers = yield* Effect.replicateEffect(Effect.forkChild(call, { startImmediately: true }), 3000)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll(fibers)
      assert.strictEqual(ran, 3000)
    })
  )

  it.effect("an interrupted caller leaves the queue, or releases its permit", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 1 })
      const holder = yield* Effect.forkChild(bulkhead.withPermit(Effect.never), { startImmediately: true })
      const waiter = yield* Effect.forkChild(bulkhead.withPermit(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(waiter)
      assert.deepInclude(yield* bulkhead.state, { inUse: 1, waiting: 0 })
      yield* Fiber.interrupt(holder)
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(bulkhead.withPermit(Effect.void))))
    })
  )

  it.effect("serves the call that is due first, and of two that are due together the one that came first", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWait: "1 minute" })
      const order: Array<string> = []
      const call = (name: string, dueMs: number) =>
        Effect.forkChild(
          Due.at(dueMs)(
            bulkhead.withPermit(
              Effect.andThen(
                Effect.sync(() => order.push(name)),
                Effect.sleep("1 second")
              )
            )
          ),
          { startImmediately: true }
        )
      for (const [name, dueMs] of [
        ["running", 500],
        ["warning 1", 300],
        ["critical 1", 10],
        ["warning 2", 300],
        ["critical 2", 20]
      ] as const)
        yield* call(name, dueMs)
      for (let second = 0; second < 6; second++) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(order, ["running", "critical 1", "critical 2", "warning 1", "warning 2"])
    })
  )

  it.effect("moves a waiting call forward when its due time becomes earlier, and never back", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWait: "1 minute" })
      const order: Array<string> = []
      const call = (name: string, due: number | Due.Raisable) =>
        Effect.forkChild(
          Due.at(due)(
            bulkhead.withPermit(
              Effect.andThen(
                Effect.sync(() => order.push(name)),
                Effect.sleep("1 second")
              )
            )
          ),
          { startImmediately: true }
        )
      const due = new Due.Raisable()
      due.raise(300)
      yield* call("running", 0)
      yield* call("warning 1", 200)
      yield* call("joined", due)
      const gone = yield* call("interrupted", due)
      yield* call("warning 2", 300)
      due.raise(900)
      due.raise(10)
      yield* Fiber.interrupt(gone)
      for (let second = 0; second < 4; second++) {
        yield* TestClock.adjust("1 second")
        due.raise(5 - second)
      }
      assert.deepStrictEqual(order, ["running", "joined", "warning 1", "warning 2"])
      assert.deepInclude(yield* bulkhead.state, { inUse: 0, waiting: 0 })
    })
  )

  it.effect("gives an urgent call the place of the one that is due last when the queue is full", () =>
    Effect.gen(function* () {
      const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 1, maxWait: "1 minute" })
      yield* Effect.forkChild(bulkhead.withPermit(Effect.sleep("10 seconds")), { startImmediately: true })
      const waiting = yield* Effect.forkChild(Effect.flip(Due.at(300)(bulkhead.withPermit(Effect.void))), {
        startImmediately: true
      })
      yield* TestClock.adjust("2 seconds")
      const urgent = yield* Effect.forkChild(Due.at(0)(bulkhead.withPermit(Effect.succeed("served"))), {
        startImmediately: true
      })
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "BulkheadFull", waitedMs: 2000 })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(urgent), "served")
      assert.deepInclude(yield* bulkhead.state, { inUse: 0, waiting: 0 })
    })
  )
})
