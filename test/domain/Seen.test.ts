import { assert, describe, it } from "@effect/vitest"
import { changeSince, seenOf } from "../../src/domain/Seen.ts"
import type { Timestamp } from "../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"

const nodeWith = (conditions: Readonly<Record<string, string>>): WorkloadState => ({
  ref: { namespace: "", kind: "Node", name: "node-1" },
  exists: true,
  observedAt: "2026-11-24T03:00:00.000Z" as Timestamp,
  uid: "1",
  resourceVersion: "1",
  generation: null,
  observedGeneration: null,
  desiredReplicas: null,
  readyReplicas: null,
  updatedReplicas: null,
  availableReplicas: null,
  restarts: null,
  pods: [],
  endpoints: null,
  revision: null,
  conditions: Object.entries(conditions).map(([type, status]) => ({ type, status, reason: "" })),
  managers: [],
  autoscaler: null,
  spec: "same",
  unschedulable: false
})

describe("a node", () => {
  const well = nodeWith({ Ready: "True", KernelDeadlock: "False" })

  it.each([
    ["was not ready", { Ready: "False" }],
    ["was under pressure", { Ready: "True", DiskPressure: "True" }],
    ["had a fault that node-problem-detector reports", { Ready: "True", KernelDeadlock: "True" }],
    ["had a file system that could not be written", { Ready: "True", ReadonlyFilesystem: "True" }]
  ])("that %s at the investigation, and works now, has recovered", (_, conditions) => {
    assert.include(changeSince(seenOf(nodeWith(conditions)), well) ?? "", "has recovered")
  })

  it("that works as before has not changed", () => {
    assert.isUndefined(changeSince(seenOf(well), well))
  })

  it("that still has its fault has not changed", () => {
    const sick = nodeWith({ Ready: "True", KernelDeadlock: "True" })
    assert.isUndefined(changeSince(seenOf(sick), sick))
  })
})
