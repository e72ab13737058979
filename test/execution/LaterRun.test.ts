/** A later run of an intent, after a crash: what it says about the write of the earlier run. */

import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import { aPodOf, on, planned, rollback } from "./acting.ts"
import { inTime, layer, script, writesOf } from "./faults.ts"

const holds = Effect.succeed(true)

const laterRun = (intent: Intent, mayWrite = true) =>
  inTime(Effect.flatMap(Executor, ({ execute }) => execute(intent, { holds, resumed: true, mayWrite })))

const written = ({ changes }: Intent) =>
  Effect.flatMap(KubernetesClient, (client) => Effect.forEach(changes, (change) => client.apply(change)))

const evictOne: Effect.Effect<Action, KubernetesError, KubernetesClient> = Effect.map(
  aPodOf("catalog"),
  ({ metadata }) => ({
    type: "EvictPod",
    target: on("Pod", metadata.name)
  })
)

describe("a later run of an expired intent", () => {
  for (const [what, action, applied] of [
    ["a patch", Effect.succeed(rollback), "yes"],
    ["an eviction", evictOne, "unknown"]
  ] as const)
    for (const mayWrite of [true, false])
      it.effect(
        `${mayWrite ? "" : "that may not write "}finds ${what} of the earlier run that the first reads do not show`,
        () => {
          const faults = script()
          return Effect.gen(function* () {
            const intent = yield* planned(yield* action)
            yield* written(intent)
            const before = writesOf(faults).length
            // The wall clock says that the write cannot be in flight any more, and may be wrong.
            yield* TestClock.adjust("1 hour")
            faults.gets.push("as before", "as before", "as before")
            const outcome = yield* laterRun(intent, mayWrite)
            assert.deepStrictEqual([outcome.applied, outcome.failure], [applied, undefined])
            assert.strictEqual(writesOf(faults).length, before)
          }).pipe(Effect.provide(layer(faults)))
        }
      )

  it.effect("says that nothing was applied after a minute in which no read shows a write", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      yield* TestClock.adjust("1 hour")
      const fromMs = yield* Clock.currentTimeMillis
      const outcome = yield* laterRun(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "stale"])
      assert.strictEqual((yield* Clock.currentTimeMillis) - fromMs, 60_000)
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })
})

describe("a later run after somebody has replaced the object", () => {
  /** Somebody writes the object from a manifest, without the annotations that it has now. */
  const replaced = (change: { readonly replicas?: number }) =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const { metadata } = yield* client.get(rollback.target)
      const { annotations = {} } = metadata
      const left = Object.fromEntries(
        Object.entries(annotations).filter(([name]) => !name.startsWith("kubernaut.dev/"))
      )
      yield* client.apply({
        _tag: "Patch",
        ref: rollback.target,
        patch: [
          { op: "add", path: "/metadata/annotations", value: { ...left, "example.com/by": "a person" } },
          ...(change.replicas === undefined
            ? []
            : [{ op: "replace" as const, path: "/spec/replicas", value: change.replicas }])
        ]
      })
    })

  it.effect.each([
    ["was written, its signature is gone", true, {}, "unknown"],
    ["was written, its signature is gone and the spec is another one", true, { replicas: 5 }, "unknown"],
    ["may have been written, because somebody has changed the spec", false, { replicas: 5 }, "unknown"],
    ["was not written, because the spec has not changed since", false, {}, "no"]
  ] as const)("reports of a patch that %s: applied %s", ([, wasWritten, change, applied]) => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      if (wasWritten) yield* written(intent)
      yield* replaced(change)
      const count = writesOf(faults).length
      const outcome = yield* laterRun(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], [applied, "conflict"])
      assert.strictEqual(writesOf(faults).length, count)
    }).pipe(Effect.provide(layer(faults)))
  })
})
