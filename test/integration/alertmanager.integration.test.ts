/** A real Alertmanager, configured as examples/alertmanager says, delivers its alerts. */
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Schedule, type Scope } from "effect"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

class NotReady extends Data.TaggedError("NotReady")<{ readonly what: string }> {}

const alertmanager = [process.env["KUBERNAUT_TEST_ALERTMANAGER"], "alertmanager", "prometheus-alertmanager"].find(
  (program) => program !== undefined && spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0
)

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-alertmanager-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const freePort = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

/** The service's settings are the test's, not those of the shell it runs in. */
const environment = (settings: Readonly<Record<string, string>>) => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("KUBERNAUT_"))),
  ...settings
})

/** A process that runs as long as the test; what it printed is there for the message when it fails. */
const running = (
  command: string,
  args: ReadonlyArray<string>,
  settings: Readonly<Record<string, string>> = {}
): Effect.Effect<{ readonly output: () => string }, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(command, args, { env: environment(settings), stdio: ["ignore", "pipe", "pipe"] })
        let output = ""
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding("utf8").on("data", (text: string) => {
            output += text
          })
        }
        return { child, output: () => output }
      }),
      ({ child }) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const ended = once(child, "exit")
          child.kill("SIGTERM")
          await ended
        })
    ),
    ({ output }) => ({ output })
  )

const get = (url: string): Effect.Effect<unknown, NotReady> =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(url)
      if (!response.ok) throw new Error(`${url} answered ${response.status}`)
      const text = await response.text()
      return text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) as unknown : text
    },
    catch: (error) => new NotReady({ what: String(error) })
  })

/** Asks until the answer is there; what was seen last is in the failure. */
const until = <A>(ask: Effect.Effect<A, NotReady>, holds: (answer: A) => boolean): Effect.Effect<A> =>
  ask.pipe(
    Effect.filterOrFail(holds, (answer) => new NotReady({ what: JSON.stringify(answer) })),
    Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 400 }),
    Effect.orDie
  )

const startAlertmanager = Effect.fnUntraced(function*(program: string, receiver: string) {
  const port = yield* freePort
  const path = yield* directory
  const example = readFileSync(join(import.meta.dirname, "../../examples/alertmanager/alertmanager.yml"), "utf8")
  const configured = example.replace("http://127.0.0.1:8080/", `${receiver}/`)
  assert.notStrictEqual(configured, example, "the example names Kubernaut's default address")
  writeFileSync(join(path, "alertmanager.yml"), configured)
  yield* running(program, [
    `--config.file=${join(path, "alertmanager.yml")}`,
    `--storage.path=${join(path, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address="
  ])
  yield* until(get(`http://127.0.0.1:${port}/-/ready`), () => true)
  return `http://127.0.0.1:${port}`
})

const startKubernaut = Effect.gen(function*() {
  const path = yield* directory
  const port = yield* freePort
  yield* running(process.execPath, [join(import.meta.dirname, "../../src/main.ts"), "serve"], {
    KUBERNAUT_PORT: String(port),
    KUBERNAUT_DATABASE_URL: `sqlite:${join(path, "kubernaut.db")}`
  })
  const url = `http://127.0.0.1:${port}`
  yield* until(get(`${url}/readyz`), () => true)
  return url
})

const fire = (url: string, labels: Readonly<Record<string, string>>) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/api/v2/alerts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify([{ labels }])
    })
    assert.strictEqual(response.status, 200)
  })

interface Remediations {
  readonly remediations: ReadonlyArray<{
    readonly alertName: string
    readonly state: string
    readonly target: { readonly kind: string; readonly name: string }
  }>
}

describe("Alertmanager", () => {
  // Skipped where there is no Alertmanager; scripts/test says so.
  it.live.skipIf(alertmanager === undefined)("delivers alerts of different groups, and Kubernaut takes each up once", () =>
    Effect.gen(function*() {
      const kubernaut = yield* startKubernaut
      const source = yield* startAlertmanager(alertmanager ?? "", kubernaut)
      yield* fire(source, { alertname: "KubeHpaMaxedOut", severity: "warning", namespace: "shop", horizontalpodautoscaler: "search" })
      yield* fire(source, { alertname: "Watchdog", severity: "none" })

      const { remediations } = yield* until(
        Effect.map(get(`${kubernaut}/api/v1/remediations`), (answer) => answer as Remediations),
        (answer) => answer.remediations.length >= 2 && answer.remediations.some(({ state }) => state === "Observed")
      )
      const byName = new Map(remediations.map((remediation) => [remediation.alertName, remediation]))
      assert.strictEqual(remediations.length, 2)
      assert.strictEqual(byName.get("Watchdog")?.state, "Observed")
      assert.deepInclude(byName.get("KubeHpaMaxedOut")?.target, { kind: "Deployment", name: "search" })
    }))
})
