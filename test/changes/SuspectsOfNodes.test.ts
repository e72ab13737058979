import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { find } from "./finding.ts"
import { object, refTo } from "./objects.ts"
import { alert, modified } from "./scenes.ts"

describe("an alert about a node", () => {
  const node = { namespace: "", kind: "Node", name: "node-1" }
  const network = (nodeSelector: object = {}) =>
    object(
      "DaemonSet",
      "network",
      { spec: { template: { spec: { nodeSelector, containers: [{ name: "agent", image: "agent:2" }] } } } },
      "kube-system"
    )
  const changed = modified(
    refTo("DaemonSet", "network", "kube-system"),
    -60,
    ["spec", "template", "spec", "containers", { by: "name", value: "agent" }, "image"],
    { before: "agent:1", after: "agent:2" }
  )
  const fired = alert("KubeNodeNotReady", { labels: { alertname: "KubeNodeNotReady", node: "node-1" } })
  const machine = object("Node", "node-1", { metadata: { labels: { os: "linux" } } }, "")
  const ofNode = (daemon: KubernetesObject) =>
    find({ changes: [changed], objects: [daemon] }, { objects: [machine, daemon] }, fired, null, node)

  it.effect(
    "names the change of a DaemonSet of any namespace that runs on it, and is not told that nothing changed",
    () =>
      Effect.gen(function* () {
        const found = yield* ofNode(network())
        assert.notStrictEqual(found.finding, "nothing-changed")
        assert.deepStrictEqual(
          found.ranked.map(({ change, relation }) => [change.ref.name, relation]),
          [["network", "runs a pod of DaemonSet kube-system/network"]]
        )
      })
  )

  it.effect("is told that nothing changed where the DaemonSet does not run on it", () =>
    Effect.gen(function* () {
      const found = yield* ofNode(network({ os: "windows" }))
      assert.deepStrictEqual([found.finding, found.ranked], ["nothing-changed", []])
    })
  )
})
