import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import type { FinalState, RemediationState } from "../../src/domain/Remediation.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import { find, leftCordon } from "../../src/remediation/LeftCordons.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"

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

const remediation = (state: RemediationState) => ({ state })

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

describe("a cordon whose remediation is archived", () => {
  const file = "2026-11.jsonl"

  it("stays without a word if it ended Remediated: the database need not know it any more", () => {
    assert.isUndefined(leftCordon(node(), { file, state: "Remediated" }))
  })

  it("is reported with the file if it ended otherwise, or if only the file says how", () => {
    assert.include(
      leftCordon(node(), { file, state: "Escalated" })?.message,
      `ended Escalated, and is archived in ${file}`
    )
    const unknown = leftCordon(node(), { file })?.message
    assert.include(unknown, `is archived: the file ${file}`)
    assert.notInclude(unknown, "does not know")
  })
})

describe("the cordons that are left", () => {
  const archived: ReadonlySet<string> = new Set(["rem-1", "rem-2"])
  const cordoned = (name: string, remediation: string) =>
    node({ name, annotations: { ...signed, "kubernaut.dev/remediation": remediation } })
  const cluster = (nodes: ReadonlyArray<Node>) =>
    Layer.mergeAll(
      Layer.mock(KubernetesClient, { list: () => Effect.succeed(nodes) }),
      Layer.mock(RemediationStore, {
        get: () => Effect.succeedNone,
        archivedIn: (id) =>
          Effect.succeed(
            archived.has(id)
              ? Option.some({ file: "a", state: id === "rem-1" ? "Remediated" : "RolledBack" })
              : Option.none()
          )
      })
    )

  it.effect("are found where remediations are archived, and where the annotation is no id", () =>
    Effect.gen(function* () {
      const nodes = [cordoned("a", "rem-1"), cordoned("b", "rem-2"), cordoned("c", "rem-3"), cordoned("d", "")]
      const left = yield* Effect.provide(find, cluster(nodes))
      assert.deepStrictEqual(
        left.map((each) => each.node),
        ["b", "c", "d"]
      )
    })
  )
})

describe("not reported is", () => {
  const others: ReadonlyArray<readonly [claim: string, node: Node]> = [
    ["a node that is schedulable again", node({}, false)],
    ["a cordon that a person made", node({ annotations: {} })],
    ["a cordon that a person made again after ours", node({ managedFields: cordoner("kubectl-cordon") })]
  ]
  it.each(others)("%s", (_claim, each) => assert.isUndefined(leftCordon(each, undefined)))
})
