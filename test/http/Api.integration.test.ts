import { readFileSync } from "node:fs"
import { request } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Redacted, Schedule, Scope } from "effect"
import { call, running } from "./runningService.ts"

const crashLoop = readFileSync(new URL("../../examples/alerts/crash-loop.json", import.meta.url), "utf8")
const json = { "content-type": "application/json" }

interface Remediation {
  readonly id: string
  readonly state: string
  readonly [field: string]: unknown
}

const postCrashLoop = Effect.fnUntraced(function* (port: number, headers: Record<string, string> = {}) {
  const answer = yield* call(port, "/api/v1/alerts", {
    method: "POST",
    headers: { ...json, ...headers },
    body: crashLoop
  })
  assert.strictEqual(answer.status, 202, answer.text)
  const { results } = JSON.parse(answer.text) as {
    readonly results: ReadonlyArray<{ readonly status: string; readonly remediationId: string }>
  }
  return results[0]!
})

/** Follows the event stream until a remediation reaches a state, without polling or sleeping. */
const events = Effect.fnUntraced(function* (port: number) {
  const seen: Array<{ readonly event: string; readonly data: Record<string, unknown> }> = []
  const waiting = new Set<() => void>()
  const open = yield* Deferred.make<void>()
  const ended = yield* Deferred.make<void>()
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      request({ host: "127.0.0.1", port, path: "/api/v1/events", agent: false }, (response) => {
        let rest = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          const parts = (rest + chunk).split("\n\n")
          rest = parts.pop() ?? ""
          for (const part of parts) {
            const field = (name: string) =>
              part
                .split("\n")
                .find((line) => line.startsWith(`${name}: `))
                ?.slice(name.length + 2) ?? ""
            seen.push({ event: field("event"), data: JSON.parse(field("data")) as Record<string, unknown> })
          }
          Deferred.doneUnsafe(open, Effect.void)
          for (const check of waiting) check()
        })
        response.on("end", () => Deferred.doneUnsafe(ended, Effect.void))
      }).end()
    ),
    (sent) => Effect.sync(() => sent.destroy())
  )
  yield* Deferred.await(open)
  const until = (test: (event: (typeof seen)[number]) => boolean) =>
    Effect.callback<(typeof seen)[number]>((resume) => {
      const check = () => {
        const found = seen.find(test)
        if (found === undefined) return
        waiting.delete(check)
        resume(Effect.succeed(found))
      }
      waiting.add(check)
      check()
    })
  return { seen, until, ended: Deferred.await(ended) }
})

/** The status of a request for the event stream, which is then closed. */
const streamStatus = (port: number): Effect.Effect<number | undefined> =>
  Effect.callback((resume) => {
    const sent = request({ host: "127.0.0.1", port, path: "/api/v1/events", agent: false }, (response) => {
      sent.destroy()
      resume(Effect.succeed(response.statusCode))
    }).end()
  })

const inState =
  (id: string, state: string) =>
  ({ data, event }: { readonly event: string; readonly data: Record<string, unknown> }) =>
    event === "remediation" && data["id"] === id && data["state"] === state

const get = Effect.fnUntraced(function* (port: number, path: string) {
  const answer = yield* call(port, path)
  assert.strictEqual(answer.status, 200, answer.text)
  return JSON.parse(answer.text) as unknown
})

describe("the service over HTTP", () => {
  it.live(
    "an alert is remediated with every stage on record, and the same alert again is a duplicate",
    () =>
      Effect.gen(function* () {
        const port = yield* running()
        const stream = yield* events(port)
        const { remediationId, status } = yield* postCrashLoop(port)
        assert.strictEqual(status, "accepted")
        yield* stream.until(inState(remediationId, "Remediated"))
        const found = (yield* get(port, `/api/v1/remediations/${remediationId}`)) as Remediation
        assert.deepInclude(found, { id: remediationId, state: "Remediated", level: 0 })
        assert.containsAllKeys(found, [
          "alert",
          "target",
          "hops",
          "investigation",
          "decision",
          "executions",
          "verification",
          "traceId",
          "events"
        ])
        assert.notProperty(found, "spanId")
        assert.deepInclude((found["hops"] as ReadonlyArray<object>)[0], {
          investigator: "rules",
          outcome: "answered",
          attempts: 1
        })
        assert.deepInclude(found["decision"] as object, { outcome: "execute" })
        assert.deepInclude(found["verification"] as object, { verdict: "fixed" })
        const journal = found["events"] as ReadonlyArray<{ readonly sequence: number; readonly kind: string }>
        assert.strictEqual(journal[0]?.kind, "Accepted")
        assert.strictEqual(journal.at(-1)?.kind, "Concluded")
        assert.deepStrictEqual(
          journal.map(({ sequence }) => sequence),
          journal.map((_, index) => index + (journal[0]?.sequence ?? 0))
        )
        const again = yield* postCrashLoop(port)
        assert.deepInclude(again, { status: "duplicate", remediationId })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "an approved action is executed, its approver is recorded, and a second review is refused",
    () =>
      Effect.gen(function* () {
        const port = yield* running({ environment: { KUBERNAUT_MODE: "approve" } })
        const stream = yield* events(port)
        const { remediationId: id } = yield* postCrashLoop(port)
        yield* stream.until(inState(id, "AwaitingReview"))
        const { reviews } = (yield* get(port, "/api/v1/reviews")) as {
          readonly reviews: ReadonlyArray<{ readonly id: string; readonly action: { readonly type: string } }>
        }
        assert.deepInclude(reviews[0], { id })
        const approved = yield* call(port, `/api/v1/remediations/${id}/approve`, { method: "POST" })
        assert.strictEqual(approved.status, 202, approved.text)
        yield* stream.until(inState(id, "Executing"))
        const twice = yield* call(port, `/api/v1/remediations/${id}/reject`, { method: "POST" })
        assert.strictEqual(twice.status, 409)
        assert.match(twice.text, /urn:kubernaut:problem:conflict/)
        const found = (yield* get(port, `/api/v1/remediations/${id}`)) as { readonly review: object }
        assert.deepInclude(found.review, { answer: "approved", by: "anonymous" })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "a rejected remediation ends as Cancelled, with the reason and without an execution",
    () =>
      Effect.gen(function* () {
        const port = yield* running({ environment: { KUBERNAUT_MODE: "approve" } })
        const stream = yield* events(port)
        const { remediationId: id } = yield* postCrashLoop(port)
        yield* stream.until(inState(id, "AwaitingReview"))
        yield* call(port, `/api/v1/remediations/${id}/reject`, {
          method: "POST",
          headers: json,
          body: `{"reason":"handled manually"}`
        })
        yield* stream.until(inState(id, "Cancelled"))
        const found = (yield* get(port, `/api/v1/remediations/${id}`)) as {
          readonly executions: ReadonlyArray<unknown>
          readonly review: object
        }
        assert.deepStrictEqual(found.executions, [])
        assert.deepInclude(found.review, { answer: "rejected", reason: "handled manually" })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "a breaker override appears in status, events and audit, and the audit chain stays intact",
    () =>
      Effect.gen(function* () {
        const port = yield* running()
        const stream = yield* events(port)
        const isolated = yield* call(port, "/api/v1/breakers/kubernetes", {
          method: "PUT",
          headers: json,
          body: JSON.stringify({ mode: "isolated", for: "10 minutes", reason: "maintenance" })
        })
        assert.strictEqual(isolated.status, 200, isolated.text)
        yield* stream.until(({ data, event }) => event === "breaker" && data["to"] === "Isolated")
        const status = (yield* get(port, "/api/v1/status")) as {
          readonly components: ReadonlyArray<{ readonly name: string }>
        }
        const kubernetes = status.components.find(({ name }) => name === "kubernetes") as unknown as {
          readonly status: string
          readonly breaker: object
        }
        assert.strictEqual(kubernetes.status, "down")
        assert.deepInclude(kubernetes.breaker, { state: "isolated", reason: "maintenance" })
        const back = yield* call(port, "/api/v1/breakers/kubernetes", {
          method: "PUT",
          headers: json,
          body: `{"mode":"auto","reason":"done"}`
        })
        assert.strictEqual(back.status, 200, back.text)
        const { events: audit, next } = (yield* get(port, "/api/v1/audit?after=0")) as {
          readonly events: ReadonlyArray<{ readonly kind: string; readonly actor: string; readonly data: object }>
          readonly next: number
        }
        assert.deepStrictEqual(
          audit.map(({ actor, data, kind }) => ({ actor, data, kind })),
          [
            { actor: "anonymous", kind: "breaker.isolated", data: { reason: "maintenance", for: "10 minutes" } },
            { actor: "anonymous", kind: "breaker.auto", data: { reason: "done" } }
          ]
        )
        assert.deepStrictEqual(yield* get(port, `/api/v1/audit?after=${next}`), { events: [], next })
        assert.deepStrictEqual(yield* get(port, "/api/v1/audit/verification"), { intact: true })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "each role permits its own requests, and without a token only health, metrics, docs and console are readable",
    () =>
      Effect.gen(function* () {
        const tokens = (["source", "viewer", "operator"] as const).map((role) => ({
          name: role,
          role,
          token: Redacted.make(`${role}-token-0123456789`)
        }))
        const port = yield* running({ tokens })
        const bearer = (role: string) => ({ authorization: `Bearer ${role}-token-0123456789` })
        const status = (path: string, headers: Record<string, string>, method = "GET") =>
          Effect.map(
            call(port, path, {
              method,
              headers: method === "POST" ? { ...json, ...headers } : headers,
              ...(method === "POST" ? { body: "{}" } : {})
            }),
            (answer) => answer.status
          )
        const routes = [
          ["/api/v1/alerts", "POST"],
          ["/api/v1/status", "GET"],
          ["/api/v1/remediations/x/approve", "POST"]
        ] as const
        const table: Record<string, ReadonlyArray<number>> = {}
        for (const role of ["source", "viewer", "operator", "nobody"]) {
          table[role] = yield* Effect.forEach(routes, ([path, method]) => status(path, bearer(role), method))
        }
        table["none"] = yield* Effect.forEach(routes, ([path, method]) => status(path, {}, method))
        assert.deepStrictEqual(table, {
          source: [400, 403, 403],
          viewer: [403, 200, 403],
          operator: [400, 200, 404],
          nobody: [401, 401, 401],
          none: [401, 401, 401]
        })
        for (const path of ["/livez", "/readyz", "/healthz", "/metrics", "/openapi.json", "/docs", "/"])
          assert.strictEqual(yield* status(path, {}), 200, path)
        const unauthorized = yield* call(port, "/api/v1/status")
        assert.strictEqual(unauthorized.headers["www-authenticate"], `Bearer realm="kubernaut"`)
        assert.notInclude(unauthorized.text, "0123456789")
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "health lists its checks, and pages load nothing from other origins",
    () =>
      Effect.gen(function* () {
        const port = yield* running()
        assert.deepInclude(yield* call(port, "/livez"), { status: 200, text: "ok" })
        assert.match((yield* call(port, "/readyz?verbose")).text, /\[\+\]storage ok\nreadyz check passed/)
        for (const path of ["/", "/?x=1", "/docs", "/docs/", "/docs?x=1", "/docs/?x=1"]) {
          const { headers, text } = yield* call(port, path)
          assert.strictEqual(headers["x-content-type-options"], "nosniff")
          assert.match(String(headers["content-security-policy"]), /default-src 'none'.*connect-src 'self'/)
          assert.notMatch(text, /<(script|link|img)[^>]+(src|href)="(https?:)?\/\//)
        }
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "a flood of requests without a token gets 429 with Retry-After, while the API keeps responding",
    () =>
      Effect.gen(function* () {
        const port = yield* running()
        const answers = yield* Effect.forEach(Array.from({ length: 150 }), () => call(port, "/livez"), {
          concurrency: 30
        })
        const refused = answers.filter(({ status }) => status === 429)
        assert.isNotEmpty(refused)
        assert.strictEqual(refused[0]?.headers["retry-after"], "1")
        assert.strictEqual((yield* call(port, "/api/v1/status")).status, 200)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "one token opens at most 50 event streams, the next gets 429, and a closed stream frees its place",
    () =>
      Effect.gen(function* () {
        const port = yield* running()
        const scope = yield* Scope.make()
        yield* Effect.forEach(Array.from({ length: 50 }), () => Scope.provide(events(port), scope), {
          concurrency: 10,
          discard: true
        })
        const refused = yield* call(port, "/api/v1/events")
        assert.strictEqual(refused.status, 429)
        assert.strictEqual(refused.headers["retry-after"], "30")
        yield* Scope.close(scope, Exit.void)
        // The server learns of a closed connection a moment after the client.
        yield* Effect.repeat(streamStatus(port), {
          until: (status) => status === 200,
          schedule: Schedule.spaced("50 millis")
        })
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "a shutdown ends event streams and refuses new connections",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const port = yield* Scope.provide(running(), scope)
        const stream = yield* events(port)
        const stopping = yield* Effect.forkChild(Scope.close(scope, Exit.void))
        yield* stream.ended
        yield* Fiber.join(stopping)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(call(port, "/livez"))))
      }).pipe(Effect.scoped),
    180_000
  )
})
