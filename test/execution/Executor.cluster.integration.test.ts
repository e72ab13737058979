/**
 * The executor, its inverses and the verifier against a real API server, whose defaulting, pruning, conditional patches
 * and dry runs the sandbox only imitates.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import {
  act,
  create,
  createAutoscaler,
  createBudget,
  createClaim,
  createCronJob,
  deploy,
  eventually,
  get,
  namespace,
  on,
  openNamespace,
  plan,
  podsOf,
  services,
  specOf,
  template,
  undo,
  undoRestores,
  verified
} from "./realCluster.ts"

const plane = await controlPlane()
afterAll(plane.stop)

describe.skipIf(!plane.available)(`Executor on a real control plane${plane.note}`, () => {
  shareLayer(services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () => openNamespace)

    it.effect(
      "rolls back a bad rollout once, verifies it, and undoes it",
      () =>
        Effect.gen(function* () {
          yield* deploy("checkout", 3)
          const checkout = on("Deployment", "checkout")
          const client = yield* KubernetesClient
          yield* client.apply({
            _tag: "Patch",
            ref: checkout,
            patch: [
              { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/app:bad-2" }
            ]
          })
          yield* eventually(
            "the rollout fails",
            readWorkload(checkout),
            (state) => state.revision === 2 && state.pods.some((pod) => pod.reason === "CrashLoopBackOff")
          )
          const intent = yield* act({ type: "RollbackDeployment", target: checkout }, checkout, "rollback")
          const executor = yield* Executor.Executor
          const generation = (yield* get(checkout)).metadata.generation
          assert.strictEqual((yield* executor.execute(intent, { holds: Effect.succeed(true) })).applied, "yes")
          assert.strictEqual((yield* get(checkout)).metadata.generation, generation, "a second run writes nothing")
          assert.strictEqual(
            ((yield* get(checkout)) as Deployment).spec.template.spec.containers[0]?.image,
            "registry.example/app:v1"
          )
          const verification = yield* verified(intent, checkout)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.strictEqual(
            (yield* plan(
              { type: "RollbackDeployment", target: checkout, toRevision: verification.observed!.revision! },
              checkout,
              "again"
            )).changes.length,
            0,
            "the template of the current revision is already there"
          )
          yield* undo(intent)
          assert.strictEqual(
            ((yield* get(checkout)) as Deployment).spec.template.spec.containers[0]?.image,
            "registry.example/app:bad-2"
          )
        }),
      180_000
    )

    it.effect(
      "restarts a workload and verifies that new pods serve",
      () =>
        Effect.gen(function* () {
          yield* deploy("restarted")
          const target = on("Deployment", "restarted")
          const before = new Set((yield* podsOf("restarted")).map((pod) => pod.metadata.uid))
          const verification = yield* verified(
            yield* act({ type: "RestartWorkload", target }, target, "restart"),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.isEmpty(verification.observed!.pods.filter((pod) => before.has(pod.uid)))
        }),
      180_000
    )

    it.effect(
      "raises the memory limit of an OOM-killed container, verifies it, and removes fields that were absent",
      () =>
        Effect.gen(function* () {
          const memory = template("cart", "v1", { "sim/memory-need": "300Mi" }, "256Mi")
          yield* create("Deployment", "cart", "apps/v1", {
            spec: { replicas: 1, selector: { matchLabels: { app: "cart" } }, template: memory }
          })
          const cart = on("Deployment", "cart")
          yield* eventually("cart is killed", readWorkload(cart), (state) =>
            state.pods.some((pod) => pod.reason === "OOMKilled")
          )
          const intent = yield* act(
            { type: "AdjustResources", target: cart, container: "main", limits: { memory: "512Mi" } },
            cart,
            "memory"
          )
          const verification = yield* verified(intent, cart)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))

          const resources = (object: KubernetesObject) =>
            (object as Deployment).spec.template.spec.containers.map((container) => container.resources)
          yield* undoRestores(
            cart,
            resources,
            {
              type: "AdjustResources",
              target: cart,
              container: "proxy",
              requests: { cpu: "20m" },
              limits: { memory: "1024Mi" }
            },
            cart,
            "absent",
            true
          )
        }),
      180_000
    )

    it.effect(
      "verifies a quantity that the server returns in another form",
      () =>
        Effect.gen(function* () {
          yield* deploy("canonical", 1)
          const target = on("Deployment", "canonical")
          const verification = yield* verified(
            yield* act(
              { type: "AdjustResources", target, container: "proxy", limits: { memory: "1024Mi", cpu: "1000m" } },
              target,
              "canonical",
              true
            ),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
        }),
      180_000
    )

    it.effect("scales a workload and restores the replica count", () =>
      Effect.gen(function* () {
        yield* deploy("scaled")
        const target = on("Deployment", "scaled")
        yield* undoRestores(target, specOf, { type: "ScaleWorkload", target, replicas: 3 }, target, "scale")
      })
    )

    it.effect("changes an autoscaler's bounds and restores them", () =>
      Effect.gen(function* () {
        yield* deploy("searched")
        const target = on("Deployment", "searched")
        const autoscaler = on("HorizontalPodAutoscaler", "searched")
        yield* createAutoscaler("searched", 4)
        yield* undoRestores(
          autoscaler,
          specOf,
          { type: "PatchHpa", target: autoscaler, minReplicas: 2, maxReplicas: 6 },
          target,
          "hpa"
        )
        const refused = yield* Effect.flip(plan({ type: "ScaleWorkload", target, replicas: 3 }, target, "scale-hpa"))
        assert.strictEqual(refused._tag === "PlanRefused" ? refused.rule : refused._tag, "autoscaler-owned")
      })
    )

    it.effect(
      "cordons and uncordons a node, and undoes both",
      () =>
        Effect.gen(function* () {
          const client = yield* KubernetesClient
          const [object] = yield* client.list("Node", {})
          const node = on("Node", object!.metadata.name)
          // The server adds and removes a taint on its own; only the field is ours.
          const unschedulable = (object: KubernetesObject) =>
            (object["spec"] as { readonly unschedulable?: boolean }).unschedulable
          yield* undoRestores(node, unschedulable, { type: "CordonNode", target: node }, node, "cordon")
          const cordoned = yield* act({ type: "CordonNode", target: node }, node, "cordon-again")
          const verification = yield* verified(cordoned, node)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          yield* undoRestores(node, unschedulable, { type: "UncordonNode", target: node }, node, "uncordon")
          yield* undo(cordoned)
        }),
      180_000
    )

    it.effect("suspends a CronJob, undoes it, and verifies a suspension", () =>
      Effect.gen(function* () {
        const cronJob = on("CronJob", "report")
        yield* createCronJob("report")
        const intent = yield* undoRestores(
          cronJob,
          specOf,
          { type: "SuspendCronJob", target: cronJob },
          cronJob,
          "suspend"
        )
        assert.strictEqual(intent.inverse._tag, "Exact")
        const verification = yield* verified(
          yield* act({ type: "SuspendCronJob", target: cronJob }, cronJob, "suspend-again"),
          cronJob
        )
        assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
      })
    )

    it.effect(
      "evicts one pod and verifies its replacement",
      () =>
        Effect.gen(function* () {
          yield* deploy("evicted")
          const target = on("Deployment", "evicted")
          const [pod] = yield* podsOf("evicted")
          const verification = yield* verified(
            yield* act({ type: "EvictPod", target: on("Pod", pod!.metadata.name) }, target, "evict"),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.notInclude(
            verification.observed!.pods.map(({ uid }) => uid),
            pod!.metadata.uid
          )
        }),
      180_000
    )

    it.effect(
      "gives up an eviction that a disruption budget refuses, with its code",
      () =>
        Effect.gen(function* () {
          yield* deploy("guarded", 1)
          yield* createBudget("guarded")
          const [pod] = yield* podsOf("guarded")
          const intent = yield* plan(
            { type: "EvictPod", target: on("Pod", pod!.metadata.name) },
            on("Deployment", "guarded"),
            "guarded"
          )
          const client = yield* KubernetesClient
          const outcome = yield* Effect.flatMap(Executor.Executor, (executor) =>
            executor.execute(intent, { holds: Effect.succeed(true) })
          ).pipe(
            Effect.provide(
              Executor.layer({ evictionInterval: "200 millis", evictionDeadline: "1 second" }).pipe(
                Layer.provide(Layer.succeed(KubernetesClient, client))
              )
            )
          )
          assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "disruption-budget"])
          // It would delay the drain of the node below.
          const { metadata } = yield* get(on("PodDisruptionBudget", "guarded"))
          yield* client.apply({ _tag: "Delete", ref: on("PodDisruptionBudget", "guarded"), uid: metadata.uid })
        }),
      180_000
    )

    it.effect(
      "quarantines a pod, which leaves its Service, is replaced by its owner, and is kept",
      () =>
        Effect.gen(function* () {
          yield* deploy("quarantined")
          const target = on("Deployment", "quarantined")
          const [pod] = yield* podsOf("quarantined")
          const intent = yield* act(
            { type: "QuarantinePod", target: on("Pod", pod!.metadata.name) },
            target,
            "quarantine"
          )
          const verification = yield* verified(intent, target)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          const kept = yield* get(on("Pod", pod!.metadata.name))
          assert.deepInclude(kept.metadata.labels, { tier: "web", "kubernaut.dev/quarantine": "true" })
          assert.doesNotHaveAnyKeys(kept.metadata.labels, ["app", "pod-template-hash"])
          assert.strictEqual(kept.metadata.uid, pod!.metadata.uid)
          assert.isUndefined(kept.metadata.ownerReferences, "its owner released it")
        }),
      180_000
    )

    it.effect(
      "expands a volume only if its class allows it, and does not call it fixed before it has grown",
      () =>
        Effect.gen(function* () {
          const claim = on("PersistentVolumeClaim", "data")
          yield* createClaim("data")
          const grow = (size: string) => plan({ type: "ExpandVolume", target: claim, size }, claim, "expand", true)
          const refused = yield* Effect.flip(grow("2Gi"))
          assert.strictEqual(refused._tag === "PlanRefused" ? refused.rule : refused._tag, "volume-not-expandable")
          const client = yield* KubernetesClient
          yield* client.apply({
            _tag: "Patch",
            ref: on("StorageClass", namespace),
            patch: [{ op: "replace", path: "/allowVolumeExpansion", value: true }]
          })
          const intent = yield* act({ type: "ExpandVolume", target: claim, size: "2Gi" }, claim, "expand", true)
          assert.strictEqual(intent.inverse._tag, "Irreversible")
          // Nothing resizes the disk here, and the verdict must not trust the spec.
          const verification = yield* verified(intent, claim).pipe(
            Effect.provide(
              Verifier.layer({ settleTimeout: "2 seconds" }).pipe(
                Layer.provide(Layer.succeed(KubernetesClient, client))
              )
            )
          )
          assert.strictEqual(verification.verdict, "not-fixed", verification.reasons.join("; "))
        }),
      180_000
    )

    it.effect(
      "drains a node, and its pods become ready on other nodes",
      () =>
        Effect.gen(function* () {
          yield* deploy("drained", 4)
          const target = on("Deployment", "drained")
          const nodeName = (yield* podsOf("drained"))[0]!.spec.nodeName!
          const node = on("Node", nodeName)
          const intent = yield* act({ type: "DrainNode", target: node }, node, "drain", true)
          assert.strictEqual(intent.inverse._tag, "Partial")
          yield* eventually("the pods are ready elsewhere", readWorkload(target), (state) => state.readyReplicas === 4)
          assert.notInclude(
            (yield* podsOf("drained")).map((pod) => pod.spec.nodeName),
            nodeName
          )
          yield* undo(intent)
        }),
      180_000
    )

    it.effect("does not overwrite a change that was made after the plan", () =>
      Effect.gen(function* () {
        yield* deploy("raced", 1)
        const target = on("Deployment", "raced")
        const intent = yield* plan({ type: "RestartWorkload", target }, target, "raced")
        const planned = yield* get(target)
        const client = yield* KubernetesClient
        yield* client.apply({
          _tag: "Patch",
          ref: target,
          patch: [{ op: "add", path: "/metadata/labels", value: { touched: "yes" } }]
        })
        const outcome = yield* Effect.flatMap(Executor.Executor, (executor) =>
          executor.execute(intent, { holds: Effect.succeed(true) })
        )
        assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
        assert.deepStrictEqual(specOf(yield* get(target)), specOf(planned))
      })
    )
  })
})
