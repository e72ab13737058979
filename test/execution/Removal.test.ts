/** "Not found" of an object that was read before: of one that is there, and of one that is gone. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import { carryOut } from "../../src/execution/CarryOut.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { aPodOf, on, planned } from "./acting.ts"
import { type Fault, inTime, layer, script, writesOf } from "./faults.ts"

const missing: Fault = { _tag: "NotFound" }
const holds = Effect.succeed(true)

const evictOne = Effect.gen(function* () {
  const found = yield* aPodOf("catalog")
  return yield* planned({ type: "EvictPod", target: on("Pod", found.metadata.name) }, on("Deployment", "catalog"))
})

const isThere = (name: string, uid: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.list("Pod", { namespace: "shop" }), (pods) =>
      pods.some(
        ({ metadata }) => metadata.name === name && metadata.uid === uid && metadata.deletionTimestamp === undefined
      )
    )
  )

/** An eviction whose pod was read for the plan. From then on reads and dry runs follow the script. */
const evicted = Effect.fnUntraced(function* (
  faults: ReturnType<typeof script>,
  {
    dryRuns = [],
    gets,
    resumed = false
  }: { dryRuns?: ReadonlyArray<Fault>; gets: ReadonlyArray<Fault>; resumed?: boolean }
) {
  const intent = yield* evictOne
  const [change] = intent.changes
  faults.gets.push(...gets)
  faults.dryRuns.push(...dryRuns)
  const executor = yield* Executor
  const outcome = yield* inTime(executor.execute(intent, { holds, resumed }))
  const left = yield* isThere(change!.ref.name, change?._tag === "Evict" ? change.uid : "")
  return { outcome, left }
})

describe("a pod that is read and then said not to exist", () => {
  it.effect.each([false, true])("is evicted all the same, if it does: resumed %s", (resumed) => {
    const faults = script()
    return Effect.gen(function* () {
      const { left, outcome } = yield* evicted(faults, { gets: [missing], resumed })
      assert.deepStrictEqual([outcome.applied, outcome.failure, left], ["yes", undefined, false])
      assert.lengthOf(writesOf(faults), 1)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("is evicted once its budget allows it", () => {
    const budget: Fault = { _tag: "DisruptionBudget" }
    const faults = script({ writes: [budget] })
    return Effect.gen(function* () {
      const { left, outcome } = yield* evicted(faults, { gets: [missing], dryRuns: [budget] })
      assert.deepStrictEqual([outcome.applied, left], ["yes", false])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("is not called gone while nobody can say whether it is", () => {
    const faults = script()
    const refused: Fault = { _tag: "Forbidden" }
    return Effect.gen(function* () {
      const { left, outcome } = yield* evicted(faults, { gets: [missing], dryRuns: [refused], resumed: true })
      assert.deepStrictEqual([outcome.applied, outcome.failure, left], ["unknown", "forbidden", true])
      assert.lengthOf(writesOf(faults), 0)
    }).pipe(Effect.provide(layer(faults)))
  })
})

describe("an object that is to be deleted and said not to exist", () => {
  const pod = Effect.map(aPodOf("catalog"), ({ metadata }) => ({
    name: metadata.name,
    uid: metadata.uid,
    change: { _tag: "Delete", ref: on("Pod", metadata.name), uid: metadata.uid } satisfies Change
  }))
  const limits = {
    attempts: 3,
    readBackDelayMs: 1000,
    evictionIntervalMs: 1000,
    evictionDeadlineMs: 0,
    expiresAtMs: 600_000
  }
  const deleted = (change: Change, resumed: boolean) =>
    Effect.flatMap(KubernetesClient, (client) =>
      inTime(
        carryOut(
          client,
          { executionId: "e", baseline: { ref: on("Deployment", "catalog") } as never },
          { change, resumed, mayWrite: true, limits },
          { holds }
        )
      )
    )

  it.effect.each([false, true])("is deleted all the same, if it does: resumed %s", (resumed) => {
    const faults = script()
    return Effect.gen(function* () {
      const { change, name, uid } = yield* pod
      faults.gets.push(missing)
      assert.deepStrictEqual(yield* deleted(change, resumed), { _tag: "Done", applied: "yes" })
      assert.isFalse(yield* isThere(name, uid))
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("is gone where a dry run of its removal says the same, and nothing is written", () => {
    const faults = script()
    return Effect.gen(function* () {
      const { change, name, uid } = yield* pod
      const gone = { ...change, ref: on("Pod", `${name}-before`) }
      assert.deepStrictEqual(yield* deleted(gone, true), { _tag: "Done", applied: "unknown" })
      const another = { ...change, uid: `${uid}-before` }
      assert.deepStrictEqual(yield* deleted(another, false), { _tag: "Done", applied: "no" })
      assert.lengthOf(writesOf(faults), 0)
    }).pipe(Effect.provide(layer(faults)))
  })
})
