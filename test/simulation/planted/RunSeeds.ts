/**
 * A process that simulates seeds 1 to N on a copy of the sources, and prints the findings of the checkers as JSON.
 *
 *     node RunSeeds.ts COPY RUN SEEDS [INVARIANT]
 *
 * With an invariant, it ends at the first seed that violates it.
 */

import { enableCompileCache } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Violation } from "../../../src/simulation/invariants/Invariant.ts"
import type { run } from "../../../src/simulation/run/Simulation.ts"
import { type Run, type RunName, runs } from "./Runs.ts"

/** The findings in one seed. */
export interface Finding {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
  readonly pending: ReadonlyArray<string>
  /** The run crashed: the service died, or the simulator did. */
  readonly broke?: string
}

export interface Report {
  readonly seeds: number
  readonly findings: ReadonlyArray<Finding>
}

const broken = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? String(error.stack) : `${error.message}: ${broken(error.cause)}`
}

const findingOf = (simulate: typeof run, seed: number, options: Run): Finding => {
  try {
    const { pending, violations } = simulate(options(seed))
    return { seed, violations, pending }
  } catch (error) {
    return { seed, violations: [], pending: [], broke: broken(error) }
  }
}

enableCompileCache()
const [copy = "", name = "", seeds = "", invariant] = process.argv.slice(2)
const simulation = (await import(pathToFileURL(join(copy, "simulation/run/Simulation.ts")).href)) as {
  readonly run: typeof run
}
const options: Run = runs[name as RunName]
const findings: Array<Finding> = []
let seed = 1
for (; seed <= Number(seeds); seed++) {
  const finding = findingOf(simulation.run, seed, options)
  if (finding.violations.length > 0 || finding.pending.length > 0 || finding.broke !== undefined) findings.push(finding)
  if (finding.violations.some((violation) => violation.invariant === invariant)) break
}
process.stdout.write(JSON.stringify({ seeds: Math.min(seed, Number(seeds)), findings } satisfies Report))
