/**
 * A real HolmesGPT, whose model a test scripts, with one tool that reads the logs of the shop.
 *
 * `scripts/holmesgpt/install` installs it. `KUBERNAUT_TEST_HOLMESGPT` names another Python that has it.
 */

import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { program as builtOnce } from "./BuiltOnce.ts"
import { freePort } from "./RealAlertmanager.ts"
import * as Service from "./Service.ts"

/** See `BuiltOnce`. */
export const program = () => builtOnce("HolmesGPT", "scripts/holmesgpt/install", "KUBERNAUT_TEST_HOLMESGPT")

const server = join(import.meta.dirname, "../../scripts/holmesgpt/serve.py")

/** What its one tool finds, and how often it may call its model. */
export const logLine = "panic: PAYMENT_URL is not set"
export const maxSteps = 6

const configuration = (model: string): object => ({
  model: "openai/gpt-4o",
  api_base: model,
  api_key: "model-key",
  max_steps: maxSteps,
  toolsets: {
    // They are on by default. A tool call that a test scripts must not run a shell, or leave this machine.
    bash: { enabled: false },
    internet: { enabled: false },
    "shop/logs": {
      description: "The logs of the shop",
      tags: ["core"],
      enabled: true,
      tools: [
        { name: "shop_logs", description: "The logs of a workload", command: `echo '${logLine} in {{ workload }}'` }
      ]
    }
  }
})

/** Starts it on loopback. `model`: the address of its model, with `/v1`. It stops when the scope closes. */
export const start = Effect.fnUntraced(function* (
  python: string,
  { key, model }: { readonly key: string; readonly model: string }
): Effect.fn.Return<string, never, Scope.Scope> {
  const directory = yield* Service.temporaryDirectory
  const port = yield* freePort
  // JSON is YAML.
  writeFileSync(join(directory, "config.yaml"), JSON.stringify(configuration(model)))
  let output = ""
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const started = spawn(python, [server], {
        cwd: directory,
        env: {
          PATH: process.env["PATH"],
          HOME: directory,
          HOLMES_CONFIGPATH_DIR: directory,
          HOLMES_TOOL_RESULT_STORAGE_PATH: join(directory, "results"),
          HOLMES_HOST: "127.0.0.1",
          HOLMES_PORT: String(port),
          HOLMES_API_KEY: key,
          // Nothing is loaded from elsewhere, or sent there.
          LITELLM_LOCAL_MODEL_COST_MAP: "True",
          DISABLE_PROMETHEUS_TOOLSET: "true",
          ENABLE_TELEMETRY: "false",
          // Its default is ten minutes, three times.
          LLM_REQUEST_TIMEOUT: "20"
        },
        stdio: ["ignore", "pipe", "pipe"]
      })
      for (const stream of [started.stdout, started.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => void (output += text))
      return started
    }),
    (running) =>
      Effect.promise(async () => {
        if (running.exitCode !== null || running.signalCode !== null) return
        const ended = once(running, "exit")
        running.kill("SIGKILL")
        await ended
      })
  )
  const url = `http://127.0.0.1:${port}`
  const isReady = Effect.promise(() =>
    fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false
    )
  )
  yield* Service.until("HolmesGPT is ready", isReady, (ready) => {
    if (child.exitCode !== null) throw new Error(`HolmesGPT has ended:\n${output}`)
    return ready
  })
  return url
})
