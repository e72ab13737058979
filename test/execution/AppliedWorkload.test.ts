/** Workloads that people manage with `kubectl apply` (kubernetes#94698). */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { lastAppliedAnnotation } from "../../src/kubernetes/LastApplied.ts"
import { checkout, executed, inputFor, rollback } from "./acting.ts"
import { layer, script } from "./faults.ts"

/** As if the present state of the Deployment had been applied. */
const apply = Effect.flatMap(KubernetesClient, (client) =>
  Effect.gen(function* () {
    const { kind, spec } = yield* client.get(checkout)
    const manifest = JSON.stringify({ kind, spec })
    yield* client.apply({
      _tag: "Patch",
      ref: checkout,
      patch: [{ op: "add", path: `/metadata/annotations/${lastAppliedAnnotation.replace("/", "~1")}`, value: manifest }]
    })
    return manifest
  })
)

const annotationOf = ({ metadata: { annotations } }: KubernetesObject) => annotations?.[lastAppliedAnnotation]

describe("a rollback of a Deployment that is managed with kubectl apply", () => {
  it.effect("shows a reviewer what the next apply does, and says so when it is done", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const manifest = yield* apply
      const executor = yield* Executor
      const { figures, intent } = yield* executor.draft(inputFor(rollback))
      assert.include(figures["kubectl apply"], "spec.template.spec.containers[checkout].image")
      const outcome = yield* executed(intent)
      assert.strictEqual(outcome.applied, "yes")
      assert.include(outcome.message, "make the lasting change in the manifest")
      assert.strictEqual(annotationOf(yield* client.get(checkout)), manifest, "the annotation is the person's")
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("leaves nothing stale once it is undone: the object is what the annotation states", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const manifest = yield* apply
      const executor = yield* Executor
      const intent = yield* executor.plan(inputFor(rollback))
      yield* executed(intent)
      if (intent.inverse._tag === "Exact") for (const change of intent.inverse.changes) yield* client.apply(change)
      const { kind, spec, ...rest } = yield* client.get(checkout)
      assert.deepStrictEqual(JSON.parse(manifest), { kind, spec: structuredClone(spec) })
      assert.strictEqual(annotationOf({ kind, ...rest }), manifest)
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("says nothing about a Deployment that nobody applies", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const { figures, intent } = yield* executor.draft(inputFor(rollback))
      assert.notProperty(figures, "kubectl apply")
      assert.isUndefined((yield* executed(intent)).message)
    }).pipe(Effect.provide(layer(script())))
  )
})
