import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import { changes, create, line, process, settings } from "./watching.ts"

const added = { op: "add", value: "1" } as const

describe("a deletion by this service", () => {
  it.effect("is known as ours", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          const own = yield* KubernetesClient
          const made = yield* cluster.apply(create({ a: "1" }))
          yield* TestClock.adjust("1 second")
          yield* own.apply({ _tag: "Delete", ref: settings, uid: made!.metadata.uid })
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* changes)[0]?.by.kind, "kubernaut")
        })
      )
    })
  )

  it.effect("that the API server refused leaves a later one to somebody else", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      const reason = { _tag: "Forbidden" } as never
      const refusal = new KubernetesError({ reason, operation: "delete", applied: "no", retryable: false })
      const refusing = { ...cluster, apply: () => Effect.fail(refusal) }
      yield* process(
        openMemory(),
        refusing,
        Effect.gen(function* () {
          const made = yield* cluster.apply(create({ a: "1" }))
          const removal = { _tag: "Delete", ref: settings, uid: made!.metadata.uid } as const
          yield* Effect.flip(Effect.flatMap(KubernetesClient, (own) => own.apply(removal)))
          yield* cluster.apply(removal)
          yield* TestClock.adjust("1 second")
          assert.strictEqual((yield* changes)[0]?.by.kind, "unknown")
        })
      )
    })
  )
})

describe("a removal of a field by somebody else", () => {
  it.effect("is not known as ours because it brings back the mark of an earlier execution", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      const mark = (execution: string) =>
        ({ op: "add", path: "/metadata/annotations", value: { "kubernaut.dev/execution": execution } }) as const
      yield* cluster.apply(create({ a: "1", b: "1" }))
      yield* cluster.apply({ _tag: "Patch", ref: settings, patch: [mark("rem-1-1")] })
      yield* process(
        openMemory(),
        cluster,
        Effect.gen(function* () {
          const own = yield* KubernetesClient
          yield* own.apply({ _tag: "Patch", ref: settings, patch: [{ ...added, path: "/data/c" }, mark("rem-2-1")] })
          yield* cluster.apply({
            _tag: "Patch",
            ref: settings,
            patch: [{ op: "remove", path: "/data/b" }, mark("rem-1-1")]
          })
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual((yield* changes).map(line), [
            "modified ConfigMap settings data.b unknown",
            "modified ConfigMap settings data.c kubernaut"
          ])
        })
      )
    })
  )
})

describe("a removal of a field by this service", () => {
  it.effect("is known as ours also of an object that an earlier process has seen, and one after it is not", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make()
      const database = openMemory()
      const created = Effect.andThen(
        cluster.apply(create({ a: "1", added: "1", other: "1" })),
        TestClock.adjust("2 seconds")
      )
      yield* process(database, cluster, created)
      yield* process(
        database,
        cluster,
        Effect.gen(function* () {
          const own = yield* KubernetesClient
          const annotations = { "kubernaut.dev/execution": "rem-1-1" }
          const removal = { op: "remove", path: "/data/added" } as const
          const signature = { op: "add", path: "/metadata/annotations", value: annotations } as const
          const patch = { _tag: "Patch", ref: settings, patch: [removal, signature] } as const
          yield* own.apply(patch, { dryRun: true })
          yield* own.apply(patch)
          yield* cluster.apply({ _tag: "Patch", ref: settings, patch: [{ op: "remove", path: "/data/other" }] })
          yield* TestClock.adjust("2 seconds")
          assert.deepStrictEqual((yield* changes).slice(0, 2).map(line), [
            "modified ConfigMap settings data.other unknown",
            "modified ConfigMap settings data.added kubernaut"
          ])
        })
      )
    })
  )
})
