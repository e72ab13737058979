import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../../src/simulation/faults/Fault.ts"
import * as Faults from "../../../src/simulation/faults/Faults.ts"
import { type CommittedEvent, type Observation, Observations } from "../../../src/simulation/observation/Observation.ts"
import * as Coverage from "../../../src/simulation/report/Coverage.ts"

const fault: Fault = { kind: "kubernetes-unavailable", atMs: 0, forMs: 1000, parameters: { share: 1 } }
const began: Observation = { _tag: "FaultBegan", fault }
const healed: Observation = { _tag: "FaultHealed", fault }
const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }
const committed = (kind: CommittedEvent["kind"], event: object = {}, remediationId = "r"): Observation => ({
  _tag: "Committed",
  events: [{ remediationId, sequence: 0, epoch: null, kind, at: "", event: { _tag: kind, ...event } as never }]
})

const after = (...told: ReadonlyArray<Observation>): Coverage.Coverage => {
  const observations = new Observations(() => 0)
  const recorder = new Coverage.CoverageRecorder()
  observations.subscribe(recorder.on)
  for (const observation of told) observations.publish(observation)
  return recorder.coverage
}

describe("Coverage", () => {
  it("counts a fault once for each stage that work was in while it was active", () => {
    const { faultStages } = after(
      committed("Accepted"),
      began,
      committed("Started"),
      committed("Started"),
      committed("Investigated"),
      healed,
      committed("Intended")
    )
    assert.deepStrictEqual(faultStages, { "kubernetes-unavailable": { queued: 1, investigation: 1, decision: 1 } })
  })

  it("counts a fault as idle while no remediation is open", () => {
    assert.deepStrictEqual(after(began).faultStages, { "kubernetes-unavailable": { idle: 1 } })
    assert.deepStrictEqual(after(committed("Accepted"), committed("Joined", { joinedTo: "s" }), began).faultStages, {
      "kubernetes-unavailable": { idle: 1 }
    })
  })

  it("names a crash point by the events before and after it, for each open remediation", () => {
    const { crashPoints, marks } = after(
      committed("Accepted"),
      committed("Intended"),
      committed("Accepted", {}, "s"),
      ended,
      committed("Executed", { outcome: { executionId: "e" } }),
      committed("Started", {}, "s"),
      committed("Investigated", {}, "s")
    )
    assert.deepStrictEqual(crashPoints, { "Accepted … Started": 1, "Intended … Executed": 1 })
    assert.strictEqual(marks["crash-with-work"], 1)
    assert.strictEqual(after(ended).marks["crash-while-idle"], 1)
  })

  it("marks a write as unacknowledged only if a crash falls between it and its event", () => {
    const write: Observation = {
      _tag: "ClusterWrite",
      by: "kubernaut",
      change: { _tag: "Evict", ref: { namespace: "a", kind: "Pod", name: "b" }, uid: "u" },
      executionId: "e",
      applied: "yes"
    }
    const executed = committed("Executed", { outcome: { executionId: "e" } })
    assert.strictEqual(after(write, ended).marks["write-unacknowledged"], 1)
    assert.isUndefined(after(committed("Accepted"), write, executed, ended).marks["write-unacknowledged"])
    assert.isUndefined(after({ ...write, applied: "no" }, ended).marks["write-unacknowledged"])
  })

  it("reopens nothing when an alert is resolved after the end of its remediation", () => {
    const late = [
      committed("Accepted"),
      committed("Concluded", { state: "Remediated" }),
      committed("AlertResolved"),
      began
    ]
    const { faultStages, remediations } = after(...late)
    assert.deepStrictEqual(faultStages, { "kubernetes-unavailable": { idle: 1 } })
    assert.deepStrictEqual(remediations, { "· → Received": 1, "Received → Remediated": 1 })
  })

  it("counts the transitions of remediations, breakers and the level", () => {
    const { breakers, levels, remediations } = after(
      committed("Accepted"),
      committed("Started"),
      committed("Decided", { decision: { outcome: "review" } }),
      committed("Concluded", { state: "Cancelled" }),
      { _tag: "BreakerMoved", breaker: "kubernetes", from: "Closed", to: "Open", cause: "failure-rate" },
      { _tag: "LevelIs", level: 0, reasons: [] },
      { _tag: "LevelIs", level: 2, reasons: ["all are out"] }
    )
    assert.deepStrictEqual(remediations, {
      "· → Received": 1,
      "Received → Investigating": 1,
      "Investigating → AwaitingReview": 1,
      "AwaitingReview → Cancelled": 1
    })
    assert.deepStrictEqual(breakers, { "kubernetes: Closed → Open": 1 })
    assert.deepStrictEqual(levels, { "0 → 2": 1 })
  })

  it("marks what the service says about itself: cut off, full, declared and ended by an operator, silent", () => {
    const said = (level: 0 | 3, reason: string, isCutOff = false): Observation => ({
      _tag: "LevelIs",
      level,
      reasons: [reason],
      isCutOff
    })
    const { marks } = after(
      said(3, "We are cut off: none of the 5 peers answers", true),
      said(3, "memory is above 95 % of the container's limit"),
      said(3, "ada has declared an emergency"),
      { _tag: "EmergencyDeclared", set: false },
      said(0, ""),
      { _tag: "HealthIs", check: "watchdog", status: "unhealthy" },
      { _tag: "BreakerMoved", breaker: "alertmanager", from: "Closed", to: "Open", cause: "failure-rate" }
    )
    assert.deepStrictEqual(marks, {
      "alertmanager-out": 1,
      "cut-off": 1,
      "emergency-by-pressure": 1,
      "emergency-declared": 1,
      "emergency-ended": 1,
      "pipeline-silent": 1
    })
    assert.deepStrictEqual(after(said(3, ""), said(0, "")).marks, {})
  })

  it("expects a mark only where the fault may happen without which there is none", () => {
    assert.notInclude(
      Coverage.marksWith(() => false),
      "cut-off"
    )
    assert.include(
      Coverage.marksWith((kind) => kind === "total-isolation"),
      "cut-off"
    )
  })

  it("merges to the same in either order", () => {
    const one = after(began, committed("Accepted"))
    const two = after(committed("Accepted"), ended, committed("Started"))
    assert.deepStrictEqual(Coverage.merge(one, two), Coverage.merge(two, one))
    assert.deepStrictEqual(Coverage.merge(one, Coverage.empty), one)
  })

  it("reports missing kinds, stages that a kind never met, and missing marks", () => {
    const kinds = Faults.all.filter(({ name }) => name === "kubernetes-unavailable" || name === "process-crash")
    const missing = Coverage.missing(
      after(began, committed("Accepted"), committed("Started"), committed("Intended")),
      kinds
    )
    assert.include(missing, "never happened: process-crash")
    assert.include(missing, "kubernetes-unavailable never met work in verification")
    assert.include(missing, `never seen: ${Coverage.sometimes["breaker-opened"]}`)
  })

  it("reports nothing for a run that covered everything", () => {
    const everything: Coverage.Coverage = {
      ...Coverage.empty,
      faults: { "kubernetes-unavailable": 1 },
      faultStages: { "kubernetes-unavailable": { investigation: 1, execution: 1, verification: 1 } },
      marks: Object.fromEntries(Object.keys(Coverage.sometimes).map((mark) => [mark, 1]))
    }
    assert.deepStrictEqual(
      Coverage.missing(
        everything,
        Faults.all.filter(({ name }) => name === "kubernetes-unavailable")
      ),
      []
    )
  })
})
