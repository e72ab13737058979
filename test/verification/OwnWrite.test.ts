/** What an action writes itself is no evidence that it helped. */

import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { bare, evidence, healthy, intent, object, on, patchOf, pod, said, steady } from "./evidence.ts"

const deployment = on("Deployment")
const scale = (replicas: number): readonly [Action, Change, KubernetesObject] => [
  { type: "ScaleWorkload", target: deployment, replicas },
  patchOf("Deployment", ["/spec/replicas", replicas]),
  object("Deployment", { spec: { replicas } })
]
const uncordon: readonly [Action, Change, KubernetesObject] = [
  { type: "UncordonNode", target: on("Node") },
  { _tag: "Patch", ref: on("Node"), patch: [{ op: "remove", path: "/spec/unschedulable" }] },
  object("Node", { spec: {} })
]
const cordon: readonly [Action, Change, KubernetesObject] = [
  { type: "CordonNode", target: on("Node") },
  patchOf("Node", ["/spec/unschedulable", true]),
  object("Node", { spec: { unschedulable: true } })
]
const raiseMaximum: readonly [Action, Change, KubernetesObject] = [
  { type: "PatchHpa", target: on("HorizontalPodAutoscaler"), maxReplicas: 8 },
  patchOf("HorizontalPodAutoscaler", ["/spec/maxReplicas", 8]),
  object("HorizontalPodAutoscaler", { spec: { maxReplicas: 8 }, status: { currentReplicas: 3, desiredReplicas: 3 } })
]

const replicas = (desired: number, ready = desired) => ({
  desiredReplicas: desired,
  readyReplicas: ready,
  updatedReplicas: ready,
  availableReplicas: ready,
  endpoints: Math.min(ready, 3)
})
const node = (change: Partial<WorkloadState> = {}) => bare("Node", change)
const notReady = { conditions: [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }] }

const unknown = "unknown nothing-was-wrong"
const fixed = "fixed settled problem-gone"
const failing = pod("x", { ready: false, reason: "CrashLoopBackOff", restarts: 4 })

const cases: ReadonlyArray<
  readonly [
    claim: string,
    expected: string,
    acted: readonly [Action, Change, KubernetesObject],
    before: WorkloadState,
    after: WorkloadState
  ]
> = [
  [
    "a node that is schedulable because of the action",
    unknown,
    uncordon,
    node({ unschedulable: true }),
    node({ unschedulable: false })
  ],
  [
    "a node that also became ready",
    fixed,
    uncordon,
    node({ unschedulable: true, ...notReady }),
    node({ unschedulable: false })
  ],
  [
    "a node that is cordoned because of the action",
    unknown,
    cordon,
    node({ unschedulable: false }),
    node({ unschedulable: true })
  ],
  [
    "a workload that was scaled up from zero by the action",
    unknown,
    scale(3),
    healthy(replicas(0)),
    healthy(replicas(3))
  ],
  ["a workload with more replicas, of which none failed before", unknown, scale(5), healthy(), healthy(replicas(5))],
  [
    "a workload with more replicas, of which some failed before",
    fixed,
    scale(5),
    healthy({ ...replicas(3, 1), pods: [failing] }),
    healthy(replicas(5))
  ],
  [
    "a workload of which fewer replicas are desired because of the action, and more are ready",
    unknown,
    scale(4),
    healthy({ ...replicas(10, 2), pods: [failing] }),
    healthy(replicas(4))
  ],
  [
    "a workload of which fewer replicas are desired because of the action, and whose Service has endpoints again",
    fixed,
    scale(2),
    healthy({ ...replicas(3), endpoints: 0 }),
    healthy(replicas(2))
  ],
  [
    "an autoscaler that is below the maximum because the action raised it",
    unknown,
    raiseMaximum,
    healthy({ autoscalerAtMaximum: true }),
    healthy()
  ],
  [
    "an autoscaler that has used the raised maximum",
    fixed,
    raiseMaximum,
    healthy({ autoscalerAtMaximum: true }),
    healthy(replicas(4))
  ]
]

describe("a healthy target whose alert is unknown gets its verdict by what the action did not write", () => {
  for (const [claim, expected, [action, change, written], baseline, state] of cases) {
    it(`${claim}: ${expected}`, () => {
      const samples = steady(580, 600, state, { written: [written] })
      assert.strictEqual(said(evidence(samples, { intent: intent({ action, changes: [change], baseline }) })), expected)
    })

    it(`${claim}: fixed once its alert has resolved`, () => {
      const samples = steady(0, 10, state, { written: [written] })
      assert.strictEqual(
        said(evidence(samples, { alert: "resolved", intent: intent({ action, changes: [change], baseline }) })),
        "fixed settled alert-resolved"
      )
    })
  }

  it("a workload that somebody else scaled up from zero was not fixed by a restart", () => {
    const before = intent({ baseline: healthy(replicas(0)) })
    assert.strictEqual(said(evidence(steady(580, 600), { intent: before })), unknown)
  })
})
