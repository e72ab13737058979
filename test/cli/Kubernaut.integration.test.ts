import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
const crashLoop = fileURLToPath(new URL("../../examples/alerts/crash-loop.json", import.meta.url))

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kubernaut-cli-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The environment without the developer's own settings. */
const cleanEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([key]) => !key.startsWith("KUBERNAUT_") && !key.startsWith("OTEL_"))
)

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const start = (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [main, ...args], { env: { ...cleanEnvironment, ...environment } })
      const ended = Deferred.makeUnsafe<Ended>()
      const out = { stdout: "", stderr: "" }
      const checks = new Set<() => void>()
      for (const stream of ["stdout", "stderr"] as const) {
        child[stream].setEncoding("utf8").on("data", (chunk: string) => {
          out[stream] += chunk
          for (const check of checks) check()
        })
      }
      child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed({ code, ...out })))
      const said = (pattern: RegExp) =>
        Effect.callback<RegExpExecArray>((resume) => {
          const check = () => {
            const found = pattern.exec(out.stderr)
            if (found !== null) resume(Effect.succeed(found))
          }
          checks.add(check)
          check()
        })
      return { child, ended: Deferred.await(ended), said }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

const run = (args: ReadonlyArray<string>, environment?: Readonly<Record<string, string>>) =>
  Effect.scoped(Effect.flatMap(start(args, environment), ({ ended }) => ended))

const serve = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>> = {}) {
  const service = yield* start(["serve"], {
    KUBERNAUT_PORT: "0",
    KUBERNAUT_DATABASE_URL: "sqlite::memory:",
    ...environment
  })
  const [, url = ""] = yield* service.said(/"url":"([^"]+)"/)
  return { ...service, url }
})

const lastLine = ({ stdout }: Ended): unknown => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "")

describe("the command line", () => {
  const codes: ReadonlyArray<
    readonly [
      name: string,
      args: ReadonlyArray<string>,
      environment: Record<string, string>,
      code: number,
      stderr: RegExp
    ]
  > = [
    ["an unknown command", ["nope"], {}, 2, /Unknown subcommand "nope"/],
    ["a missing argument", ["remediations", "show"], {}, 2, /Missing required argument/],
    ["a service that is not running", ["status", "--url", "http://127.0.0.1:1"], {}, 69, /Cannot reach/],
    [
      "a service whose URL contains a password",
      ["status"],
      { KUBERNAUT_URL: "http://u:hunter2@127.0.0.1:1?token=hunter2" },
      69,
      /http:\/\/127\.0\.0\.1:1\//
    ],
    [
      "an invalid setting",
      ["serve"],
      { KUBERNAUT_PORT: "http", KUBERNAUT_PROT: "1" },
      78,
      /2 problems:[\s\S]*KUBERNAUT_PORT: expected[\s\S]*did you mean KUBERNAUT_PORT/
    ],
    [
      "a missing configuration file",
      ["serve"],
      { KUBERNAUT_CONFIG: "/nonexistent.yaml" },
      78,
      /KUBERNAUT_CONFIG: cannot read/
    ],
    ["a missing tokens file", ["serve"], { KUBERNAUT_TOKENS_FILE: "/nonexistent.yaml" }, 78, /KUBERNAUT_TOKENS_FILE/],
    [
      "a non-loopback address without tokens",
      ["serve"],
      { KUBERNAUT_HOST: "0.0.0.0" },
      78,
      /KUBERNAUT_TOKENS_FILE: required/
    ],
    [
      "an invalid certificate",
      ["serve"],
      { KUBERNAUT_TLS_CERT: crashLoop, KUBERNAUT_TLS_KEY: crashLoop },
      78,
      /KUBERNAUT_TLS_CERT: expected a certificate/
    ],
    [
      "a PostgreSQL URL",
      ["serve"],
      { KUBERNAUT_DATABASE_URL: "postgres://u:hunter2@h/d" },
      78,
      /PostgreSQL is not supported in this version/
    ]
  ]
  for (const [name, args, environment, code, stderr] of codes) {
    it.live(
      `exits with ${code} on ${name}, with the reason and no stack trace on standard error`,
      () =>
        Effect.gen(function* () {
          const ended = yield* run(args, environment)
          assert.strictEqual(ended.code, code, ended.stderr)
          assert.match(ended.stderr, stderr)
          assert.notMatch(ended.stderr, /\n\s+at |hunter2/)
        }),
      180_000
    )
  }

  it.live(
    "serve starts despite an invalid variable of OpenTelemetry, and warns once without a secret",
    () =>
      Effect.gen(function* () {
        const { child, ended, said } = yield* serve({
          OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
          OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1?token=hunter2"
        })
        yield* said(/"message":"Kubernaut is ready".*"traces":"http:\/\/127\.0\.0\.1:1\/v1\/traces"/)
        child.kill("SIGTERM")
        const { stderr } = yield* ended
        assert.lengthOf(stderr.match(/"variable":"OTEL_EXPORTER_OTLP_PROTOCOL"/g) ?? [], 1)
        assert.match(stderr, /expected http\/protobuf or http\/json, got \\"grpc\\"/)
        assert.notInclude(stderr, "hunter2")
      }),
    180_000
  )

  it.live(
    "doctor reports an invalid variable and checks the receiver of traces, and shows no query of an address",
    () =>
      Effect.gen(function* () {
        const { url } = yield* serve()
        const ended = yield* run(["doctor", "--json"], {
          OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
          OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/livez?token=hunter2`
        })
        const { findings } = lastLine(ended) as {
          readonly findings: ReadonlyArray<{ readonly check: string; readonly result: string }>
        }
        const found = findings.map(({ check, result }) => `${check} ${result}`)
        assert.includeMembers(found, ["OTEL_EXPORTER_OTLP_PROTOCOL warning", "traces ok"])
        assert.include(ended.stdout, `${url}/livez is reachable`)
        assert.notInclude(ended.stdout + ended.stderr, "hunter2")
      }),
    180_000
  )

  it.live(
    "rulebook check and serve refuse an invalid rulebook with file and line, and check accepts a valid one",
    () =>
      Effect.gen(function* () {
        const path = yield* directory
        const wrong = join(path, "wrong.yaml")
        const right = join(path, "right.yaml")
        writeFileSync(
          wrong,
          "version: 1\nrules:\n  - name: x\n    match: { alerts: [A] }\n    cause: c\n    action: { type: DeleteEverything }\n"
        )
        writeFileSync(
          right,
          "version: 1\nextends: none\nrules:\n  - name: x\n    match: { alerts: [A] }\n    cause: c\n    action: { type: Notify }\n    check: c\n"
        )
        const checked = yield* run(["rulebook", "check", wrong])
        assert.strictEqual(checked.code, 78)
        assert.match(checked.stderr, /wrong\.yaml:6:\d+: /)
        const started = yield* run(["serve"], { KUBERNAUT_RULEBOOK: wrong })
        assert.strictEqual(started.code, 78)
        assert.match(started.stderr, /KUBERNAUT_RULEBOOK: .*wrong\.yaml:6/)
        const fine = yield* run(["rulebook", "check", right, "--json"])
        assert.strictEqual(fine.code, 0, fine.stderr)
        assert.deepStrictEqual(lastLine(fine), { file: right, rules: 1 })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "alert post, remediations list and show, status and audit verify print JSON in the last line",
    () =>
      Effect.gen(function* () {
        const { url } = yield* serve()
        const json = (...args: ReadonlyArray<string>) =>
          Effect.map(run([...args, "--url", url, "--json"]), (ended) => ({ ...ended, value: lastLine(ended) }))
        const posted = yield* json("alert", "post", crashLoop, "--wait")
        assert.strictEqual(posted.code, 0, posted.stderr)
        const { remediations } = posted.value as {
          readonly remediations: ReadonlyArray<{ readonly id: string; readonly state: string }>
        }
        assert.deepStrictEqual(
          remediations.map(({ state }) => state),
          ["Remediated"]
        )
        const id = remediations[0]?.id ?? ""
        const [listed, shown, status, audit] = yield* Effect.all(
          [json("remediations", "list"), json("remediations", "show", id), json("status"), json("audit", "verify")],
          { concurrency: 2 }
        )
        assert.deepInclude((listed.value as { readonly remediations: ReadonlyArray<object> }).remediations[0], {
          id,
          state: "Remediated"
        })
        assert.deepInclude(shown.value as object, { id, state: "Remediated" })
        assert.deepInclude(status.value as object, { level: 0, cluster: "sandbox", mode: "auto" })
        assert.deepStrictEqual(audit.value, { intact: true })
        const text = yield* run(["remediations", "show", id, "--url", url])
        assert.match(text.stdout, /RollbackDeployment on Deployment shop\/checkout[\s\S]*Verification: fixed/)
        const unknown = yield* run(["approve", "rem-nope", "--url", url])
        assert.strictEqual(unknown.code, 1)
        assert.match(unknown.stderr, /no remediation rem-nope/)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "exits with 77 on a missing or unknown token, and with 0 on a valid one in the environment",
    () =>
      Effect.gen(function* () {
        const tokens = join(yield* directory, "tokens.yaml")
        writeFileSync(tokens, "- { name: alice, role: operator, token: 0123456789abcdef }\n")
        const { url } = yield* serve({ KUBERNAUT_TOKENS_FILE: tokens })
        assert.strictEqual((yield* run(["status", "--url", url])).code, 77)
        assert.strictEqual((yield* run(["status", "--url", url, "--token", "fedcba9876543210"])).code, 77)
        assert.strictEqual(
          (yield* run(["status"], { KUBERNAUT_URL: url, KUBERNAUT_TOKEN: "0123456789abcdef" })).code,
          0
        )
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "exits with 0 after SIGTERM, and with 69 on a port that is in use",
    () =>
      Effect.gen(function* () {
        const first = yield* serve()
        const second = yield* run(["serve"], {
          KUBERNAUT_PORT: new URL(first.url).port,
          KUBERNAUT_DATABASE_URL: "sqlite::memory:"
        })
        assert.strictEqual(second.code, 69, second.stderr)
        assert.match(second.stderr, /Cannot listen on 127\.0\.0\.1:\d+/)
        first.child.kill("SIGTERM")
        const ended = yield* first.ended
        assert.strictEqual(ended.code, 0)
        assert.match(ended.stderr, /Kubernaut has stopped/)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "exits at once on a second SIGTERM, even while a request is arriving",
    () =>
      Effect.gen(function* () {
        const { child, ended, said, url } = yield* serve({ KUBERNAUT_LOG_LEVEL: "info" })
        const socket = connect(Number(new URL(url).port), "127.0.0.1")
        yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
        yield* Effect.callback<void>((resume) => {
          socket.write(
            "POST /api/v1/alerts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n{"
          )
          // The server has started the request when it responds with 100 Continue.
          socket.once("data", () => resume(Effect.void))
        })
        child.kill("SIGTERM")
        yield* said(/Kubernaut is stopping/)
        child.kill("SIGTERM")
        const { code, stderr } = yield* ended
        assert.strictEqual(code, 143)
        assert.notMatch(stderr, /has stopped/)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "config lists settings of the service and of OpenTelemetry, and --values prints values without secrets",
    () =>
      Effect.gen(function* () {
        const listed = yield* run(["config", "--json"])
        const options = lastLine(listed) as ReadonlyArray<{ readonly environment: string }>
        assert.includeMembers(
          options.map(({ environment }) => environment),
          ["KUBERNAUT_PORT", "KUBERNAUT_LLM_PROVIDERS", "OTEL_EXPORTER_OTLP_ENDPOINT"]
        )
        const shown = yield* run(["config", "--values"], {
          KUBERNAUT_HOLMESGPT_URL: "http://h",
          KUBERNAUT_HOLMESGPT_API_KEY: "hunter2",
          KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"openai","model":"m","key":"hunter2"}]`
        })
        assert.strictEqual(shown.code, 0, shown.stderr)
        assert.match(shown.stdout, /holmesgpt_api_key: "<redacted>"/)
        assert.notInclude(shown.stdout, "hunter2")
      }),
    180_000
  )

  it.live(
    "archive requires a database and an age of a week, and --check accepts an empty archive",
    () =>
      Effect.gen(function* () {
        const folder = yield* directory
        const environment = { KUBERNAUT_DATABASE_URL: `sqlite:${join(folder, "kubernaut.db")}` }
        const missing = yield* run(["archive"], environment)
        assert.deepStrictEqual([missing.code, missing.stdout], [1, ""])
        assert.match(missing.stderr, /There is no database/)
        yield* run(["archive", "--older-than", "1 day"], environment).pipe(
          Effect.tap(({ code, stderr }) =>
            Effect.sync(() => {
              assert.strictEqual(code, 2)
              assert.match(stderr, /7 days or more/)
            })
          )
        )
        writeFileSync(join(folder, "kubernaut.db"), "")
        assert.deepInclude(yield* run(["archive", "--json"], environment), {
          code: 0,
          stdout: '{"remediations":0,"auditLines":0,"files":[]}\n'
        })
        assert.include((yield* run(["archive", "--check"], environment)).stdout, "complete and unchanged")
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "archive leaves a database of an earlier version, or of another program, as it is",
    () =>
      Effect.gen(function* () {
        const version1 = readFileSync(join(import.meta.dirname, "../storage/sqlite/version1.sql"), "utf8")
        for (const [sql, said] of [
          [version1, /has schema version 1.*Start the service/],
          ["create table notes (text)", /is a database of another program/]
        ] as const) {
          const file = join(yield* directory, "kubernaut.db")
          const database = new DatabaseSync(file)
          database.exec(sql)
          database.close()
          const before = readFileSync(file)
          for (const flags of [[], ["--check"]]) {
            const ended = yield* run(["archive", ...flags], { KUBERNAUT_DATABASE_URL: `sqlite:${file}` })
            assert.strictEqual(ended.code, 1)
            assert.match(ended.stderr, said)
          }
          assert.deepStrictEqual(readFileSync(file), before)
        }
      }).pipe(Effect.scoped),
    180_000
  )
})
