import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema, SchemaIssue } from "effect"
import { Alert } from "../../src/domain/Alert.ts"
import {
  alertLimits,
  endOf,
  makeWebhook,
  toAlert,
  truncationMark,
  Webhook,
  type WebhookAlert
} from "../../src/intake/AlertmanagerWebhook.ts"
import { targetOf } from "../../src/intake/AlertTarget.ts"
import { fingerprintOf } from "../../src/intake/Fingerprint.ts"

const firing = { status: "firing", labels: { alertname: "A" }, startsAt: "2026-11-24T03:00:00Z" }
const post = { version: "4", status: "firing", alerts: [firing] }

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** Every issue of a body, such as `alerts[0].startsAt: Expected …`. */
const faults = (body: unknown): ReadonlyArray<string> => {
  const result = Schema.decodeUnknownResult(Webhook, { errors: "all" })(body)
  if (Result.isSuccess(result)) return []
  return issuesOf(result.failure.issue).issues.map(({ message, path = [] }) =>
    `${path.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("")}: ${message}`.replace(
      /^\./,
      ""
    )
  )
}

const decoded = (alert: object): WebhookAlert => {
  const [first] = Schema.decodeUnknownSync(Webhook)({ ...post, alerts: [{ ...firing, ...alert }] }).alerts
  assert.isDefined(first)
  return first
}

const time = "Expected an RFC 3339 time such as 2026-11-24T03:00:00.123456789Z"

describe("the webhook's schema", () => {
  it("accepts a minimal body and ignores unknown fields", () => {
    assert.deepStrictEqual(faults(post), [])
    assert.deepStrictEqual(faults({ ...post, alerts: [], notification_reason: "repeat" }), [])
  })

  it("accepts null for an empty map, as Go encodes it, and an empty group", () => {
    const alert = { ...firing, annotations: null, endsAt: null, generatorURL: null, fingerprint: null }
    assert.deepStrictEqual(
      faults({ ...post, groupLabels: null, commonLabels: {}, commonAnnotations: null, alerts: [alert] }),
      []
    )
  })

  const alertWith = (alert: object) => ({ ...post, alerts: [firing, { ...firing, ...alert }] })

  it.each<{ what: string; body: unknown; expected: ReadonlyArray<string> }>([
    { what: "a number", body: 5, expected: [": Expected the body of an Alertmanager webhook, version 4"] },
    { what: "null", body: null, expected: [": Expected the body of an Alertmanager webhook, version 4"] },
    { what: "an array", body: [], expected: [": Expected the body of an Alertmanager webhook, version 4"] },
    {
      what: "an empty object",
      body: {},
      expected: ['status: Expected "firing" or "resolved"', "alerts: Expected an array of alerts"]
    },
    {
      what: "another version",
      body: { ...post, version: "3" },
      expected: ['version: Expected "4" of Alertmanager or "1" of Grafana, the version of the webhook format']
    },
    {
      what: "a version that is a number, unless the dialect of its sender was rewritten",
      body: { ...post, version: 4 },
      expected: ['version: Expected "4" of Alertmanager or "1" of Grafana, the version of the webhook format']
    },
    {
      what: "alerts that are not an array",
      body: { ...post, alerts: {} },
      expected: ["alerts: Expected an array of alerts"]
    },
    {
      what: "an alert that is not an object",
      body: { ...post, alerts: [5] },
      expected: ["alerts[0]: Expected an alert"]
    },
    {
      what: "an unknown status",
      body: alertWith({ status: "pending" }),
      expected: ['alerts[1].status: Expected "firing" or "resolved"']
    },
    {
      what: "missing labels",
      body: alertWith({ labels: undefined }),
      expected: ["alerts[1].labels: Expected an object of strings"]
    },
    {
      what: "a label that is a number",
      body: alertWith({ labels: { alertname: "A", code: 500 } }),
      expected: ["alerts[1].labels.code: Expected a string: Alertmanager sends all labels and annotations as strings"]
    },
    {
      what: "annotations that are a string",
      body: alertWith({ annotations: "x" }),
      expected: ["alerts[1].annotations: Expected an object of strings"]
    },
    {
      what: "a missing start",
      body: alertWith({ startsAt: undefined }),
      expected: [`alerts[1].startsAt: ${time}`]
    },
    {
      what: "a start that is a number",
      body: alertWith({ startsAt: 1764000000 }),
      expected: [`alerts[1].startsAt: ${time}`]
    },
    {
      what: "a start that is not a time",
      body: alertWith({ startsAt: "yesterday" }),
      expected: [`alerts[1].startsAt: ${time}`]
    },
    { what: "an empty end", body: alertWith({ endsAt: "" }), expected: [`alerts[1].endsAt: ${time}`] },
    {
      what: "a fingerprint that is a number",
      body: alertWith({ fingerprint: 5 }),
      expected: ["alerts[1].fingerprint: Expected a string"]
    }
  ])("rejects $what and states what it expects", ({ body, expected }) => {
    assert.deepStrictEqual(faults(body), expected)
  })

  it("never includes the input in an error", () => {
    const secret = "hunter2".repeat(1000)
    const bodies = [
      secret,
      { ...post, version: secret },
      alertWith({ startsAt: secret }),
      alertWith({ status: secret }),
      alertWith({ labels: secret })
    ]
    assert.isTrue(
      bodies.every((body) => faults(body).every((fault) => !fault.includes("hunter2") && fault.length < 200))
    )
  })

  it("accepts 10,000 alerts in one post by default, rejects one more, and takes another limit as an option", () => {
    assert.deepStrictEqual(faults({ ...post, alerts: Array.from({ length: 10_000 }, () => firing) }), [])
    assert.deepStrictEqual(faults({ ...post, alerts: Array.from({ length: 10_001 }, () => firing) }), [
      "alerts: Expected at most 10000 alerts in one post: group by more labels in the route"
    ])
    assert.isTrue(Result.isFailure(Schema.decodeUnknownResult(makeWebhook(1))({ ...post, alerts: [firing, firing] })))
  })
})

describe("the times of an alert", () => {
  it.each([
    ["2026-11-24T03:00:00Z", "2026-11-24T03:00:00.000Z"],
    ["2026-11-24T03:00:00.5Z", "2026-11-24T03:00:00.500Z"],
    ["2026-11-24T03:00:00.123999999Z", "2026-11-24T03:00:00.123Z"],
    ["2026-11-24T04:30:00.123456789+01:30", "2026-11-24T03:00:00.123Z"],
    ["2026-11-23T22:00:00-05:00", "2026-11-24T03:00:00.000Z"],
    ["2026-11-24t03:00:00z", "2026-11-24T03:00:00.000Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"]
  ])("%s is converted to %s", (startsAt, expected) => {
    assert.strictEqual(toAlert(decoded({ startsAt })).startsAt, expected)
  })

  it.each([
    "2026-11-24",
    "2026-11-24T03:00:00",
    "2026-11-24T03:00Z",
    "2026-11-24 03:00:00 +0000 UTC",
    "2026-13-01T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-11-24T24:00:00Z",
    "2026-11-24T03:60:00Z",
    "2026-11-24T03:00:00+24:00",
    "9999-12-31T23:59:59-01:00",
    "+12026-11-24T03:00:00Z",
    ""
  ])("%s is not a time", (startsAt) => {
    assert.deepStrictEqual(faults({ ...post, alerts: [{ ...firing, startsAt }] }), [`alerts[0].startsAt: ${time}`])
  })

  it("a resolved alert ended at its endsAt, or now when endsAt is absent or before the start", () => {
    const now = "2026-11-24T05:00:00.000Z"
    const end = (endsAt?: string | null) =>
      endOf(decoded({ status: "resolved", ...(endsAt === undefined ? {} : { endsAt }) }), now)
    assert.strictEqual(end("2026-11-24T05:00:00+01:00"), "2026-11-24T04:00:00.000Z")
    assert.strictEqual(end(), now)
    assert.strictEqual(end(null), now)
    assert.strictEqual(end("0001-01-01T00:00:00Z"), now)
  })
})

describe("toAlert", () => {
  it("keeps the fingerprint of the sender, and computes the one of Alertmanager if it is missing or invalid", () => {
    const labels = { alertname: "A", pod: "p" }
    assert.strictEqual(toAlert(decoded({ labels, fingerprint: "abc" })).fingerprint, "abc")
    const computed = [undefined, "", null, "f".repeat(65), "a b", "\ud800", "a/b"].map(
      (fingerprint) => toAlert(decoded(fingerprint === undefined ? { labels } : { labels, fingerprint })).fingerprint
    )
    assert.deepStrictEqual(
      computed,
      [1, 2, 3, 4, 5, 6, 7].map(() => fingerprintOf(labels))
    )
  })

  it("names an alert without alertname unnamed, and makes an alert without severity a warning", () => {
    const alert = toAlert(decoded({ labels: {} }))
    assert.strictEqual(alert.name, "unnamed")
    assert.strictEqual(alert.severity, "warning")
    assert.strictEqual(toAlert(decoded({ labels: { alertname: "" } })).name, "unnamed")
  })

  it("truncates long strings with a mark, and computes the fingerprint before", () => {
    const labels = {
      alertname: "A",
      long: "x".repeat(5000),
      ...Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`l${index}`, "v"]))
    }
    const annotations = {
      description: "d".repeat(100_000),
      ...Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`a${index}`, "v"]))
    }
    const alert = toAlert(decoded({ labels, annotations, generatorURL: `http://${"p".repeat(3000)}` }))
    assert.strictEqual(Object.keys(alert.labels).length, alertLimits.labels)
    assert.strictEqual(alert.labels["long"]?.length, alertLimits.labelLength)
    assert.isTrue(alert.labels["long"]?.endsWith(truncationMark))
    assert.strictEqual(Object.keys(alert.annotations).length, alertLimits.annotations)
    assert.strictEqual(alert.annotations["description"]?.length, alertLimits.annotationLength)
    assert.isUndefined(alert.generatorURL)
    assert.strictEqual(alert.fingerprint, fingerprintOf(labels))
  })

  it("never truncates within a character", () => {
    const text = "x".repeat(alertLimits.annotationLength - truncationMark.length - 1) + "\u{1F600}".repeat(100)
    const cut = toAlert(decoded({ annotations: { text } })).annotations["text"] ?? ""
    assert.isTrue(cut.isWellFormed())
    assert.isTrue(cut.endsWith(`x${truncationMark}`))
  })

  it.prop("returns a valid domain alert for any labels", [Schema.Record(Schema.String, Schema.String)], ([labels]) => {
    assert.isTrue(Schema.is(Alert)(toAlert({ ...firing, status: "firing", labels })))
  })
})

const examples = join(import.meta.dirname, "../../examples/alerts")

const example = (name: string) =>
  Schema.decodeUnknownSync(Webhook)(JSON.parse(readFileSync(join(examples, name), "utf8")))

describe("the example posts", () => {
  it.each(readdirSync(examples))("%s decodes and has the fingerprints that Alertmanager computes", (name) => {
    const { alerts } = example(name)
    assert.isNotEmpty(alerts)
    for (const alert of alerts) assert.strictEqual(alert.fingerprint, fingerprintOf(alert.labels))
  })

  it.each([
    ["crash-loop.json", "test/shop/Deployment/checkout"],
    ["oom.json", "test/shop/Deployment/cart"],
    ["hpa-maxed.json", "test/shop/HorizontalPodAutoscaler/search"],
    ["node-not-ready.json", "test//Node/worker-2"],
    ["resolved.json", "test/shop/Deployment/checkout"]
  ])("%s is about %s", (name, key) => {
    const [first] = example(name).alerts
    assert.isDefined(first)
    const { target } = targetOf("test", toAlert(first))
    assert.strictEqual([target.cluster, target.namespace, target.kind, target.name].join("/"), key)
  })

  it("mixed.json has several names and namespaces, firing and resolved alerts, and an empty group", () => {
    const { alerts, groupLabels } = example("mixed.json")
    assert.deepStrictEqual(groupLabels, {})
    assert.isAbove(new Set(alerts.map((alert) => alert.labels["alertname"])).size, 3)
    assert.isAbove(new Set(alerts.map((alert) => alert.labels["namespace"])).size, 3)
    assert.strictEqual(new Set(alerts.map((alert) => alert.status)).size, 2)
  })

  it("resolved.json resolves the alert of crash-loop.json", () => {
    const [begin] = example("crash-loop.json").alerts
    const [end] = example("resolved.json").alerts
    assert.deepStrictEqual(
      [end?.fingerprint, end?.startsAt, end?.status],
      [begin?.fingerprint, begin?.startsAt, "resolved"]
    )
  })
})
