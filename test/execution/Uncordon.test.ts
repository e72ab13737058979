import { assert, describe, it } from "@effect/vitest"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { node, readyNode } from "./objects.ts"
import { acceptedPlan, uncordon } from "./plans.ts"

type ManagedFields = NonNullable<KubernetesObject["metadata"]["managedFields"]>

/** A cordoned node that bears the annotation of an execution. */
const signed = (managedFields: ManagedFields): KubernetesObject => ({
  ...readyNode("node-1", { unschedulable: true }),
  metadata: {
    ...node().metadata,
    annotations: { "kubernaut.dev/execution": "rem-1-1" },
    managedFields
  }
})

const cordonOf = (manager: string) => ({ manager, fieldsV1: { "f:spec": { "f:unschedulable": {} } } })
const signature = { manager: "kubernaut", fieldsV1: { "f:metadata": {} } }

describe("an uncordon", () => {
  it.each<readonly [claim: string, asks: ReadonlyArray<string>, managedFields: ManagedFields]>([
    ["of a node that Kubernaut cordoned asks nothing", [], [cordonOf("kubernaut")]],
    ["asks nothing where the API server does not say who set the field", [], [{ manager: "kubectl" }]],
    [
      "of a node that a person cordoned again after Kubernaut asks",
      ["cordoned-by-another"],
      [signature, cordonOf("kubectl")]
    ],
    [
      "of a node of which somebody else changed only a taint asks nothing",
      [],
      [cordonOf("kubernaut"), { manager: "cloud-controller-manager", fieldsV1: { "f:spec": { "f:taints": {} } } }]
    ]
  ])("%s", (_, asks, managedFields) => {
    assert.deepStrictEqual(
      acceptedPlan(uncordon, signed(managedFields)).asks.map(({ rule }) => rule),
      asks
    )
  })
})
