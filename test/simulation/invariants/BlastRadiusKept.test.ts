import { assert, describe, it } from "@effect/vitest"
import { blastRadiusKept } from "../../../src/simulation/invariants/BlastRadiusKept.ts"
import { app, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000
const named = (name: string, namespace = "prod") => ({ ...app, name, namespace })

const start = () => {
  const node = (name: string) => ({ kind: "Node", metadata: { name, labels: { agentpool: "apps" } } })
  const list = () => Array.from({ length: 12 }, (_, index) => node(`node-${index}`))
  const seen = watch(blastRadiusKept, undefined, { farEnds: { cluster: { list } } })
  return {
    ...seen,
    act: (id: string, ref = app, atMs = 0, pools: ReadonlyArray<string> = []) =>
      seen.at(atMs, intended(id, ref, { atMs, pools }), written(ref, `${id}-1`))
  }
}

describe("blast-radius-kept", () => {
  it("accepts ten actions in a namespace at once and one each minute after that, and reports the eleventh", () => {
    const seen = start()
    for (let count = 1; count <= 10; count++) seen.act(`rem-${count}`, named(`app-${count}`), count)
    seen.act("rem-a", named("app-a"), minuteMs + 10)
    seen.act("rem-b", named("app-b"), 2 * minuteMs + 10)
    assert.deepStrictEqual(seen.reports, [])
    seen.act("rem-c", named("app-c"), 2 * minuteMs + 11)
    assert.deepStrictEqual(seen.reports, ["rem-c-1 is action 13 on namespace prod within 120010 ms"])
  })

  it("judges by the times of the intents, also where a write is late", () => {
    const late = (intentMs: number) => {
      const seen = start()
      for (let count = 1; count <= 9; count++) seen.act(`rem-${count}`, named(`app-${count}`), count)
      seen.at(intentMs, intended("rem-late", named("app-late"), { atMs: intentMs }))
      seen.act("rem-a", named("app-a"), minuteMs + 10)
      seen.at(minuteMs + 20, written(named("app-late"), "rem-late-1"))
      return seen.reports
    }
    assert.deepStrictEqual(late(10), [])
    assert.deepStrictEqual(late(minuteMs + 11), [])
    const seen = start()
    for (let count = 1; count <= 9; count++) seen.act(`rem-${count}`, named(`app-${count}`), count)
    seen.at(10, intended("rem-late", named("app-late"), { atMs: 10 }))
    seen.act("rem-a", named("app-a"), 11)
    seen.at(12, written(named("app-late"), "rem-late-1"))
    assert.deepStrictEqual(seen.reports, ["rem-late-1 is action 11 on namespace prod within 10 ms"])
  })

  it("reports the twenty-first at once on the cluster, and the fourth on a target", () => {
    const seen = start()
    for (let count = 1; count <= 21; count++) seen.act(`rem-${count}`, named(`app-${count}`, `ns-${count}`))
    assert.deepStrictEqual(seen.reports, ["rem-21-1 is action 21 on the cluster within 0 ms"])
    const target = start()
    for (let count = 1; count <= 4; count++) target.act(`rem-${count}`, app)
    assert.deepStrictEqual(target.reports, ["rem-4-1 is action 4 on Deployment prod/app-1 within 0 ms"])
  })

  it("reports the eleventh workload of a pool, and the fourth of its twelve nodes, whatever their namespaces", () => {
    const seen = start()
    const pools = ["agentpool=apps"]
    for (let count = 1; count <= 11; count++) seen.act(`rem-${count}`, named(`app-${count}`, `ns-${count}`), 0, pools)
    assert.deepStrictEqual(seen.reports, ["rem-11-1 is action 11 on pool agentpool=apps within 0 ms"])
    const ofNodes = start()
    const of = (count: number) => ({ namespace: "", kind: "Node", name: `node-${count}` })
    for (let count = 1; count <= 4; count++) ofNodes.act(`rem-${count}`, of(count), 0, pools)
    assert.deepStrictEqual(ofNodes.reports, ["rem-4-1 is action 4 on pool agentpool=apps within 0 ms"])
  })

  it("does not count a workload with pods in several pools, or in none that is known", () => {
    const seen = start()
    for (let count = 1; count <= 11; count++)
      seen.act(`rem-${count}`, named(`app-${count}`, `ns-${count}`), 0, count < 6 ? ["agentpool=a", "agentpool=b"] : [])
    assert.deepStrictEqual(seen.reports, [])
  })

  it("does not count an action that a person has approved", () => {
    const seen = start()
    for (let count = 1; count <= 10; count++) seen.act(`rem-${count}`, named(`app-${count}`))
    seen.at(0, reviewed("rem-a", "approved"))
    seen.act("rem-a", named("app-a"))
    assert.deepStrictEqual(seen.reports, [])
  })
})
