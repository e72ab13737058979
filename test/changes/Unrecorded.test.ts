/** Kinds that nobody records: with one of them it is not known whether nothing changed. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { knownGraph, unrecorded } from "../../src/changes/Unrecorded.ts"
import { watchedKinds } from "../../src/changes/WatchedKinds.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { find, shop } from "./finding.ts"
import { deployment, object, refTo, service } from "./objects.ts"
import { modified, target } from "./scenes.ts"

const ownedBy = (kind: string, of: KubernetesObject): KubernetesObject => ({
  ...of,
  metadata: {
    ...of.metadata,
    ownerReferences: [{ apiVersion: "example.com/v1", kind, name: "checkout", uid: "o", controller: true }]
  }
})

const custom = [ownedBy("Shop", deployment("checkout")), service("checkout", { app: "checkout" })]
const unrelated = modified(refTo("ConfigMap", "of-others"), -5, ["data", "a"])
const ofShop = "changes of Shop, which is not recorded"

/** A deployment with all that is usual, all of it built in. */
const ordinary = [
  deployment("checkout", {
    priorityClassName: "high",
    serviceAccountName: "checkout",
    imagePullSecrets: [{ name: "pull" }],
    volumes: [
      { name: "a", configMap: { name: "settings" } },
      { name: "b", secret: { secretName: "db" } },
      { name: "c", persistentVolumeClaim: { claimName: "data" } }
    ]
  }),
  service("checkout", { app: "checkout" }),
  object("PersistentVolumeClaim", "data", { spec: { volumeName: "pv-1", storageClassName: "fast" } }),
  object("Ingress", "web", {
    spec: { ingressClassName: "nginx", rules: [{ http: { paths: [{ backend: { service: { name: "checkout" } } }] } }] }
  }),
  object("HTTPRoute", "web", {
    spec: { parentRefs: [{ name: "public" }], rules: [{ backendRefs: [{ name: "checkout" }] }] }
  }),
  object("HorizontalPodAutoscaler", "checkout", { spec: { scaleTargetRef: { kind: "Deployment", name: "checkout" } } }),
  object("RoleBinding", "checkout", {
    subjects: [{ kind: "ServiceAccount", name: "checkout" }],
    roleRef: { kind: "Role", name: "checkout" }
  }),
  object("ServiceAccount", "checkout"),
  object("Namespace", "shop", {}, "")
]

describe("that nothing changed", () => {
  it.effect("is not said of a target whose owner is of a kind that nobody records", () =>
    Effect.gen(function* () {
      for (const changes of [[], [unrelated]]) {
        const found = yield* find({ changes, objects: custom }, { objects: custom })
        assert.deepStrictEqual([found.finding, found.unread], ["unknown", [ofShop]])
        const recorded = yield* find(
          { changes, objects: custom, kinds: [...watchedKinds, "Shop"] },
          { objects: custom }
        )
        assert.deepStrictEqual([recorded.finding, recorded.unread], ["nothing-changed", []])
      }
    })
  )

  it.effect("is not said where the journal does not know the target, and the cluster shows such an owner", () =>
    Effect.gen(function* () {
      const pod = ownedBy("Shop", object("Pod", "checkout", { spec: { containers: [] } }))
      const found = yield* find({}, { objects: [pod] }, undefined, undefined, refTo("Pod", "checkout"))
      assert.deepStrictEqual([found.finding, found.unread], ["unknown", [ofShop]])
    })
  )

  it.effect("is said of targets with built-in kinds alone, and without a request where the journal knows them", () =>
    Effect.gen(function* () {
      for (const objects of [shop, ordinary]) {
        const found = yield* find({ objects }, { objects })
        assert.deepStrictEqual([found.finding, found.unread, found.requests], ["nothing-changed", [], []])
        const read = yield* find({ changes: [unrelated], objects }, { objects })
        assert.deepStrictEqual([read.finding, read.unread], ["nothing-changed", []])
      }
    })
  )
})

describe("the kinds that are not recorded", () => {
  it("are named once each, without those that only say what happens", () => {
    const nodes = [refTo("Shop", "a"), refTo("Shop", "b"), refTo("Pod", "p"), refTo("Deployment", "d")]
    assert.deepStrictEqual(
      unrecorded(
        nodes.map((ref) => ({ ref })),
        watchedKinds
      ),
      [ofShop]
    )
  })

  it("are those of everything that the journal leads to, and unknown where it does not know the target", () => {
    const objects = [
      deployment("checkout", { volumes: [{ name: "c", persistentVolumeClaim: { claimName: "data" } }] }),
      object("PersistentVolumeClaim", "data", { spec: { storageClassName: "fast" } })
    ]
    const present = ({ kind, name }: { readonly kind: string; readonly name: string }) =>
      objects.find((each) => each.kind === kind && each.metadata.name === name)
    const kinds = knownGraph([target], present)?.nodes.map(({ ref }) => ref.kind)
    assert.includeMembers([...(kinds ?? [])], ["PersistentVolumeClaim", "StorageClass", "ServiceAccount"])
    assert.isUndefined(knownGraph([refTo("Deployment", "gone")], present))
  })
})
