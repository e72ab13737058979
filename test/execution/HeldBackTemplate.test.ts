/** Templates that somebody holds back, and the actions that would release them as a side effect. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import { readObjects } from "../../src/execution/ActionObjects.ts"
import { KubernetesClient, KubernetesError, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Kind, Pod } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import {
  create,
  daemonSet as daemonSetManifest,
  deployment as deploymentManifest,
  image,
  patch,
  statefulSet as manifest
} from "../kubernetes/contract/Manifests.ts"
import { autoscaler, daemonSet, owner, pod, readyNode, readyNodes, statefulSet, template } from "./objects.ts"
import { acceptedPlan, drain, evict, on, patchHpa, quarantine, scale } from "./plans.ts"

const asks = (
  action: Action,
  subject: KubernetesObject,
  related: ReadonlyArray<KubernetesObject>,
  unread: ReadonlyArray<Kind> = []
) => acceptedPlan(action, subject, related, {}, unread).asks.map(({ rule }) => rule)

const onDelete = { updateStrategy: { type: "OnDelete" } }
const partition = (partition: number) => ({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } } })

const revisions = { currentRevision: "db-old", updateRevision: "db-new" }
const set = (spec: object, status: object = {}): KubernetesObject => ({
  ...statefulSet(spec),
  status: { replicas: 2, updatedReplicas: 1, ...revisions, ...status }
})
const member = (ordinal: number, hash: string | undefined, uid = "uid-db") =>
  pod(`db-${ordinal}`, {
    labels: { app: "checkout", ...(hash === undefined ? {} : { "controller-revision-hash": hash }) },
    ownerReferences: [{ ...owner("StatefulSet", "db")[0]!, uid }]
  })
const stale = (spec: object) => {
  const base = set(spec, { observedGeneration: 1 })
  return { ...base, metadata: { ...base.metadata, generation: 2 } }
}

const agent = (hash: string) =>
  pod("agent-x", {
    labels: { app: "checkout", "controller-revision-hash": hash },
    ownerReferences: owner("DaemonSet", "agent")
  })
const revision = (number: number, hash: string): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "ControllerRevision",
  metadata: {
    name: `agent-${hash}`,
    namespace: "shop",
    uid: `uid-${hash}`,
    resourceVersion: "1",
    labels: { "controller-revision-hash": hash },
    ownerReferences: owner("DaemonSet", "agent")
  },
  revision: number
})
const agents = (spec: object) => [daemonSet(spec), revision(1, "old"), revision(2, "new")]

const bare = (image: string, tag = template("app:1")): readonly [KubernetesObject, KubernetesObject] => [
  pod("p1", { labels: { app: "checkout" }, ownerReferences: owner("ReplicaSet", "bare") }, template(image).spec),
  {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "bare", namespace: "shop", uid: "uid-bare", resourceVersion: "1" },
    spec: { replicas: 2, selector: { matchLabels: { app: "checkout" } }, template: tag }
  }
]

describe("an eviction asks before it releases a template that was held back", () => {
  const held = ["held-back-template"]
  const cases: ReadonlyArray<
    readonly [
      claim: string,
      expected: ReadonlyArray<string>,
      subject: KubernetesObject,
      related: ReadonlyArray<KubernetesObject>
    ]
  > = [
    ["an old pod of an OnDelete StatefulSet", held, member(0, "db-old"), [set(onDelete)]],
    ["a new pod of an OnDelete StatefulSet", [], member(0, "db-new"), [set(onDelete)]],
    ["an old pod of an OnDelete DaemonSet", held, agent("old"), agents(onDelete)],
    ["a new pod of an OnDelete DaemonSet", [], agent("new"), agents(onDelete)],
    ["an old pod of a DaemonSet that rolls out by itself", [], agent("old"), agents({})],
    ["an old pod of a StatefulSet that rolls out by itself", [], member(0, "db-old"), [set(partition(0))]],
    [
      "an old pod below the partition, which is made from the old template again,",
      [],
      member(0, "db-old"),
      [set(partition(1))]
    ],
    [
      "a pod below the partition that already has the new template, and would lose it",
      held,
      member(0, "db-new"),
      [set(partition(1))]
    ],
    [
      "an old pod above the partition, which the rollout replaces anyway,",
      [],
      member(1, "db-old"),
      [set(partition(1))]
    ],
    [
      "the partition counts from the first ordinal",
      [],
      member(5, "db-old"),
      [set({ ...partition(1), ordinals: { start: 5 } })]
    ],
    [
      "an OnDelete StatefulSet whose newest template its controller has not seen",
      held,
      member(0, "db-old"),
      [stale(onDelete)]
    ],
    ["a partition whose revisions its controller has not reported", held, member(0, "db-old"), [stale(partition(1))]],
    ["a pod without the hash of its template", held, member(0, undefined), [set(onDelete)]],
    ["a pod whose owner does not exist", held, member(0, "db-old"), []],
    ["a pod whose owner was replaced by another object", held, member(0, "db-old", "an-earlier-one"), [set({})]],
    ["a DaemonSet of which no revision is known", held, agent("old"), [daemonSet(onDelete)]],
    ["a pod of a ReplicaSet without a Deployment, whose template was edited", held, ...bareCase("app:0")],
    ["a pod of a ReplicaSet without a Deployment, of the same template,", [], ...bareCase("app:1")],
    ["such a pod with a sidecar that was injected before its containers", [], ...injected("app:1")],
    ["such a pod with a sidecar, of another template", held, ...injected("app:0")]
  ]
  for (const [claim, expected, subject, related] of cases)
    it(`${expected.length === 0 ? "nothing is asked" : "it asks"}: ${claim}`, () =>
      assert.deepStrictEqual(
        asks({ ...evict, target: on("Pod", subject.metadata.name) } as Action, subject, related),
        expected
      ))

  it.each([
    ["StatefulSet", member(0, "db-old")],
    ["DaemonSet", agent("old")],
    ["ControllerRevision", agent("old")]
  ] as const)("a %s that Kubernaut may not read", (kind, subject) => {
    const related = kind === "ControllerRevision" ? [daemonSet(onDelete)] : []
    assert.deepStrictEqual(asks(evict, subject, related, [kind]), ["unread"])
  })

  it("says which object holds it back, by what, and which template would be released", () => {
    const [ask] = acceptedPlan(evict, member(0, "db-old"), [set(onDelete)]).asks
    assert.strictEqual(
      ask?.message,
      "Pod shop/db-0 has another template than its replacement would have, because StatefulSet shop/db has the update strategy OnDelete. Evicting it releases a template that was held back, so it needs an approval."
    )
    assert.deepStrictEqual(ask?.figures, { pod: "Pod shop/db-0", template: "db-old -> db-new" })
  })
})

function bareCase(image: string): readonly [KubernetesObject, ReadonlyArray<KubernetesObject>] {
  const [subject, replicaSet] = bare(image)
  return [subject, [replicaSet]]
}

function injected(image: string): readonly [KubernetesObject, ReadonlyArray<KubernetesObject>] {
  const [subject, related] = bareCase(image)
  const { containers, ...spec } = subject["spec"] as Pod["spec"]
  return [{ ...subject, spec: { ...spec, containers: [{ name: "istio-proxy" }, ...containers] } }, related]
}

describe("other actions that make pods", () => {
  it("a drain asks for each pod that would come back with another template", () => {
    const related = [member(0, "db-old"), member(1, "db-new"), set(onDelete), ...readyNodes]
    assert.deepStrictEqual(asks(drain, readyNode("node-1"), related), ["held-back-template"])
  })

  it("a quarantine asks, because the owner makes a replacement", () => {
    const [subject, replicaSet] = bare("app:0")
    assert.deepStrictEqual(asks(quarantine, subject, [replicaSet]), ["held-back-template"])
  })

  const scaleDb = (replicas: number) => scale(replicas, on("StatefulSet", "db"))
  it.each([
    ["more replicas of an OnDelete StatefulSet get the new template", 3, set(onDelete), true],
    ["fewer replicas do not", 2, set({ ...onDelete, replicas: 3 }), false],
    ["more replicas do not ask if every pod has the new template", 3, set(onDelete, { updatedReplicas: 2 }), false],
    ["more replicas above the partition get the new template", 3, set(partition(2), { updatedReplicas: 0 }), true],
    ["more replicas below the partition get the old one", 3, set(partition(9), { updatedReplicas: 0 }), false],
    ["more replicas ask if the controller has not seen the newest template", 3, stale(onDelete), true],
    ["more replicas of a StatefulSet that rolls out by itself do not ask", 3, set({}), false]
  ] as const)("%s", (_claim, replicas, subject, expected) => {
    assert.strictEqual(
      acceptedPlan(scaleDb(replicas), subject).asks.some(({ rule }) => rule === "held-back-template"),
      expected
    )
  })
})

describe("an autoscaler with other bounds", () => {
  const scalesDb = autoscaler({
    scaleTargetRef: { kind: "StatefulSet", name: "db" },
    minReplicas: 2,
    maxReplicas: 5
  })
  const raised = patchHpa({ maxReplicas: 8 })
  it.each([
    ["asks: a higher maximum permits pods of the new template", ["held-back-template"], raised, set(onDelete)],
    ["asks: a higher minimum makes pods of it", ["held-back-template"], patchHpa({ minReplicas: 4 }), set(onDelete)],
    ["does not ask below the partition", [], raised, set(partition(8))],
    ["asks above the partition", ["held-back-template"], raised, set(partition(7))],
    ["does not ask about a StatefulSet that rolls out by itself", [], raised, set({})],
    ["does not ask if every pod has the new template", [], raised, set(onDelete, { updatedReplicas: 2 })],
    ["asks nothing else for a lower maximum", ["lowers-maximum"], patchHpa({ maxReplicas: 4 }), set(onDelete)]
  ] as const)("%s", (_claim, expected, action, scaled) => {
    assert.deepStrictEqual(asks(action, scalesDb, [scaled]), [...expected])
  })

  it("asks about a StatefulSet that RBAC hides", () => {
    assert.deepStrictEqual(asks(raised, scalesDb, [], ["StatefulSet"]), ["unread"])
  })

  const read = Effect.fnUntraced(function* (kind: "StatefulSet" | "Deployment") {
    const client = yield* KubernetesClient
    const made = kind === "StatefulSet" ? manifest("db", onDelete) : deploymentManifest("db")
    yield* client.apply(create("shop", made))
    const scaleTargetRef = { apiVersion: "apps/v1", kind, name: "db" }
    yield* client.apply(
      create("shop", {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "checkout", namespace: "shop" },
        spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 5 }
      })
    )
    const { related, unread } = yield* readObjects(client, raised)
    return [...related, ...(unread ?? [])].map((object) => (typeof object === "string" ? object : object.kind))
  })
  it.effect("its StatefulSet is read, and its Deployment is not", () =>
    Effect.gen(function* () {
      assert.include(yield* read("StatefulSet").pipe(Effect.provide(Sandbox.layer())), "StatefulSet")
      assert.notInclude(yield* read("Deployment").pipe(Effect.provide(Sandbox.layer())), "Deployment")
    })
  )
})

describe("the owner of a pod that is replaced is read", () => {
  const heldBack = (kind: "StatefulSet" | "DaemonSet") =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const made = kind === "StatefulSet" ? manifest("db", onDelete) : daemonSetManifest("db", onDelete)
      yield* client.apply(create("shop", made))
      yield* TestClock.adjust("30 seconds")
      yield* client.apply(patch(on(kind, "db"), image("v2")))
      yield* TestClock.adjust("30 seconds")
      const [first] = yield* client.list("Pod", { namespace: "shop", labelSelector: { app: "db" } })
      return first as Pod
    })
  const asksFor = Effect.fnUntraced(function* (first: Pod) {
    const action: Action = { type: "EvictPod", target: on("Pod", first.metadata.name) }
    const { related, subject, unread } = yield* readObjects(yield* KubernetesClient, action)
    return asks(action, subject!, related, unread)
  })

  it.effect.each(["StatefulSet", "DaemonSet"] as const)("an OnDelete %s with a new template, in a cluster", (kind) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.flatMap(heldBack(kind), asksFor), ["held-back-template"])
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("an owner that RBAC hides asks", () => {
    let hidden = false
    return Effect.gen(function* () {
      const first = yield* heldBack("StatefulSet")
      hidden = true
      assert.deepStrictEqual(yield* asksFor(first), ["unread"])
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          intercept: (operation, request) =>
            hidden && operation.kind === "StatefulSet"
              ? Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "Forbidden" },
                    operation: "get",
                    applied: "no",
                    retryable: false
                  })
                )
              : request
        })
      )
    )
  })
})
