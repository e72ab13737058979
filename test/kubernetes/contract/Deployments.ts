/** Deployments: rollouts, restarts, scaling, and pods that fail. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type ContractTests, created, eventually, inForce, newNamespace, podsOf, running, settled } from "./Fixtures.ts"
import { add, deployment, image, patch, quota, ref, refOf, replace, service } from "./Manifests.ts"

export const deployments = (it: ContractTests): void => {
  it.effect("a Deployment becomes ready, and its state shows its pods and the endpoints of its Service", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("ready")
      yield* created(namespace, service("web"))
      const made = yield* running(namespace, { replicas: 3 })
      const state = yield* eventually("three endpoints", readWorkload(refOf(made)), (each) => each.endpoints === 3)
      assert.isTrue(state.exists)
      assert.strictEqual(state.revision, 1)
      assert.strictEqual(state.restarts, 0)
      assert.isTrue(state.pods.every((each) => each.ready && each.reason === null))
      assert.deepInclude(state.conditions, {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable"
      })
      assert.isFalse((yield* readWorkload(ref(namespace, "Deployment", "absent"))).exists)
      assert.isTrue(
        state.pods.every((each) => each.current === true && each.templateHash === state.rollout?.templateHash)
      )
      assert.deepInclude(state.rollout, { inProgress: false, deadlineExceeded: false, paused: false })
      assert.isNull(state.failedCreate)
    })
  )

  it.effect(
    "each pod names its revision, and a rollout is in progress until the deadline without progress has passed",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("revisions")
        const target = refOf(yield* running(namespace, { replicas: 4 }))
        const before = yield* readWorkload(target)
        yield* kubernetes.apply(patch(target, add("/spec/progressDeadlineSeconds", 8)))
        yield* kubernetes.apply(patch(target, image("bad-v2")))
        const during = yield* eventually(
          "pods of both revisions",
          readWorkload(target),
          (state) =>
            state.observedGeneration === state.generation
            && (state.updatedReplicas ?? 0) > 0
            && state.pods.some((each) => each.current === true)
            && state.pods.some((each) => each.current === false)
        )
        assert.deepInclude(during.rollout, { inProgress: true, deadlineExceeded: false, progressDeadlineSeconds: 8 })
        assert.isNotNull(during.rollout?.startedAt)
        assert.isNotNull(during.rollout?.lastProgressAt)
        const old = new Set(before.pods.map((each) => each.uid))
        for (const each of during.pods) assert.strictEqual(each.current, !old.has(each.uid), each.name)
        const sets = yield* kubernetes.list("ReplicaSet", { namespace })
        for (const each of during.pods) {
          const owner = sets.find((set) => set.metadata.uid === each.ownerUid)
          assert.strictEqual(owner?.metadata.labels?.["pod-template-hash"], each.templateHash)
        }
        const given = yield* eventually(
          "the deadline",
          readWorkload(target),
          (state) => state.rollout?.deadlineExceeded === true
        )
        assert.isTrue(given.rollout?.inProgress)
        assert.deepInclude(given.conditions, {
          type: "Progressing",
          status: "False",
          reason: "ProgressDeadlineExceeded"
        })
      })
  )

  it.effect("a quota that refuses the pods of a new revision is named, and the rollout stays in progress", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("refused")
      const target = refOf(yield* running(namespace, { replicas: 2 }))
      yield* inForce(namespace, quota("two-pods", { pods: "2" }))
      yield* kubernetes.apply(patch(target, image("v2")))
      const stuck = yield* eventually(
        "the refusal",
        readWorkload(target),
        (state) =>
          state.failedCreate !== null && state.observedGeneration === state.generation && state.updatedReplicas === 0
      )
      assert.include(stuck.failedCreate, "exceeded quota: two-pods")
      assert.deepInclude(stuck, { readyReplicas: 2, updatedReplicas: 0 })
      assert.isTrue(stuck.rollout?.inProgress)
      assert.isTrue(stuck.pods.every((each) => each.current === false))
    })
  )

  it.effect("a new image rolls out as a new ReplicaSet with the next revision", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("rollout")
      const made = yield* running(namespace)
      yield* kubernetes.apply(patch(refOf(made), image("v2")))
      assert.strictEqual((yield* settled(refOf(made), 2)).revision, 2)
      const sets = yield* kubernetes.list("ReplicaSet", { namespace })
      const replicas = new Map(
        sets.map((set) => [
          set.metadata.annotations?.["deployment.kubernetes.io/revision"],
          (set["spec"] as { readonly replicas?: number }).replicas
        ])
      )
      assert.deepStrictEqual([...replicas].sort(), [
        ["1", 0],
        ["2", 2]
      ])
    })
  )

  it.effect("a bad rollout crash-loops while old pods serve, and restoring the old template heals it", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("undo")
      const made = yield* running(namespace, { replicas: 4 })
      const target = refOf(made)
      const old = (yield* kubernetes.get(target)) as Deployment
      yield* kubernetes.apply(patch(target, image("bad-v2")))
      const stuck = yield* eventually("crash loop", readWorkload(target), (state) => (state.restarts ?? 0) >= 3)
      assert.strictEqual(stuck.revision, 2)
      assert.strictEqual(stuck.readyReplicas, 3)
      assert.strictEqual(stuck.updatedReplicas, 2)
      assert.deepStrictEqual(
        [...new Set(stuck.pods.filter((each) => !each.ready).map((each) => each.reason))],
        ["CrashLoopBackOff"]
      )
      yield* eventually("restarts rise", readWorkload(target), (state) => (state.restarts ?? 0) > (stuck.restarts ?? 0))
      yield* kubernetes.apply(patch(target, replace("/spec/template", old.spec.template)))
      const healed = yield* settled(target, 4)
      assert.strictEqual(healed.revision, 3)
      assert.strictEqual(healed.restarts, 0)
      const sets = yield* kubernetes.list("ReplicaSet", { namespace })
      assert.lengthOf(sets, 2, "the ReplicaSet of the old template is reused")
    })
  )

  it.effect("pods above their memory limit are OOM-killed, and a higher limit heals them", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("oom")
      const target = refOf(
        yield* created(namespace, deployment("web", { annotations: { "sim/memory-need": "512Mi" } }))
      )
      const killed = yield* eventually(
        "OOM kills",
        readWorkload(target),
        (state) => state.pods.length === 2 && state.pods.every((each) => each.restarts > 0)
      )
      assert.isTrue(killed.pods.every((each) => each.reason === "OOMKilled"))
      yield* kubernetes.apply(patch(target, replace("/spec/template/spec/containers/0/resources/limits/memory", "1Gi")))
      assert.strictEqual((yield* settled(target, 2)).restarts, 0)
    })
  )

  it.effect("the pods follow the replica count up, down and to zero", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("scale")
      const target = refOf(yield* running(namespace))
      for (const replicas of [5, 1, 0]) {
        yield* kubernetes.apply(patch(target, replace("/spec/replicas", replicas)))
        yield* settled(target, replicas)
      }
      const events = yield* kubernetes.list("Event", {
        namespace,
        involvedObject: { kind: "Deployment", name: "web" }
      })
      assert.include(
        events.map((each) => each["reason"]),
        "ScalingReplicaSet"
      )
      assert.isEmpty(
        yield* kubernetes.list("Event", { namespace, involvedObject: { kind: "Deployment", name: "other" } })
      )
    })
  )

  it.effect("an annotation on the pod template restarts every pod", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("restart")
      const target = refOf(yield* running(namespace, { annotations: { note: "x" } }))
      const before = new Set((yield* podsOf(namespace, "web")).map((each) => each.metadata.uid))
      yield* kubernetes.apply(
        patch(
          target,
          add("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt", "2026-11-24T03:00:00Z")
        )
      )
      const after = (yield* settled(target, 2)).pods.map((each) => each.uid)
      assert.isEmpty(after.filter((uid) => before.has(uid)))
    })
  )

  it.effect(
    "a pod starts as late as its annotation sim/ready-delay says, and the rollout is in progress until then",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("slow")
        const target = refOf(yield* running(namespace, { annotations: { "sim/ready-delay": "0.5s" } }))
        yield* kubernetes.apply(
          patch(target, replace("/spec/template/metadata/annotations", { "sim/ready-delay": "6s" }))
        )
        const slow = yield* eventually("a pod of the new revision", readWorkload(target), (state) =>
          state.pods.some((each) => each.current === true)
        )
        assert.isTrue(slow.rollout?.inProgress)
        assert.isTrue(slow.pods.every((each) => each.ready === (each.current === false)))
        yield* settled(target, 2)
        const done = yield* eventually(
          "the rollout is over",
          readWorkload(target),
          ({ rollout }) => rollout?.inProgress === false
        )
        assert.isTrue(done.pods.every((each) => each.current === true))
        const sinceMs = (each: (typeof done.pods)[number]) =>
          Date.parse(each.readinessSince!) - Date.parse(each.createdAt!)
        assert.isTrue(done.pods.every((each) => sinceMs(each) >= 5000))
      })
  )
}
