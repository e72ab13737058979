import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import { Degradation } from "../../src/health/Degradation.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import { alertsOf, all, type Lens, names, pass, rulesOf, serviceOf } from "./storm.ts"

/** Nodes that all became unready when the test said so, and are ready again later. */
const outage = () => {
  let since: string | undefined
  const lens: Lens = (object) => {
    if (object.kind !== "Node" || since === undefined) return object
    const node = object as Node
    const conditions = [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown", lastTransitionTime: since }]
    return { ...node, status: { ...node.status, conditions } }
  }
  return {
    lens,
    begin: Effect.map(Clock.currentTimeMillis, (ms) => void (since = fromMillis(ms))),
    end: Effect.sync(() => void (since = undefined))
  }
}

const acted = Effect.map(all, (found) => found.filter(({ executions }) => executions.length > 0).length)

describe("all nodes unready at once", () => {
  it.effect("start nothing, say so, and then at the pace of the budget by themselves", () => {
    const { begin, end, lens } = outage()
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      const degradation = yield* Degradation
      yield* begin
      yield* kubernaut.receive(alertsOf(names))
      yield* pass(240)
      assert.strictEqual(yield* acted, 0)
      const { level, reasons } = yield* degradation.current
      assert.strictEqual(level, 0)
      assert.match(reasons.join(), /Our own view of the cluster is in doubt: 3 of 3 nodes became unready/)
      yield* end
      yield* pass(60)
      // One at once and one for each half minute, not all twenty.
      assert.isAtLeast(yield* acted, 1)
      assert.isAtMost(yield* acted, 3)
      assert.deepStrictEqual((yield* degradation.current).reasons, [])
      yield* pass(240)
      assert.isAtLeast(yield* acted, 9)
      assert.isAtMost(yield* acted, 11)
    }).pipe(Effect.provide(serviceOf("RollbackDeployment", lens)))
  })

  it.effect("that stay unready are a fact after ten minutes: people have what waited, and new work starts", () => {
    const { begin, lens } = outage()
    return Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* begin
      yield* pass(60)
      yield* kubernaut.receive(alertsOf(names.slice(0, 3)))
      yield* pass(20)
      assert.strictEqual(yield* acted, 0)
      yield* pass(600)
      assert.strictEqual(rulesOf(yield* all, "own-view-in-doubt").length + (yield* acted), 3)
      yield* kubernaut.receive(alertsOf(names.slice(3, 4)))
      yield* pass(60)
      assert.isAtLeast(yield* acted, 1)
    }).pipe(Effect.provide(serviceOf("RollbackDeployment", lens)))
  })
})

describe("actions that all fail", () => {
  const failing: Lens = (object) => object

  it.effect("stop the next ones for five minutes, and one tries again after that", () =>
    Effect.gen(function* () {
      const kubernaut = yield* Kubernaut.Kubernaut
      yield* kubernaut.receive(alertsOf(names.slice(0, 5)))
      // Restarts of what crashes do not help; each verdict takes a minute.
      yield* pass(150)
      assert.strictEqual(yield* acted, 5)
      yield* kubernaut.receive(alertsOf(names.slice(5, 8)))
      yield* pass(120)
      assert.strictEqual(yield* acted, 5)
      yield* pass(210)
      assert.isAtLeast(yield* acted, 6)
    }).pipe(Effect.provide(serviceOf("RestartWorkload", failing)))
  )
})
