/** Which pods belong to an owner, to a Service and on a node. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { isPodReady, type Node, type Pod } from "../../../src/kubernetes/ObjectModel.ts"
import * as OwnerResolver from "../../../src/kubernetes/OwnerResolver.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type ContractTests, created, eventually, newNamespace, podsOf, running, settled } from "./Fixtures.ts"
import { add, patch, pod, ref, refOf, replace, service } from "./Manifests.ts"

export const placement = (it: ContractTests): void => {
  it.effect("the root owner of a Deployment's pod is the Deployment, and that of a bare pod is the pod", () =>
    Effect.gen(function* () {
      const owners = yield* OwnerResolver.OwnerResolver
      const namespace = yield* newNamespace("owner")
      yield* running(namespace, { name: "web" })
      yield* running(namespace, { name: "web-admin" })
      for (const app of ["web", "web-admin"]) {
        for (const each of yield* podsOf(namespace, app))
          assert.deepStrictEqual(yield* owners.resolve(refOf(each)), ref(namespace, "Deployment", app))
      }
      const bare = yield* created(namespace, pod("alone"))
      assert.deepStrictEqual(yield* owners.resolve(refOf(bare)), refOf(bare))
    })
  )

  it.effect(
    "a pod without its labels leaves its owner and its Service and is replaced, and the surplus pod goes when they return",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("quarantine")
        yield* created(namespace, service("web"))
        const target = refOf(yield* running(namespace))
        const [suspect] = yield* podsOf(namespace, "web")
        const labels = suspect!.metadata.labels!
        yield* kubernetes.apply(patch(refOf(suspect!), replace("/metadata/labels", { quarantine: "true" })))
        const state = yield* eventually(
          "two other pods serve",
          readWorkload(target),
          (each) => each.endpoints === 2 && each.pods.length === 2 && each.readyReplicas === 2
        )
        assert.notInclude(
          state.pods.map((each) => each.uid),
          suspect!.metadata.uid
        )
        const kept = yield* eventually(
          "the pod has no owner",
          kubernetes.get(refOf(suspect!)),
          (each) => each.metadata.ownerReferences === undefined
        )
        assert.isTrue(isPodReady(kept as Pod))
        yield* kubernetes.apply(patch(refOf(suspect!), replace("/metadata/labels", labels)))
        yield* eventually(
          "the surplus pod is removed",
          podsOf(namespace, "web"),
          (pods) => pods.length === 2 && pods.every(isPodReady)
        )
        yield* settled(target, 2)
      })
  )

  it.effect("a cordoned node gets no new pods and keeps the ones it has", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("cordon")
      const target = refOf(yield* running(namespace))
      const [one] = yield* podsOf(namespace, "web")
      const node = ref("", "Node", one!.spec.nodeName!)
      yield* kubernetes.apply(patch(node, add("/spec/unschedulable", true)))
      assert.isTrue((yield* readWorkload(node)).unschedulable)
      yield* kubernetes.apply(patch(target, replace("/spec/replicas", 8)))
      yield* settled(target, 8)
      const there = (yield* podsOf(namespace, "web")).filter((each) => each.spec.nodeName === node.name)
      assert.isAtMost(there.length, 2)
      assert.include(
        there.map((each) => each.metadata.uid),
        one!.metadata.uid
      )
      yield* kubernetes.apply(patch(node, { op: "remove", path: "/spec/unschedulable" }))
      assert.notStrictEqual(((yield* kubernetes.get(node)) as Node).spec?.unschedulable, true)
    })
  )
}
