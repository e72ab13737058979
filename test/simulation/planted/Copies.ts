/** Copies of the sources, with and without a bug, and what the simulator finds in them. */

import { execFile } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Duration, Effect, Schema } from "effect"
import { type Edit, edited, type PlantedBug } from "./PlantedBug.ts"
import type { RunName } from "./Runs.ts"
import type { Finding, Report } from "./RunSeeds.ts"

/** The simulating process did not complete. */
export class SimulatorBroke extends Schema.TaggedError<SimulatorBroke>()("SimulatorBroke", { detail: Schema.String }) {}

const repository = resolve(import.meta.dirname, "../../..")

/**
 * Within the repository, so that packages resolve as from `src`; one for each process, so that two suites do not
 * collide.
 */
const copies = join(repository, ".cache/planted", String(process.pid))

/** Makes a copy of `src` with these edits and returns its path. */
export const make = (name: string, edits: ReadonlyArray<Edit>): string => {
  const copy = join(copies, name.replaceAll(/\W+/g, "-"), "src")
  mkdirSync(copy, { recursive: true })
  cpSync(join(repository, "src"), copy, { recursive: true })
  for (const edit of edits) {
    const path = join(copy, edit.file)
    writeFileSync(path, edited(readFileSync(path, "utf8"), edit))
  }
  return copy
}

export const removeAll = (): void => rmSync(copies, { recursive: true, force: true })

const program = fileURLToPath(new URL("./RunSeeds.ts", import.meta.url))
const execute = promisify(execFile)

/**
 * Simulates seeds 1 to `seeds` on a copy, in a process of its own. Stops at the first seed that violates `invariant`.
 */
export const simulate = (
  copy: string,
  run: RunName,
  seeds: number,
  invariant = ""
): Effect.Effect<Report, SimulatorBroke> =>
  Effect.tryPromise({
    try: (signal) =>
      execute(process.execPath, [program, copy, run, String(seeds), invariant], { maxBuffer: 2 ** 26, signal }),
    catch: (error) => new SimulatorBroke({ detail: String(error) })
  }).pipe(Effect.map(({ stdout }) => JSON.parse(stdout) as Report))

/** The result of the search for a bug. */
export interface Search {
  readonly bug: PlantedBug
  readonly seconds: number
  /** The first seed in which the invariant named by the bug was violated, and the report of its checker. */
  readonly found?: { readonly seed: number; readonly message: string }
  /** All violations, of any invariant. */
  readonly findings: ReadonlyArray<Finding>
}

/** Plants a bug and searches for it. */
export const search = (bug: PlantedBug): Effect.Effect<Search, SimulatorBroke> =>
  Effect.suspend(() => simulate(make(bug.name, bug.edits), bug.run, bug.withinSeeds, bug.foundBy)).pipe(
    Effect.timed,
    Effect.map(([duration, { findings }]) => {
      const hits = findings.flatMap(({ seed, violations }) =>
        violations.flatMap(({ invariant, message }) => (invariant === bug.foundBy ? [{ seed, message }] : []))
      )
      return {
        bug,
        seconds: Duration.toSeconds(duration),
        findings,
        ...(hits[0] === undefined ? {} : { found: hits[0] })
      }
    })
  )
