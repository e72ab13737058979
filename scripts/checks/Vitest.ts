/** Runs Vitest and reads the test counts from its JSON report. */

import { existsSync, readFileSync, rmSync } from "node:fs"
import { relative } from "node:path"
import { run } from "./Process.ts"
import { failed, type Result } from "./Section.ts"

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly success: boolean
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly fullName: string; readonly status: string }>
  }>
}

export interface Options {
  readonly name: string
  readonly args: ReadonlyArray<string>
  readonly timeoutSeconds: number
  /** The run computes only while others wait. */
  readonly lowPriority?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** Why tests are skipped on this machine, if known. */
  readonly skipReason?: string
}

export const vitest = async (options: Options): Promise<Result> => {
  const report = `.cache/test/${options.name}.json`
  rmSync(report, { force: true })
  const outcome = await run(
    "node_modules/.bin/vitest",
    ["run", ...options.args, "--passWithNoTests", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`],
    {
      timeoutSeconds: options.timeoutSeconds,
      env: { ...options.env },
      lowPriority: options.lowPriority === true
    }
  )
  if (!existsSync(report))
    return failed(`${outcome.output.trimEnd()}\nvitest ended without a report, exit code ${outcome.code}`)
  return summarize(JSON.parse(readFileSync(report, "utf8")) as Report, outcome.code, outcome.output, options)
}

export const summarize = (
  report: Report,
  code: number,
  output: string,
  options: Pick<Options, "skipReason">
): Result => {
  const skippedTests = report.testResults.flatMap((file) => {
    const tests = file.assertionResults.filter((test) => test.status !== "passed" && test.status !== "failed")
    return tests.length === 0 ? [] : [`skipped: ${tests.length} in ${relative(process.cwd(), file.name)}`]
  })
  const notes =
    skippedTests.length === 0
      ? []
      : [...skippedTests, ...(options.skipReason === undefined ? [] : [`  reason: ${options.skipReason}`])]
  // Counts files that failed without a failed test: the file could not be loaded, or an error occurred between tests.
  const filesThatFailed = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed")
  ).length
  const total = report.numPassedTests + report.numFailedTests + report.numPendingTests + report.numTodoTests
  // A run without tests fails.
  const empty = total === 0 && filesThatFailed === 0
  const counted = report.numFailedTests + filesThatFailed + (empty ? 1 : 0)
  const failures = counted === 0 && code !== 0 ? 1 : counted
  return {
    passed: report.numPassedTests,
    failed: failures,
    skipped: report.numPendingTests + report.numTodoTests,
    notes: failures === 0 ? notes : [empty ? "no tests found" : output.trimEnd(), ...notes]
  }
}
