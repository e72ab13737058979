import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import * as NodeReservations from "../../src/execution/NodeReservations.ts"

const reservedBefore = (reservations: NodeReservations.NodeReservations, executionId: string, nowMs = 0) =>
  reservations.reading((reading) => Effect.sync(() => [...reading.reservedBefore(executionId, nowMs)]))

describe("reservations of nodes", () => {
  it.effect("count against those that come after them, and not against those that came before", () =>
    Effect.gen(function* () {
      const reservations = NodeReservations.make()
      reservations.reserve("node-1", "first", 1000)
      reservations.reserve("node-2", "second", 1000)
      assert.deepStrictEqual(yield* reservedBefore(reservations, "first"), [])
      assert.deepStrictEqual(yield* reservedBefore(reservations, "second"), ["node-1"])
      assert.deepStrictEqual(yield* reservedBefore(reservations, "third"), ["node-1", "node-2"])
    })
  )

  it.effect("keep their place when their execution begins", () =>
    Effect.gen(function* () {
      const reservations = NodeReservations.make()
      reservations.reserve("node-1", "first", 1000)
      reservations.reserve("node-2", "second", 1000)
      reservations.reserve("node-1", "first", Number.POSITIVE_INFINITY)
      assert.deepStrictEqual(yield* reservedBefore(reservations, "first", 2000), [])
      assert.deepStrictEqual(yield* reservedBefore(reservations, "second", 2000), ["node-1"])
    })
  )

  it.effect("end with their time", () =>
    Effect.gen(function* () {
      const reservations = NodeReservations.make()
      reservations.reserve("node-1", "first", 1000)
      assert.deepStrictEqual(yield* reservedBefore(reservations, "second", 999), ["node-1"])
      assert.deepStrictEqual(yield* reservedBefore(reservations, "second", 1000), [])
    })
  )

  it.effect("that end while the nodes are being read still count for that reading, and for no later one", () =>
    Effect.gen(function* () {
      const reservations = NodeReservations.make()
      reservations.reserve("node-1", "first", 1000)
      const read = yield* Latch.make(false)
      let found: ReadonlyArray<string> = []
      const reading = reservations.reading(({ reservedBefore }) =>
        Effect.andThen(
          read.await,
          Effect.sync(() => {
            found = [...reservedBefore("second", 0)]
          })
        )
      )
      const fiber = yield* Effect.forkChild(reading, { startImmediately: true })
      reservations.release("first")
      assert.deepStrictEqual(yield* reservedBefore(reservations, "third"), [])
      yield* read.open
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(found, ["node-1"])
      assert.deepStrictEqual(yield* reservedBefore(reservations, "second"), [])
    })
  )
})
