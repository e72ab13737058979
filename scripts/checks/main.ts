/** `scripts/test`: runs all sections in order. A failed section does not stop the run. */

import { interruptAll } from "./Process.ts"
import { type Result, type Section } from "./Section.ts"
import { sections } from "./sections.ts"

const arguments_ = process.argv.slice(2)

const usage = `Usage: scripts/test [--list] [SECTION]…

Runs all checks and tests available on this machine, or only the given sections. The last line is
\`N passed, N failed, N skipped\`. Exit codes: 0 no failures, 1 failures, 2 usage error.

Sections:
${sections.map((section) => `  ${section.name.padEnd(14)}${section.title}`).join("\n")}
`

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n")

const describe = (result: Result): string => {
  const parts = [`${result.passed} passed`]
  if (result.failed > 0) parts.push(`${result.failed} FAILED`)
  if (result.skipped > 0) parts.push(`${result.skipped} skipped`)
  return parts.join(", ")
}

const runSection = async (section: Section): Promise<Result> => {
  const started = performance.now()
  let result: Result
  try {
    result = await section.run()
  } catch (error) {
    result = { passed: 0, failed: 1, skipped: 0, notes: [error instanceof Error ? String(error.stack) : String(error)] }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `${result.failed > 0 ? "✗" : "✓"} ${section.title.padEnd(52)} ${seconds.padStart(6)} s  ${describe(result)}`
  )
  for (const note of result.notes) console.log(indent(note))
  return result
}

const main = async (): Promise<number> => {
  if (arguments_.includes("--help") || arguments_.includes("--list")) {
    process.stdout.write(usage)
    return 0
  }
  const unknown = arguments_.filter((argument) => !sections.some((section) => section.name === argument))
  if (unknown.length > 0) {
    process.stderr.write(`unknown section: ${unknown.join(", ")}\n\n${usage}`)
    return 2
  }
  const chosen = arguments_.length === 0 ? sections : sections.filter((section) => arguments_.includes(section.name))
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const section of chosen) {
    const result = await runSection(section)
    total.passed += result.passed
    total.failed += result.failed
    total.skipped += result.skipped
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed > 0 ? 1 : 0
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    interruptAll()
    process.exit(130)
  })
}

process.exitCode = await main()
