/** How a reader of a watch on the sandbox sleeps, wakes and falls behind. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Deployment, EndpointSlice } from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { apply, ref, replace } from "./ShopRequests.ts"

describe("a watch on the sandbox", () => {
  it.effect("wakes a sleeping reader for scheduled events and for writes", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const seen: Array<string> = []
      const watcher = yield* Effect.forkChild(
        Stream.runForEach(
          kubernetes.watch("Deployment", { namespace: "shop", labelSelector: { app: "catalog" } }),
          ({ type, object }) =>
            Effect.sync(() =>
              seen.push(
                `${type} ${(object as Deployment).spec.replicas} ${(object as Deployment).status?.readyReplicas}`
              )
            )
        )
      )
      yield* TestClock.adjust(0)
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 4))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(watcher)
      assert.deepStrictEqual(seen[0], "ADDED 3 3")
      assert.include(seen, "MODIFIED 4 3")
      assert.strictEqual(seen.at(-1), "MODIFIED 4 4")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("wakes a sleeping reader in time for an event that a write has only scheduled", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const ready: Array<number> = []
      const watcher = yield* Effect.forkChild(
        Stream.runForEach(kubernetes.watch("EndpointSlice", { namespace: "quiet" }), ({ object }) =>
          Effect.sync(() =>
            ready.push(
              (object as EndpointSlice).endpoints?.filter((each) => each.conditions?.ready === true).length ?? 0
            )
          )
        )
      )
      yield* TestClock.adjust("29 minutes")
      assert.deepStrictEqual(ready, [2])
      // The write changes no EndpointSlice. A pod that becomes ready 300 ms later does, long before the next due event.
      yield* apply(replace(ref("Deployment", "app", "quiet"), "/spec/replicas", 3))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.interrupt(watcher)
      assert.deepStrictEqual(ready, [2, 3])
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          pace: { backoff: "1 day" },
          deployments: [{ namespace: "quiet", name: "app", behaviour: "healthy" }]
        })
      )
    )
  )

  it.effect("fails with Expired when its reader is ten thousand events behind", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const label = (value: number) =>
        apply({
          _tag: "Patch",
          ref: ref("Deployment", "catalog"),
          patch: [{ op: "add", path: "/metadata/labels/n", value: String(value) }]
        })
      const slow = yield* Effect.forkChild(
        Effect.flip(
          Stream.runForEach(kubernetes.watch("Deployment", { namespace: "shop" }), () => Effect.sleep("1 hour"))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust(0)
      for (let n = 0; n < 10_100; n++) yield* label(n)
      yield* TestClock.adjust("30 hours")
      assert.strictEqual((yield* Fiber.join(slow)).reason._tag, "Expired")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("from a version whose changes are forgotten, or that never was, is Expired", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      for (const from of ["1", "999999"]) {
        const error = yield* Effect.flip(Stream.runDrain(kubernetes.watch("ConfigMap", { from })))
        assert.strictEqual(error.reason._tag, "Expired")
      }
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("gets a bookmark a minute, and is refused without the right to watch", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const seen: Array<string> = []
      yield* Effect.forkChild(
        Stream.runForEach(kubernetes.watch("Ingress", { bookmarks: true }), ({ type }) =>
          Effect.sync(() => seen.push(type))
        )
      )
      yield* TestClock.adjust("3 minutes")
      assert.isAtLeast(seen.length, 3)
      assert.isTrue(seen.every((type) => type === "BOOKMARK"))
      const error = yield* Effect.flip(Stream.runDrain(kubernetes.watch("Service", {})))
      assert.strictEqual(error.reason._tag, "Forbidden")
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          rules: [{ verbs: ["watch"], apiGroups: ["networking.k8s.io"], resources: ["ingresses"] }]
        })
      )
    )
  )
})
