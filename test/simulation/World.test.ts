import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as World from "../../src/simulation/World.ts"

/** Three workers of two parts each; the order in which the parts happened. */
const interleaving = (seed: number): string => {
  const world = World.make(seed)
  let order = ""
  const worker = (name: string) =>
    Effect.gen(function*() {
      order += name
      yield* Effect.yieldNow
      order += name
    })
  world.boot("workers", Effect.gen(function*() {
    const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(worker(name)))
    yield* Effect.forEach(fibers, Fiber.join)
  }))
  assert.deepStrictEqual(world.run(), { _tag: "Done" })
  return order
}

describe("World", () => {
  it("runs three workers in each of their 90 orders over some seeds, and each seed in one", () => {
    const seeds = Array.from({ length: 3000 }, (_, seed) => seed)
    const orders = seeds.map(interleaving)
    assert.strictEqual(new Set(orders).size, 90)
    assert.deepStrictEqual(seeds.slice(0, 100).map(interleaving), orders.slice(0, 100))
  })
})
