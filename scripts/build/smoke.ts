/**
 * The package as a user meets it: built, packed, installed into an empty project, type-checked against, imported,
 * started.
 */

import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const root = dirname(dirname(import.meta.dirname))
const project = mkdtempSync(join(tmpdir(), "kubernaut-package-"))
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly version: string
  readonly exports: Readonly<Record<string, string>>
}

const run = (cwd: string, command: string, ...args: ReadonlyArray<string>): string => {
  const result = spawnSync(command, args, { cwd, encoding: "utf8" })
  if (result.status !== 0) {
    throw new Error(
      `$ ${command} ${args.join(" ")}\n${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`
    )
  }
  return result.stdout
}

const expect = (what: string, actual: string, expected: string): void => {
  if (actual !== expected)
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`)
}

const bin = (name: string): string => join(root, "node_modules/.bin", name)

/** The manifest and the declarations of every entry point are what other tools expect. */
const lint = (tarball: string): void => {
  run(project, bin("publint"), "--strict", tarball)
  // The package is ESM only.
  run(project, bin("attw"), tarball, "--profile", "esm-only")
}

const install = (): void => {
  run(root, "node", "scripts/build/main.ts")
  const tarball = run(join(root, "dist"), "npm", "pack", "--silent", "--pack-destination", project).trim()
  lint(join(project, tarball))
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }))
  run(project, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", `./${tarball}`)
}

/** Every entry of the package can be imported, and its declarations hold under a user's strict compiler. */
const importEntries = (): void => {
  const entries = Object.entries(manifest.exports).filter(([, source]) => source.endsWith(".ts"))
  for (const [path] of entries) {
    const specifier = join("kubernaut", path)
    writeFileSync(
      join(project, "user.ts"),
      `import * as Entry from ${JSON.stringify(specifier)}\nexport type Names = keyof typeof Entry\n`
    )
    const options = [
      "--strict",
      "--module",
      "nodenext",
      "--target",
      "esnext",
      "--noEmit",
      "--skipLibCheck",
      "false",
      "--types",
      "node"
    ]
    const nodeTypes = ["--typeRoots", join(root, "node_modules/@types")]
    run(project, bin("tsc"), ...options, ...nodeTypes, "user.ts")
    run(project, "node", "--input-type=module", "--eval", `await import(${JSON.stringify(specifier)})`)
  }
}

const askVersion = (): void => {
  const version = run(project, "node_modules/.bin/kubernaut", "--version").trim()
  if (!version.includes(manifest.version)) expect("kubernaut --version", version, manifest.version)
}

/** The threads of the simulator find their module in the package too. */
const simulate = (): void => {
  const told = run(
    project,
    "node_modules/.bin/kubernaut",
    "simulate",
    "--seeds",
    "2",
    "--hours",
    "0.1",
    "--workers",
    "2",
    "--json"
  )
  const { seeds, violations } = JSON.parse(told.trimEnd().split("\n").at(-1) ?? "") as {
    readonly seeds: number
    readonly violations: number
  }
  expect("kubernaut simulate", `${seeds} seeds, ${violations} violations`, "2 seeds, 0 violations")
}

/** The service says where it listens and answers there; nothing of the sources is at hand any more. */
const serve = async (): Promise<void> => {
  const server = spawn("node_modules/.bin/kubernaut", ["serve"], {
    cwd: project,
    env: { ...process.env, KUBERNAUT_PORT: "0", KUBERNAUT_DATABASE_URL: `sqlite:${join(project, "kubernaut.db")}` },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  const address = await new Promise<string>((resolve, reject) => {
    const read = (text: string): void => {
      output += text
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(output)
      if (match !== null) resolve(match[0])
    }
    server.stdout.setEncoding("utf8").on("data", read)
    server.stderr.setEncoding("utf8").on("data", read)
    server.on("exit", (code) => reject(new Error(`kubernaut serve ended with ${code}:\n${output}`)))
    setTimeout(() => reject(new Error(`kubernaut serve named no address in 30 s:\n${output}`)), 30_000).unref()
  })
  try {
    const answer = await fetch(`${address}/livez`)
    expect("GET /livez", String(answer.status), "200")
  } finally {
    server.removeAllListeners("exit")
    const ended = new Promise((resolve) => server.once("exit", resolve))
    server.kill("SIGTERM")
    await ended
  }
}

try {
  install()
  importEntries()
  askVersion()
  simulate()
  await serve()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
} finally {
  rmSync(project, { recursive: true, force: true })
}
