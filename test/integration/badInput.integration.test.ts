/**
 * Invalid input is rejected with an explanation and has no effect on the process. `test/http/BadInput` covers every
 * kind of invalid request. This test checks the state of the real process afterwards, and starts it with invalid
 * settings.
 */

import { writeFileSync } from "node:fs"
import { request } from "node:http"
import { type AddressInfo, connect, createServer, type Server } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { webhookAbout } from "../intake/webhooks.ts"
import {
  type Answer,
  type Ended,
  exampleAlert,
  type Request,
  run,
  type Service,
  start,
  temporaryDirectory
} from "./Service.ts"

const alerts = "/api/v1/alerts"

const valid = webhookAbout([{ alertname: "KubePodCrashLooping" }, { alertname: "Watchdog" }])

const wrong: ReadonlyArray<readonly [claim: string, path: string, request: Request, status: number, says: RegExp]> = [
  ["half a body", alerts, { body: JSON.stringify(valid).slice(0, -20) }, 400, /not JSON/],
  [
    "an invalid alert beside a valid one",
    alerts,
    { json: { ...valid, alerts: [valid.alerts[0], { ...valid.alerts[1], startsAt: "yesterday" }] } },
    400,
    /alerts\[1\]\.startsAt/
  ],
  ["10 MB", alerts, { body: `{"x":"${"x".repeat(10 * 1024 * 1024)}"}` }, 413, /bytes/],
  [
    "10,001 alerts",
    alerts,
    { json: webhookAbout(Array.from({ length: 10_001 }, () => ({ alertname: "A" }))) },
    400,
    /at most 10000 alerts/
  ],
  ["an unknown route", "/wp-login.php", {}, 404, /\/docs/],
  ["a method that the route does not support", alerts, { method: "DELETE" }, 405, /POST/]
]

const isProblem = ({ headers, status, text }: Answer, expected: number, says: RegExp, claim: string): void => {
  assert.strictEqual(status, expected, `${claim}: ${text.slice(0, 500)}`)
  assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/, claim)
  const problem = JSON.parse(text) as Readonly<Record<string, unknown>>
  assert.strictEqual(problem["status"], expected, claim)
  assert.match(String(problem["type"]), /^urn:kubernaut:problem:/, claim)
  assert.isNotEmpty(problem["title"], claim)
  assert.match(String(problem["detail"]), says, claim)
  assert.notMatch(text, /\bat .*\.(ts|js):\d+|node_modules|\bError:/, `${claim} shows no stack`)
  assert.isBelow(text.length, 20_000, claim)
}

/** Sends raw text to the port and returns everything that it receives until the connection closes. */
const raw = ({ url }: Service, text: string): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text))
    let answer = ""
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part
    })
    socket.once("error", () => resume(Effect.succeed(answer)))
    socket.once("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })

/** Sends a chunked body that never ends, and returns the response status. */
const endless = ({ url }: Service): Effect.Effect<number> =>
  Effect.callback((resume) => {
    const call = request(`${url}${alerts}`, {
      method: "POST",
      headers: { "content-type": "application/json", "transfer-encoding": "chunked" }
    })
    const chunk = "x".repeat(1024 * 1024)
    const end = (status: number) => {
      call.destroy()
      resume(Effect.succeed(status))
    }
    call.once("response", (response) => end(response.statusCode ?? 0))
    call.once("error", () => end(0))
    // More than the maximum body size, so that the socket buffer fills up and `drain` continues.
    const pour = (): void => {
      for (let count = 0; count < 16 && call.writable; count++) call.write(chunk)
    }
    call.on("drain", pour)
    pour()
    return Effect.sync(() => call.destroy())
  })

describe("invalid input", () => {
  it.live(
    "is rejected as a whole, and the process continues unaffected",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const service = yield* start()
          for (const [claim, path, request, status, says] of wrong)
            isProblem(yield* service.send(path, request), status, says, claim)
          assert.strictEqual(yield* endless(service), 413, "an endless body is rejected")
          for (const [claim, text] of [
            ["text that is not HTTP", "hello\r\n\r\n"],
            ["20 kB of headers", `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(20_000)}\r\n\r\n`],
            [
              "two Content-Length headers",
              `POST ${alerts} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello`
            ]
          ] as const) {
            const answer = yield* raw(service, text)
            assert.match(answer, /^HTTP\/1\.1 4\d\d /, claim)
            assert.include(answer, "application/problem+json", claim)
          }

          const remembered = yield* service.get<{ readonly remediations: ReadonlyArray<unknown> }>(
            "/api/v1/remediations"
          )
          assert.deepStrictEqual(remembered.remediations, [], "no invalid input was stored")
          assert.strictEqual((yield* service.send("/readyz")).status, 200)
          assert.deepStrictEqual(
            (yield* service.post(exampleAlert("watchdog"))).map(({ status }) => status),
            ["accepted"]
          )
          assert.notInclude(service.log(), `"level":"error"`)
        })
      ),
    180_000
  )
})

const configuration = 78
const unavailable = 69

const refuses = ({ code, stderr, stdout }: Ended, expected: number, ...says: ReadonlyArray<RegExp>): void => {
  assert.strictEqual(code, expected, stderr)
  for (const words of says) assert.match(stderr, words)
  assert.notMatch(stderr + stdout, /\bat .*\.(ts|js):\d+|node_modules/, "the output contains no stack trace")
  assert.notInclude(stderr, "Kubernaut is ready")
}

describe("invalid configuration", () => {
  it.live(
    "is reported completely, with the names and expected values of the settings and without secrets",
    () =>
      Effect.gen(function* () {
        const ended = yield* run(["serve"], {
          KUBERNAUT_HOST: "0.0.0.0",
          KUBERNAUT_PORT: "http",
          KUBERNAUT_MODE: "yolo",
          KUBERNAUT_HOLMES_URL: "http://h",
          KUBERNAUT_LLM_PROVIDERS: `[{"name":"a","kind":"gemini","model":"m","key":"sk-live-4711"}]`,
          KUBERNAUT_DATABASE_URL: "postgres://kubernaut:hunter2@db/k"
        })
        refuses(
          ended,
          configuration,
          /KUBERNAUT_PORT.*whole number/,
          /KUBERNAUT_MODE.*observe, approve or auto/,
          /KUBERNAUT_HOLMES_URL.*unknown key.*KUBERNAUT_HOLMESGPT_URL/,
          /KUBERNAUT_TOKENS_FILE.*required.*loopback/,
          /KUBERNAUT_LLM_PROVIDERS/,
          /KUBERNAUT_DATABASE_URL/
        )
        assert.notMatch(ended.stderr, /sk-live-4711|hunter2/)
      }),
    180_000
  )

  it.live(
    "in a rulebook or configuration file is reported with file, line and reason",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const file = (name: string, text: string): string => {
            const path = join(directory, name)
            writeFileSync(path, text)
            return path
          }
          const rulebook = file(
            "rules.yaml",
            "version: 1\nextends: default\nrules:\n  - name: mine\n    match: { alerts: [A] }\n    cause: It broke.\n    action: { type: DeleteEverything }\n    check: Nothing.\n"
          )
          const settings = file("kubernaut.yaml", "port: 8080\nmode: observe\nholmesgpt_timout: 30 seconds\n")
          const [badRule, badFile] = yield* Effect.all(
            [
              run(["serve"], {
                KUBERNAUT_DATABASE_URL: "sqlite::memory:",
                KUBERNAUT_PORT: "0",
                KUBERNAUT_RULEBOOK: rulebook
              }),
              run(["serve"], { KUBERNAUT_CONFIG: settings })
            ],
            { concurrency: 2 }
          )
          refuses(badRule, configuration, /KUBERNAUT_RULEBOOK/, /rules\.yaml:7/, /DeleteEverything|type/)
          refuses(badFile, configuration, /holmesgpt_timout \(.*kubernaut\.yaml:3\).*holmesgpt_timeout/)
        })
      ),
    180_000
  )

  it.live(
    "such as a port in use or a file that is not a database ends the process with an explanation",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const notADatabase = join(yield* temporaryDirectory, "text.db")
          writeFileSync(notADatabase, "This is not a database. ".repeat(100))
          const taken = yield* Effect.acquireRelease(
            Effect.callback<Server>((resume) => {
              const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
            }),
            (server) => Effect.sync(() => server.close())
          )
          const [port, database] = yield* Effect.all(
            [
              run(["serve"], {
                KUBERNAUT_PORT: String((taken.address() as AddressInfo).port),
                KUBERNAUT_DATABASE_URL: "sqlite::memory:"
              }),
              run(["serve"], { KUBERNAUT_PORT: "0", KUBERNAUT_DATABASE_URL: `sqlite:${notADatabase}` })
            ],
            { concurrency: 2 }
          )
          refuses(port, unavailable, /Cannot listen on 127\.0\.0\.1:\d+/, /KUBERNAUT_PORT/)
          refuses(database, unavailable, /Cannot open the database .*text\.db/)
        })
      ),
    180_000
  )
})
