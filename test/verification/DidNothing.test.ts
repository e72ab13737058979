/** Each type of action has a check that fails when the action did nothing, however healthy the target looks. */

import { assert, describe, it } from "@effect/vitest"
import { kindsOf, type Action, type ActionType } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { bare, evidence, healthy, intent, object, on, patchOf, pod, restart, said, steady } from "./evidence.ts"

interface Acted {
  readonly action: Action
  readonly change: Change
  /** The object that the action writes to, as it was before and as it should be afterwards. */
  readonly before: KubernetesObject
  readonly after: KubernetesObject
  readonly state?: WorkloadState
  /** The target's state once the action had its effect. Default: the same. */
  readonly effective?: WorkloadState
  readonly remaining?: ReadonlyArray<string>
}

const deployment = (spec: object) => object("Deployment", { spec })
const container = (image: string, memory: string) => ({ name: "app", image, resources: { limits: { memory } } })
const templated = (image: string, memory = "256Mi") =>
  deployment({ template: { spec: { containers: [container(image, memory)] } } })
const node = (unschedulable: boolean) => object("Node", { spec: unschedulable ? { unschedulable } : {} })
const hpa = (maxReplicas: number) =>
  object("HorizontalPodAutoscaler", { spec: { maxReplicas }, status: { currentReplicas: 5, desiredReplicas: 5 } })
const claim = (storage: string) =>
  object("PersistentVolumeClaim", { spec: { resources: { requests: { storage } } }, status: { capacity: { storage } } })
const labelled = (labels: object) => {
  const made = object("Pod", {})
  return { ...made, metadata: { ...made.metadata, labels } } as KubernetesObject
}
const others = [pod("d"), pod("e"), pod("f")]
const restartedAt = "2027-01-15T08:00:00.000Z"
const restartPatch = patchOf("Deployment", ["/spec/template/metadata/annotations", restartedAt])
const quarantined = healthy({ pods: [pod("a", { name: "it" }), pod("b"), pod("c")] })

const acted: Readonly<Record<Exclude<ActionType, "CollectDiagnostics" | "Notify">, Acted>> = {
  RestartWorkload: {
    action: restart,
    change: restartPatch,
    before: deployment({}),
    after: deployment({}),
    effective: healthy({ pods: others })
  },
  ScaleWorkload: {
    action: { type: "ScaleWorkload", target: on("Deployment"), replicas: 3 },
    change: patchOf("Deployment", ["/spec/replicas", 3]),
    before: deployment({ replicas: 1 }),
    after: deployment({ replicas: 3 })
  },
  RollbackDeployment: {
    action: { type: "RollbackDeployment", target: on("Deployment") },
    change: patchOf("Deployment", ["/spec/template/spec/containers/0/image", "app:1"]),
    before: templated("app:2"),
    after: templated("app:1")
  },
  AdjustResources: {
    action: { type: "AdjustResources", target: on("Deployment"), container: "app", limits: { memory: "512Mi" } },
    change: patchOf("Deployment", ["/spec/template/spec/containers/0/resources/limits/memory", "512Mi"]),
    before: templated("app:1"),
    after: templated("app:1", "512Mi")
  },
  PatchHpa: {
    action: { type: "PatchHpa", target: on("HorizontalPodAutoscaler"), maxReplicas: 8 },
    change: patchOf("HorizontalPodAutoscaler", ["/spec/maxReplicas", 8]),
    before: hpa(5),
    after: hpa(8)
  },
  EvictPod: {
    action: { type: "EvictPod", target: on("Pod") },
    change: { _tag: "Evict", ref: on("Pod"), uid: "a" },
    before: object("Pod", {}),
    after: object("Pod", {}),
    effective: healthy({ pods: others })
  },
  CordonNode: {
    action: { type: "CordonNode", target: on("Node") },
    change: patchOf("Node", ["/spec/unschedulable", true]),
    before: node(false),
    after: node(true),
    state: bare("Node")
  },
  UncordonNode: {
    action: { type: "UncordonNode", target: on("Node") },
    change: { _tag: "Patch", ref: on("Node"), patch: [{ op: "remove", path: "/spec/unschedulable" }] },
    before: node(true),
    after: node(false),
    state: bare("Node")
  },
  DrainNode: {
    action: { type: "DrainNode", target: on("Node") },
    change: { _tag: "Evict", ref: on("Pod"), uid: "a" },
    before: node(true),
    after: node(true),
    state: bare("Node"),
    remaining: ["a"]
  },
  ExpandVolume: {
    action: { type: "ExpandVolume", target: on("PersistentVolumeClaim"), size: "20Gi" },
    change: patchOf("PersistentVolumeClaim", ["/spec/resources/requests/storage", "20Gi"]),
    before: claim("10Gi"),
    after: claim("20Gi"),
    state: bare("PersistentVolumeClaim")
  },
  SuspendCronJob: {
    action: { type: "SuspendCronJob", target: on("CronJob") },
    change: patchOf("CronJob", ["/spec/suspend", true]),
    before: object("CronJob", { spec: { suspend: false } }),
    after: object("CronJob", { spec: { suspend: true } }),
    state: bare("CronJob")
  },
  QuarantinePod: {
    action: { type: "QuarantinePod", target: on("Pod") },
    change: { _tag: "Patch", ref: on("Pod"), patch: [{ op: "add", path: "/metadata/labels/q", value: "true" }] },
    before: labelled({}),
    after: labelled({ q: "true" }),
    state: quarantined,
    effective: healthy({ pods: others })
  },
  RestoreObject: {
    action: { type: "RestoreObject", target: on("ConfigMap"), change: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV" },
    change: patchOf("ConfigMap", ["/data/url", "http://db"]),
    before: object("ConfigMap", { data: { url: "http://nowhere" } }),
    after: object("ConfigMap", { data: { url: "http://db" } })
  }
}

/** The verdict where everything about the target is well, and its alert has resolved. */
const verdictOf = (
  { action, change }: Acted,
  written: KubernetesObject,
  state: WorkloadState,
  remaining: ReadonlyArray<string>
) =>
  said(
    evidence(steady(0, 600, state, { written: change._tag === "Patch" ? [written] : [], remaining }), {
      alert: "resolved",
      intent: intent({ action, changes: [change], baseline: state })
    })
  )

describe("an action", () => {
  it("is tried here for every type that writes", () => {
    assert.sameMembers(Object.keys(acted), Object.keys(kindsOf))
  })

  for (const [type, each] of Object.entries(acted)) {
    const { after, before, effective, remaining = [], state = healthy() } = each
    it(`${type} that did nothing is not fixed, although the target is healthy and the alert has resolved`, () => {
      assert.match(verdictOf(each, before, state, remaining), /^not-fixed /)
    })

    it(`${type} that had its effect is fixed then`, () => {
      const then = effective ?? state
      const changes = [each.change]
      const samples = steady(0, 600, then, { written: each.change._tag === "Patch" ? [after] : [], remaining: [] })
      assert.match(
        said(
          evidence(samples, { alert: "resolved", intent: intent({ action: each.action, changes, baseline: state }) })
        ),
        /^fixed /
      )
    })
  }

  it("that quarantines a pod is not fixed while its owner still counts the pod", () => {
    const { after } = acted.QuarantinePod
    assert.match(verdictOf(acted.QuarantinePod, after, quarantined, []), /^not-fixed pod-remains/)
  })
})
