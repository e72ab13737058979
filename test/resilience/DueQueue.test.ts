import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { DueQueue, type Entry } from "../../src/resilience/DueQueue.ts"

const Steps = Schema.Array(
  Schema.Struct({
    does: Schema.Literals(["add", "add", "add", "take", "remove"]),
    dueMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    pick: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
  })
).check(Schema.isMaxLength(400))

describe("DueQueue", () => {
  it.effect.prop("serves in the order of due times, and of arrival where they are equal", [Steps], ([steps]) =>
    Effect.sync(() => {
      const queue = new DueQueue<number>()
      const model: Array<Entry<number>> = []
      const sort = () => model.sort((left, right) => left.dueMs - right.dueMs || left.number - right.number)
      steps.forEach(({ does, dueMs, pick }, index) => {
        if (does === "add") {
          model.push(queue.add(index, dueMs))
          sort()
        } else if (does === "take") assert.strictEqual(queue.take(), model.shift()?.item)
        else if (model.length > 0) {
          const [entry] = model.splice(pick % model.length, 1)
          queue.remove(entry!)
          queue.remove(entry!)
        }
        assert.strictEqual(queue.size, model.length)
        assert.strictEqual(queue.first, model[0])
        assert.strictEqual(queue.last, model.at(-1))
      })
      while (queue.size > 0) assert.strictEqual(queue.take(), model.shift()?.item)
      assert.deepStrictEqual(model, [])
    })
  )

  it("thousands of items cost no time to take", () => {
    const queue = new DueQueue<number>()
    for (let index = 0; index < 50_000; index++) queue.add(index, index % 7)
    let last = -1
    for (let due = 0; due < 7; due++) {
      last = -1
      for (let index = due; index < 50_000; index += 7) {
        assert.strictEqual(queue.take(), index)
        assert.isAbove(index, last)
        last = index
      }
    }
    assert.strictEqual(queue.size, 0)
  })
})
