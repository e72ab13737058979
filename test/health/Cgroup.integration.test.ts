/** A child process in a real cgroup with limits, as far as this machine lets a test make one. */

import { spawn } from "node:child_process"
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"

const name = `kubernaut-test-${process.pid}`
const limitBytes = 192 * 1024 * 1024

/** The folders of a new cgroup whose memory is limited; the reason if there is none. */
const make = (): { readonly folders: ReadonlyArray<string> } | { readonly reason: string } => {
  const root = "/sys/fs/cgroup"
  const isUnified = existsSync(join(root, "cgroup.controllers"))
  const folders = isUnified ? [join(root, name)] : ["memory", "cpu", "cpuacct"].map((each) => join(root, each, name))
  try {
    for (const folder of folders) mkdirSync(folder)
    writeFileSync(join(folders[0]!, isUnified ? "memory.max" : "memory.limit_in_bytes"), String(limitBytes))
    return { folders }
  } catch (error) {
    for (const folder of folders) if (existsSync(folder)) rmdirSync(folder)
    return { reason: `no cgroup with a memory limit can be made here (${error instanceof Error ? error.message : ""})` }
  }
}

/** Reads its own cgroup once a second; holds memory until it is told to let go of it. */
const child = `
  import { read } from ${JSON.stringify(join(import.meta.dirname, "../../src/health/Cgroup.ts"))}
  import { pressureCheck } from ${JSON.stringify(join(import.meta.dirname, "../../src/health/PressureCheck.ts"))}
  import { Effect } from "effect"
  const { run } = pressureCheck(read())
  process.stdin.once("data", async () => {
    const first = await Effect.runPromise(run)
    const { memory } = await Effect.runPromise(read())
    let held = Buffer.alloc(Math.max(0, Math.floor(memory.limitBytes * 0.97 - memory.usedBytes)), 1)
    let found = first
    for (let second = 0; second < 8 && found._tag === "Healthy"; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1000))
      found = await Effect.runPromise(run)
    }
    console.log(JSON.stringify({ first, found, limit: memory.limitBytes, held: held.length }))
    process.exit(0)
  })
  console.log("ready")
`

const made = make()
const reason = "reason" in made ? made.reason : undefined

it.skipIf(reason !== undefined)(
  `a process that fills its cgroup finds that out by itself${reason === undefined ? "" : `: ${reason}`}`,
  async () => {
    if (!("folders" in made)) return
    const running = spawn(process.execPath, ["--input-type=module", "--eval", child], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["pipe", "pipe", "inherit"]
    })
    let output = ""
    try {
      await new Promise<void>((resolve, reject) => {
        running.stdout.on("data", (text) => {
          output += text
          if (!output.startsWith("ready") || running.pid === undefined || output.trim() !== "ready") return
          for (const folder of made.folders) writeFileSync(join(folder, "cgroup.procs"), String(running.pid))
          running.stdin.write("go\n")
        })
        running.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`the child ended with ${code}`))))
      })
      const { found, limit } = JSON.parse(output.slice("ready".length)) as {
        readonly found: { readonly _tag: string; readonly emergencies?: ReadonlyArray<{ readonly key: string }> }
        readonly limit: number
      }
      assert.strictEqual(limit, limitBytes)
      assert.deepInclude(found, { _tag: "Unhealthy" })
      assert.strictEqual(found.emergencies?.[0]?.key, "memory")
    } finally {
      running.kill("SIGKILL")
      for (const folder of made.folders) rmdirSync(folder)
    }
  },
  180_000
)
