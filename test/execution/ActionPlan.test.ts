import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import { node, owner, pod } from "./objects.ts"
import { acceptedPlan, drain, on } from "./plans.ts"

describe("the plan of an action that changes nothing", () => {
  it.each(["CollectDiagnostics", "Notify"] as const)("has no writes: %s of an object that does not exist", (type) => {
    const target = on("Deployment", "checkout")
    const action: Action = type === "Notify" ? { type, target, reason: "why" } : { type, target }
    assert.deepStrictEqual(acceptedPlan(action, undefined).changes, [])
  })
})

describe("the plan of a drain", () => {
  const related = [
    pod("p1"),
    pod("agent", { ownerReferences: owner("DaemonSet", "agent") }),
    pod("static", { annotations: { "kubernetes.io/config.mirror": "x" }, ownerReferences: [] }),
    pod("done", { ownerReferences: [] }, {}, { phase: "Succeeded" }),
    pod("leaving", { deletionTimestamp: "2026-11-24T02:59:59Z" }),
    pod("elsewhere", {}, { nodeName: "node-2" }),
    pod("p2")
  ]

  it("cordons the node first and then evicts every pod that can move, each by its uid", () => {
    const { changes } = acceptedPlan(drain, node(), related)
    assert.deepStrictEqual(
      changes.map((change) => [change._tag, change.ref.name]),
      [
        ["Patch", "node-1"],
        ["Evict", "p1"],
        ["Evict", "p2"]
      ]
    )
    assert.deepInclude(changes[1], { _tag: "Evict", ref: on("Pod", "p1"), uid: "uid-p1" })
  })

  it("does not uncordon a node that it did not cordon", () => {
    const { changes, inverse } = acceptedPlan(drain, node({ unschedulable: true }), related)
    assert.deepStrictEqual(
      changes.map((change) => change._tag),
      ["Evict", "Evict"]
    )
    assert.deepStrictEqual(inverse, { _tag: "Partial", changes: [], remains: "Evicted pods are not moved back." })
  })
})
