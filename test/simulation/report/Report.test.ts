import { assert, describe, it } from "@effect/vitest"
import { html } from "../../../src/simulation/report/Report.ts"
import { laneNames, type Timeline } from "../../../src/simulation/report/Timeline.ts"
import { runSeed, type SeedOutcome } from "../../../src/simulation/run/Runner.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const plan = [
  { kind: "kubernetes-unavailable", atMs: 60_000, forMs: 60_000, parameters: { share: 1 } },
  { kind: "process-crash", atMs: 240_000, forMs: 0, parameters: { afterSteps: 3 } }
]
const scenario: Scenario.Scenario = { ...Scenario.steady, durationMs: 10 * 60_000, incidentEveryMs: 30_000 }
const recorded = (seed = 1): SeedOutcome & { readonly timeline: Timeline } => {
  const outcome = runSeed({ seed, scenario, plan, record: true })
  if (outcome.timeline === undefined) throw new Error("it was not recorded")
  return { ...outcome, timeline: outcome.timeline }
}
const outcome = recorded()
const page = (changed: Partial<SeedOutcome> = {}) =>
  html({ outcome: { ...outcome, ...changed }, scenario: "steady", replay: "kubernaut simulate --replay 1" })
const lane = (text: string, name: string) => text.split(`data-lane="${name}"`)[1]?.split("</section>")[0] ?? ""

describe("the timeline", () => {
  it("has spans in every lane of a run with work, an outage and a crash", () => {
    for (const { name, rows } of outcome.timeline.lanes)
      assert.isAbove(rows.flatMap(({ spans }) => spans).length, 0, name)
  })

  it("orders the spans of a row in time, without overlap and within the run", () => {
    for (const { name, rows } of outcome.timeline.lanes) {
      for (const { label, spans } of rows) {
        for (const [index, { fromMs, toMs }] of spans.entries()) {
          assert.isAtMost(fromMs, toMs, `${name} ${label}`)
          assert.isAtLeast(fromMs, spans[index - 1]?.toMs ?? 0, `${name} ${label}`)
          assert.isAtMost(toMs, outcome.timeline.untilMs, `${name} ${label}`)
        }
      }
    }
  })

  it("has a trace in order of time, with faults, crashes, journal, writes and breakers", () => {
    const { trace } = outcome.timeline
    for (const [index, { atMs }] of trace.entries()) assert.isAtLeast(atMs, trace[index - 1]?.atMs ?? 0)
    const texts = trace.map(({ about, text }) => `${about} ${text}`)
    for (const said of [
      /^faults kubernetes-unavailable for 1 min: share 1 begins$/,
      /^processes service #\d+ crashed$/,
      /^journal Intended RollbackDeployment/,
      /^actions kubernaut: patch Deployment .* took effect/,
      /^breakers kubernetes: Closed → Open/
    ]) {
      assert.isTrue(
        texts.some((text) => said.test(text)),
        String(said)
      )
    }
  })

  it("does not change the run that it records", () => {
    const { timeline: _, ...rest } = outcome
    assert.deepStrictEqual(runSeed({ seed: 1, scenario, plan }), rest)
  })
})

describe("the report", () => {
  it("shows every lane with its events", () => {
    for (const name of laneNames) assert.match(lane(page(), name), /class="s /, name)
    assert.include(lane(page(), "faults"), "kubernetes-unavailable")
    assert.include(lane(page(), "breakers"), "Closed → Open")
    assert.include(lane(page(), "processes"), "crashed")
    assert.include(lane(page(), "actions"), "RollbackDeployment")
    assert.include(lane(page(), "workloads"), "prod/app-")
    assert.include(lane(page(), "hops"), "rules")
    assert.include(lane(page(), "level"), "0 full")
  })

  it("loads nothing from outside of its file", () => {
    assert.notMatch(page(), /https?:\/\/|<link|src=|@import|url\(/)
  })

  it("is the same for the same run", () =>
    assert.strictEqual(
      html({ outcome: recorded(), scenario: "steady", replay: "" }),
      html({ outcome: recorded(), scenario: "steady", replay: "" })
    ))

  it("shows what broke, when, and how to reproduce it", () => {
    const broken = page({
      failure: { _tag: "Invariant", invariant: "no-alert-lost", message: "alert a was lost" },
      violations: [{ invariant: "no-alert-lost", message: "alert a was lost", atMs: 300_000, step: 7 }]
    })
    for (const text of [
      "invariant broken",
      "alert a was lost",
      "00:05:00.000",
      "kubernaut simulate --replay 1",
      `class="violation"`
    ])
      assert.include(broken, text)
    assert.notInclude(page(), `class="violation"`)
  })

  it("escapes all text of a run", () => {
    const text = page({ failure: { _tag: "Crash", message: `<script>alert("x")</script> & 'more'` } })
    assert.include(text, "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;more&#39;")
    assert.notInclude(text, "<script>alert(")
  })

  it("keeps an empty lane and marks it", () => {
    const quiet: Timeline = { ...outcome.timeline, lanes: laneNames.map((name) => ({ name, rows: [] })) }
    const text = html({ outcome: { ...outcome, timeline: quiet }, scenario: "steady", replay: "" })
    for (const name of laneNames) assert.include(lane(text, name), ">none<")
  })
})
