/** A peer whose health route succeeds while its calls fail. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import { noJitter, peer, settle, transient } from "../Peer.ts"

const made = Effect.gen(function* () {
  const state = { isDown: true }
  const { call, seen } = peer(() => (state.isDown ? Effect.fail("down" as const) : Effect.void))
  const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
  const breaker = pipeline.circuitBreaker!
  const use = Effect.map(settle(pipeline.execute(call, transient), "10 seconds"), () => seen.length)
  return { state, use, breaker, tag: Effect.map(breaker.state, ({ _tag }) => _tag) }
})

describe("a peer that only cheap probes call well", () => {
  it.effect("gets one attempt of each call until one succeeds, and then all of them again", () =>
    Effect.gen(function* () {
      const { breaker, state, tag, use } = yield* made
      assert.strictEqual(yield* use, 5)
      yield* TestClock.adjust("30 seconds")
      for (let probes = 0; probes < 3; probes++) yield* breaker.probe(Effect.void)
      assert.strictEqual(yield* tag, "Closed")
      assert.strictEqual(yield* use, 6)
      assert.strictEqual(yield* use, 7)
      state.isDown = false
      assert.strictEqual(yield* use, 8)
      state.isDown = true
      assert.strictEqual(yield* use, 13)
    })
  )

  it.effect("is proven by a call among the probes", () =>
    Effect.gen(function* () {
      const { breaker, state, tag, use } = yield* made
      yield* use
      yield* TestClock.adjust("30 seconds")
      yield* breaker.probe(Effect.void)
      state.isDown = false
      yield* use
      yield* breaker.probe(Effect.void)
      assert.strictEqual(yield* tag, "Closed")
      state.isDown = true
      assert.strictEqual(yield* use, 11)
    })
  )

  it.effect("is out again after five calls, because every attempt counts", () =>
    Effect.gen(function* () {
      const { breaker, tag, use } = yield* made
      yield* use
      yield* TestClock.adjust("30 seconds")
      for (let probes = 0; probes < 3; probes++) yield* breaker.probe(Effect.void)
      for (let calls = 0; calls < 4; calls++) yield* use
      assert.strictEqual(yield* tag, "Closed")
      yield* use
      assert.strictEqual(yield* tag, "Open")
    })
  )
})
