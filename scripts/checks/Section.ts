/** A section of `scripts/test`: one group of checks and its result. */

import { type Options, type Outcome, run } from "./Process.ts"

export interface Result {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Printed below the section: the output of failures, and the reasons of skips. */
  readonly notes: ReadonlyArray<string>
}

export interface Section {
  /** The name on the command line. */
  readonly name: string
  readonly title: string
  readonly run: () => Promise<Result>
}

export const combine = (results: ReadonlyArray<Result>): Result => ({
  passed: results.reduce((sum, result) => sum + result.passed, 0),
  failed: results.reduce((sum, result) => sum + result.failed, 0),
  skipped: results.reduce((sum, result) => sum + result.skipped, 0),
  notes: results.flatMap((result) => result.notes)
})

export const passed: Result = { passed: 1, failed: 0, skipped: 0, notes: [] }

export const failed = (note: string): Result => ({ passed: 0, failed: 1, skipped: 0, notes: [note] })

export const skipped = (what: string, reason: string): Result => ({
  passed: 0,
  failed: 0,
  skipped: 1,
  notes: [`skipped: ${what}: ${reason}`]
})

/** Runs a program as one check, which passes if the exit code is 0. */
export const command = async (
  program: string,
  args: ReadonlyArray<string>,
  options: Partial<Options> = {}
): Promise<Result> => judge(await run(program, args, { timeoutSeconds: 120, ...options }), [program, ...args].join(" "))

export const judge = (outcome: Outcome, what: string): Result =>
  outcome.code === 0 ? passed : failed(`$ ${what}\n${outcome.output.trimEnd()}\nexit code ${outcome.code}`)
