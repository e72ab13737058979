import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import type { AlertPosts } from "../../src/verification/AlertEvidence.ts"
import { begin, catalog, healthyRestart, layer, said, type World } from "./verifying.ts"

/** Verifies at a cluster that takes three seconds for a request. The alert ends, and fires again at `againMs`. */
const verifiedSlowly = (againMs: number) => {
  const world: World = { silent: false, reads: 0 }
  return Effect.gen(function* () {
    const intent = yield* healthyRestart
    world.latencyMs = 3000
    let posts: AlertPosts = {}
    const startedMs = yield* Clock.currentTimeMillis
    const sinceStart = Effect.map(Clock.currentTimeMillis, (nowMs) => nowMs - startedMs)
    const fiber = yield* begin(intent, catalog, { posts: Effect.sync(() => posts) })
    yield* TestClock.adjust("1 minute")
    const ended = yield* Timestamp.now
    posts = { firingAt: ended, resolvedAt: ended }
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust(100)
      const again = yield* Timestamp.now
      if ((yield* sinceStart) >= againMs && posts.againAt === undefined) posts = { firingAt: again, againAt: again }
    }
    return { tookMs: yield* sinceStart, says: said(yield* Fiber.join(fiber)) }
  }).pipe(Effect.provide(layer({}, world)))
}

describe("an alert that fires again", () => {
  it.effect("is noticed while the last sample is completed", () =>
    Effect.gen(function* () {
      const { says, tookMs } = yield* verifiedSlowly(Number.POSITIVE_INFINITY)
      assert.strictEqual(says, "fixed settled alert-resolved")
      const again = yield* verifiedSlowly(tookMs - 2000)
      assert.strictEqual(again.says, "unknown alert-firing")
    })
  )
})
