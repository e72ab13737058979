import { assert, describe, it } from "@effect/vitest"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import type { Setting } from "../../../src/simulation/farEnds/FarEnd.ts"
import { rightTarget } from "../../../src/simulation/invariants/RightTarget.ts"
import { type Observation, Observations } from "../../../src/simulation/observation/Observation.ts"

const startsAt = "2026-11-24T03:00:00.000Z"
const app = (name: string): ResourceRef => ({ namespace: "prod", kind: "Deployment", name })

const sent = (fingerprint: string, about: ResourceRef): Observation => ({
  _tag: "AlertSent",
  alert: { fingerprint, startsAt },
  firing: true,
  about
})

const committed = (remediationId: string, event: unknown): Observation => {
  // Only the fields that the checker reads.
  const { _tag: kind } = event as RemediationEvent
  return {
    _tag: "Committed",
    events: [{ remediationId, sequence: 0, epoch: null, kind, at: startsAt, event: event as RemediationEvent }]
  }
}

const accepted = (remediationId: string, fingerprint: string) =>
  committed(remediationId, { _tag: "Accepted", alert: { fingerprint, startsAt } })

const written = (executionId: string, ref: ResourceRef): Observation => ({
  _tag: "ClusterWrite",
  by: "kubernaut",
  change: { _tag: "Patch", ref, patch: [] },
  executionId,
  applied: "yes"
})

const reportsOf = (...seen: ReadonlyArray<Observation>): ReadonlyArray<string> => {
  const reports: Array<string> = []
  const observations = new Observations(() => 0)
  observations.subscribe(rightTarget.make({} as Setting, (message) => reports.push(message)).on ?? {})
  for (const observation of seen) observations.publish(observation)
  return reports
}

const two = (one: ResourceRef, other: ResourceRef) => [
  sent("1", one),
  accepted("rem-1", "1"),
  sent("2", other),
  accepted("rem-2", "2")
]

describe("right-target", () => {
  it("reports an alert that joins the remediation of another Deployment, however similar their names", () => {
    assert.deepStrictEqual(
      reportsOf(...two(app("app-1"), app("app-10")), committed("rem-2", { _tag: "Joined", joinedTo: "rem-1" })),
      ["remediation rem-2 about Deployment prod/app-10 joined rem-1 about Deployment prod/app-1"]
    )
  })

  it("accepts an alert that joins one about the same Deployment", () => {
    assert.deepStrictEqual(
      reportsOf(...two(app("app-1"), app("app-1")), committed("rem-2", { _tag: "Joined", joinedTo: "rem-1" })),
      []
    )
  })

  it("reports a write to another Deployment than the alert's, and accepts one to the alert's own", () => {
    const intended = committed("rem-1", { _tag: "Intended", intent: { executionId: "rem-1-1" } })
    const reports = (ref: ResourceRef) =>
      reportsOf(sent("1", app("app-1")), accepted("rem-1", "1"), intended, written("rem-1-1", ref))
    assert.deepStrictEqual(reports(app("app-10")), [
      "remediation rem-1 about Deployment prod/app-1 wrote to Deployment prod/app-10"
    ])
    assert.deepStrictEqual(reports(app("app-1")), [])
  })
})
