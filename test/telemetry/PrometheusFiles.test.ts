/** The rules and the dashboard in `otel` ask for what the service exports, and for all of it. */

import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parse } from "yaml"
import { selfLabel } from "../../src/domain/SelfAlert.ts"
import { Instruments } from "../../src/telemetry/Instruments.ts"
import { call, running } from "../http/runningService.ts"
import { groupedBy, selected } from "./promql.ts"

const root = join(import.meta.dirname, "../..")
const read = (path: string): string => readFileSync(join(root, path), "utf8")

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

const rules = (
  parse(read("otel/prometheus/kubernaut.rules.yaml")) as {
    readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<Rule> }>
  }
).groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const records = new Map(rules.flatMap((rule) => (rule.record === undefined ? [] : [[rule.record, rule] as const])))

interface Panel {
  readonly title: string
  readonly targets?: ReadonlyArray<{ readonly expr: string }>
}
const dashboard = JSON.parse(read("otel/grafana/kubernaut.json")) as { readonly panels: ReadonlyArray<Panel> }
const queries = dashboard.panels.flatMap(({ targets = [], title }) => targets.map(({ expr }) => ({ title, expr })))

const expressions = [
  ...rules.map(({ alert, expr, record }) => ({ where: `rule ${alert ?? record ?? ""}`, expr })),
  ...queries.map(({ expr, title }) => ({ where: `panel ${title}`, expr }))
]

/** The labels that each metric has, besides those that Prometheus adds. */
const labelsOfInstruments = new Map(
  new Instruments({
    services: [],
    nowMs: () => 0,
    spansDropped: () => 0,
    build: { version: "1", mode: "auto" }
  }).registry
    .getMetricsAsArray()
    .flatMap((metric) => {
      const { labelNames, name, type } = metric as unknown as {
        readonly name: string
        readonly type: string
        readonly labelNames: ReadonlyArray<string>
      }
      return type === "histogram"
        ? [
            [`${name}_bucket`, [...labelNames, "le"]],
            [`${name}_sum`, labelNames],
            [`${name}_count`, labelNames]
          ]
        : [[name, labelNames]]
    }) as ReadonlyArray<readonly [string, ReadonlyArray<string>]>
)

/** What Prometheus itself provides. */
const ofPrometheus = new Map([
  ["up", []],
  ["ALERTS", ["alertname", "alertstate", "severity", selfLabel]]
] as ReadonlyArray<readonly [string, ReadonlyArray<string>]>)
const added = ["job", "instance"]

const labelsOf = (metric: string): ReadonlyArray<string> | undefined => {
  const record = records.get(metric)
  if (record !== undefined) return groupedBy(record.expr)
  return ofPrometheus.get(metric) ?? labelsOfInstruments.get(metric)
}

describe("the metrics that rules and panels name", () => {
  for (const { expr, where } of expressions) {
    it(`of ${where} exist, with these labels`, () => {
      const all = selected(expr)
      assert.isAbove(all.length, 0, "a query names a metric")
      for (const { labels, metric } of all) {
        const known = labelsOf(metric)
        assert.isDefined(known, `${metric} is not exported`)
        for (const label of labels) assert.include([...known!, ...added], label, `${metric} has no label ${label}`)
      }
      const together = all.flatMap(({ metric }) => labelsOf(metric) ?? [])
      for (const label of groupedBy(expr))
        assert.include([...together, ...added], label, `no metric of the query has the label ${label}`)
    })
  }

  it.live("are in the exposition of a running service", () =>
    Effect.gen(function* () {
      const { text } = yield* call(yield* running(), "/metrics")
      const exported = new Set([...text.matchAll(/^# TYPE (\S+) \S+$/gm)].map(([, name = ""]) => name))
      const named = expressions
        .flatMap(({ expr }) => selected(expr))
        .map(({ metric }) => metric)
        .filter((metric) => !records.has(metric) && !ofPrometheus.has(metric))
        .map((metric) => (exported.has(metric) ? metric : metric.replace(/_(bucket|sum|count)$/, "")))
      for (const metric of named) assert.isTrue(exported.has(metric), `${metric} is not exported`)
      const shown = new Set(named)
      assert.deepStrictEqual(
        [...exported].filter((name) => name.startsWith("kubernaut_") && !shown.has(name)),
        [],
        "every metric of the service is in the rules or on the dashboard"
      )
    }).pipe(Effect.scoped)
  )

  it("include the four metrics and five indicators of the requirements, on the dashboard", () => {
    const shown = queries.flatMap(({ expr }) =>
      selected(expr).flatMap(({ metric }) => [
        metric,
        ...selected(records.get(metric)?.expr ?? "").map((each) => each.metric)
      ])
    )
    for (const metric of [
      "kubernaut_service_availability_ratio",
      "kubernaut_fallback_activations_total",
      "kubernaut_recovery_time_seconds",
      "kubernaut_requests_total",
      "kubernaut_circuit_breaker_state",
      "kubernaut_circuit_breaker_transitions_total"
    ])
      assert.include(shown, metric)
  })
})

describe("every alert", () => {
  const runbook = read("docs/runbook.md")
  const tests = read("otel/prometheus/tests/kubernaut.test.yaml")
  const headings = new Set([...runbook.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading))

  for (const { alert = "", annotations = {}, labels = {} } of alerts) {
    it(`${alert} has a severity, is marked as our own, says what it means, leads to the runbook, and is tested`, () => {
      assert.include(["critical", "high", "medium", "low"], labels["severity"])
      assert.strictEqual(labels[selfLabel], "true")
      for (const name of ["summary", "description"]) assert.isAbove((annotations[name] ?? "").length, 20, name)
      assert.strictEqual(annotations["runbook_url"], `docs/runbook.md#${alert.toLowerCase()}`)
      assert.isTrue(headings.has(alert), `docs/runbook.md has a section ${alert}`)
      assert.include(tests, `alertname="${alert}"`)
    })
  }

  it("of the runbook exists, and the four severities have some", () => {
    const names = alerts.map(({ alert = "" }) => alert)
    for (const heading of headings) if (/^Kubernaut[A-Z]/.test(heading)) assert.include(names, heading)
    assert.sameMembers(
      [...new Set(alerts.map(({ labels }) => labels?.["severity"] ?? ""))],
      ["critical", "high", "medium", "low"]
    )
  })
})
