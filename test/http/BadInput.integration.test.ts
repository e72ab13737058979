import { connect } from "node:net"
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { type Call, call, running } from "./runningService.ts"

class Port extends Context.Service<Port, number>()("kubernaut/test/http/BadInput.integration.test/Port") {
  static readonly layer = Layer.effect(Port, running())
}

const json = { "content-type": "application/json" }
const post = (body: string | ReadonlyArray<string>, headers: Record<string, string> = json): Call => ({
  method: "POST",
  headers,
  body
})

const alert = (index: number) => ({
  status: "firing",
  labels: {
    alertname: "KubePodCrashLooping",
    container: "app",
    namespace: "shop",
    pod: `checkout-7d4b9c6f5-${index}`,
    severity: "warning",
    job: "kube-state-metrics",
    instance: "10.0.0.1:8080",
    prometheus: "monitoring/k8s",
    uid: String(index).padStart(32, "0")
  },
  annotations: {
    description: `Pod shop/checkout-7d4b9c6f5-${index} (app) is in waiting state (reason: CrashLoopBackOff) on cluster prod.`,
    runbook_url: "https://runbooks.prometheus-operator.dev/runbooks/kubernetes/kubepodcrashlooping",
    summary: "Pod is crash looping."
  },
  startsAt: "2026-11-24T03:00:00.123Z",
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL:
    "http://prometheus-k8s-0:9090/graph?g0.expr=max_over_time%28kube_pod_container_status_waiting_reason%7Breason%3D%22CrashLoopBackOff%22%2C+job%3D%22kube-state-metrics%22%7D%5B5m%5D%29+%3E%3D+1&g0.tab=1",
  fingerprint: index.toString(16).padStart(16, "0")
})

const webhook = (alerts: ReadonlyArray<unknown>) =>
  JSON.stringify({ version: "4", status: "firing", receiver: "kubernaut", groupLabels: {}, alerts })

const alerts = "/api/v1/alerts"
const breaker = "/api/v1/breakers/kubernetes"
const put = (body: unknown): Call => ({ method: "PUT", headers: json, body: JSON.stringify(body) })
const tenMegabytes = "a".repeat(10_000_000)

const table: ReadonlyArray<
  readonly [name: string, path: string, call: Call, status: number, detail: RegExp, header?: readonly [string, string]]
> = [
  ["malformed JSON", alerts, post("{"), 400, /not JSON/],
  ["an empty body", alerts, post(""), 400, /empty/],
  ["a body of another content type", alerts, post("x", { "content-type": "text/plain" }), 415, /application\/json/],
  ["a body of null", alerts, post("null"), 400, /Alertmanager webhook/],
  ["a body that is an array", alerts, post("[]"), 400, /Alertmanager webhook/],
  ["another version of the format", alerts, post(webhook([]).replace('"4"', '"3"')), 400, /body version/],
  [
    "a label that is an object",
    alerts,
    post(webhook([{ ...alert(1), labels: { a: { b: 1 } } }])),
    400,
    /alerts\[0\]\.labels\.a/
  ],
  [
    "an alert without a start",
    alerts,
    post(webhook([{ ...alert(1), startsAt: undefined }])),
    400,
    /alerts\[0\]\.startsAt/
  ],
  ["a start that is not a timestamp", alerts, post(webhook([{ ...alert(1), startsAt: "yesterday" }])), 400, /RFC 3339/],
  [
    "more than 10,000 alerts",
    alerts,
    post(
      webhook(
        Array.from({ length: 10_001 }, () => ({ status: "firing", labels: {}, startsAt: "2026-11-24T03:00:00Z" }))
      )
    ),
    400,
    /at most 10000/
  ],
  [
    "a deeply nested body",
    alerts,
    post(`${"[".repeat(100_000)}${"]".repeat(100_000)}`),
    400,
    /Alertmanager webhook|not JSON/
  ],
  ["a body of 10 MB", alerts, post(tenMegabytes), 413, /9437184 bytes/, ["connection", "close"]],
  [
    "a body of 10 MB without a content length",
    alerts,
    post([tenMegabytes]),
    413,
    /9437184 bytes/,
    ["connection", "close"]
  ],
  [
    "a body of 10 MB on a route with small bodies",
    "/api/v1/remediations/x/approve",
    post(tenMegabytes),
    413,
    /9437184 bytes/
  ],
  ["an unknown route", "/api/v1/nope", {}, 404, /no route \/api\/v1\/nope/],
  ["an unknown page", "/nope?x=1", {}, 404, /no route \/nope/],
  ["a route of a later version", "/api/v1/forecasts", {}, 404, /no route/],
  ["a method that the route does not support", alerts, { method: "DELETE" }, 405, /supports POST/, ["allow", "POST"]],
  ["a method that no route supports", "/", { method: "TRACE" }, 405, /supports GET, HEAD/, ["allow", "GET, HEAD"]],
  ["a path with an invalid escape", "/api/v1/remediations/%zz", {}, 400, /not well-formed/],
  ["an unknown remediation", "/api/v1/remediations/rem-nope", {}, 404, /no remediation rem-nope/],
  [
    "an approval of an unknown remediation",
    "/api/v1/remediations/rem-nope/approve",
    { method: "POST" },
    404,
    /no remediation/
  ],
  ["a malformed approval", "/api/v1/remediations/rem-nope/approve", post("{"), 400, /valid JSON/],
  [
    "a rejection with an invalid field",
    "/api/v1/remediations/rem-nope/reject",
    post(`{"reason":1}`),
    400,
    /body reason/
  ],
  [
    "a limit that is not a number",
    "/api/v1/remediations?limit=many",
    {},
    400,
    /query limit: Expected a whole number from 1 to 500/
  ],
  ["a limit out of range", "/api/v1/remediations?limit=501", {}, 400, /from 1 to 500/],
  ["a malformed cursor", "/api/v1/remediations?cursor=garbage", {}, 400, /query cursor: Expected the nextCursor/],
  ["an unknown state", "/api/v1/remediations?state=Sleeping", {}, 400, /query state/],
  ["an invalid audit position", "/api/v1/audit?after=-1", {}, 400, /query after/],
  ["a breaker override without a duration", breaker, put({ mode: "isolated", reason: "x" }), 400, /body for/],
  [
    "a breaker override that is too long",
    breaker,
    put({ mode: "isolated", for: "25 hours", reason: "x" }),
    400,
    /at most 24 hours/
  ],
  [
    "a breaker override of zero duration",
    breaker,
    put({ mode: "forced-closed", for: "0 seconds", reason: "x" }),
    400,
    /more than 0/
  ],
  ["a breaker override without a reason", breaker, put({ mode: "auto", reason: "" }), 400, /body reason/],
  ["an unknown breaker mode", breaker, put({ mode: "open", for: "1 minute", reason: "x" }), 400, /body/],
  ["an unknown breaker", "/api/v1/breakers/nope", put({ mode: "auto", reason: "x" }), 404, /breakers are kubernetes/],
  ["a host name that is not loopback", "/api/v1/status", { headers: { host: "rebound.example" } }, 403, /localhost/],
  [
    "a request from a page of another site",
    alerts,
    post(webhook([]), { ...json, origin: "https://evil.example" }),
    403,
    /other sites/
  ]
]

const Problem = Schema.fromJsonString(
  Schema.Struct({ type: Schema.String, title: Schema.String, status: Schema.Int, detail: Schema.String })
)

describe("the service over real HTTP", () => {
  layer(Port.layer, { excludeTestServices: true })((it) => {
    for (const [name, path, sent, status, detail, header] of table) {
      it.effect(`refuses ${name} with ${status} and a problem without a stack trace`, () =>
        Effect.gen(function* () {
          const answer = yield* call(yield* Port, path, sent)
          assert.strictEqual(answer.status, status, answer.text)
          assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/)
          const problem = yield* Schema.decodeEffect(Problem)(answer.text)
          assert.strictEqual(problem.status, status)
          assert.match(problem.detail, detail)
          assert.match(problem.type, /^urn:kubernaut:problem:[a-z-]+$/)
          assert.notMatch(answer.text, /\.ts:|node_modules|\\n\s+at /)
          if (header !== undefined) assert.strictEqual(answer.headers[header[0]], header[1])
        })
      )
    }

    it.effect("reports at most 20 errors of one request", () =>
      Effect.gen(function* () {
        const answer = yield* call(
          yield* Port,
          alerts,
          post(webhook(Array.from({ length: 1000 }, () => ({ labels: 1 }))))
        )
        const { errors } = JSON.parse(answer.text) as { readonly errors: ReadonlyArray<unknown> }
        assert.strictEqual(errors.length, 20)
        assert.isBelow(answer.text.length, 20_000)
      })
    )

    it.effect("accepts 10,000 alerts from kube-prometheus in one request", () =>
      Effect.gen(function* () {
        const body = webhook(Array.from({ length: 10_000 }, (_, index) => alert(index)))
        assert.isBelow(body.length, 9_437_184)
        const answer = yield* call(yield* Port, alerts, post(body))
        assert.strictEqual(answer.status, 202)
        const { results } = JSON.parse(answer.text) as { readonly results: ReadonlyArray<{ readonly status: string }> }
        assert.strictEqual(results.filter(({ status }) => status === "accepted").length, 10_000)
      })
    )

    it.effect("responds with problems to data that is not HTTP and to headers that are too long", () =>
      Effect.gen(function* () {
        const port = yield* Port
        const raw = (text: string) =>
          Effect.callback<string>((resume) => {
            let answer = ""
            const socket = connect(port, "127.0.0.1", () => socket.write(text))
            socket.on("data", (chunk) => {
              answer += String(chunk)
            })
            socket.on("close", () => resume(Effect.succeed(answer)))
          })
        for (const [text, status] of [
          ["HELO\r\n\r\n", 400],
          [`GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431]
        ] as const) {
          const answer = yield* raw(text)
          assert.match(
            answer,
            new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*application/problem\\+json[\\s\\S]*"status":${status}`)
          )
        }
      })
    )
  })

  it.live("stays live and ready after every invalid request", () =>
    Effect.gen(function* () {
      const port = yield* running()
      yield* Effect.forEach(table, ([, path, sent]) => call(port, path, sent), { discard: true })
      assert.strictEqual((yield* call(port, "/livez")).status, 200)
      assert.strictEqual((yield* call(port, "/readyz")).status, 200)
    }).pipe(Effect.scoped)
  )
})
