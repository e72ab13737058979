import { assert, describe, it } from "@effect/vitest"
import { questionsOf } from "../../../src/investigation/evidence/TargetMetrics.ts"

const deployment = { namespace: "shop", kind: "Deployment", name: "checkout" }
const claim = { namespace: "shop", kind: "PersistentVolumeClaim", name: "data" }

const queries = (...given: Parameters<typeof questionsOf>) => questionsOf(...given).map(({ query }) => query)

describe("the questions about a target", () => {
  it("are about the containers of its pods, and not about the one that keeps their network", () => {
    const [memory] = queries({ target: deployment, pods: ["checkout-7d9f-a", "checkout-7d9f-b"] })
    assert.strictEqual(
      memory,
      'max by (pod, container) (container_memory_working_set_bytes{namespace="shop",pod=~"checkout-7d9f-a|checkout-7d9f-b",container!="",container!="POD"})'
    )
  })

  it("are about the volume of a PersistentVolumeClaim", () => {
    assert.deepStrictEqual(queries({ target: claim, pods: [] }), [
      'max(kubelet_volume_stats_used_bytes{namespace="shop",persistentvolumeclaim="data"}) / max(kubelet_volume_stats_capacity_bytes{namespace="shop",persistentvolumeclaim="data"})'
    ])
  })

  it("are none where no pod is known", () => {
    assert.deepStrictEqual(queries({ target: deployment, pods: [] }), [])
    assert.deepStrictEqual(queries({ target: { namespace: "", kind: "Node", name: "worker-1" }, pods: [] }), [])
  })

  it("select the series of one cluster where a selector is configured", () => {
    for (const target of [deployment, claim])
      for (const query of queries({ target, pods: ["a"] }, 'cluster="prod-a"'))
        assert.strictEqual(query.match(/cluster="prod-a"/g)?.length, query.match(/\{/g)?.length, query)
  })

  it("contain the names of objects as text only", () => {
    const hostile = '"} or vector(1) or up{a="'
    const [query] = queries({ target: { ...claim, name: hostile }, pods: [] })
    assert.include(query, String.raw`persistentvolumeclaim="\"} or vector(1) or up{a=\""`)
    const [memory] = queries({ target: deployment, pods: ["a.b", "c|.*"] })
    assert.include(memory, String.raw`pod=~"a\\.b|c\\|\\.\\*"`)
  })
})
