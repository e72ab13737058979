import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { Seen, SeenObject } from "../../src/domain/Seen.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { seenObject, specDigest } from "../../src/kubernetes/SpecDigest.ts"
import { autoscaler, deployment, node, pod, template } from "./objects.ts"
import { acceptedPlan, cordon, evict, patchHpa, planOf, restart, revisions, rollback, scale } from "./plans.ts"

/** What an investigation saw of an object. */
const saw = (object: KubernetesObject, change: Partial<SeenObject> = {}): { readonly seen: Seen } => {
  const { name, namespace = "" } = object.metadata
  const ref = { namespace, kind: object.kind, name }
  return {
    seen: {
      observedAt: "2026-11-24T02:55:00.000Z",
      autoscaled: false,
      objects: [{ ...seenObject(ref, object, false), ...change }]
    }
  }
}

const taint = { key: "maintenance", effect: "NoSchedule" }

const changes: ReadonlyArray<readonly [claim: string, Action, KubernetesObject, ReturnType<typeof saw>]> = [
  ["a rollback after another rollout", rollback(), deployment(), saw(deployment(), { revision: 2 })],
  [
    "a restart of a Deployment with another template",
    restart,
    deployment(),
    saw(deployment({ template: template("app:2") }))
  ],
  ["a scale of a Deployment that was created again", scale(5), deployment(), saw(deployment({}, { uid: "other" }))],
  [
    "bounds of an autoscaler that somebody has changed",
    patchHpa({ maxReplicas: 8 }),
    autoscaler(),
    saw(autoscaler({ maxReplicas: 6 }))
  ],
  ["a cordon of a node with a new taint", cordon, node({ taints: [taint] }), saw(node())],
  [
    "a cordon of a node that a person has given up",
    cordon,
    node({ taints: [{ key: "node.kubernetes.io/out-of-service", value: "nodeshutdown", effect: "NoExecute" }] }),
    saw(node())
  ],
  [
    "an eviction of a pod that is younger than the investigation",
    evict,
    pod("p1", { creationTimestamp: "2026-11-24T02:56:00Z" }),
    saw(pod("p2"))
  ],
  ["an eviction of another pod of that name", evict, pod("p1"), saw(pod("p1", { uid: "u0" }))]
]

describe("a plan is refused if its object has changed since the investigation", () => {
  for (const [claim, action, subject, seen] of changes) {
    it(`${claim}`, () => {
      assert.deepInclude(planOf(action, subject, revisions, seen), {
        _tag: "PlanRefusal",
        rule: "changed-since-investigation"
      })
    })
  }
})

const accepts = (action: Action, subject: KubernetesObject, context: ReturnType<typeof saw>) =>
  assert.isAbove(acceptedPlan(action, subject, revisions, context).changes.length, 0)

describe("a plan is accepted", () => {
  it("for a rollback of the revision that it was proposed for", () => {
    accepts(rollback(), deployment(), saw(deployment(), { revision: 3 }))
  })

  it("for an object whose status, labels and resourceVersion have changed since the investigation", () => {
    const now = deployment({}, { resourceVersion: "99", labels: { team: "shop" } })
    accepts(restart, { ...now, status: { readyReplicas: 1 } }, saw(deployment()))
  })

  it("for a Deployment that only its autoscaler has scaled since the investigation", () => {
    const { seen } = saw(deployment({ replicas: 3 }, { generation: 4 }), { spec: specDigest(deployment(), true) })
    accepts(restart, deployment({ replicas: 9 }, { generation: 7 }), { seen: { ...seen, autoscaled: true } })
  })

  it("for a node that only shows another condition, and for a pod that is older than the investigation", () => {
    for (const key of [
      "node.kubernetes.io/not-ready",
      "node.cloudprovider.kubernetes.io/shutdown",
      "node.cilium.io/agent-not-ready",
      "ebs.csi.aws.com/agent-not-ready",
      "cni.istio.io/not-ready",
      "DeletionCandidateOfClusterAutoscaler"
    ]) {
      const tainted = node({ taints: [{ key, effect: "NoExecute" }] })
      accepts(cordon, tainted, saw(node()))
      accepts(cordon, node(), saw(tainted))
    }
    accepts(evict, pod("p1", { creationTimestamp: "2026-11-24T02:50:00Z" }), saw(pod("p2")))
  })

  it("for an object without a digest only if its generation is the same", () => {
    const seen = (generation: number) => saw(deployment(), { spec: null, generation })
    const now = deployment({}, { generation: 4 })
    accepts(restart, now, seen(4))
    assert.strictEqual(planOf(restart, now, [], seen(3))._tag, "PlanRefusal")
  })
})
