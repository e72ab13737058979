import { it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../src/resilience/Pipeline.ts"
it.effect("x", () => Effect.gen(function*() {
      const pipeline = yield* Pipeline.make("peer", { bulkhead: { limit: 5 }, retry: false })
      let n = 0
      const call = Effect.suspend(() => { n++; return Effect.andThen(Effect.sleep("1 second"), Effect.fail("down" as const)) })
      const fibers = yield* Effect.replicateEffect(Effect.forkChild(Effect.exit(pipeline.execute(call)), { startImmediately: true }), 12)
      console.log(n, yield* pipeline.bulkhead!.state)
      yield* TestClock.adjust("1 second")
      console.log(n, yield* pipeline.bulkhead!.state, yield* pipeline.circuitBreaker!.state, fibers.map(f => f.pollUnsafe()?._tag))
      yield* TestClock.adjust("5 second")
      console.log(n, yield* pipeline.bulkhead!.state, yield* pipeline.circuitBreaker!.state, fibers.map(f => f.pollUnsafe()?._tag))
}))
