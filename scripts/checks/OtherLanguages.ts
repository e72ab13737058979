/** Checks shell scripts and the Nix flake with their own tools, where installed. */

import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { installInCi } from "./Debian.ts"
import { isInstalled } from "./Process.ts"
import { combine, command, type Result, skipped } from "./Section.ts"

const isShellScript = (path: string): boolean => /^#!.*\b(ba)?sh\b/.test(readFileSync(path, "utf8").slice(0, 80))

const filesUnder = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

const shell = async (): Promise<Result> => {
  const scripts = [...filesUnder("scripts"), ...filesUnder(".ci")].filter(isShellScript)
  const syntax = await Promise.all(scripts.map((path) => command("bash", ["-n", path])))
  const lint = (await isInstalled("shellcheck"))
    ? await command("shellcheck", ["--external-sources", ...scripts])
    : skipped("shellcheck", "not on PATH")
  return combine([...syntax, lint])
}

const flake = async (): Promise<Result> => {
  if (!(await isInstalled("nix-instantiate"))) await installInCi("nix-bin")
  return (await isInstalled("nix-instantiate"))
    ? command("nix-instantiate", ["--parse", "flake.nix"])
    : skipped("flake.nix", "nix-instantiate is not on PATH")
}

export const otherLanguages = async (): Promise<Result> => combine([await shell(), await flake()])
