import { createHmac } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as AlertmanagerSink from "../../src/notification/AlertmanagerSink.ts"
import { linkBelow } from "../../src/notification/RemediationLink.ts"
import * as SlackSink from "../../src/notification/SlackSink.ts"
import * as WebhookSink from "../../src/notification/WebhookSink.ts"
import { contract, digest, hostile, message, notification, onLoopback, type SinkPlace } from "./Sink.contract.ts"

const link = linkBelow("https://kubernaut.example.com/")
const secret = Redacted.make("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

const alertmanager = (place: SinkPlace) => AlertmanagerSink.make({ ...place, cluster: "prod", link })
const webhook = (place: SinkPlace) => WebhookSink.make({ ...place, secret, link })
const slack = (place: SinkPlace) => SlackSink.make({ ...place, link })

contract("Alertmanager", alertmanager)
contract("the signed webhook", webhook)
contract("Slack", slack)

describe("the signed webhook", () => {
  it.live("can be verified by the receiver from what it received, and shows untrusted text as data", () =>
    onLoopback(webhook, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(message())
        const { body, headers } = peer.calls[0]!
        const signedText = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`
        const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64")
        assert.strictEqual(
          headers["webhook-signature"],
          `v1,${createHmac("sha256", key).update(signedText).digest("base64")}`
        )
        assert.strictEqual(headers["webhook-id"], "key-1")
        assert.strictEqual(headers["idempotency-key"], "key-1")
        assert.match(String(headers["webhook-timestamp"]), /^\d{10}$/)
        const { notifications, ...rest } = JSON.parse(body)
        assert.deepStrictEqual(rest, { version: 1, key: "key-1", title: "A person is needed" })
        assert.deepStrictEqual(notifications[0].facts[1], { name: "Found", value: hostile })
        assert.strictEqual(notifications[0].url, "https://kubernaut.example.com/api/v1/remediations/rem-1")
      })
    )
  )

  it.live("names every notification of a digest, so that a program misses none", () =>
    onLoopback(webhook, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(digest(40))
        const body = JSON.parse(peer.calls[0]!.body)
        assert.strictEqual(body.notifications.length, 40)
        assert.strictEqual(new Set(body.notifications.map((each: { key: string }) => each.key)).size, 40)
        assert.deepStrictEqual(body.digest.counts, [{ kind: "escalated", count: 40 }])
      })
    )
  )
})

describe("a large digest", () => {
  it.live("stays within what receivers accept, and says how many there are", () =>
    onLoopback(webhook, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(digest(2000))
        const { body } = peer.calls[0]!
        assert.isBelow(Buffer.byteLength(body), 100_000)
        assert.strictEqual(JSON.parse(body).digest.total, 2000)
      })
    )
  )
})

describe("Slack", () => {
  const textOf = (call: { readonly body: string } | undefined): string => JSON.parse(call?.body ?? "{}").text

  it.live("shows untrusted text as code, so that it mentions nobody and links nowhere", () =>
    onLoopback(slack, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(message())
        const text = textOf(peer.calls[0])
        // The only link is ours. What is left of the text outside of code has nothing of the alert.
        assert.deepStrictEqual(text.match(/<[^>]*>/g), [
          "<https://kubernaut.example.com/api/v1/remediations/rem-1|rem-1>"
        ])
        const outside = text.replace(/`[^`\n]*`/g, "")
        for (const part of ["@here", "channel", "evil", "&amp;", "["]) assert.notInclude(outside, part)
        assert.strictEqual((text.match(/`/g) ?? []).length % 2, 0)
        assert.include(text, "&lt;!channel&gt;")
        assert.include(text, "ref `key-1`")
      })
    )
  )

  it.live("is not reachable at an address that was revoked", () =>
    onLoopback(slack, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.check
        yield* peer.setMode({ _tag: "Status", status: 404, body: "no_service" })
        assert.strictEqual((yield* Effect.flip(sink.check)).status, 404)
      })
    )
  )

  it.live("keeps a message and a digest short enough for every chat", () =>
    onLoopback(slack, (sink, peer) =>
      Effect.gen(function* () {
        const facts = Array.from({ length: 20 }, (_, index) => ({ name: `Fact ${index}`, value: "<&>`".repeat(100) }))
        yield* sink.send(message({ facts }))
        yield* sink.send(digest(5000))
        for (const call of peer.calls) {
          assert.isAtMost(textOf(call).length, 1900)
          assert.strictEqual((textOf(call).match(/`/g) ?? []).length % 2, 0)
        }
        assert.include(textOf(peer.calls[1]), "5000 escalated")
        assert.include(textOf(peer.calls[1]), "ref `digest-1`")
      })
    )
  )
})

describe("Alertmanager", () => {
  interface Posted {
    readonly labels: Readonly<Record<string, string>>
    readonly annotations: Readonly<Record<string, string>>
    readonly endsAt: string
    readonly startsAt?: string
  }

  const alertsIn = (call: { readonly body: string } | undefined) =>
    JSON.parse(call?.body ?? "[]") as ReadonlyArray<Posted>

  it.live("shows untrusted text so that no receiver takes it for a mention, a link or an address", () =>
    onLoopback(alertmanager, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(message({ facts: [{ name: "Found", value: hostile }] }))
        const { description = "" } = alertsIn(peer.calls[0])[0]!.annotations
        for (const part of ["@here", "](", "://", "<"]) assert.notInclude(description, part)
        yield* sink.send(message({ key: "key-2", facts: [{ name: "Image", value: "shop/app@sha256:0d1f" }] }))
        assert.include(alertsIn(peer.calls[1])[0]!.annotations["description"], "shop/app@sha256:0d1f")
      })
    )
  )

  it.live("fires an alert for each service that recovers", () =>
    onLoopback(alertmanager, (sink, peer) =>
      Effect.gen(function* () {
        for (const service of ["holmesgpt", "llm:a"]) {
          const { begins: _begun, ...recovered } = notification({ key: service })
          yield* sink.send({
            key: service,
            notifications: [{ ...recovered, kind: "recovered", facts: [{ name: "Service", value: service }] }]
          })
        }
        assert.deepStrictEqual(
          peer.calls.map((call) => alertsIn(call)[0]!.labels["service"]),
          ["holmesgpt", "llm:a"]
        )
      })
    )
  )

  it.live("fires a condition with an end ahead, and resolves it with the same labels", () =>
    onLoopback(alertmanager, (sink, peer) =>
      Effect.gen(function* () {
        yield* sink.send(message())
        const { begins: _begun, ...ended } = notification({ key: "key-2" })
        yield* sink.send({
          key: "key-2",
          notifications: [
            { ...ended, kind: "escalation-ended", ends: [{ name: "escalation/rem-1", severity: "warning" }] }
          ]
        })
        const [fires] = alertsIn(peer.calls[0])
        const [resolves] = alertsIn(peer.calls[1])
        assert.deepStrictEqual(fires?.labels, {
          alertname: "KubernautPersonNeeded",
          severity: "warning",
          cluster: "prod",
          kubernaut_self: "true",
          remediation: "rem-1"
        })
        assert.deepStrictEqual(resolves?.labels, fires?.labels)
        const now = new Date().toISOString()
        assert.isAbove(Date.parse(fires!.endsAt), Date.parse(now))
        assert.isAtMost(Date.parse(resolves!.endsAt), Date.parse(now))
        assert.notMatch(fires?.annotations["description"] ?? "", /[<>]/)
      })
    )
  )

  it.live("posts the heartbeat with what lasts, and not when the service does not work", () =>
    onLoopback(alertmanager, (sink, peer) =>
      Effect.gen(function* () {
        const lasting = { condition: { name: "emergency", severity: "critical" }, began: notification() } as const
        yield* sink.refresh!([lasting], true, [])
        yield* sink.refresh!([lasting], false, [])
        yield* sink.refresh!([], false, [])
        assert.deepStrictEqual(
          peer.calls.map((call) => alertsIn(call).map(({ labels }) => labels["alertname"])),
          [["KubernautHeartbeat", "KubernautEmergency"], ["KubernautEmergency"]]
        )
      })
    )
  )

  it.live("resolves at a refresh what has ended, with the same labels", () =>
    onLoopback(alertmanager, (sink, peer) =>
      Effect.gen(function* () {
        const lasting = { condition: { name: "emergency", severity: "critical" }, began: notification() } as const
        yield* sink.refresh!([lasting], false, [])
        yield* sink.refresh!([], false, [lasting])
        const [[fires], [resolves]] = peer.calls.map(alertsIn) as [[Posted], [Posted]]
        assert.deepStrictEqual(resolves.labels, fires.labels)
        assert.isAtMost(Date.parse(resolves.endsAt), Date.now())
      })
    )
  )
})
