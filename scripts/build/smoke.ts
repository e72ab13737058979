/** Tests the package as a user would: builds, packs, installs, type-checks, imports and starts it in an empty project. */

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

/** Checks the manifest and the declarations of every entry point with publint and attw. */
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

/** Imports every entry point, and type-checks it with strict compiler options. */
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

const checkVersion = (): void => {
  const version = run(project, "node_modules/.bin/kubernaut", "--version").trim()
  if (!version.includes(manifest.version)) expect("kubernaut --version", version, manifest.version)
}

/** Checks that the worker threads of the simulator find their module in the package. */
const simulate = (): void => {
  const output = run(
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
  const { seeds, violations } = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "") as {
    readonly seeds: number
    readonly violations: number
  }
  expect("kubernaut simulate", `${seeds} seeds, ${violations} violations`, "2 seeds, 0 violations")
}

/** Checks that the service starts from the package alone and responds. */
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
    server.on("exit", (code) => reject(new Error(`kubernaut serve exited with ${code}:\n${output}`)))
    setTimeout(() => reject(new Error(`kubernaut serve printed no address within 30 s:\n${output}`)), 30_000).unref()
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
  checkVersion()
  simulate()
  await serve()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
} finally {
  rmSync(project, { recursive: true, force: true })
}
