/**
 * `npm run -s benchmark -- [NAME] [--json]` runs the benchmark `NAME.ts` of this folder, or all of them. Each exports
 * `run`, which yields results as it has them. With `--json` one JSON object a line, else a table.
 */

import { readdirSync } from "node:fs"
import type { Result } from "./harness.ts"

const machinery = new Set(["run.ts", "harness.ts", "senders.ts"])
const available = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && !machinery.has(file))
  .map((file) => file.slice(0, -".ts".length))
  .sort()

const words = process.argv.slice(2)
const json = words.includes("--json")
const unknown = words.filter((word) => word !== "--json" && !available.includes(word))
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are: ${available.join(", ")}\n`)
  process.exit(2)
}
const chosen = words.filter((word) => word !== "--json")

const line = (result: Result): string =>
  json
    ? JSON.stringify(result)
    : `${result.benchmark.padEnd(12)} ${result.variant.padEnd(16)} ${`${result.median} ${result.unit}`.padStart(
        16
      )}   ${String(result.ratio).padStart(8)} × ${result.against}`

for (const name of chosen.length > 0 ? chosen : available) {
  const { run } = (await import(`./${name}.ts`)) as { readonly run: () => AsyncIterable<Result> }
  for await (const result of run()) process.stdout.write(`${line(result)}\n`)
}
// Libraries under comparison may keep timers; the figures are out, so end.
process.exit(0)
