/** What the journal says about changes that may still be on their way. */

import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import * as ChangeWatcher from "../../src/changes/ChangeWatcher.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { ChangeStore } from "../../src/storage/ChangeStore.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { catalog, changes, type Client, create, gapsOf, now, process, set, settings } from "./watching.ts"

describe("the confirmation of the journal", () => {
  /** The main watches report nothing more after what exists, until a time has passed. */
  const delayed = (cluster: Client, time: Duration.Input): Client => ({
    ...cluster,
    watch: (kind, options) =>
      options.from === undefined
        ? Stream.mapEffect(cluster.watch(kind, options), (event) =>
            event.type === "MODIFIED" ? Effect.delay(Effect.succeed(event), time) : Effect.succeed(event)
          )
        : cluster.watch(kind, options)
  })
  const confirmed = (kinds: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const journal = yield* ChangeJournal
      const asking = yield* Effect.forkChild(journal.confirm(kinds, yield* now))
      yield* TestClock.adjust("3 seconds")
      return (yield* Fiber.join(asking)).map(({ from, kind, reason, to }) => [kind, from !== null, to, reason])
    })

  it.effect("names the kinds whose watch is open and yet has not reported what the API server knows", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      yield* process(
        openMemory(),
        delayed(cluster, "1 hour"),
        Effect.gen(function* () {
          yield* cluster.apply(set(catalog, "/spec/replicas", 0))
          assert.deepStrictEqual(yield* confirmed(["Deployment", "Service"]), [
            ["Deployment", true, null, "unavailable"]
          ])
          assert.deepStrictEqual(yield* gapsOf("Deployment", yield* now), [])
        })
      )
    })
  )

  it.effect("names a kind of which a deletion has not been reported", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      const made = yield* cluster.apply(create({ a: "1" }))
      const silent: Client = {
        ...cluster,
        watch: (kind, options) =>
          Stream.filter(cluster.watch(kind, options), ({ type }) => type !== "DELETED" || options.from !== undefined)
      }
      yield* process(
        openMemory(),
        silent,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* confirmed(["ConfigMap", "Service"]), [])
          yield* cluster.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
          assert.deepStrictEqual(yield* confirmed(["ConfigMap", "Service"]), [["ConfigMap", true, null, "unavailable"]])
        })
      )
    })
  )

  const customKinds = ["security.istio.io/v1/AuthorizationPolicy"]
  const policy = "AuthorizationPolicy"
  /** A cluster in which the requests for a custom kind fail as long as there is an error. */
  const without = (cluster: Client, error: { tag: "NotFound" | "Unavailable" | undefined }): Client => {
    const failure = (tag: "NotFound" | "Unavailable") =>
      new KubernetesError({ reason: { _tag: tag }, operation: "list", applied: "no", retryable: false })
    return {
      ...cluster,
      list: (kind, options) =>
        Effect.suspend(() =>
          kind === policy && error.tag !== undefined ? Effect.fail(failure(error.tag)) : cluster.list(kind, options)
        ),
      watch: (kind, options) =>
        Stream.suspend(() =>
          kind === policy && error.tag !== undefined ? Stream.fail(failure(error.tag)) : cluster.watch(kind, options)
        )
    }
  }

  it.effect(
    "asks whether the cluster still does not have a kind, and opens its watch at once where it has it by now",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Sandbox.make({ customKinds, fieldManager: "kubectl" })
        const error: { tag: "NotFound" | "Unavailable" | undefined } = { tag: "NotFound" }
        yield* process(
          openMemory(),
          without(cluster, error),
          Effect.gen(function* () {
            yield* TestClock.adjust("30 seconds")
            assert.deepStrictEqual(yield* confirmed([policy, "Service"]), [])
            error.tag = "Unavailable"
            yield* TestClock.adjust("20 seconds")
            assert.deepStrictEqual(yield* confirmed([policy, "Service"]), [[policy, true, null, "unavailable"]])
            error.tag = undefined
            yield* TestClock.adjust("20 seconds")
            const [gap, ...others] = yield* confirmed([policy, "Service"])
            assert.deepStrictEqual([gap?.slice(0, 2), others], [[policy, true], []])
            // The watch waits five minutes otherwise.
            yield* TestClock.adjust("5 seconds")
            const manifest = {
              apiVersion: "security.istio.io/v1",
              kind: policy,
              metadata: { name: "deny" },
              spec: {}
            }
            yield* cluster.apply({ _tag: "Create", ref: { namespace: "shop", kind: policy, name: "deny" }, manifest })
            yield* TestClock.adjust("1 second")
            assert.deepStrictEqual(
              (yield* changes).map(({ operation, ref }) => [operation, ref.kind]),
              [["created", policy]]
            )
            assert.deepStrictEqual(
              (yield* gapsOf(policy)).map(({ reason, to }) => [reason, to !== null]),
              [["not-served", true]]
            )
          }),
          { kinds: customKinds }
        )
      })
  )

  it.effect("asks by a second watch about Secrets, and about kinds that cannot be listed", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      const unlisted: Client = {
        ...delayed(cluster, "1 hour"),
        list: () =>
          Effect.fail(
            new KubernetesError({ reason: { _tag: "Forbidden" }, operation: "list", applied: "no", retryable: false })
          )
      }
      yield* process(
        openMemory(),
        unlisted,
        Effect.gen(function* () {
          yield* cluster.apply(set(catalog, "/spec/replicas", 0))
          assert.deepStrictEqual(yield* confirmed(["Deployment", "Secret", "Service"]), [
            ["Deployment", true, null, "unavailable"]
          ])
        })
      )
    })
  )

  it.effect("waits for a change that is on its way before it says that all have arrived", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      yield* process(
        openMemory(),
        delayed(cluster, "200 millis"),
        Effect.gen(function* () {
          yield* cluster.apply(set(catalog, "/spec/replicas", 0))
          assert.deepStrictEqual(yield* changes, [])
          assert.deepStrictEqual(yield* confirmed(["Deployment", "Service"]), [])
          assert.deepStrictEqual(
            (yield* changes).map(({ ref }) => ref),
            [catalog]
          )
        })
      )
    })
  )

  it.effect("is not asked for while the watcher is down: that is a gap, which ends without a trace", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      let breaks = true
      // The database breaks once, and the child with it.
      const storage = Layer.effect(
        ChangeStore,
        Effect.map(ChangeStore, (store) => ({
          ...store,
          record: (events) => {
            if (!breaks) return store.record(events)
            breaks = false
            return Effect.die(new Error("broken"))
          }
        }))
      ).pipe(Layer.provide(Storage.layerDatabase(openMemory())))
      yield* Effect.gen(function* () {
        const { run } = yield* ChangeWatcher.ChangeWatcher
        const first = yield* Effect.forkChild(Effect.exit(run), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        yield* cluster.apply(set(catalog, "/spec/replicas", 0))
        yield* TestClock.adjust("1 second")
        assert.isDefined(first.pollUnsafe())
        const downAt = yield* now
        assert.deepStrictEqual(
          (yield* gapsOf("Service", downAt)).map(({ reason, to }) => [reason, to]),
          [["stopped", null]]
        )
        const second = yield* Effect.forkChild(run, { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* gapsOf("Service", downAt), [])
        assert.deepStrictEqual(
          (yield* changes).map(({ ref }) => ref),
          [catalog]
        )
        yield* Fiber.interrupt(second)
      }).pipe(
        Effect.provide(
          ChangeWatcher.layer().pipe(Layer.provide(storage), Layer.provide(Layer.succeed(KubernetesClient, cluster)))
        ),
        Effect.scoped
      )
    })
  )

  it.effect("asks the API server once for all that ask at the same time, and not about what it knows", () =>
    Effect.gen(function* () {
      let asked = 0
      const cluster = yield* Sandbox.make()
      const counting: Client = {
        ...cluster,
        list: (kind, options) => {
          asked++
          return cluster.list(kind, options)
        }
      }
      yield* process(
        openMemory(),
        counting,
        Effect.gen(function* () {
          const journal = yield* ChangeJournal
          const until = yield* now
          yield* Effect.all(
            Array.from({ length: 20 }, () => journal.confirm(["Deployment", "Service"], until)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(asked, 2)
          yield* TestClock.adjust("1 hour")
          yield* journal.confirm(["Deployment", "Service"], until)
          assert.strictEqual(asked, 2)
        })
      )
    })
  )
})
