import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestConsole } from "effect/testing"
import { type Simulator, simulateWith } from "../../../src/cli/commands/Simulate.ts"
import type { SimulateFlags } from "../../../src/cli/commands/SimulateFlags.ts"
import { exitCodeOf } from "../../../src/cli/Kubernaut.ts"
import { Json } from "../../../src/cli/Output.ts"
import { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"
import type { Invariant } from "../../../src/simulation/invariants/Invariant.ts"
import * as Invariants from "../../../src/simulation/invariants/Invariants.ts"
import { runSeed, scenarioOf, type SeedOptions } from "../../../src/simulation/run/Runner.ts"

const flags: SimulateFlags = {
  seeds: 2,
  seed: 1,
  hours: Option.some(0.05),
  months: Option.none(),
  scenario: "steady",
  inject: Option.some("process-crash"),
  workers: Option.none(),
  replay: Option.none(),
  plan: Option.none(),
  report: Option.none(),
  shrink: true,
  list: false
}

/** Every seed has one crash and no other fault. */
const crash = [{ kind: "process-crash", atMs: 100_000, forMs: 0, parameters: { afterSteps: 5 } }]
const simulator = (change: (options: SeedOptions) => Partial<SeedOptions>): Simulator => {
  const one = (options: SeedOptions) => runSeed({ ...options, plan: options.plan ?? crash, ...change(options) })
  return {
    runSeed: one,
    runSeeds: ({ onOutcome, request, seeds }) =>
      Effect.sync(() =>
        seeds.map((seed) => {
          const outcome = one({ seed, scenario: scenarioOf(request)! })
          onOutcome?.(outcome)
          return outcome
        })
      )
  }
}

const planted = (seed: number): Invariant => ({
  name: "planted",
  description: "No crash, in one seed only.",
  make: ({ world }, report) => ({
    on: {
      ProcessEnded: () => {
        if (world.seed === seed) report("the service ended")
      }
    }
  })
})
const breaks = simulator(() => ({ invariants: [planted(2)] }))
const hangs = simulator(({ scenario }) => ({
  invariants: [{ name: "hangs", description: "", make: () => ({ pending: () => ["a remediation is open"] }) }],
  scenario: { ...scenario, livenessMs: 2000 }
}))
const dies = simulator(() => ({
  invariants: [
    {
      name: "dies",
      description: "",
      make: () => ({
        on: {
          ProcessEnded: () => {
            throw new Error("a checker broke")
          }
        }
      })
    }
  ]
}))
const holds = simulator(() => ({ invariants: Invariants.all }))

const run = Effect.fnUntraced(
  function* (simulator: Simulator, change: Partial<SimulateFlags> = {}, json = false) {
    const exit = yield* Effect.exit(simulateWith(simulator, { ...flags, ...change })).pipe(
      Effect.provideService(Json, json)
    )
    return {
      code: exitCodeOf(exit),
      lines: (yield* TestConsole.logLines).map(String),
      errors: (yield* TestConsole.errorLines).map(String)
    }
  },
  Effect.provide(Layer.merge(Layer.fresh(TestConsole.layer), NodeServices.layer))
)

describe("kubernaut simulate", () => {
  const codes: ReadonlyArray<readonly [what: string, simulator: Simulator, code: number, says: RegExp]> = [
    ["a run without a violation", holds, 0, /2 seeds × 0.05 h of steady: all invariants held/],
    ["a violated invariant", breaks, 3, /Seed 2: planted is broken: the service ended/],
    ["a remediation that never ends", hangs, 4, /Seed 1: no liveness, pending: .*a remediation is open/],
    ["a crash of the simulator", dies, 5, /Seed 1: the run crashed: a checker broke/]
  ]
  for (const [what, simulator, code, says] of codes) {
    it.effect(`exits with ${code} on ${what} and prints the reason`, () =>
      Effect.gen(function* () {
        const result = yield* run(simulator)
        assert.strictEqual(result.code, code)
        assert.isTrue(
          result.lines.some((line) => says.test(line)),
          result.lines.join("\n")
        )
      })
    )
  }

  it.effect("prints a replay command as the last line, and the replay fails in the same way", () =>
    Effect.gen(function* () {
      const { lines } = yield* run(breaks)
      assert.strictEqual(
        lines.at(-1),
        "kubernaut simulate --scenario steady --hours 0.05 --inject process-crash --replay 2"
      )
      const again = yield* run(breaks, { replay: Option.some(2) })
      assert.strictEqual(again.code, 3)
      assert.strictEqual(again.lines.at(-1), lines.at(-1))
    })
  )

  it.effect("prints the smallest fault plan that still fails as JSON, unless shrinking is off", () =>
    Effect.gen(function* () {
      const { lines } = yield* run(breaks)
      const plan = yield* Schema.decodeEffect(Schema.fromJsonString(FaultPlan))(lines.at(-2) ?? "")
      assert.deepStrictEqual(plan, crash)
      assert.notInclude((yield* run(breaks, { shrink: false })).lines.join("\n"), "Smallest fault plan")
    })
  )

  it.effect("prints the faults, processes, journal and alerts of a replay in order of time", () =>
    Effect.gen(function* () {
      const { code, lines } = yield* run(holds, { replay: Option.some(1) })
      assert.strictEqual(code, 0)
      const times = lines.filter((line) => /^\d\d:\d\d:\d\d\.\d{3} /.test(line)).map((line) => line.slice(0, 12))
      assert.isAbove(times.length, 20)
      assert.deepStrictEqual(times, times.toSorted())
      for (const about of ["faults    process-crash", "processes service #", "journal   Accepted", "alerts    firing"])
        assert.isTrue(
          lines.some((line) => line.includes(about)),
          about
        )
    })
  )

  it.effect("prints a JSON summary in the last line with --json, including the replay command", () =>
    Effect.gen(function* () {
      const { code, errors, lines } = yield* run(breaks, {}, true)
      assert.strictEqual(code, 3)
      const told = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>
      assert.deepInclude(told, {
        seeds: 2,
        hours: 0.05,
        violations: 1,
        replay: "kubernaut simulate --scenario steady --hours 0.05 --inject process-crash --replay 2",
        shrunk: { plan: crash, runs: 1, complete: true }
      })
      assert.match(String(told["hash"]), /^[0-9a-f]{64}$/)
      assert.isTrue(errors.some((line) => line.includes("planted is broken")))
    })
  )

  it.effect("exits with 0 and prints a warning when coverage is low", () =>
    Effect.gen(function* () {
      const { code, lines } = yield* run(holds, { inject: Option.some("process-crash,kubernetes-unavailable") })
      assert.strictEqual(code, 0)
      assert.isTrue(lines.includes("Low coverage:"))
    })
  )

  const wrong: ReadonlyArray<readonly [what: string, change: Partial<SimulateFlags>, says: RegExp]> = [
    ["an unknown scenario", { scenario: "nope" }, /There is no scenario nope\. Use one of .*steady/],
    [
      "an unknown injection",
      { inject: Option.some("process-crash,nope") },
      /There is no injection, pattern or fault nope/
    ],
    ["hours and months together", { months: Option.some(1) }, /use only one of them/],
    ["a plan and an injection together", { plan: Option.some("plan.json") }, /--plan defines all faults/],
    ["a missing plan", { inject: Option.none(), plan: Option.some("/nonexistent.json") }, /Cannot read/],
    ["an invalid plan", { inject: Option.none(), plan: Option.some("package.json") }, /is not a fault plan/]
  ]
  for (const [what, change, says] of wrong) {
    it.effect(`refuses ${what} with a usage error`, () =>
      Effect.gen(function* () {
        const result = yield* Effect.flip(simulateWith(holds, { ...flags, ...change })).pipe(
          Effect.provideService(Json, false),
          Effect.provide(NodeServices.layer)
        )
        assert.strictEqual(result.code, "usage")
        assert.match(result.text, says)
      })
    )
  }
})
