/**
 * The simulator must be able to fail: plausible bugs are planted into copies of the sources, and each is found within
 * its number of seeds. In the unchanged sources the same seeds find nothing.
 *
 * The searches run in processes of their own, two at a time, and a table of them ends the run. They yield the cores to
 * other tests, so their time limit is long.
 */

import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { all } from "./Bugs.ts"
import * as Copies from "./Copies.ts"
import type { RunName } from "./Runs.ts"
import type { Finding } from "./RunSeeds.ts"

type Searched = Result.Result<Copies.Search, Copies.SimulatorBroke>

const searches = new Map<string, Searched>()
const clean = new Map<RunName, ReadonlyArray<Finding>>()

/** The number of seeds of each run. */
const seedsOf = new Map<RunName, number>()
for (const { run, withinSeeds } of all) seedsOf.set(run, Math.max(seedsOf.get(run) ?? 0, withinSeeds))

const briefly = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  findings
    .flatMap(({ broke, pending, seed, violations }) => [
      ...violations.map(({ invariant, message }) => `seed ${seed}: ${invariant}: ${message}`),
      ...pending.map((what) => `seed ${seed}: pending: ${what}`),
      ...(broke === undefined ? [] : [`seed ${seed}: ${broke}`])
    ])
    .slice(0, 10)

const table = (): string =>
  all
    .flatMap(({ foundBy, name }) => {
      const searched = searches.get(name)
      if (searched === undefined || Result.isFailure(searched)) return []
      const { found, seconds } = searched.success
      return [
        `${name.padEnd(38)} ${(found === undefined ? "NOT FOUND" : foundBy).padEnd(24)} ${String(found?.seed ?? "-").padStart(4)} ${seconds.toFixed(1).padStart(6)} s`
      ]
    })
    .join("\n")

beforeAll(async () => {
  const control = Copies.make("control", [])
  await Effect.runPromise(
    Effect.forEach(
      [
        ...[...seedsOf].map(([run, seeds]) =>
          Effect.map(Copies.simulate(control, run, seeds), ({ findings }) => void clean.set(run, findings))
        ),
        ...all.map((bug) =>
          Effect.map(Effect.result(Copies.search(bug)), (searched) => void searches.set(bug.name, searched))
        )
      ],
      (work) => work,
      { concurrency: 2, discard: true }
    )
  )
}, 3_600_000)

afterAll(() => {
  Copies.removeAll()
  console.log(`${"planted bug".padEnd(38)} ${"found by".padEnd(24)} seed\n${table()}`)
})

describe("the unchanged sources", () => {
  for (const [run, seeds] of seedsOf) {
    it(`hold all invariants in seeds 1 to ${seeds} of ${run}, and leave nothing pending`, () =>
      assert.deepStrictEqual(briefly(clean.get(run) ?? []), []))
  }
})

describe("a planted bug is found", () => {
  for (const bug of all) {
    it(`${bug.name}: by ${bug.foundBy} within ${bug.withinSeeds} seeds of ${bug.run}`, () => {
      const { findings, found } = Result.getOrThrow(searches.get(bug.name)!)
      assert.isDefined(found, `Found instead:\n${briefly(findings).join("\n")}`)
    })
  }
})
