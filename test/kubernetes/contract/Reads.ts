/** Probe, get, list, and the kinds and objects that do not exist. */

import { assert } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { type ContractTests, created, newNamespace, refusedAs } from "./Fixtures.ts"
import { configMap, patch, ref, replace, unusedUid } from "./Manifests.ts"

export const reads = (it: ContractTests): void => {
  it.effect("the probe succeeds without a value", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* (yield* KubernetesClient).probe)
    })
  )

  it.effect("get, patch, evict, delete and logs fail with NotFound for an object that does not exist", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const target = ref("default", "Pod", "no-such-pod")
      yield* refusedAs(kubernetes.get(target), "NotFound")
      yield* refusedAs(kubernetes.apply(patch(target, replace("/metadata/labels", {}))), "NotFound")
      yield* refusedAs(kubernetes.apply({ _tag: "Evict", ref: target, uid: unusedUid }), "NotFound")
      yield* refusedAs(kubernetes.apply({ _tag: "Delete", ref: target, uid: unusedUid }), "NotFound")
      yield* refusedAs(kubernetes.logs(target, { tailLines: 5 }), "NotFound")
    })
  )

  it.effect("get, list and patch refuse a Secret, and every verb an unsupported kind, as Invalid", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const target = ref("default", "Secret", "admin-token")
      yield* refusedAs(kubernetes.get(target), "Invalid")
      yield* refusedAs(kubernetes.list("Secret", { namespace: "default" }), "Invalid")
      yield* refusedAs(kubernetes.apply(patch(target, replace("/data", {}))), "Invalid")
      yield* refusedAs(kubernetes.get(ref("default", "Lease", "leader")), "Invalid")
      yield* refusedAs(Stream.runDrain(kubernetes.watch("Lease", { namespace: "default" })), "Invalid")
    })
  )

  it.effect("list returns the objects that have all the labels, in one namespace or in all, up to its limit", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("list")
      for (const [each, labels] of [
        ["a", { tier: "x", zone: "1" }],
        ["b", { tier: "x", zone: "2" }],
        ["c", { tier: "y", zone: "1" }]
      ] as const) {
        yield* created(namespace, configMap(each, labels))
      }
      const names = (labelSelector: Record<string, string>) =>
        Effect.map(kubernetes.list("ConfigMap", { namespace, labelSelector }), (found) =>
          found.map((each) => each.metadata.name).sort()
        )
      assert.deepStrictEqual(yield* names({ tier: "x" }), ["a", "b"])
      assert.deepStrictEqual(yield* names({ tier: "x", zone: "2" }), ["b"])
      assert.deepStrictEqual(yield* names({ tier: "z" }), [])
      assert.lengthOf(yield* kubernetes.list("ConfigMap", { namespace, limit: 2 }), 2)
      const everywhere = yield* kubernetes.list("ConfigMap", { labelSelector: { tier: "x" }, metadataOnly: true })
      assert.includeMembers(
        everywhere.map((each) => `${each.kind} ${each.metadata.namespace}/${each.metadata.name}`),
        [`ConfigMap ${namespace}/a`, `ConfigMap ${namespace}/b`]
      )
    })
  )
}
