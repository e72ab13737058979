/** The sections of `scripts/test`, fastest first. */

import { integration } from "./Integration.ts"
import { otherLanguages } from "./OtherLanguages.ts"
import { rules } from "./Prometheus.ts"
import { combine, command, type Section } from "./Section.ts"
import { vitest } from "./Vitest.ts"

const bin = (name: string): string => `node_modules/.bin/${name}`

/** One after the other: each uses all cores. */
const simulations = async (runs: ReadonlyArray<readonly [scenario: string, seeds: number]>) => {
  const results = []
  for (const [scenario, seeds] of runs) {
    const args = ["src/main.ts", "simulate", "--scenario", scenario, "--seeds", String(seeds), "--hours", "1"]
    results.push(await command("node", args, { timeoutSeconds: 900 }))
  }
  return results
}

export const sections: ReadonlyArray<Section> = [
  {
    name: "format",
    title: "format (oxfmt); scripts/format fixes it",
    run: () => command(bin("oxfmt"), ["--check"])
  },
  {
    name: "types",
    title: "types (tsc)",
    run: () => command(bin("tsc"), ["-p", "."])
  },
  {
    name: "effect",
    title: "Effect diagnostics (effect-tsgo)",
    run: () =>
      command(bin("effect-tsgo"), ["diagnostics", "--project", "tsconfig.json", "--strict", "--format", "text"])
  },
  {
    name: "lint",
    title: "lint and import cycles (oxlint)",
    run: () => command(bin("oxlint"), ["--deny-warnings", "--format=unix"])
  },
  {
    name: "unused",
    title: "unused files, exports, dependencies (knip)",
    run: () => command(bin("knip"), ["--no-progress"])
  },
  {
    name: "other",
    title: "shell scripts, flake.nix",
    run: otherLanguages
  },
  {
    name: "rules",
    title: "alerting rules (promtool): syntax and unit tests",
    run: rules
  },
  {
    name: "examples",
    title: "examples in comments and Markdown",
    run: async () => {
      const extracted = await command("node", ["scripts/doc-examples/extract.ts"])
      if (extracted.failed > 0) return extracted
      return combine([
        await command(bin("tsc"), ["-p", "scripts/doc-examples/tsconfig.json"]),
        await vitest({
          name: "examples",
          args: ["--config", "scripts/doc-examples/vitest.config.ts"],
          timeoutSeconds: 120
        })
      ])
    }
  },
  {
    name: "unit",
    title: "unit tests and architecture rules",
    run: () => vitest({ name: "unit", args: ["--project", "unit"], timeoutSeconds: 1800 })
  },
  {
    name: "simulation",
    title: "simulation: 220 seeds of one hour in seven scenarios, and an embedder's own",
    run: async () =>
      combine([
        ...(await simulations([
          ["steady", 150],
          ["changes", 20],
          ["everything", 10],
          ["models", 10],
          ["reviews", 10],
          ["emergencies", 10],
          ["telemetry", 10]
        ])),
        await vitest({ name: "examples-chaos", args: ["--project", "examples"], timeoutSeconds: 120 })
      ])
  },
  {
    name: "integration",
    title: "integration tests, real control planes, planted bugs",
    run: integration
  },
  {
    name: "package",
    title: "the npm package, installed as a user would install it",
    run: () => command("node", ["scripts/build/smoke.ts"], { timeoutSeconds: 180 })
  }
]
