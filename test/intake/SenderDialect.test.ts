import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { toAlert, Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import { normalized } from "../../src/intake/SenderDialect.ts"

const alert = { status: "firing", labels: { alertname: "A" }, startsAt: "2026-11-24T03:00:00Z" }
const post = { version: "4", status: "firing", alerts: [alert] }

const decoded = (body: unknown) => Schema.decodeUnknownSync(Webhook)(normalized(body))
const withAlert = (overrides: object) => ({ ...post, alerts: [{ ...alert, ...overrides }] })

describe("the dialect of a sender", () => {
  it.each<{ what: string; version: unknown }>([
    { what: 'version "1" of Grafana', version: "1" },
    { what: "the number 1", version: 1 },
    { what: "the number 4", version: 4 },
    { what: "null", version: null },
    { what: "no version", version: undefined }
  ])("$what is a version", ({ version }) => {
    assert.strictEqual(decoded(JSON.parse(JSON.stringify({ ...post, version }))).alerts.length, 1)
  })

  it.each(["3", "5", 2, "", true])("%j is no version", (version) => {
    assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(Webhook)(normalized({ ...post, version }))))
  })

  it("a post without a status fires if one of its alerts does", () => {
    const { status: _, ...rest } = post
    const resolved = { ...alert, status: "resolved" }
    assert.strictEqual(decoded({ ...rest, alerts: [resolved, alert] }).status, "firing")
    assert.strictEqual(decoded({ ...rest, alerts: [resolved] }).status, "resolved")
  })

  it("a status is read in any case and with spaces, of the post and of an alert", () => {
    const body = decoded({ ...withAlert({ status: "Resolved " }), status: "FIRING" })
    assert.deepStrictEqual([body.status, body.alerts[0]?.status], ["firing", "resolved"])
  })

  it("numbers and booleans in labels and annotations are texts, and null is an absent one", () => {
    const [first] = decoded(
      withAlert({ labels: { alertname: "A", code: 500, canary: true, pod: null }, annotations: { value: 0.5 } })
    ).alerts
    assert.deepStrictEqual(first?.labels, { alertname: "A", code: "500", canary: "true" })
    assert.deepStrictEqual(first?.annotations, { value: "0.5" })
  })

  it("a fingerprint may be a number, the number of omitted alerts a string, and an end empty", () => {
    const body = decoded({ ...withAlert({ fingerprint: 42, endsAt: "" }), truncatedAlerts: "3" })
    assert.strictEqual(body.truncatedAlerts, 3)
    assert.strictEqual(toAlert(body.alerts[0]!).fingerprint, "42")
    assert.notProperty(body.alerts[0]!, "endsAt")
  })

  it("a post of Alertmanager is returned without a copy, and so is anything that is no post", () => {
    for (const body of [post, null, "text", 5, [post], { alerts: "x" }]) assert.strictEqual(normalized(body), body)
  })

  it("leaves what it does not know, so that the error names it", () => {
    for (const body of [withAlert({ labels: { alertname: { a: 1 } } }), withAlert({ startsAt: 1764000000 })])
      assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(Webhook)(normalized(body))))
  })
})
