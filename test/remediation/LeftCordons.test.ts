import { assert, describe, it } from "@effect/vitest"
import type { FinalState, Remediation, RemediationState } from "../../src/domain/Remediation.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import { leftCordon } from "../../src/remediation/LeftCordons.ts"

const signed = { "kubernaut.dev/execution": "rem-1-1", "kubernaut.dev/remediation": "rem-1" }
const cordoner = (manager: string) => [{ manager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } }]

const node = (change: Partial<Node["metadata"]> = {}, unschedulable = true): Node => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name: "node-1",
    uid: "u",
    resourceVersion: "1",
    annotations: signed,
    managedFields: cordoner("kubernaut"),
    ...change
  },
  spec: unschedulable ? { unschedulable } : {}
})

const remediation = (state: RemediationState) => ({ id: "rem-1", state }) as Remediation

const ended: ReadonlyArray<FinalState> = ["RolledBack", "Escalated", "Observed", "Cancelled", "Joined"]

describe("a cordon of Kubernaut", () => {
  it.each(ended)("whose remediation ended %s is reported, with the command that gives the node back", (state) => {
    const left = leftCordon(node(), remediation(state))
    assert.include(left?.message, state)
    assert.include(left?.message, "kubectl uncordon node-1")
  })

  it("whose remediation the database does not know is reported: its owner is gone for good", () => {
    assert.include(leftCordon(node(), undefined)?.message, "rem-1")
  })

  it.each(["Executing", "Verifying", "RollingBack", "AwaitingReview"] as const)(
    "whose remediation is %s is left to its actor",
    (state) => assert.isUndefined(leftCordon(node(), remediation(state)))
  )

  it("whose remediation ended Remediated stays: the verdict is that it helped", () => {
    assert.isUndefined(leftCordon(node(), remediation("Remediated")))
  })
})

describe("not reported is", () => {
  const others: ReadonlyArray<readonly [claim: string, node: Node]> = [
    ["a node that is schedulable again", node({}, false)],
    ["a cordon that a person made", node({ annotations: {} })],
    ["a cordon that a person made again after ours", node({ managedFields: cordoner("kubectl-cordon") })]
  ]
  it.each(others)("%s", (_claim, each) => assert.isUndefined(leftCordon(each, undefined)))
})
