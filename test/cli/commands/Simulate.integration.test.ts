import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const simulate = (...args: ReadonlyArray<string>) =>
  Effect.callback<Ended>((resume) => {
    const child = execFile(process.execPath, [main, "simulate", ...args], { maxBuffer: 1e8 }, (error, stdout, stderr) =>
      resume(
        Effect.succeed({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr })
      )
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const summaryOf = ({ stdout }: Ended) =>
  JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>

describe("kubernaut simulate as a process", () => {
  it.live(
    "prints the same hash and figures for the same seeds with one thread as with two, and another hash for others",
    () =>
      Effect.gen(function* () {
        const args = ["--seeds", "4", "--hours", "0.1", "--json"]
        const one = yield* simulate(...args, "--seed", "11", "--workers", "1")
        const two = yield* simulate(...args, "--seed", "11", "--workers", "2")
        assert.strictEqual(one.code, 0, one.stderr)
        assert.match(String(summaryOf(one)["hash"]), /^[0-9a-f]{64}$/)
        assert.deepStrictEqual(summaryOf(one), summaryOf(two))
        assert.notStrictEqual(summaryOf(yield* simulate(...args, "--seed", "12"))["hash"], summaryOf(one)["hash"])
      }),
    180_000
  )

  it.live(
    "replays a plan from a file, writes a report, and says so on standard error only",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* Effect.acquireRelease(
            Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-simulate-"))),
            (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
          )
          const plan = join(directory, "plan.json")
          const report = join(directory, "report.html")
          writeFileSync(
            plan,
            JSON.stringify([{ kind: "process-crash", atMs: 60_000, forMs: 0, parameters: { afterSteps: 1 } }])
          )
          const ended = yield* simulate("--replay", "1", "--hours", "0.1", "--plan", plan, "--report", report)
          assert.strictEqual(ended.code, 0, ended.stderr)
          assert.include(ended.stdout, "process-crash: afterSteps 1 begins")
          assert.include(ended.stderr, "Report:")
          assert.notInclude(ended.stdout, "Report:")
          assert.include(readFileSync(report, "utf8"), "<!doctype html>")
        })
      ),
    180_000
  )

  it.live(
    "lists scenarios, injections, faults and invariants",
    () =>
      Effect.gen(function* () {
        const { code, stdout } = yield* simulate("--list")
        assert.strictEqual(code, 0)
        for (const name of [
          "steady",
          "service-termination",
          "network-partition",
          "resource-exhaustion",
          "dependency-failure",
          "security-incident",
          "process-crash",
          "no-alert-lost"
        ])
          assert.include(stdout, name)
      }),
    180_000
  )
})
