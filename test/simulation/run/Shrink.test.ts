import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Fault } from "../../../src/simulation/faults/Fault.ts"
import type { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"
import type { Invariant } from "../../../src/simulation/invariants/Invariant.ts"
import { runSeed } from "../../../src/simulation/run/Runner.ts"
import { shrink } from "../../../src/simulation/run/Shrink.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const fault = (kind: string, atMs: number, forMs = 60_000): Fault => ({ kind, atMs, forMs, parameters: {} })
const noise = Array.from({ length: 50 }, (_, index) => fault(`noise-${index}`, index * 1000))
const has = (plan: FaultPlan, ...kinds: ReadonlyArray<string>) =>
  kinds.every((kind) => plan.some((fault) => fault.kind === kind))
const insert = (plan: FaultPlan, at: number, added: Fault): FaultPlan => [
  ...plan.slice(0, at),
  added,
  ...plan.slice(at)
]

describe("Shrink", () => {
  it.effect("finds the one fault that matters, at any position in the plan", () =>
    Effect.gen(function* () {
      for (const place of [0, 17, 25, 50]) {
        const { complete, plan } = yield* shrink(insert(noise, place, fault("crash", 7)), (candidate) =>
          Effect.succeed(has(candidate, "crash"))
        )
        assert.deepStrictEqual({ complete, plan }, { complete: true, plan: [fault("crash", 7, 0)] })
      }
    })
  )

  it.effect("keeps faults that fail only together", () =>
    Effect.gen(function* () {
      const whole = insert(insert(noise, 3, fault("storm", 1)), 40, fault("crash", 7))
      const { plan } = yield* shrink(whole, (candidate) => Effect.succeed(has(candidate, "storm", "crash")))
      assert.deepStrictEqual(
        plan.map(({ kind }) => kind),
        ["storm", "crash"]
      )
    })
  )

  it.effect("finds after one run that no fault is needed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* shrink(noise, () => Effect.succeed(true)), { plan: [], runs: 1, complete: true })
    })
  )

  it.effect("shortens a fault to within a second of what the run still needs to fail", () =>
    Effect.gen(function* () {
      const lasts = (candidate: FaultPlan) => Effect.succeed(candidate.some(({ forMs }) => forMs >= 3000))
      assert.strictEqual((yield* shrink([fault("storm", 0, 300_000)], lasts)).plan[0]?.forMs, 4000)
    })
  )

  it.effect("is incomplete at the limit of runs, and still returns a plan that fails", () =>
    Effect.gen(function* () {
      const fails = (candidate: FaultPlan) => Effect.succeed(has(candidate, "crash"))
      const { complete, plan, runs } = yield* shrink([...noise, fault("crash", 7)], fails, { limitRuns: 5 })
      assert.deepStrictEqual({ complete, runs, fails: has(plan, "crash") }, { complete: false, runs: 5, fails: true })
    })
  )

  it.effect("finds the crash among the faults of a real run, for an invariant that forbids crashes", () =>
    Effect.gen(function* () {
      const neverCrashes: Invariant = {
        name: "never-crashes",
        description: "Planted: no process of the service ends.",
        make: (_, report) => ({ on: { ProcessEnded: () => report("it ended") } })
      }
      const scenario: Scenario.Scenario = { ...Scenario.steady, durationMs: 10 * 60_000, incidentEveryMs: 120_000 }
      const run = (plan?: FaultPlan) =>
        runSeed({ seed: 1, scenario, invariants: [neverCrashes], ...(plan === undefined ? {} : { plan }) })
      const crash = (atMs: number): Fault => ({ kind: "process-crash", atMs, forMs: 0, parameters: { afterSteps: 3 } })
      const unavailable = (atMs: number): Fault => ({
        kind: "kubernetes-unavailable",
        atMs,
        forMs: 20_000,
        parameters: { share: 1 }
      })
      const whole = [
        unavailable(10_000),
        unavailable(100_000),
        crash(200_000),
        unavailable(300_000),
        crash(400_000),
        unavailable(500_000)
      ]
      assert.strictEqual(run(whole).failure?._tag, "Invariant")
      const { plan } = yield* shrink(whole, (candidate) => Effect.sync(() => run(candidate).failure !== undefined))
      assert.strictEqual(plan.length, 1)
      assert.strictEqual(plan[0]?.kind, "process-crash")
    })
  )
})
