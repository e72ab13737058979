/** Gauges say what is known, and nothing else. */

import { assert, describe, it } from "@effect/vitest"
import type { BusinessFigures } from "../../src/storage/Figures.ts"
import { Instruments } from "../../src/telemetry/Instruments.ts"
import type { Standing } from "../../src/telemetry/StandingInstruments.ts"
import { seriesOf } from "./exposition.ts"

const make = (nowMs: () => number = () => 0) =>
  new Instruments({
    services: [{ name: "holmesgpt", isRestored: true }, { name: "kubernetes" }],
    nowMs,
    spansDropped: () => 0,
    processMetrics: false
  })

const figures: BusinessFigures = {
  alerts: { Remediated: 3, AwaitingReview: 2, Escalated: 1 },
  verdicts: { fixed: 3, unknown: 1 },
  actions: [
    { action: "RestartWorkload", outcome: "yes", count: 4 },
    { action: "RestartWorkload", outcome: "unknown", count: 1 },
    { action: "ScaleWorkload", outcome: "pending", count: 1 }
  ]
}

const all: Standing = {
  level: 2,
  emergencyStop: true,
  storageUp: true,
  backlog: 5,
  figures,
  findings: [{ name: "kubernetes", layer: "component", status: "unknown" }],
  oldestReviewMs: 90_000,
  watchdogAgeMs: 30_000,
  spool: { alerts: 7, oldestMs: 12_000, isUsable: true },
  notifications: [{ sink: "slack", waiting: 2, oldestMs: 4000 }]
}

describe("what holds now", () => {
  it("is shown as it was read for this scrape", async () => {
    const series = seriesOf(await make().expose(all))
    assert.deepInclude(Object.fromEntries(series), {
      kubernaut_degradation_level: 2,
      kubernaut_emergency_stop: 1,
      kubernaut_storage_up: 1,
      kubernaut_remediations_open: 5,
      'kubernaut_health_check{check="kubernetes",layer="component",status="unknown"}': 1,
      'kubernaut_health_check{check="kubernetes",layer="component",status="healthy"}': 0,
      kubernaut_reviews_waiting: 2,
      kubernaut_review_oldest_seconds: 90,
      kubernaut_watchdog_age_seconds: 30,
      kubernaut_spool_alerts: 7,
      kubernaut_spool_oldest_seconds: 12,
      kubernaut_spool_usable: 1,
      'kubernaut_notifications_waiting{sink="slack"}': 2,
      'kubernaut_notifications_oldest_seconds{sink="slack"}': 4,
      'kubernaut_business_alerts{state="Remediated"}': 3,
      'kubernaut_business_alerts{state="RolledBack"}': 0,
      'kubernaut_business_verdicts{verdict="not-fixed"}': 0,
      'kubernaut_business_actions{action="RestartWorkload",outcome="unknown"}': 1,
      kubernaut_business_investigation_accuracy_ratio: 0.75,
      kubernaut_business_action_success_ratio: 0.8
    })
  })

  it("is absent before anything was read, and not 0", async () => {
    const series = seriesOf(await make().expose())
    const standing = [...series.keys()].filter((name) =>
      /^kubernaut_(degradation|emergency|storage_up|remediations_open|review|business|spool|notifications|watchdog)/.test(
        name
      )
    )
    assert.deepStrictEqual(
      standing.filter((name) => !name.startsWith("kubernaut_reviews_total")),
      []
    )
  })

  it("is absent again when it cannot be read any more, instead of staying as it was", async () => {
    const instruments = make()
    await instruments.expose(all)
    const series = seriesOf(await instruments.expose({ level: 2, storageUp: false }))
    assert.strictEqual(series.get("kubernaut_storage_up"), 0)
    for (const name of series.keys()) {
      assert.notMatch(
        name,
        /^kubernaut_(emergency_stop|remediations_open|reviews_waiting|review_oldest|business|spool|notifications|watchdog)/
      )
    }
  })

  it("has no share of nothing", async () => {
    const none: BusinessFigures = { alerts: {}, verdicts: {}, actions: [] }
    const series = seriesOf(await make().expose({ ...all, figures: none }))
    assert.isFalse(series.has("kubernaut_business_investigation_accuracy_ratio"))
    assert.isFalse(series.has("kubernaut_business_action_success_ratio"))
    assert.strictEqual(series.get("kubernaut_reviews_waiting"), 0, "no question is known to be open")
  })
})

describe("the availability of a service", () => {
  const ratio = 'kubernaut_service_availability_ratio{service="holmesgpt"}'

  it("is absent until the service was called or probed once, because nobody knows it", async () => {
    const instruments = make()
    assert.isFalse(seriesOf(await instruments.expose()).has(ratio))
    instruments.onResilience({
      _tag: "CallRejected",
      pipeline: "holmesgpt",
      reason: "bulkhead-full",
      attempts: 0,
      durationMs: 0
    })
    assert.isFalse(seriesOf(await instruments.expose()).has(ratio), "a call that was not sent says nothing")
    instruments.onFinding({ name: "holmesgpt", status: "unknown" })
    assert.isFalse(seriesOf(await instruments.expose()).has(ratio), "nor does a probe that found nothing out")
    instruments.onResilience({ _tag: "CallSucceeded", pipeline: "holmesgpt", attempts: 1, durationMs: 20 })
    assert.strictEqual(seriesOf(await instruments.expose()).get(ratio), 1)
  })

  it("recovers when the service is restored in full, if that takes more than a closed circuit", async () => {
    let now = 0
    const instruments = make(() => now)
    const move = (breaker: string, from: "Closed" | "Open", to: "Closed" | "Open") =>
      instruments.onResilience({ _tag: "BreakerTransition", breaker, from, to, cause: "elapsed", generation: 1 })
    for (const breaker of ["holmesgpt", "kubernetes"]) move(breaker, "Closed", "Open")
    now = 30_000
    for (const breaker of ["holmesgpt", "kubernetes"]) move(breaker, "Open", "Closed")
    const took = (service: string) => `kubernaut_recovery_time_seconds{service="${service}"}`
    assert.isFalse(seriesOf(await instruments.expose()).has(took("holmesgpt")))
    assert.strictEqual(seriesOf(await instruments.expose()).get(took("kubernetes")), 30)
    instruments.onRecovered({ service: "holmesgpt", durationMs: 95_000 })
    assert.strictEqual(seriesOf(await instruments.expose()).get(took("holmesgpt")), 95)
  })
})

describe("a probe of a service that nobody calls", () => {
  it("makes its availability known", async () => {
    const instruments = make()
    instruments.onFinding({ name: "kubernetes", status: "healthy" })
    const series = seriesOf(await instruments.expose())
    assert.strictEqual(series.get('kubernaut_service_availability_ratio{service="kubernetes"}'), 1)
    instruments.onFinding({ name: "data-flow", status: "healthy" })
    assert.isFalse(
      seriesOf(await instruments.expose()).has('kubernaut_service_availability_ratio{service="data-flow"}'),
      "another check is no service"
    )
  })
})

describe("HELP texts", () => {
  it("name the unit of every metric that has one, and there is one for each metric", async () => {
    const text = await make().expose(all)
    const helps = new Map(
      text
        .split("\n")
        .filter((line) => line.startsWith("# HELP "))
        .map((line) => [line.split(" ")[2]!, line.split(" ").slice(3).join(" ")] as const)
    )
    const units = { _seconds: /\b[Ss]econds\b/, _ratio: /0 to 1/ }
    for (const [name, help] of helps) {
      assert.match(help, /^[A-Z0-9].*\.$/, `${name} is explained in sentences`)
      for (const [ending, unit] of Object.entries(units)) if (name.endsWith(ending)) assert.match(help, unit, name)
    }
    for (const name of seriesOf(text).keys()) {
      assert.isTrue(helps.has(name.replace(/\{.*/, "").replace(/_(bucket|sum|count)$/, "")) || helps.has(name), name)
    }
  })
})
