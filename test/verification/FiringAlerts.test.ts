import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Tracer } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { Alert } from "../../src/domain/Alert.ts"
import * as FiringAlerts from "../../src/verification/FiringAlerts.ts"

const alert: Alert = {
  fingerprint: "f00d",
  name: 'Say "hi"',
  severity: "critical",
  labels: {},
  annotations: {},
  startsAt: "2027-01-15T08:00:00.000Z"
}

const entry = { fingerprint: "f00d", status: { state: "suppressed" } }
const other = { fingerprint: "beef", status: { state: "active" } }
const process = (uptime: string, name?: string) => ({
  uptime,
  cluster: { status: "ready", peers: [], ...(name === undefined ? {} : { name }) }
})

const alertmanager = (client: HttpClient.HttpClient) =>
  FiringAlerts.layerAlertmanager({ url: "http://alertmanager:9093/am/" }).pipe(
    Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
  )

interface Answers {
  /** Responses by path, in turn; the last one repeats. A string is not JSON, and a number is a status. */
  readonly alerts: ReadonlyArray<unknown>
  readonly status: ReadonlyArray<unknown>
}

const look = ({ alerts, status }: Answers, asked: Array<URL> = []) => {
  const turns = { alerts: 0, status: 0 }
  const client = HttpClient.make((request, url) =>
    Effect.sync(() => {
      asked.push(url)
      const path = url.pathname === "/am/api/v2/alerts" ? "alerts" : "status"
      const answers = path === "alerts" ? alerts : status
      const answer = answers[Math.min(turns[path]++, answers.length - 1)]
      return HttpClientResponse.fromWeb(
        request,
        typeof answer === "number"
          ? new Response("no", { status: answer })
          : new Response(typeof answer === "string" ? answer : JSON.stringify(answer), {
              headers: { "content-type": "application/json" }
            })
      )
    })
  )
  return withTime(
    Effect.flatMap(FiringAlerts.FiringAlerts, (firing) => firing.look(alert)).pipe(Effect.provide(alertmanager(client)))
  )
}

/** Lets time pass for the waits between attempts. */
const withTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* TestClock.adjust("5 seconds")
    return yield* Fiber.join(fiber)
  })

const started = process("2027-01-15T07:00:00.000Z", "01A")

const silent: ReadonlyArray<readonly [claim: string, Answers]> = [
  ["responds with an error", { alerts: [500], status: [started] }],
  ["has no such path", { alerts: [404], status: [404] }],
  ["responds with a page instead of a list", { alerts: ["<html>"], status: [started] }],
  ["responds with JSON that is no list", { alerts: [{ status: "success", data: [] }], status: [started] }],
  ["lists entries without a fingerprint", { alerts: [[{ labels: {} }]], status: [started] }],
  ["responds with a truncated list", { alerts: ['[{"fingerprint":"f0'], status: [started] }],
  ["does not tell its identity", { alerts: [[]], status: [503] }],
  ["tells an identity that makes no sense", { alerts: [[]], status: [{ status: "ok" }] }],
  ["has no identity, so that its restart goes unnoticed, and lists nothing", { alerts: [[]], status: [404] }],
  ["starts again between two requests", { alerts: [[]], status: [started, process("2027-01-15T08:00:01.000Z", "01B")] }]
]

describe("Alertmanager's list of alerts", () => {
  it.effect("is read without spans, because a verification reads it often, unless it cannot be read", () =>
    Effect.gen(function* () {
      const spansOf = (answers: Answers) =>
        Effect.gen(function* () {
          const spans: Array<Tracer.NativeSpan> = []
          const tracer = Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              spans.push(span)
              return span
            }
          })
          yield* look(answers).pipe(Effect.withSpan("verify"), Effect.withTracer(tracer))
          return spans.map(({ attributes, name }) => [name, attributes.get("kubernaut.request")])
        })
      assert.deepStrictEqual(yield* spansOf({ alerts: [[entry]], status: [started] }), [["verify", undefined]])
      assert.deepStrictEqual(yield* spansOf({ alerts: [404], status: [started] }), [
        ["verify", undefined],
        ["attempt", "list alerts"]
      ])
    })
  )

  it.effect("shows that an alert fires, even if it is suppressed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* look({ alerts: [[other, entry]], status: [started] }), {
        _tag: "Listed",
        instance: "2027-01-15T07:00:00.000Z 01A"
      })
    })
  )

  it.effect("shows that an alert is absent", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* look({ alerts: [[other]], status: [started] }))._tag, "Absent")
      assert.strictEqual((yield* look({ alerts: [[]], status: [started] }))._tag, "Absent")
    })
  )

  it.effect("is of another instance after a restart, with or without a cluster", () =>
    Effect.gen(function* () {
      const of = (status: unknown) => look({ alerts: [[entry]], status: [status] })
      const sightings = [
        yield* of(process("2027-01-15T07:00:00.000Z")),
        yield* of(process("2027-01-15T07:00:01.000Z")),
        yield* of(process("2027-01-15T07:00:00.000Z", "01A")),
        yield* of(process("2027-01-15T07:00:00.000Z", "01B"))
      ]
      assert.strictEqual(new Set(sightings.map((sighting) => "instance" in sighting && sighting.instance)).size, 4)
    })
  )

  it.effect("is used although the server tells no identity, because it has no such path", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* look({ alerts: [[entry]], status: [404] }), { _tag: "Listed", instance: "" })
    })
  )

  it.effect.each([401, 403, 405, "<html>", { status: "ok" }])(
    "shows that an alert fires although the identity of the server can't be read: %j",
    (status) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* look({ alerts: [[entry]], status: [status] }), { _tag: "Listed", instance: "" })
      })
  )

  it.effect.each(silent)("says nothing where the server %s", ([_claim, answers]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* look(answers), { _tag: "Silent" })
    })
  )

  it.effect("is asked for all alerts of the name, whatever their state", () =>
    Effect.gen(function* () {
      const asked: Array<URL> = []
      yield* look({ alerts: [[entry]], status: [started] }, asked)
      const query = asked.find(({ pathname }) => pathname.endsWith("/alerts"))!.searchParams
      assert.deepStrictEqual(Object.fromEntries(query), {
        filter: String.raw`alertname="Say \"hi\""`,
        active: "true",
        silenced: "true",
        inhibited: "true"
      })
    })
  )

  it.effect("says nothing if it takes longer than five seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(FiringAlerts.FiringAlerts, (firing) => firing.look(alert)).pipe(
          Effect.provide(alertmanager(HttpClient.make(() => Effect.never)))
        )
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { _tag: "Silent" })
    })
  )

  it.effect("is not asked while the circuit is open, and is probed afterwards", () =>
    Effect.gen(function* () {
      let requests = 0
      let isUp = false
      const client = HttpClient.make((request, url) =>
        Effect.sync(() => {
          requests++
          const body = url.pathname.endsWith("/alerts") ? [entry] : started
          return HttpClientResponse.fromWeb(request, isUp ? Response.json(body) : new Response("", { status: 503 }))
        })
      )
      yield* Effect.gen(function* () {
        const { circuitBreaker, look } = yield* FiringAlerts.FiringAlerts
        for (let call = 0; call < 3; call++) yield* withTime(look(alert))
        assert.strictEqual(circuitBreaker?.tagUnsafe, "Open")
        assert.strictEqual(requests, 5)
        isUp = true
        assert.deepStrictEqual(yield* look(alert), { _tag: "Silent" })
        assert.strictEqual(requests, 5)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* look(alert))._tag, "Listed")
      }).pipe(Effect.provide(alertmanager(client)))
    })
  )

  it.effect("keeps its circuit closed when it refuses the request, which says nothing about its health", () =>
    Effect.gen(function* () {
      const client = HttpClient.make((request) =>
        Effect.sync(() => HttpClientResponse.fromWeb(request, new Response("", { status: 401 })))
      )
      yield* Effect.gen(function* () {
        const { circuitBreaker, look } = yield* FiringAlerts.FiringAlerts
        for (let call = 0; call < 20; call++) assert.deepStrictEqual(yield* look(alert), { _tag: "Silent" })
        assert.strictEqual(circuitBreaker?.tagUnsafe, "Closed")
      }).pipe(Effect.provide(alertmanager(client)))
    })
  )

  it.effect("is not taken out by a probe that it answers: refused, it responds; limited, nothing was found out", () =>
    Effect.gen(function* () {
      const probed = (status: number) =>
        Effect.flatMap(FiringAlerts.FiringAlerts, ({ probe }) => Effect.exit(probe!)).pipe(
          Effect.map((exit) => (exit._tag === "Success" ? "responds" : JSON.stringify(exit.cause.reasons))),
          Effect.provide(
            alertmanager(
              HttpClient.make((request) =>
                Effect.succeed(HttpClientResponse.fromWeb(request, new Response("", { status })))
              )
            )
          )
        )
      assert.strictEqual(yield* probed(401), "responds")
      assert.strictEqual(yield* probed(404), "responds")
      assert.include(yield* probed(429), '"countsAsFailure":false')
      assert.include(yield* probed(503), '"countsAsFailure":true')
    })
  )

  it.effect("says whether any alert of a name is listed, also without knowing which process answers", () =>
    Effect.gen(function* () {
      const listing = (alerts: ReadonlyArray<unknown> | number) =>
        withTime(
          Effect.flatMap(FiringAlerts.FiringAlerts, ({ lists }) =>
            lists!("Watchdog", ({ cluster = "prod" }) => cluster === "prod")
          ).pipe(
            Effect.provide(
              alertmanager(
                HttpClient.make((request) =>
                  Effect.succeed(
                    HttpClientResponse.fromWeb(
                      request,
                      typeof alerts === "number"
                        ? new Response("no", { status: alerts })
                        : new Response(JSON.stringify(alerts), { headers: { "content-type": "application/json" } })
                    )
                  )
                )
              )
            )
          )
        )
      assert.strictEqual(yield* listing([other]), true)
      assert.strictEqual(yield* listing([]), false)
      assert.strictEqual(yield* listing([{ ...other, labels: { cluster: "staging" } }]), false, "of another cluster")
      assert.isUndefined(yield* listing(401), "a refusal does not say that it is absent")
    })
  )
})
