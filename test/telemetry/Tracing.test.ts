import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { bounded } from "../../src/telemetry/Tracing.ts"

describe("bounded", () => {
  it.effect("a receiver that is down when the service stops does not make the stop a failed one", () =>
    Effect.gen(function*() {
      const refused = () => Promise.reject(new Error("connect ECONNREFUSED"))
      const processor = bounded({ onStart: () => {}, onEnd: () => {}, forceFlush: refused, shutdown: refused }, 10, { waiting: 0, dropped: 0 })
      assert.isUndefined(yield* Effect.promise(() => processor.forceFlush()))
      assert.isUndefined(yield* Effect.promise(() => processor.shutdown()))
    }))
})
