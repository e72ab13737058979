/**
 * What every sink over HTTP keeps, shown over real HTTP on loopback: it sends what it is given, says what became of it,
 * tells nobody its secrets, and makes no markup of anybody's text.
 */

import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted, Tracer } from "effect"
import type { HttpClient } from "effect/http"
import type { Notification } from "../../src/domain/Notification.ts"
import { digestOf } from "../../src/notification/Digest.ts"
import type { Message, Sink } from "../../src/notification/NotificationSink.ts"
import * as HttpPeer from "../peers/HttpPeer.ts"

/** The secret in the address, and the one in the headers. */
export const token = "T0K3Nsecretsecret"
export const password = "hunter2hunter2"

export interface SinkPlace {
  readonly name: string
  readonly url: Redacted.Redacted
  readonly headers: Readonly<Record<string, Redacted.Redacted>>
}

export const notification = (more: Partial<Notification> = {}): Notification => ({
  key: "key-1",
  kind: "escalated",
  severity: "warning",
  at: "2026-11-24T03:00:00.000Z",
  cluster: "prod",
  title: "A person is needed",
  facts: [
    { name: "Target", value: "Deployment shop/checkout" },
    { name: "Found", value: hostile }
  ],
  remediationId: "rem-1",
  begins: { name: "escalation/rem-1", severity: "warning" },
  ...more
})

/** Text of an alert or a model that tries to be a mention, a link, and the end of what encloses it. */
export const hostile = '<!channel> <https://evil.example|log in> @here [x](https://evil.example) `*_~ & " }} {{ 1'

export const message = (more: Partial<Notification> = {}): Message => ({
  key: "key-1",
  notifications: [notification(more)]
})

export const digest = (count: number): Message => {
  const [first, ...rest] = Array.from({ length: count }, (_, index) =>
    notification({ key: `key-${index}`, remediationId: `rem-${index}` })
  )
  const notifications = [first ?? notification(), ...rest] as const
  return { key: "digest-1", notifications, digest: digestOf(notifications) }
}

const protocol: HttpPeer.Protocol = {
  reply: () => ({ status: 200, body: "ok" }),
  error: () => JSON.stringify({ error: `the token ${token} is not valid` })
}

/** Runs a test with the sink and its receiver. */
export const onLoopback = <A, E>(
  make: (place: SinkPlace) => Effect.Effect<Sink, never, HttpClient.HttpClient>,
  test: (sink: Sink, peer: HttpPeer.HttpPeer) => Effect.Effect<A, E>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const peer = yield* HttpPeer.make(protocol)
      const sink = yield* make({
        name: "ops",
        url: Redacted.make(`${peer.url}/services/${token}`),
        headers: { authorization: Redacted.make(`Bearer ${password}`) }
      })
      return yield* test(sink, peer)
    })
  ).pipe(Effect.provide(NodeHttpClient.layerUndici))

export const contract = (
  name: string,
  make: (place: SinkPlace) => Effect.Effect<Sink, never, HttpClient.HttpClient>
): void => {
  describe(`${name}, over HTTP`, () => {
    it.live("sends a message in one POST of JSON, with its own headers", () =>
      onLoopback(make, (sink, peer) =>
        Effect.gen(function* () {
          yield* sink.send(message())
          const [call, ...others] = peer.calls
          assert.deepStrictEqual(others, [])
          assert.strictEqual(call?.method, "POST")
          assert.include(call?.path, token)
          assert.match(call?.headers["content-type"] ?? "", /^application\/json/)
          assert.strictEqual(call?.headers.authorization, `Bearer ${password}`)
          assert.doesNotThrow(() => JSON.parse(call?.body ?? ""))
        })
      )
    )

    for (const [status, reason] of [
      [200, undefined],
      [202, undefined],
      [204, undefined],
      [301, "refused"],
      [400, "refused"],
      [401, "refused"],
      [403, "refused"],
      [404, "refused"],
      [408, "overloaded"],
      [410, "refused"],
      [413, "refused"],
      [422, "refused"],
      [429, "overloaded"],
      [500, "overloaded"],
      [503, "overloaded"]
    ] as const)
      it.live(`is ${reason === undefined ? "delivered" : reason} at status ${status}`, () =>
        onLoopback(make, (sink, peer) =>
          Effect.gen(function* () {
            yield* peer.setMode({ _tag: "Status", status, headers: { "retry-after": "7", location: "/elsewhere" } })
            const result = yield* Effect.result(sink.send(message()))
            const error = result._tag === "Failure" ? result.failure : undefined
            assert.strictEqual(error?.reason, reason)
            assert.strictEqual(error?.status, reason === undefined ? undefined : status)
            assert.strictEqual(error?.retryAfterMs, reason === undefined ? undefined : 7000)
            assert.strictEqual(peer.calls.length, 1)
          })
        )
      )

    it.live("is unreachable without a connection, and when the response is cut off before its head", () =>
      onLoopback(make, (sink, peer) =>
        Effect.gen(function* () {
          yield* peer.setMode({ _tag: "Down" })
          assert.strictEqual((yield* Effect.flip(sink.send(message()))).reason, "unreachable")
          assert.strictEqual((yield* Effect.flip(sink.check)).reason, "unreachable")
        })
      )
    )

    it.live("is checked without a message, and a server that fails does not pass", () =>
      onLoopback(make, (sink, peer) =>
        Effect.gen(function* () {
          yield* sink.check
          assert.deepStrictEqual(
            peer.calls.map(({ body, method }) => [method, body]),
            [["GET", ""]]
          )
          yield* peer.setMode({ _tag: "Status", status: 502 })
          yield* Effect.flip(sink.check)
        })
      )
    )

    it.live("tells no secret: in no error, in no span, and in no field of the sink", () =>
      onLoopback(make, (sink, peer) =>
        Effect.gen(function* () {
          const spans: Array<Tracer.Span> = []
          const tracer = Tracer.make({
            span: (options) => {
              const span = new Tracer.NativeSpan(options)
              spans.push(span)
              return span
            }
          })
          const texts: Array<string> = [JSON.stringify(sink)]
          for (const mode of [{ _tag: "Status", status: 401 }, { _tag: "Down" }] as const) {
            yield* peer.setMode(mode)
            for (const call of [sink.send(message()), sink.check]) {
              const exit = yield* Effect.exit(
                Effect.withSpan(Effect.provideService(call, Tracer.Tracer, tracer), "caller")
              )
              if (Exit.isFailure(exit)) texts.push(Cause.pretty(exit.cause), JSON.stringify(exit.cause))
            }
          }
          texts.push(...spans.map(({ attributes, name }) => `${name} ${JSON.stringify([...attributes])}`))
          assert.isAbove(texts.length, 4)
          for (const text of texts) {
            assert.notInclude(text, token)
            assert.notInclude(text, password)
            assert.notInclude(text, peer.url)
          }
        })
      )
    )

    it.live("names the same message in the same way each time it is sent", () =>
      onLoopback(make, (sink, peer) =>
        Effect.gen(function* () {
          yield* sink.send(digest(40))
          yield* sink.send(digest(40))
          const [first, second] = peer.calls
          const keyOf = (call: HttpPeer.Call | undefined) => call?.headers["idempotency-key"]
          assert.strictEqual(keyOf(first), keyOf(second))
        })
      )
    )
  })
}
