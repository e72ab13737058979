/** The watcher on the sandbox: what it records, what it misses, and what it says about that. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import type { Change } from "../../src/domain/Change.ts"
import { KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import { attributed } from "./Attributed.ts"
import { catalog, changes, type Client, create, gapsOf, line, now, process, set, settings } from "./watching.ts"

describe("the change watcher", () => {
  it.effect("records what is created, changed and deleted, with what changed, and no object that existed", () =>
    Effect.gen(function* () {
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* changes, [])
          const made = yield* cluster.apply(create({ a: "1" }))
          yield* TestClock.adjust("1 second")
          yield* cluster.apply(set(settings, "/data/a", "2"))
          yield* cluster.apply(set(catalog, "/spec/replicas", 0))
          yield* TestClock.adjust("1 minute")
          yield* cluster.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* changes).map(line), [
            "deleted ConfigMap settings  unknown",
            "modified Deployment catalog spec.replicas person",
            "modified ConfigMap settings data.a person",
            "created ConfigMap settings  person"
          ])
          const [deleted, scaled] = yield* changes
          assert.deepStrictEqual(deleted?.manifest?.["data"], { a: "2" })
          assert.deepStrictEqual(scaled?.fields[0], { path: ["spec", "replicas"], before: 3, after: 0 })
          const journal = yield* ChangeJournal
          assert.isUndefined(journal.present(settings))
          assert.strictEqual((journal.present(catalog)!["spec"] as { readonly replicas: number }).replicas, 0)
          assert.deepStrictEqual(yield* journal.find(scaled!.id), scaled)
        })
      )
    })
  )

  it.effect("leaves out the scaling by an autoscaler, and keeps that by a person", () =>
    Effect.gen(function* () {
      const scale = (replicas: number) => set(catalog, "/spec/replicas", replicas)
      const base = yield* Sandbox.make()
      const autoscaled = attributed(base, "kube-controller-manager", "scale")
      yield* process(
        openMemory(),
        autoscaled,
        Effect.gen(function* () {
          yield* autoscaled.apply(scale(5))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* changes, [])
        })
      )
      const scaled = attributed(base, "kubectl", "scale")
      yield* process(
        openMemory(),
        scaled,
        Effect.gen(function* () {
          yield* scaled.apply(scale(4))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual((yield* changes).map(line), ["modified Deployment catalog spec.replicas person"])
        })
      )
    })
  )

  it.effect("knows its own write where the API server names nobody, and not the change of somebody else after it", () =>
    Effect.gen(function* () {
      const sandbox = yield* Sandbox.make()
      const unnamed = <E extends { readonly object: KubernetesObject }>(event: E): E => ({
        ...event,
        object: { ...event.object, metadata: { ...event.object.metadata, managedFields: [] } }
      })
      const cluster: Client = {
        ...sandbox,
        watch: (kind, options) => Stream.map(sandbox.watch(kind, options), unnamed)
      }
      const signed = (execution: string, replicas: number): Change => ({
        _tag: "Patch",
        ref: catalog,
        patch: [
          { op: "add", path: "/metadata/annotations/kubernaut.dev~1execution", value: execution },
          { op: "replace", path: "/spec/replicas", value: replicas }
        ]
      })
      const steps = [
        { op: "add" as const, path: "/metadata/annotations", value: {} },
        { op: "replace" as const, path: "/spec/replicas", value: 4 }
      ]
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          yield* cluster.apply({ _tag: "Patch", ref: catalog, patch: steps })
          yield* cluster.apply(signed("rem-1-1", 5))
          yield* cluster.apply(set(catalog, "/spec/replicas", 6))
          yield* cluster.apply(signed("rem-1-1-rollback-1", 5))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(
            (yield* changes).map(({ by }) => by.kind),
            ["kubernaut", "unknown", "kubernaut", "unknown"]
          )
        })
      )
    })
  )

  it.effect("says since when everything was watched, and names a gap for the time before", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          const begin = yield* now
          assert.deepStrictEqual(
            (yield* gapsOf("Service")).map(({ from, reason }) => [from, reason]),
            [[null, "not-started"]]
          )
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(yield* gapsOf("Service", begin), [])
          assert.strictEqual((yield* gapsOf("Lease", begin))[0]?.to, null)
        })
      )
    })
  )

  it.effect("continues after a restart without a gap, and records what happened meanwhile", () =>
    Effect.gen(function* () {
      const database = openMemory()
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl" })
      const made = yield* cluster.apply(create({ a: "1" }))
      const begin = yield* process(
        database,
        cluster,
        Effect.tap(now, () => TestClock.adjust("3 minutes"))
      )
      yield* cluster.apply(set(settings, "/data/a", "2"))
      yield* cluster.apply(set(settings, "/data/a", "3"))
      yield* cluster.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
      yield* TestClock.adjust("1 hour")
      yield* process(
        database,
        cluster,
        Effect.gen(function* () {
          const found = yield* changes
          assert.deepStrictEqual(found.map(({ operation }) => operation).toSorted(), [
            "deleted",
            "modified",
            "modified"
          ])
          assert.isTrue(found.every(({ notBefore }) => notBefore !== undefined))
          assert.deepStrictEqual(yield* gapsOf("ConfigMap", begin), [])
        })
      )
    })
  )

  it.effect("lists again where the events are gone, and records the difference and the gap", () =>
    Effect.gen(function* () {
      const database = openMemory()
      const first = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      const made = yield* first.apply(create({ a: "1" }))
      const begin = yield* process(
        database,
        first,
        Effect.tap(now, () => TestClock.adjust("3 minutes"))
      )
      yield* first.apply(set(catalog, "/spec/replicas", 0))
      yield* first.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
      yield* TestClock.adjust("1 hour")
      const forgetful: Client = {
        ...first,
        watch: (kind, options) =>
          options.from === undefined
            ? first.watch(kind, options)
            : Stream.fail(
                new KubernetesError({ reason: { _tag: "Expired" }, operation: "watch", applied: "no", retryable: true })
              )
      }
      yield* process(
        database,
        forgetful,
        Effect.gen(function* () {
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual((yield* changes).map(line).toSorted(), [
            "deleted ConfigMap settings  unknown",
            "modified Deployment catalog spec.replicas person"
          ])
          const [gap] = yield* gapsOf("ConfigMap", begin)
          assert.strictEqual(gap?.reason, "expired")
          assert.isNotNull(gap?.from)
          assert.isNotNull(gap?.to)
        })
      )
    })
  )

  it.effect("names a kind that it may not watch, and one that is not served, as open gaps", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({
        rules: [{ verbs: ["*"], apiGroups: [""], resources: ["*"] }]
      })
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* gapsOf("Deployment"), [
            { kind: "Deployment", from: null, to: null, reason: "forbidden" }
          ])
          assert.deepStrictEqual(
            (yield* gapsOf("AuthorizationPolicy")).map(({ reason }) => reason),
            ["not-served"]
          )
        }),
        { kinds: ["security.istio.io/v1/AuthorizationPolicy"] }
      )
    })
  )

  it.effect("records the changes of a custom kind", () =>
    Effect.gen(function* () {
      const customKinds = ["security.istio.io/v1/AuthorizationPolicy"]
      const cluster = yield* Sandbox.make({ customKinds })
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          yield* cluster.apply({
            _tag: "Create",
            ref: { namespace: "shop", kind: "AuthorizationPolicy", name: "deny" },
            manifest: {
              apiVersion: "security.istio.io/v1",
              kind: "AuthorizationPolicy",
              metadata: { name: "deny" },
              spec: {}
            }
          })
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* changes).map(line), ["created AuthorizationPolicy deny  kubernaut"])
        }),
        { kinds: customKinds }
      )
    })
  )

  it.effect("says that a watch is not sure where nothing has been heard of it", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      const silent: Client = {
        ...cluster,
        watch: (kind, options) =>
          Stream.concat(
            Stream.takeUntil(cluster.watch(kind, options), ({ type }) => type === "BOOKMARK"),
            Stream.never
          )
      }
      yield* process(
        openMemory(),
        silent,
        Effect.gen(function* () {
          const begin = yield* now
          assert.deepStrictEqual(yield* gapsOf("Service", begin), [])
          yield* TestClock.adjust("155 seconds")
          assert.deepStrictEqual(
            (yield* gapsOf("Service", begin)).map(({ reason, to }) => [reason, to]),
            [["unavailable", null]]
          )
        })
      )
    })
  )

  it.effect("an object that cannot be understood is a gap of its kind, and the others are still recorded", () =>
    Effect.gen(function* () {
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      const broken: Client = {
        ...cluster,
        watch: (kind, options) =>
          Stream.map(cluster.watch(kind, options), (event) =>
            event.object.metadata.name === "settings"
              ? {
                  ...event,
                  object: { ...event.object, metadata: { ...event.object.metadata, labels: BigInt(1) as never } }
                }
              : event
          )
      }
      yield* process(
        openMemory(),
        broken,
        Effect.gen(function* () {
          const begin = yield* now
          yield* TestClock.adjust("1 second")
          yield* cluster.apply(create({ a: "1" }))
          yield* cluster.apply({
            _tag: "Create",
            ref: { ...settings, name: "other" },
            manifest: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "other" } }
          })
          yield* cluster.apply(set(catalog, "/spec/replicas", 0))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual((yield* changes).map(({ ref }) => ref.name).toSorted(), ["catalog", "other"])
          assert.deepStrictEqual(
            (yield* gapsOf("ConfigMap", begin)).map(({ reason }) => reason),
            ["unavailable"]
          )
          assert.deepStrictEqual(yield* gapsOf("Deployment", begin), [])
        })
      )
    })
  )

  it.effect("never stores a value of a Secret", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      const secret = (resourceVersion: string, value: string) => ({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "db", namespace: "shop", uid: "u", resourceVersion },
        data: { password: value, user: "same" }
      })
      const database = openMemory()
      const withSecret: Client = {
        ...cluster,
        watch: (kind, options) =>
          kind === "Secret"
            ? Stream.make(
                { type: "ADDED" as const, object: secret("1", "digest1") },
                { type: "BOOKMARK" as const, object: secret("1", "") },
                { type: "MODIFIED" as const, object: secret("2", "digest2") }
              ).pipe(Stream.concat(Stream.never))
            : cluster.watch(kind, options)
      }
      yield* process(
        database,
        withSecret,
        Effect.gen(function* () {
          const [change] = yield* changes
          assert.deepStrictEqual(change?.fields, [{ path: ["data", "password"] }])
          const journal = yield* ChangeJournal
          assert.notInclude(
            JSON.stringify(journal.present({ namespace: "shop", kind: "Secret", name: "db" })),
            "digest"
          )
        })
      )
      const rows = ["changes", "change_snapshots"].flatMap((table) =>
        database.prepare(`select data from ${table}`).all()
      )
      assert.notInclude(JSON.stringify(rows), "digest")
      assert.include(JSON.stringify(rows), "password")
    })
  )
})
