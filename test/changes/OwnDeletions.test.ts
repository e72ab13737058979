import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { openMemory } from "../../src/storage/sqlite/Sqlite.ts"
import { changes, create, process, settings } from "./watching.ts"

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
