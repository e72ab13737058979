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

describe("nodes of an autoscaler that start", () => {
  const at = (minutes: number) => new Date(minutes * 60_000).toISOString()
  const node = (name: string, status: string, createdMin: number, sinceMin: number, reason = "KubeletNotReady") => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: name, resourceVersion: "1", creationTimestamp: at(createdMin) },
    status: { conditions: [{ type: "Ready", status, reason, lastTransitionTime: at(sinceMin) }] }
  })
  const old = ["a", "b", "c"].map((name) => node(name, "True", -600, -600, "KubeletReady"))
  const three = (make: (name: string) => KubernetesObject) => ["x", "y", "z", "u"].map(make)

  const seen = Effect.fnUntraced(function* (lists: ReadonlyArray<ReadonlyArray<KubernetesObject>>, pause = "1 minute") {
    let current: ReadonlyArray<KubernetesObject> = []
    const watch = yield* NodeWatch.make({
      list: () => Effect.sync(() => current)
    } as unknown as KubernetesClient["Service"])
    let doubt: string | undefined
    for (const list of lists) {
      current = list
      doubt = doubtOf((yield* watch.current)?.nodes, [], 0)
      yield* TestClock.adjust(pause as "1 minute")
    }
    return doubt
  })

  const table = [
    { nodes: "that are registered as not ready", inDoubt: false, last: three((name) => node(name, "False", 0, 0)) },
    {
      nodes: "whose network takes ten minutes",
      inDoubt: false,
      last: three((name) => node(name, "False", -10, -10))
    },
    {
      nodes: "whose kubelets have never reported",
      inDoubt: false,
      last: three((name) => node(name, "Unknown", -4, -2, "NodeStatusNeverUpdated"))
    },
    {
      nodes: "of a cluster whose clock is two minutes ahead",
      inDoubt: false,
      last: three((name) => node(name, "False", 2, 2))
    },
    {
      nodes: "that were ready and have failed before we looked",
      inDoubt: true,
      last: three((name) => node(name, "Unknown", -14, -1, "NodeStatusUnknown"))
    },
    { nodes: "that are as old as the others", inDoubt: true, last: three((name) => node(name, "False", -600, -1)) }
  ]
  it.effect.each(table)("$nodes: in doubt $inDoubt", ({ inDoubt, last }) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* seen([[...old, ...last]])) !== undefined, inDoubt)
    })
  )

  it.effect("and were seen ready are failures, whatever their conditions say", () =>
    Effect.gen(function* () {
      const ready = three((name) => node(name, "True", 0, 0))
      const failed = three((name) => node(name, "False", 0, 0))
      assert.isDefined(
        yield* seen([
          [...old, ...ready],
          [...old, ...failed]
        ])
      )
    })
  )

  it.effect("in the place of failed ones with the same names are new", () =>
    Effect.gen(function* () {
      const ready = three((name) => node(name, "True", -600, -600))
      const again = three((name) => node(name, "False", 1, 1)).map((each) => ({
        ...each,
        metadata: { ...each.metadata, uid: `${each.metadata.uid}-2` }
      }))
      assert.isUndefined(
        yield* seen([
          [...old, ...ready],
          [...old, ...again]
        ])
      )
    })
  )

  it.effect("after a list without them are new, although our clock is an hour ahead", () =>
    Effect.gen(function* () {
      const started = three((name) => node(name, "False", -60, -60))
      // By its object, such a node is an hour old.
      assert.isUndefined(yield* seen([old, [...old, ...started]]))
      const { current } = yield* watchOf([...old, ...started])
      const [latest] = (yield* current)?.nodes.filter(({ ready }) => !ready) ?? []
      assert.isAtLeast(latest?.neverReadyForMs ?? 0, 3_600_000)
    })
  )
})
