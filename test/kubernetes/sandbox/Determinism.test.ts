/** The state of the sandbox is a function of its seed, the requests and their times. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { apply, podsOf, read, ref, replace, templateOf } from "./ShopRequests.ts"

describe("the sandbox", () => {
  const story = Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 6))
    yield* TestClock.adjust("7 seconds")
    yield* apply(replace(ref("Deployment", "checkout"), "/spec/template", yield* templateOf("checkout", 2)))
    yield* TestClock.adjust("7 seconds")
    return JSON.stringify(
      yield* Effect.forEach(["Deployment", "ReplicaSet", "Pod", "Event", "EndpointSlice", "Job"], (kind) =>
        kubernetes.list(kind, {})
      )
    )
  }).pipe(Effect.provide(Sandbox.layer(), { local: true }))

  it.effect("repeats a run exactly with the same seed, to the last resourceVersion, and differs with another", () =>
    Effect.gen(function* () {
      const first = yield* Random.withSeed(story, "a")
      yield* TestClock.setTime(0)
      const second = yield* Random.withSeed(story, "a")
      yield* TestClock.setTime(0)
      const other = yield* Random.withSeed(story, "b")
      assert.strictEqual(second, first)
      assert.notStrictEqual(other, first)
    })
  )

  it.effect("reaches the same state in one long step of time as in many small ones", () =>
    Effect.gen(function* () {
      const live = (steps: number) =>
        Effect.gen(function* () {
          yield* apply(
            replace(
              ref("Deployment", "catalog"),
              "/spec/template/spec/containers/0/image",
              "registry.shop.example/catalog:bad"
            )
          )
          for (let step = 0; step < steps; step++) {
            yield* TestClock.adjust(60_000 / steps)
            yield* read("Deployment", "catalog")
          }
          const { observedAt: _, ...state } = yield* read("Deployment", "catalog")
          return state
        }).pipe(Effect.provide(Sandbox.layer(), { local: true }), Random.withSeed("steps"))
      const once = yield* live(1)
      yield* TestClock.setTime(0)
      assert.deepStrictEqual(yield* live(600), once)
    })
  )

  it.effect("changes nothing when the clock is set back", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      yield* Effect.gen(function* () {
        const before = yield* read("Deployment", "catalog")
        yield* TestClock.setTime(0)
        const { observedAt: _, ...after } = yield* read("Deployment", "catalog")
        assert.deepInclude(before, after)
      }).pipe(Effect.provide(Sandbox.layer(), { local: true }))
    })
  )

  it.effect("never changes an object that a reader holds", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const before = (yield* kubernetes.get(ref("Deployment", "catalog"))) as Deployment
      const copy = structuredClone(before)
      const pods = yield* podsOf("catalog")
      const podsCopy = structuredClone(pods)
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 8))
      yield* TestClock.adjust("5 seconds")
      yield* podsOf("catalog")
      assert.deepStrictEqual(before, copy)
      assert.deepStrictEqual(pods, podsCopy)
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
