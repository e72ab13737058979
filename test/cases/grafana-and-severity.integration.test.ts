/** Grafana's contact point of kind webhook posts to the service, as it runs for users. */

import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { call, running } from "../http/runningService.ts"

const grafana = readFileSync(new URL("./grafana-and-severity/grafana.json", import.meta.url), "utf8")

interface Post {
  readonly alerts: ReadonlyArray<{ readonly labels: Readonly<Record<string, unknown>> }>
}

const withSeverity = (severity: unknown, changes: object = {}): string => {
  const post = JSON.parse(grafana) as Post
  const alerts = post.alerts.map((alert) => ({ ...alert, labels: { ...alert.labels, severity } }))
  return JSON.stringify({ ...post, alerts, ...changes })
}

const receive = Effect.fnUntraced(function* (port: number, body: string) {
  const answer = yield* call(port, "/api/v1/alerts", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body
  })
  assert.strictEqual(answer.status, 202, answer.text)
  return JSON.parse(answer.text) as {
    readonly results: ReadonlyArray<{ readonly status: string; readonly remediationId: string }>
    readonly truncatedAlerts?: number
  }
})

const severityOf = Effect.fnUntraced(function* (environment: Readonly<Record<string, string>>, severity: unknown) {
  const port = yield* running({ environment })
  const { results } = yield* receive(port, withSeverity(severity))
  const found = yield* call(port, `/api/v1/remediations/${results[0]!.remediationId}`)
  return (JSON.parse(found.text) as { readonly alert: { readonly severity: string } }).alert.severity
}, Effect.scoped)

describe("Grafana", () => {
  it.live("has its alerts accepted, and its severities read in the organisation's words", () =>
    Effect.gen(function* () {
      const words = { KUBERNAUT_SEVERITIES: "P1=critical,sev3=info,debug=none,2=critical" }
      assert.strictEqual(yield* severityOf({}, "critical"), "critical")
      assert.strictEqual(yield* severityOf({}, " Critical "), "critical")
      assert.strictEqual(yield* severityOf({}, "P1"), "warning")
      assert.strictEqual(yield* severityOf(words, " p1"), "critical")
      assert.strictEqual(yield* severityOf(words, "SEV3"), "info")
      assert.strictEqual(yield* severityOf(words, "debug"), "none")
      assert.strictEqual(yield* severityOf(words, 2), "critical")
      assert.strictEqual(yield* severityOf(words, "high"), "warning")
    })
  )

  it.live("learns how many of its alerts were left out, and so do the metrics", () =>
    Effect.gen(function* () {
      const port = yield* running()
      assert.notProperty(yield* receive(port, grafana), "truncatedAlerts")
      const { truncatedAlerts } = yield* receive(port, withSeverity("critical", { version: 1, truncatedAlerts: 4 }))
      assert.strictEqual(truncatedAlerts, 4)
      assert.include((yield* call(port, "/metrics")).text, "kubernaut_alerts_truncated_total 4")
    }).pipe(Effect.scoped)
  )
})
