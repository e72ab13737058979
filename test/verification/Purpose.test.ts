import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { bare, evidence, healthy, intent, object, on, patchOf, pod, restart, said, steady } from "./evidence.ts"

const drain: Action = { type: "DrainNode", target: on("Node") }
const cordonPatch = patchOf("Node", ["/spec/unschedulable", true])

/** An action and its write. */
type Acted = readonly [Action, Change?]

const raised: Acted = [
  { type: "PatchHpa", target: on("HorizontalPodAutoscaler"), maxReplicas: 8 },
  patchOf("HorizontalPodAutoscaler", ["/spec/maxReplicas", 8])
]
const cordoned: Acted = [{ type: "CordonNode", target: on("Node") }, cordonPatch]
const uncordoned: Acted = [
  { type: "UncordonNode", target: on("Node") },
  { _tag: "Patch", ref: on("Node"), patch: [{ op: "remove", path: "/spec/unschedulable" }] }
]
const drained: Acted = [drain, cordonPatch]
const expanded: Acted = [
  { type: "ExpandVolume", target: on("PersistentVolumeClaim"), size: "20Gi" },
  patchOf("PersistentVolumeClaim", ["/spec/resources/requests/storage", "20Gi"])
]
const suspended: Acted = [
  { type: "SuspendCronJob", target: on("CronJob") },
  patchOf("CronJob", ["/spec/suspend", true])
]
const evicted: Acted = [
  { type: "EvictPod", target: on("Pod") },
  { _tag: "Evict", ref: on("Pod"), uid: "z" }
]
const restarted: Acted = [restart]

const hpa = (maxReplicas: number, currentReplicas?: number, desiredReplicas?: number, limited?: [string, string]) =>
  object("HorizontalPodAutoscaler", {
    spec: { maxReplicas },
    status: {
      ...(currentReplicas === undefined ? {} : { currentReplicas, desiredReplicas }),
      ...(limited === undefined
        ? {}
        : { conditions: [{ type: "ScalingLimited", status: limited[0], reason: limited[1] }] })
    }
  })
const inRange: [string, string] = ["False", "DesiredWithinRange"]
const atMaximum: [string, string] = ["True", "TooManyReplicas"]
const node = (spec: object) => object("Node", { spec })
const notReady = (reason: string) => bare("Node", { conditions: [{ type: "Ready", status: "Unknown", reason }] })
const nodeWith = (type: string, status: string) => {
  const { conditions } = bare("Node")
  return bare("Node", { conditions: [...conditions, { type, status, reason: "Because" }] })
}
const claim = (storage: string, capacity: string) =>
  object("PersistentVolumeClaim", {
    spec: { resources: { requests: { storage } } },
    status: { capacity: { storage: capacity } }
  })
const cronJob = (suspend: boolean) => object("CronJob", { spec: { suspend } })
const job = healthy({ ref: on("Job"), desiredReplicas: 1, readyReplicas: 1, endpoints: null })

const purposes: ReadonlyArray<
  readonly [
    claim: string,
    expected: string,
    acted: Acted,
    written: KubernetesObject | undefined,
    state?: WorkloadState,
    remaining?: ReadonlyArray<string>,
    baseline?: Partial<WorkloadState>
  ]
> = [
  [
    "an autoscaler with room that was at its maximum, with fewer replicas",
    "fixed settled problem-gone",
    raised,
    hpa(8, 6, 6, inRange),
    healthy(),
    [],
    { autoscalerAtMaximum: true, readyReplicas: 2, desiredReplicas: 2 }
  ],
  [
    "an autoscaler with room that had room before",
    "unknown nothing-was-wrong",
    raised,
    hpa(8, 6, 6, inRange),
    healthy(),
    [],
    { autoscalerAtMaximum: false }
  ],
  [
    "an autoscaler with room of which nothing is known from before",
    "unknown nothing-was-wrong",
    raised,
    hpa(8, 6, 6, inRange)
  ],
  ["an autoscaler limited by its new maximum", "not-fixed still-at-maximum", raised, hpa(8, 8, 8, atMaximum)],
  [
    "an autoscaler that needs exactly its maximum",
    "fixed settled problem-gone",
    raised,
    hpa(8, 8, 8, inRange),
    healthy(),
    [],
    { autoscalerAtMaximum: true, readyReplicas: 2, desiredReplicas: 2 }
  ],
  ["an autoscaler at its maximum without a condition", "not-fixed still-at-maximum", raised, hpa(8, 8, 8)],
  ["an autoscaler whose replicas do not exist yet", "not-fixed not-ready", raised, hpa(8, 5, 7)],
  ["an autoscaler without a status", "unknown not-observed not-settled", raised, hpa(8)],
  ["an autoscaler that somebody reverted", "not-fixed reverted", raised, hpa(5, 5, 5, ["False", "x"])],
  ["an autoscaler that was deleted", "not-fixed reverted", raised, undefined],
  [
    "a cordoned node that was ready and is ready",
    "unknown nothing-was-wrong",
    cordoned,
    node({ unschedulable: true }),
    bare("Node")
  ],
  [
    "a cordoned node that is ready again",
    "fixed settled problem-gone",
    cordoned,
    node({ unschedulable: true }),
    bare("Node"),
    [],
    { conditions: notReady("NodeStatusUnknown").conditions }
  ],
  [
    "a cordoned node whose disk is full",
    "not-fixed node-condition",
    cordoned,
    node({ unschedulable: true }),
    nodeWith("DiskPressure", "True")
  ],
  [
    "a cordoned node whose disk was full",
    "fixed settled problem-gone",
    cordoned,
    node({ unschedulable: true }),
    nodeWith("DiskPressure", "False"),
    [],
    { conditions: nodeWith("DiskPressure", "True").conditions }
  ],
  [
    "a cordoned node whose file system is read-only",
    "not-fixed node-condition",
    cordoned,
    node({ unschedulable: true }),
    nodeWith("ReadonlyFilesystem", "True")
  ],
  [
    "a cordoned node that does not say whether its memory is scarce",
    "unknown node-condition not-settled",
    cordoned,
    node({ unschedulable: true }),
    nodeWith("MemoryPressure", "Unknown")
  ],
  [
    "a node that was cordoned and is not any more, which the action wrote itself",
    "unknown nothing-was-wrong",
    uncordoned,
    node({}),
    bare("Node", { unschedulable: false }),
    [],
    { unschedulable: true }
  ],
  [
    "an uncordoned node that has no network",
    "not-fixed node-condition",
    uncordoned,
    node({}),
    nodeWith("NetworkUnavailable", "True"),
    [],
    { unschedulable: true }
  ],
  [
    "a cordoned node that is not ready",
    "not-fixed node-not-ready",
    cordoned,
    node({ unschedulable: true }),
    notReady("NodeStatusUnknown")
  ],
  [
    "a cordoned node without a Ready condition",
    "not-fixed node-not-ready",
    cordoned,
    node({ unschedulable: true }),
    bare("Node", { conditions: [] })
  ],
  ["a node that somebody uncordoned", "not-fixed reverted", cordoned, node({}), bare("Node")],
  ["a drained node", "unknown owners-unverified", drained, node({ unschedulable: true }), bare("Node")],
  [
    "a drained node with pods left",
    "not-fixed pods-remain",
    drained,
    node({ unschedulable: true }),
    bare("Node"),
    ["p1"]
  ],
  [
    "a volume that has grown, of which the API does not show how full it is",
    "unknown nothing-was-wrong",
    expanded,
    claim("20Gi", "20Gi"),
    bare("PersistentVolumeClaim")
  ],
  [
    "a volume that has not grown",
    "not-fixed resize-pending",
    expanded,
    claim("20Gi", "10Gi"),
    bare("PersistentVolumeClaim")
  ],
  ["a suspended CronJob", "unknown nothing-was-wrong", suspended, cronJob(true), bare("CronJob")],
  ["a CronJob that somebody resumed", "not-fixed reverted", suspended, cronJob(false), bare("CronJob")],
  [
    "the replacement of an evicted pod that was broken",
    "fixed settled problem-gone",
    evicted,
    undefined,
    healthy(),
    [],
    { readyReplicas: 2, pods: [pod("z", { ready: false, reason: "CrashLoopBackOff" }), pod("b"), pod("c")] }
  ],
  [
    "the replacement of an evicted pod that was ready",
    "unknown nothing-was-wrong",
    evicted,
    undefined,
    healthy(),
    [],
    { pods: [pod("z"), pod("b"), pod("c")] }
  ],
  [
    "a pod that still exists",
    "not-fixed pod-remains",
    evicted,
    undefined,
    healthy({ pods: [pod("z"), pod("b"), pod("c")] })
  ],
  ["a pod of a Job, which counts work, not service", "unknown nothing-to-tell-by not-settled", evicted, undefined, job],
  ["a restarted kind without replicas", "unknown nothing-to-tell-by not-settled", restarted, undefined, bare("CronJob")]
]

describe("the purpose of an action decides its verdict", () => {
  for (const [claim, expected, [action, change], written, state = healthy(), remaining = [], before = {}] of purposes) {
    it(`${claim}: ${expected}`, () => {
      const samples = steady(580, 600, state, { written: change?._tag === "Patch" ? [written] : [], remaining })
      const changes = change === undefined ? [] : [change]
      assert.strictEqual(
        said(evidence(samples, { intent: intent({ action, changes, baseline: { ...state, ...before } }) })),
        expected
      )
    })
  }

  it("a drained node once the alert has resolved: fixed settled alert-resolved", () => {
    const samples = steady(0, 10, bare("Node"), { written: [object("Node", { spec: { unschedulable: true } })] })
    assert.strictEqual(
      said(evidence(samples, { alert: "resolved", intent: intent({ action: drain, changes: [cordonPatch] }) })),
      "fixed settled alert-resolved"
    )
  })

  it.each(["CollectDiagnostics", "Notify"] as const)("%s on a healthy target: unknown changes-nothing", (type) => {
    const action: Action =
      type === "Notify" ? { type, target: on("Deployment"), reason: "why" } : { type, target: on("Deployment") }
    assert.strictEqual(said(evidence(steady(0, 10), { intent: intent({ action }) })), "unknown changes-nothing")
  })
})
