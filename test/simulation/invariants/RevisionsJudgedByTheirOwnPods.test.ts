import { assert, describe, it } from "@effect/vitest"
import type { RevisionTruth } from "../../../src/simulation/farEnds/WorkloadObjects.ts"
import { revisionsJudgedByTheirOwnPods } from "../../../src/simulation/invariants/RevisionsJudgedByTheirOwnPods.ts"
import { app, committed, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

type Pod = RevisionTruth["pods"][number]

const startedMs = 1_000
const writtenMs = 5_000

interface Given {
  readonly restored?: ReadonlyArray<Partial<Pod>>
  readonly undone?: ReadonlyArray<Partial<Pod>>
  readonly disturbedMs?: number
  readonly approved?: boolean
}

/** The reports about a rollback from revision 2 to revision 1. Times of pods are since the run began. */
const reportsOf = ({ approved = false, disturbedMs = 0, restored = [], undone = [] }: Given): ReadonlyArray<string> => {
  let wallStartMs = 0
  const revision = (number: number, pods: ReadonlyArray<Partial<Pod>>): RevisionTruth => ({
    revision: number,
    image: `app:${number}`,
    pods: pods.map(({ createdMs = 0, failedBeforeMs, ready = true }, index) => ({
      name: `app-1-${index}`,
      uid: `u${index}`,
      ready,
      createdMs: wallStartMs + createdMs,
      failedBeforeMs: failedBeforeMs === undefined ? undefined : wallStartMs + failedBeforeMs
    }))
  })
  const cluster = {
    disturbedAtMs: () => disturbedMs,
    imageOf: () => "app:1",
    revisionsOf: () => [revision(2, undone), revision(1, restored)]
  }
  const seen = watch(revisionsJudgedByTheirOwnPods, undefined, { farEnds: { cluster } }, (world) => {
    wallStartMs = world.wallStartMs
    return world
  })
  seen.at(startedMs, committed("rem-1", { _tag: "Started" }))
  if (approved) seen.at(2_000, reviewed("rem-1", "approved"))
  seen.at(4_000, intended("rem-1", app))
  seen.at(writtenMs, written(app, "rem-1-1"))
  return seen.reports
}

const crashing = { ready: false, failedBeforeMs: 500 }
const starting = { ready: false, createdMs: 900 }

const restoredFailing = "remediation rem-1 restored app:1 of Deployment prod/app-1, whose own pods fail"
const undidStarting = "remediation rem-1 undid app:2 of Deployment prod/app-1, whose own pods have only begun to start"

describe("revisions-judged-by-their-own-pods", () => {
  it("accepts a rollback from a revision whose pods fail to one whose pods serve", () => {
    assert.deepStrictEqual(reportsOf({ restored: [{}, {}], undone: [crashing] }), [])
  })

  it("reports a rollback to a revision whose own pods fail", () => {
    assert.deepStrictEqual(reportsOf({ restored: [{}, crashing], undone: [crashing] }), [restoredFailing])
  })

  it("reports a rollback of a revision whose pods have only begun to start", () => {
    assert.deepStrictEqual(reportsOf({ restored: [{}], undone: [starting] }), [undidStarting])
    assert.deepStrictEqual(reportsOf({ restored: [crashing], undone: [starting] }), [restoredFailing, undidStarting])
  })

  it("accepts the rollback of one whose pods have not started within its deadline, or of which one fails", () => {
    assert.deepStrictEqual(reportsOf({ restored: [{}], undone: [{ ready: false, createdMs: -20_000 }] }), [])
    assert.deepStrictEqual(reportsOf({ restored: [{}], undone: [starting, crashing] }), [])
  })

  it("does not blame the service for what it could not have seen, or for what a person has approved", () => {
    assert.deepStrictEqual(reportsOf({ restored: [{ ready: false, failedBeforeMs: 3_000 }], undone: [crashing] }), [])
    assert.deepStrictEqual(reportsOf({ restored: [crashing], undone: [starting], disturbedMs: 3_000 }), [])
    assert.deepStrictEqual(reportsOf({ restored: [crashing], undone: [starting], approved: true }), [])
  })
})
