/** The sections of `scripts/test`, fastest first. */

import { integration } from "./Integration.ts"
import { otherLanguages } from "./OtherLanguages.ts"
import { combine, command, type Section } from "./Section.ts"
import { vitest } from "./Vitest.ts"

const bin = (name: string): string => `node_modules/.bin/${name}`

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
    run: () => vitest({ name: "unit", args: ["--project", "unit"], timeoutSeconds: 900 })
  },
  {
    name: "simulation",
    title: "simulation: 200 seeds of one hour, scenarios models, reviews and telemetry, and an embedder's own",
    run: async () =>
      combine([
        await command("node", ["src/main.ts", "simulate", "--seeds", "200", "--hours", "1"], { timeoutSeconds: 900 }),
        await command("node", ["src/main.ts", "simulate", "--seeds", "20", "--scenario", "models"], {
          timeoutSeconds: 900
        }),
        await command("node", ["src/main.ts", "simulate", "--seeds", "20", "--scenario", "reviews"], {
          timeoutSeconds: 900
        }),
        await command("node", ["src/main.ts", "simulate", "--seeds", "10", "--scenario", "telemetry"], {
          timeoutSeconds: 900
        }),
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
