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

  it.effect(
    "a watch from a version reports every later change once, deletions included, and no object that existed",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("watchfrom")
        const labels = { app: "watched" }
        const kept = yield* created(namespace, configMap("kept", labels, { n: "0" }))
        const gone = yield* created(namespace, configMap("gone", labels, { n: "0" }))
        const watch = (from?: string) =>
          kubernetes.watch("ConfigMap", {
            namespace,
            labelSelector: labels,
            bookmarks: true,
            ...(from === undefined ? {} : { from })
          })
        const first = yield* Stream.runCollect(Stream.takeUntil(watch(), ({ type }) => type === "BOOKMARK"))
        assert.deepStrictEqual(
          // What exists comes in any order, and the bookmark after it.
          first
            .map(({ type, object }, index) => `${index < 2 ? "" : "then "}${type} ${object.metadata.name}`)
            .toSorted(),
          ["ADDED gone", "ADDED kept", "then BOOKMARK "]
        )
        yield* kubernetes.apply(patch(refOf(kept), replace("/data/n", "1")))
        yield* kubernetes.apply(remove(gone))
        yield* created(namespace, configMap("gone", labels, { n: "2" }))
        yield* kubernetes.apply(patch(refOf(kept), replace("/data/n", "2")))
        const from = first.at(-1)!.object.metadata.resourceVersion
        const missed = yield* Stream.runCollect(Stream.takeUntil(watch(from), ({ type }) => type === "BOOKMARK"))
        const line = ({ object, type }: WatchEvent) =>
          type === "BOOKMARK"
            ? type
            : `${type} ${object.metadata.name} ${(object["data"] as { readonly n?: string }).n}`
        assert.deepStrictEqual(missed.map(line), [
          "MODIFIED kept 1",
          "DELETED gone 0",
          "ADDED gone 2",
          "MODIFIED kept 2",
          "BOOKMARK"
        ])
        // From the middle: neither a repetition nor a loss.
        const rest = yield* Stream.runCollect(Stream.take(watch(missed[1]!.object.metadata.resourceVersion), 2))
        assert.deepStrictEqual(rest.map(line), ["ADDED gone 2", "MODIFIED kept 2"])
      })
  )

  it.effect("a watch without bookmarks reports none", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("nobookmark")
      const labels = { app: "watched" }
      yield* created(namespace, configMap("one", labels))
      const watching = yield* Effect.forkChild(
        kubernetes.watch("ConfigMap", { namespace, labelSelector: labels }).pipe(Stream.take(2), Stream.runCollect)
      )
      yield* eventually("the watch is open", Effect.succeed(true), (open) => open)
      yield* created(namespace, configMap("two", labels))
      const events = yield* eventually(
        "the second object is seen",
        Effect.sync(() => watching.pollUnsafe()),
        (exit) => exit !== undefined
      ).pipe(Effect.andThen(Fiber.join(watching)))
      assert.deepStrictEqual(
        events.map(({ type }) => type),
        ["ADDED", "ADDED"]
      )
    })
  )
}
