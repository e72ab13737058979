import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { doubtOf } from "../../src/decision/OwnView.ts"
import type { KubernetesClient, KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import * as NodeWatch from "../../src/kubernetes/NodeWatch.ts"

const unready = (name: string, lastTransitionTime?: string): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name, uid: name, resourceVersion: "1" },
  status: {
    conditions: lastTransitionTime === undefined ? [] : [{ type: "Ready", status: "Unknown", lastTransitionTime }]
  }
})

const watchOf = (nodes: ReadonlyArray<KubernetesObject>) =>
  NodeWatch.make({ list: () => Effect.succeed(nodes) } as unknown as KubernetesClient["Service"])

describe("nodes that are unready for more than ten minutes are a fact and no doubt", () => {
  const cases = [
    { which: "that no kubelet has ever reported", nodes: ["a", "b", "c"].map((name) => unready(name)) },
    {
      which: "in a cluster whose clock is a day ahead",
      nodes: ["a", "b", "c"].map((name) => unready(name, "1970-01-02T00:00:00Z"))
    }
  ]
  it.effect.each(cases)("$which", ({ nodes }) =>
    Effect.gen(function* () {
      const { current } = yield* watchOf(nodes)
      const doubt = Effect.map(current, (now) => doubtOf(now?.nodes, [], 0))
      assert.match((yield* doubt) ?? "", /3 of 3 nodes/)
      yield* TestClock.adjust("9 minutes")
      assert.match((yield* doubt) ?? "", /3 of 3 nodes/)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* doubt, undefined)
    })
  )
})
