/** StatefulSets and Jobs. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { WorkloadState } from "../../../src/domain/WorkloadState.ts"
import { KubernetesClient, type KubernetesObject } from "../../../src/kubernetes/KubernetesClient.ts"
import { isPodReady, type StatefulSet } from "../../../src/kubernetes/ObjectModel.ts"
import * as OwnerResolver from "../../../src/kubernetes/OwnerResolver.ts"
import { sameTemplate } from "../../../src/kubernetes/Revision.ts"
import { historyOf } from "../../../src/kubernetes/RevisionHistory.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type ContractTests, created, eventually, Fixtures, newNamespace, podsOf, settled } from "./Fixtures.ts"
import { daemonSet, evict, image, job, type Manifest, patch, refOf, statefulSet } from "./Manifests.ts"

export const statefulWorkloads = (it: ContractTests): void => {
  it.effect("a StatefulSet starts in order, and a new template replaces its pods under the same names", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("stateful")
      const made = yield* created(namespace, statefulSet("db"))
      const before = yield* settled(refOf(made), 2)
      assert.isTrue(before.pods.every((each) => each.current === true && each.ownerUid === made.metadata.uid))
      assert.deepStrictEqual(before.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
      yield* kubernetes.apply(patch(refOf(made), image("v2")))
      const after = yield* eventually(
        "both are new",
        readWorkload(refOf(made)),
        (state) =>
          state.updatedReplicas === 2
          && state.readyReplicas === 2
          && state.pods.length === 2
          && state.pods.every((each) => !before.pods.some((old) => old.uid === each.uid))
      )
      assert.deepStrictEqual(after.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
      assert.lengthOf(yield* kubernetes.list("ControllerRevision", { namespace }), 2)
      assert.isTrue(after.pods.every((each) => each.current === true))
      assert.notStrictEqual(after.rollout?.templateHash, before.rollout?.templateHash)
      assert.deepInclude(after.rollout, { paused: false, strategy: "RollingUpdate", partition: 0 })
    })
  )

  it.effect("a StatefulSet does not create its second pod before its first is ready", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("ordered")
      const made = yield* created(namespace, statefulSet("db", { tag: "bad-v1" }))
      const stuck = yield* eventually(
        "the first pod crash-loops",
        readWorkload(refOf(made)),
        (state) => (state.restarts ?? 0) >= 2
      )
      assert.deepStrictEqual(
        stuck.pods.map((each) => each.name),
        ["db-0"]
      )
    })
  )

  it.effect("the pods of a StatefulSet's rollout that is stuck at its last pod name their revisions", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("stuck")
      const target = refOf(yield* created(namespace, statefulSet("db")))
      yield* settled(target, 2)
      yield* kubernetes.apply(patch(target, image("bad-v2")))
      const stuck = yield* eventually("the new pod fails", readWorkload(target), (state) =>
        state.pods.some((each) => each.restarts > 0)
      )
      assert.deepStrictEqual(
        stuck.pods.map(({ current, name, ready }) => ({ name, ready, current })),
        [
          { name: "db-1", ready: false, current: true },
          { name: "db-0", ready: true, current: false }
        ]
      )
      assert.isTrue(stuck.rollout?.inProgress)
    })
  )

  // kubernetes#67250
  it.effect("a StatefulSet whose template is put back waits for its broken pod until that pod is removed", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const { pass } = yield* Fixtures
      const namespace = yield* newNamespace("blocked")
      const target = refOf(yield* created(namespace, statefulSet("db")))
      const before = yield* settled(target, 2)
      yield* kubernetes.apply(patch(target, image("bad-v2")))
      const stuck = yield* eventually("the new pod fails", readWorkload(target), (state) =>
        state.pods.some((each) => each.restarts > 0)
      )
      yield* kubernetes.apply(patch(target, image("v1")))
      yield* eventually(
        "the controller sees the template",
        readWorkload(target),
        (state) => state.observedGeneration === state.generation
      )
      for (let waited = 0; waited < 10; waited++) yield* pass
      const blocked = yield* readWorkload(target)
      assert.strictEqual(blocked.rollout?.templateHash, before.rollout?.templateHash, "the old revision is used again")
      const [broken] = blocked.pods
      assert.deepInclude(broken, { name: "db-1", uid: stuck.pods[0]!.uid, ready: false, current: false })
      const pods = yield* podsOf(namespace, "db")
      yield* kubernetes.apply(evict(pods.find((pod) => pod.metadata.uid === broken!.uid)!))
      const after = yield* settled(target, 2)
      assert.isTrue(after.pods.every((each) => each.current === true))
    })
  )

  it.effect("a StatefulSet that manages its pods in parallel replaces its broken pod by itself", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("parallel")
      const manifest = statefulSet("db")
      const spec = { ...(manifest["spec"] as Manifest), podManagementPolicy: "Parallel" }
      const target = refOf(yield* created(namespace, { ...manifest, spec }))
      yield* settled(target, 2)
      yield* kubernetes.apply(patch(target, image("bad-v2")))
      yield* eventually("the new pod fails", readWorkload(target), (state) =>
        state.pods.some((each) => each.restarts > 0)
      )
      yield* kubernetes.apply(patch(target, image("v1")))
      yield* settled(target, 2)
    })
  )

  it.effect("the revisions of a StatefulSet and a DaemonSet are numbered, and hold the templates", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("numbered")
      for (const manifest of [statefulSet("db"), daemonSet("agent")]) {
        const target = refOf(yield* created(namespace, manifest))
        const isDone = (state: WorkloadState) =>
          state.observedGeneration === state.generation
          && state.rollout?.inProgress === false
          && (state.desiredReplicas ?? 0) > 0
          && state.readyReplicas === state.desiredReplicas
          && state.pods.length === state.desiredReplicas
          && state.pods.every((each) => each.current === true)
        yield* eventually("it is ready", readWorkload(target), isDone)
        const first = yield* kubernetes.get(target)
        yield* kubernetes.apply(patch(target, image("v2")))
        const { pods } = yield* eventually("it is rolled out", readWorkload(target), isDone)
        assert.isTrue(
          pods.every(({ revision }) => revision === 2),
          `${target.kind} names the revisions of its pods`
        )
        const second = yield* kubernetes.get(target)
        const history = historyOf(
          second,
          yield* kubernetes.list("ControllerRevision", { namespace, labelSelector: { app: target.name } })
        )
        assert.deepStrictEqual(
          history.map(({ revision }) => revision),
          [2, 1]
        )
        const templateOf = (object: KubernetesObject) => (object as StatefulSet).spec.template
        assert.isTrue(sameTemplate(history[0]!.template, templateOf(second)), `${target.kind} has revision 2`)
        assert.isTrue(sameTemplate(history[1]!.template, templateOf(first)), `${target.kind} had revision 1`)
      }
    })
  )

  it.effect("the pods of a DaemonSet name their revision, the newest of its ControllerRevisions", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("daemons")
      const target = refOf(yield* created(namespace, daemonSet("agent")))
      const isDone = (state: WorkloadState) =>
        state.rollout?.inProgress === false
        && (state.desiredReplicas ?? 0) > 0
        && state.readyReplicas === state.desiredReplicas
        && state.pods.length === state.desiredReplicas
        && state.pods.every((each) => each.current === true)
      const before = yield* eventually("every pod is ready", readWorkload(target), isDone)
      yield* kubernetes.apply(patch(target, image("v2")))
      const during = yield* eventually("both revisions", readWorkload(target), (state) =>
        state.pods.some((each) => each.current === false)
      )
      assert.isTrue(during.rollout?.inProgress)
      const after = yield* eventually("every pod is new", readWorkload(target), isDone)
      assert.notStrictEqual(after.rollout?.templateHash, before.rollout?.templateHash)
    })
  )

  /** The ordinals of a StatefulSet's pods after all of them were evicted, with the revision of each replacement. */
  const afterEvictions = Effect.fnUntraced(function* (suffix: string, updateStrategy: Manifest) {
    const kubernetes = yield* KubernetesClient
    const namespace = yield* newNamespace(suffix)
    const target = refOf(yield* created(namespace, statefulSet("db", { updateStrategy })))
    yield* settled(target, 2)
    yield* kubernetes.apply(patch(target, image("v2")))
    const imagesOf = Effect.map(podsOf(namespace, "db"), (pods) =>
      pods.flatMap((pod) =>
        isPodReady(pod) && pod.metadata.deletionTimestamp === undefined
          ? [`${pod.metadata.name} ${pod.spec.containers[0]?.image?.split(":")[1]}`]
          : []
      )
    )
    yield* eventually(
      "what is rolled out by itself is done",
      readWorkload(target),
      ({ generation, observedGeneration, readyReplicas, rollout }) =>
        observedGeneration === generation && rollout?.inProgress === false && readyReplicas === 2
    )
    const before = yield* imagesOf
    const pods = yield* podsOf(namespace, "db")
    for (const pod of pods) yield* kubernetes.apply(evict(pod))
    const after = yield* eventually(
      "both pods are replaced",
      Effect.all([podsOf(namespace, "db"), imagesOf]),
      ([now, images]) =>
        images.length === 2 && now.every(({ metadata: { uid } }) => !pods.some((pod) => pod.metadata.uid === uid))
    )
    return { before: before.sort(), after: [...after[1]].sort() }
  })

  it.effect("a StatefulSet with OnDelete makes a deleted pod from the newest template, and no other", () =>
    Effect.gen(function* () {
      const { after, before } = yield* afterEvictions("ondelete", { type: "OnDelete" })
      assert.deepStrictEqual(before, ["db-0 v1", "db-1 v1"])
      assert.deepStrictEqual(after, ["db-0 v2", "db-1 v2"])
    })
  )

  it.effect("a StatefulSet with a partition makes a deleted pod below it from the current template again", () =>
    Effect.gen(function* () {
      const { after, before } = yield* afterEvictions("partition", {
        type: "RollingUpdate",
        rollingUpdate: { partition: 1 }
      })
      assert.deepStrictEqual(before, ["db-0 v1", "db-1 v2"])
      assert.deepStrictEqual(after, ["db-0 v1", "db-1 v2"])
    })
  )

  it.effect("a DaemonSet with OnDelete makes a deleted pod from the newest template, and no other", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("daemonondelete")
      const target = refOf(yield* created(namespace, daemonSet("agent", { updateStrategy: { type: "OnDelete" } })))
      const isReady = ({ desiredReplicas, pods }: WorkloadState) =>
        (desiredReplicas ?? 0) > 0 && pods.length === desiredReplicas && pods.every(({ ready }) => ready)
      yield* eventually("every pod is ready", readWorkload(target), isReady)
      yield* kubernetes.apply(patch(target, image("v2")))
      const held = yield* eventually(
        "no pod is current",
        readWorkload(target),
        (state) => isReady(state) && state.pods.every(({ current }) => current === false)
      )
      const [first] = yield* podsOf(namespace, "agent")
      yield* kubernetes.apply(evict(first!))
      const released = yield* eventually(
        "the pod is replaced",
        readWorkload(target),
        (state) => isReady(state) && state.pods.every(({ uid }) => uid !== first!.metadata.uid)
      )
      assert.lengthOf(
        released.pods.filter(({ current }) => current === true),
        1
      )
      assert.strictEqual(released.pods.length, held.pods.length)
    })
  )

  it.effect("a Job completes, and is the root owner of its pod", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("job")
      const made = yield* created(namespace, job("once"))
      const done = yield* eventually("the Job is complete", readWorkload(refOf(made)), (state) =>
        state.conditions.some((each) => each.type === "Complete" && each.status === "True")
      )
      assert.strictEqual(done.desiredReplicas, 1)
      const [worker] = yield* kubernetes.list("Pod", { namespace, labelSelector: { "job-name": "once" } })
      assert.deepStrictEqual(yield* (yield* OwnerResolver.OwnerResolver).resolve(refOf(worker!)), refOf(made))
    })
  )
}
