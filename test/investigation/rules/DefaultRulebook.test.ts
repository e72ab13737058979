import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { empty } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { alertNames } from "../fixtures/AlertNames.ts"
import { alert, completed, evidence, observed, pod, request, target } from "../fixtures/Requests.ts"
import { investigate } from "../fixtures/Rules.ts"

const byAlert = (name: string, changes: Partial<InvestigationRequest> = {}) =>
  request({ alert: alert({ name }), evidence: empty, ...changes })

const settled = observed({ ...completed, readyReplicas: 2, pods: [pod("a"), pod("b")] })

describe("the default rulebook", () => {
  it.effect("rolls back a rollout that never became available to the revision that still serves", () =>
    Effect.gen(function* () {
      const found = yield* investigate(request({ evidence: evidence() }))
      assert.strictEqual(found.rule, "undo-bad-rollout")
      assert.deepStrictEqual(found.action, {
        type: "RollbackDeployment",
        target: { namespace: "shop", kind: "Deployment", name: "checkout" },
        toRevision: 1
      })
    })
  )

  it.effect("does not roll back a revision that was once completely rolled out", () =>
    Effect.gen(function* () {
      const found = yield* investigate(
        request({
          observed: observed(completed),
          evidence: evidence()
        })
      )
      assert.strictEqual(found.rule, "pod-crash-looping")
      assert.strictEqual(found.action.type, "Notify")
    })
  )

  it.effect("raises the memory limit of an OOM-killed container by half, up to the maximum of the rule", () =>
    Effect.gen(function* () {
      const killed = (limit: string) =>
        request({
          alert: alert({ labels: { namespace: "shop", pod: "cart-1", container: "cart" } }),
          observed: observed({
            ...completed,
            pods: [pod("cart-1", { ready: false, reason: "OOMKilled" })]
          }),
          evidence: evidence({
            revisions: [],
            containers: [
              { name: "sidecar", requests: {}, limits: { memory: "64Mi" } },
              { name: "cart", requests: {}, limits: { memory: limit } }
            ],
            failing: [
              {
                pod: "cart-1",
                revision: 2,
                current: true,
                container: "cart",
                ready: false,
                restarts: 3,
                failsNow: "OOMKilled",
                reason: "CrashLoopBackOff",
                lastReason: "OOMKilled",
                exitCode: 137,
                endedAt: "2026-11-24T02:59:00Z"
              }
            ]
          })
        })
      const found = yield* investigate(killed("256Mi"))
      assert.deepStrictEqual(found.action, {
        type: "AdjustResources",
        target: { namespace: "shop", kind: "Deployment", name: "checkout" },
        container: "cart",
        limits: { memory: "384Mi" }
      })
      const near = yield* investigate(killed("6Gi"))
      assert.deepStrictEqual(near.action.type === "AdjustResources" ? near.action.limits : undefined, {
        memory: "8192Mi"
      })
      const atMaximum = yield* investigate(killed("8Gi"))
      assert.strictEqual(atMaximum.rule, "killed-at-memory-limit")
      assert.strictEqual(atMaximum.action.type, "Notify")
    })
  )

  it.effect("raises the maximum of an autoscaler that has reached it by half, up to 50 replicas", () =>
    Effect.gen(function* () {
      const scaled = (maxReplicas: number, currentReplicas: number) =>
        byAlert("KubeHpaMaxedOut", {
          observed: { ...settled, autoscaler: "search" },
          evidence: {
            ...empty,
            autoscaler: {
              name: "search",
              minReplicas: 1,
              maxReplicas,
              currentReplicas,
              desiredReplicas: currentReplicas,
              limited: null
            }
          }
        })
      const found = yield* investigate(scaled(10, 10))
      assert.deepStrictEqual(found.action, {
        type: "PatchHpa",
        target: { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "search" },
        maxReplicas: 15
      })
      const capped = yield* investigate(scaled(40, 40))
      assert.strictEqual(capped.action.type === "PatchHpa" ? capped.action.maxReplicas : 0, 50)
      assert.strictEqual((yield* investigate(scaled(50, 50))).action.type, "Notify")
      assert.strictEqual((yield* investigate(scaled(10, 7))).action.type, "Notify")
    })
  )

  it.effect("evicts the one broken pod among ready ones, but not an unschedulable one", () =>
    Effect.gen(function* () {
      const broken = (reason: string | null) =>
        byAlert("KubePodNotReady", {
          alert: alert({ name: "KubePodNotReady", labels: { pod: "a" } }),
          observed: { ...settled, readyReplicas: 1, pods: [pod("a", { ready: false, reason }), pod("b")] }
        })
      assert.deepStrictEqual((yield* investigate(broken(null))).action, {
        type: "EvictPod",
        target: { namespace: "shop", kind: "Pod", name: "a" }
      })
      assert.strictEqual((yield* investigate(broken("Unschedulable"))).rule, "no-node-has-room")
    })
  )

  it.effect("does not evict a pod that the alert names but that no longer exists", () =>
    Effect.gen(function* () {
      const found = yield* investigate(
        byAlert("KubePodNotReady", {
          alert: alert({ name: "KubePodNotReady", labels: { pod: "long-gone" } }),
          observed: { ...settled, readyReplicas: 1, pods: [pod("a", { ready: false }), pod("b")] }
        })
      )
      assert.strictEqual(found.rule, "pod-not-ready")
    })
  )

  it.effect("notifies about a missing image, missing configuration or a lack of nodes instead of acting", () =>
    Effect.gen(function* () {
      const waiting = (reason: string) =>
        byAlert("KubeContainerWaiting", {
          observed: { ...settled, readyReplicas: 0, pods: [pod("a", { ready: false, reason })] }
        })
      assert.strictEqual((yield* investigate(waiting("ImagePullBackOff"))).rule, "image-can-not-be-pulled")
      assert.strictEqual((yield* investigate(waiting("CreateContainerConfigError"))).rule, "configuration-is-missing")
      assert.strictEqual((yield* investigate(waiting("Unschedulable"))).rule, "no-node-has-room")
      assert.strictEqual((yield* investigate(waiting("ContainerCreating"))).rule, "container-waiting")
    })
  )

  it.effect("only notifies about a target that is gone or healthy again", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* investigate(byAlert("KubePodCrashLooping", { observed: observed({ exists: false, pods: [] }) }))).rule,
        "target-is-gone"
      )
      assert.strictEqual(
        (yield* investigate(byAlert("KubePodCrashLooping", { observed: settled }))).rule,
        "pod-recovered-meanwhile"
      )
    })
  )

  it.effect.each([...alertNames, "SomethingOfOurOwn"])(
    "notifies about %s on a healthy workload, and says what to check first",
    (name) =>
      Effect.gen(function* () {
        const found = yield* investigate(
          byAlert(name, { observed: settled, target: { ...target, kind: "StatefulSet" } })
        )
        assert.strictEqual(found.action.type, "Notify")
        assert.include(found.action.type === "Notify" ? found.action.reason : "", "First: ")
        if (name !== "SomethingOfOurOwn") assert.notStrictEqual(found.rule, "unknown-alert")
      })
  )

  it.effect("notifies about a target that could not be read, and says so", () =>
    Effect.gen(function* () {
      const found = yield* investigate(request({ observed: null }))
      assert.strictEqual(found.action.type, "Notify")
      assert.include(found.evidence, "The target's state could not be read.")
    })
  )
})
