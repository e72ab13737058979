/**
 * `npm run -s benchmark -- [NAME] [--json]` runs the benchmark `NAME.ts` in this folder, or all of them. Each exports
 * `run`, which yields its results one by one. `--json` prints one JSON object per line instead of a table.
 */

import { readdirSync } from "node:fs"
import type { Result } from "./harness.ts"

const machinery = new Set(["run.ts", "harness.ts", "senders.ts"])
const available = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && !machinery.has(file))
  .map((file) => file.slice(0, -".ts".length))
  .sort()

const args = process.argv.slice(2)
const json = args.includes("--json")
const unknown = args.filter((arg) => arg !== "--json" && !available.includes(arg))
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; available: ${available.join(", ")}\n`)
  process.exit(2)
}
const chosen = args.filter((arg) => arg !== "--json")

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
// The compared libraries may have active timers.
process.exit(0)
