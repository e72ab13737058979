/** Checks the rules of `otel/prometheus` with promtool, and runs their unit tests. Finds a Prometheus for the tests. */

import { readdirSync } from "node:fs"
import { join } from "node:path"
import { installInCi } from "./Debian.ts"
import { isInstalled } from "./Process.ts"
import { combine, command, type Result, skipped } from "./Section.ts"

const directory = "otel/prometheus"

const yamlIn = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))

export const rules = async (): Promise<Result> => {
  if (!(await isInstalled("promtool"))) await installInCi("prometheus")
  if (!(await isInstalled("promtool")))
    return skipped("the rules of otel/prometheus", "promtool is not on PATH (Debian: apt-get install prometheus)")
  return combine([
    await command("promtool", ["check", "rules", ...yamlIn(directory, ".rules.yaml")]),
    await command("promtool", ["check", "config", "--syntax-only", join(directory, "prometheus.yaml")]),
    await command("promtool", ["test", "rules", ...yamlIn(join(directory, "tests"), ".test.yaml")])
  ])
}

/** Why the tests with a Prometheus are skipped; `undefined`: one is installed. */
export const noPrometheus = async (): Promise<string | undefined> => {
  if (!(await isInstalled("prometheus"))) await installInCi("prometheus")
  return (await isInstalled("prometheus")) ? undefined : "prometheus is not on PATH"
}
