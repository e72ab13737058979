import { assert, describe, it } from "@effect/vitest"
import { budget, deployment, node, pod, readyNode, readyNodes, serving, statefulSet } from "./objects.ts"
import { acceptedPlan, adjust, cordon, drain, evict, restart, restartDb } from "./plans.ts"

describe("a plan is accepted", () => {
  it("for exactly four times a limit", () => {
    assert.strictEqual(acceptedPlan(adjust({ limits: { memory: "1Gi" } }), deployment()).changes.length, 1)
  })

  it("for a fractional quantity within four times the limit", () => {
    assert.strictEqual(acceptedPlan(adjust({ limits: { memory: "0.5Gi" } }), deployment()).changes.length, 1)
  })

  it("without a write for the same limit in another form", () => {
    for (const memory of ["262144Ki", "0.25Gi", "268435456", "268435456e0"])
      assert.deepStrictEqual(acceptedPlan(adjust({ limits: { memory } }), deployment()).changes, [], memory)
  })

  it("for a restart of a StatefulSet of which no pod is ready, whatever a budget says", () => {
    assert.deepStrictEqual(acceptedPlan(restartDb, statefulSet(), [budget(0)]).asks, [])
  })

  it("for a restart under a budget that allows a disruption, or that selects other pods", () => {
    assert.deepStrictEqual(acceptedPlan(restart, serving(), [budget(1), budget(0, { app: "cart" })]).asks, [])
  })

  it("for a restart of the one pod of a Deployment with the strategy Recreate", () => {
    assert.deepStrictEqual(acceptedPlan(restart, serving({ replicas: 1, strategy: { type: "Recreate" } })).asks, [])
  })

  it("for a cordon of the first node of three, and of the second of eight", () => {
    assert.deepStrictEqual(acceptedPlan(cordon, node(), readyNodes).asks, [])
    const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => readyNode(`node-${n}`, n === 2 ? { unschedulable: true } : {}))
    assert.deepStrictEqual(acceptedPlan(cordon, node(), eight).asks, [])
  })

  it("for a cordon of one of two nodes of a pool for few", () => {
    const taints = [{ key: "gpu", effect: "NoSchedule" }]
    assert.deepStrictEqual(
      acceptedPlan(cordon, node({ taints }), [readyNode("node-1", { taints }), readyNode("node-2", { taints })]).asks,
      []
    )
  })

  it("for a cordon in one pool while a node of another pool is out, but not for one node of each pool", () => {
    const inPool = (name: string, pool: string, spec: object = {}) => ({
      ...readyNode(name, spec),
      metadata: { ...readyNode(name).metadata, labels: { "karpenter.sh/nodepool": pool } }
    })
    const large = [1, 2, 3, 4, 5, 6].map((n) => inPool(`large-${n}`, "large"))
    const subject = inPool("node-1", "small")
    const small = [subject, inPool("node-2", "small")]
    assert.deepStrictEqual(
      acceptedPlan(cordon, subject, [...small, ...large.slice(1), inPool("large-1", "large", { unschedulable: true })])
        .asks,
      []
    )
    const ofThree = [subject, inPool("b", "b", { unschedulable: true }), inPool("c", "c")]
    assert.deepStrictEqual(
      acceptedPlan(cordon, subject, ofThree).asks.map(({ rule }) => rule),
      ["too-many-nodes-out"]
    )
  })

  it("for an eviction of a pod whose local data may go", () => {
    const volumes = [{ name: "tmp", emptyDir: {} }]
    const readOnly = {
      volumes: [{ name: "certs", hostPath: { path: "/etc/ssl" } }],
      containers: [{ name: "app", volumeMounts: [{ name: "certs", readOnly: true }] }]
    }
    for (const subject of [
      pod("p1", { annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict": "true" } }, { volumes }),
      pod(
        "p1",
        { annotations: { "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "tmp" } },
        { volumes }
      ),
      pod("p1", {}, readOnly),
      pod("p1", {}, { volumes: [{ name: "config", configMap: { name: "app" } }] })
    ])
      assert.deepStrictEqual(acceptedPlan(evict, subject).asks, [])
  })

  it("for a drain of pods with memory-backed volumes", () => {
    const related = [pod("p1", {}, { volumes: [{ name: "cache", emptyDir: { medium: "Memory" } }] }), ...readyNodes]
    assert.strictEqual(acceptedPlan(drain, node(), related).changes.length, 2)
  })
})
