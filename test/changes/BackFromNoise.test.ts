/** Objects that the journal leaves out for a while. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ChangeJournal } from "../../src/changes/ChangeJournal.ts"
import { Recorder } from "../../src/changes/Recorder.ts"
import type { Change } from "../../src/domain/Change.ts"
import { ChangeId } from "../../src/domain/ObjectChange.ts"
import type { Timestamp } from "../../src/domain/Timestamp.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import { attributed } from "./Attributed.ts"
import { changes, create, line, process, settings } from "./watching.ts"

const leader = { "control-plane.alpha.kubernetes.io/leader": "{}" }

const patch = (...operations: Extract<Change, { readonly _tag: "Patch" }>["patch"]): Change => ({
  _tag: "Patch",
  ref: settings,
  patch: operations
})

const hide = patch(
  { op: "add", path: "/metadata/annotations", value: leader },
  { op: "replace", path: "/data/a", value: "bad" }
)
const show = patch({ op: "remove", path: "/metadata/annotations" })

const modified = ["modified ConfigMap settings data.a person", "created ConfigMap settings  person"]

describe("an object that becomes noise", () => {
  it.effect("shows what changed meanwhile when it counts later, and is not told as created", () =>
    Effect.gen(function* () {
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          yield* cluster.apply(create({ a: "good" }))
          yield* cluster.apply(hide)
          yield* TestClock.adjust("1 second")
          yield* cluster.apply(show)
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* changes).map(line), modified)
          assert.deepStrictEqual((yield* changes)[0]?.fields, [{ path: ["data", "a"], before: "good", after: "bad" }])
          assert.deepStrictEqual((yield* ChangeJournal).present(settings)?.["data"], { a: "bad" })
        })
      )
    })
  )

  it.effect("is compared with its earlier state by a later process as well", () =>
    Effect.gen(function* () {
      const database = openMemory()
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      yield* process(
        database,
        cluster,
        Effect.gen(function* () {
          yield* cluster.apply(create({ a: "good" }))
          yield* cluster.apply(hide)
          yield* TestClock.adjust("1 minute")
        })
      )
      yield* process(
        database,
        cluster,
        Effect.gen(function* () {
          yield* cluster.apply(show)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual((yield* changes).map(line), modified)
        })
      )
    })
  )

  it.effect("is deleted where it is gone", () =>
    Effect.gen(function* () {
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          const made = yield* cluster.apply(create({ a: "good" }))
          yield* cluster.apply(hide)
          yield* cluster.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* changes)[0]?.operation, "deleted")
          assert.isUndefined((yield* ChangeJournal).present(settings))
        })
      )
    })
  )

  it.effect("because a controller has taken it over is that controller's to delete", () =>
    Effect.sync(() => {
      const recorder = new Recorder(() => ChangeId.make("chg-01KB00000000000000000000AA"))
      const set = (owned: boolean): KubernetesObject => ({
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          namespace: "shop",
          name: "checkout-1",
          uid: "u",
          resourceVersion: owned ? "2" : "1",
          ...(owned
            ? {
                ownerReferences: [
                  { apiVersion: "apps/v1", kind: "Deployment", name: "checkout", uid: "d", controller: true }
                ]
              }
            : {})
        }
      })
      const circumstances = { seenAt: "2026-11-24T03:00:00.000Z" as Timestamp, isFirst: false }
      recorder.observe({ type: "ADDED", object: set(false) }, circumstances)
      recorder.observe({ type: "MODIFIED", object: set(true) }, circumstances)
      recorder.observe({ type: "DELETED", object: set(true) }, circumstances)
      assert.deepStrictEqual(
        recorder.unstored.map(({ operation }) => operation),
        ["created"]
      )
      assert.isUndefined(recorder.present({ namespace: "shop", kind: "ReplicaSet", name: "checkout-1" }))
      assert.isUndefined(recorder.next(9).at(-1)?.snapshot)
    })
  )

  it.effect("that was never anything else is not told, even when it is deleted", () =>
    Effect.gen(function* () {
      const cluster = attributed(yield* Sandbox.make({ fieldManager: "kubectl" }), "kubectl")
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          const made = yield* cluster.apply({
            _tag: "Create",
            ref: settings,
            manifest: {
              apiVersion: "v1",
              kind: "ConfigMap",
              metadata: { name: "settings", annotations: leader },
              data: {}
            }
          })
          yield* cluster.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual(yield* changes, [])
        })
      )
    })
  )
})
