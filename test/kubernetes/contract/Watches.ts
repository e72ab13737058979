/** Watch: existing objects first, then every change. */

import { assert } from "@effect/vitest"
import { Array as Arr, Effect, Fiber, Stream } from "effect"
import { KubernetesClient, type WatchEvent } from "../../../src/kubernetes/KubernetesClient.ts"
import { isPodReady, type Pod } from "../../../src/kubernetes/ObjectModel.ts"
import { type ContractTests, created, eventually, newNamespace } from "./Fixtures.ts"
import { configMap, deployment, patch, refOf, remove, replace } from "./Manifests.ts"

export const watches = (it: ContractTests): void => {
  it.effect("a watch reports existing objects as ADDED, then every change in order", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("watch")
      const map = (name: string) => configMap(name, { app: "watched" }, { n: "0" })
      const first = yield* created(namespace, map("first"))
      const seen: Array<string> = []
      const note = ({ type, object }: WatchEvent) => {
        seen.push(`${type} ${object.kind} ${object.metadata.name} ${(object["data"] as { readonly n?: string }).n}`)
      }
      const watching = yield* Effect.forkChild(
        Stream.runForEach(kubernetes.watch("ConfigMap", { namespace, labelSelector: { app: "watched" } }), (event) =>
          Effect.sync(() => note(event))
        )
      )
      const sees = (line: string) =>
        eventually(
          line,
          Effect.sync(() => seen),
          (lines) => lines.includes(line)
        )
      yield* sees("ADDED ConfigMap first 0")
      const second = yield* created(namespace, map("second"))
      yield* created(namespace, configMap("unseen", {}, { n: "0" }))
      yield* kubernetes.apply(patch(refOf(first), replace("/data/n", "1")))
      yield* kubernetes.apply(patch(refOf(second), replace("/metadata/labels/app", "other")))
      yield* kubernetes.apply(remove(first))
      yield* sees("DELETED ConfigMap first 1")
      yield* Fiber.interrupt(watching)
      assert.deepStrictEqual(seen, [
        "ADDED ConfigMap first 0",
        "ADDED ConfigMap second 0",
        "MODIFIED ConfigMap first 1",
        "DELETED ConfigMap second 0",
        "DELETED ConfigMap first 1"
      ])
    })
  )

  it.effect("a watch reports the changes that controllers and pods make, without further requests", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("watchpods")
      const ready = yield* Effect.forkChild(
        kubernetes.watch("Pod", { namespace }).pipe(
          Stream.filter(({ object }) => isPodReady(object as Pod)),
          Stream.take(2),
          Stream.runCollect
        )
      )
      yield* created(namespace, deployment("web"))
      yield* eventually(
        "both pods are reported ready",
        Effect.sync(() => ready.pollUnsafe()),
        (exit) => exit !== undefined
      )
      const events = yield* Fiber.join(ready)
      assert.lengthOf(Arr.dedupe(events.map(({ object }) => object.metadata.name)), 2)
    })
  )

  it.effect("a new watch starts from the current objects, without the changes before it", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("watchagain")
      const labels = { app: "watched" }
      const gone = yield* created(namespace, configMap("gone", labels))
      const kept = yield* created(namespace, configMap("kept", labels, { n: "0" }))
      yield* kubernetes.apply(patch(refOf(kept), replace("/data/n", "1")))
      yield* kubernetes.apply(remove(gone))
      const events = yield* kubernetes
        .watch("ConfigMap", { namespace, labelSelector: labels })
        .pipe(Stream.take(1), Stream.runCollect)
      assert.deepStrictEqual(
        events.map(({ type, object }) => [type, object.metadata.name, object["data"]]),
        [["ADDED", "kept", { n: "1" }]]
      )
    })
  )
}
