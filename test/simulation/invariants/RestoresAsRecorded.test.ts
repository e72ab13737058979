import { assert, describe, it } from "@effect/vitest"
import { ObjectHistory } from "../../../src/simulation/farEnds/ObjectHistory.ts"
import {
  laterEditsKept,
  noUndoOfUndo,
  restoresRecordedFields
} from "../../../src/simulation/invariants/RestoresAsRecorded.ts"
import { committed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const quota = { namespace: "prod", kind: "ResourceQuota", name: "compute" }
type Hard = Readonly<Record<string, string>>

const object = (hard: Hard) => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: quota.name, namespace: quota.namespace, uid: "u1", resourceVersion: "1" },
  spec: { hard }
})

/** The reports of all three about one write of ours after what somebody, or we, have written. */
const reportsOf = (
  before: ReadonlyArray<readonly ["kubernaut" | "somebody", Hard]>,
  write: Hard,
  type = "RestoreObject"
) => {
  const objects = new ObjectHistory()
  const all = [restoresRecordedFields, laterEditsKept, noUndoOfUndo].map((invariant) =>
    watch(invariant, undefined, { farEnds: { cluster: { objects } } })
  )
  const intent = committed("rem-1", {
    _tag: "Intended",
    intent: { executionId: "rem-1-1", action: { type, target: quota }, changes: [] }
  } as never)
  before.forEach(([by, hard], index) => objects.note(quota, by, object(hard), index))
  for (const each of all) each.at(0, intent)
  objects.note(quota, "kubernaut", object(write), 10)
  for (const each of all) each.at(0, written(quota, "rem-1-1"))
  return all.map(({ reports }) => reports.length)
}

const roomy = { pods: "500", services: "50" }
const tight = { pods: "2", services: "50" }

describe("the invariants of RestoreObject", () => {
  it("accept the fields of one change with their values from before it, also after edits of other fields", () => {
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", roomy],
          ["somebody", tight]
        ],
        roomy
      ),
      [0, 0, 0]
    )
    const elsewhere = { pods: "2", services: "60" }
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", roomy],
          ["somebody", tight],
          ["somebody", elsewhere]
        ],
        { pods: "500", services: "60" }
      ),
      [0, 0, 0]
    )
  })

  it("report a field that nobody has changed, and a value that the field did not have", () => {
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", roomy],
          ["somebody", tight]
        ],
        { pods: "500", services: "1" }
      ),
      [1, 0, 0]
    )
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", roomy],
          ["somebody", tight]
        ],
        { pods: "7", services: "50" }
      ),
      [1, 0, 0]
    )
  })

  it("report that a later edit of the same field is lost", () => {
    const fixed = { pods: "300", services: "50" }
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", roomy],
          ["somebody", tight],
          ["somebody", fixed]
        ],
        roomy
      ),
      [0, 1, 0]
    )
  })

  it("report that a change of the service's own is taken back", () => {
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", tight],
          ["kubernaut", roomy]
        ],
        tight
      ),
      [0, 0, 1]
    )
  })

  it("say nothing about other actions", () => {
    assert.deepStrictEqual(
      reportsOf(
        [
          ["somebody", tight],
          ["kubernaut", roomy]
        ],
        tight,
        "ScaleWorkload"
      ),
      [0, 0, 0]
    )
  })
})
