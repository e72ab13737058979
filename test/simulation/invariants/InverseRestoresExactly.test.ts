import { assert, describe, it } from "@effect/vitest"
import { SpecHistory } from "../../../src/simulation/farEnds/SpecHistory.ts"
import { inverseRestoresExactly } from "../../../src/simulation/invariants/InverseRestoresExactly.ts"
import { app, committed, concluded, intended, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const deployment = (replicas: number) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: app.name, namespace: app.namespace, uid: "u1", resourceVersion: "1" },
  spec: { replicas, template: {} }
})

/** An action that scales from 2 to 5, and what is written after it until the remediation ends. */
const reportsAfter = (
  writes: ReadonlyArray<readonly [by: "kubernaut" | "somebody", replicas: number]>,
  state = "RolledBack"
): ReadonlyArray<string> => {
  const specs = new SpecHistory()
  const seen = watch(inverseRestoresExactly, undefined, { farEnds: { cluster: { specs } } })
  specs.note(app, "somebody", deployment(2), 0)
  seen.at(1, intended("rem-1", app))
  specs.note(app, "kubernaut", deployment(5), 2)
  seen.at(2, written(app, "rem-1-1"))
  seen.at(3, committed("rem-1", { _tag: "RollbackRequested", request: { undoes: "rem-1-1" } } as never))
  for (const [by, replicas] of writes) specs.note(app, by, deployment(replicas), 4)
  seen.at(5, concluded("rem-1", state))
  return seen.reports
}

describe("inverse-restores-exactly", () => {
  it("accepts the spec from before the action, a rollback that ended otherwise, and what somebody else wrote", () => {
    assert.deepStrictEqual(reportsAfter([["kubernaut", 2]]), [])
    assert.deepStrictEqual(reportsAfter([], "Escalated"), [])
    assert.deepStrictEqual(
      reportsAfter([
        ["somebody", 7],
        ["kubernaut", 2],
        ["somebody", 9]
      ]),
      []
    )
  })

  it.each([
    ["nothing was written", []],
    ["another value was written", [["kubernaut", 3]]]
  ] as const)("reports a rollback after which %s", (_, writes) => {
    assert.deepStrictEqual(reportsAfter(writes), [
      "remediation rem-1 was rolled back, and the spec of Deployment prod/app-1 is another"
    ])
  })
})
