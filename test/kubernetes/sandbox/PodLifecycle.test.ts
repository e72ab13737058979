/** How a pod of the sandbox fails, as its workload shows it. */

import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"

const app = { namespace: "prod", kind: "Deployment", name: "app" }
const pace = {
  startup: "2 seconds",
  termination: "1 second",
  crash: "500 millis",
  backoff: "10 seconds",
  backoffCap: "5 minutes"
} as const

const sandbox = (images: Readonly<Record<string, Sandbox.ImageBehaviour>> = {}) =>
  Sandbox.layer({
    shop: false,
    pace,
    images,
    deployments: [{ name: "app", namespace: "prod", behaviour: "healthy", replicas: 1 }]
  })

const rollOut = (image: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Patch",
      ref: app,
      patch: [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: image }]
    })
  )

/** The newest pod at these times, in milliseconds since the rollout. */
const seenAt = Effect.fnUntraced(function* (...moments: ReadonlyArray<number>) {
  const seen: Array<readonly [atMs: number, ready: boolean, restarts: number, reason: string | null]> = []
  let nowMs = 0
  const before = new Set((yield* readWorkload(app)).pods.map(({ uid }) => uid))
  yield* rollOut("registry.example/prod/app:flaky-1")
  for (const atMs of moments) {
    yield* TestClock.adjust(Duration.millis(atMs - nowMs))
    nowMs = atMs
    const pod = (yield* readWorkload(app)).pods.find(({ uid }) => !before.has(uid))
    if (pod !== undefined) seen.push([atMs, pod.ready, pod.restarts, pod.reason])
  }
  return seen
})

describe("a flaky version", () => {
  it.effect("is ready for five seconds after each start, with a back-off that doubles in between", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* seenAt(1_999, 2_000, 6_999, 7_000, 16_999, 17_000, 21_999, 22_000, 41_999, 42_000),
        [
          [1_999, false, 0, "ContainerCreating"],
          [2_000, true, 0, null],
          [6_999, true, 0, null],
          [7_000, false, 1, "CrashLoopBackOff"],
          [16_999, false, 1, "CrashLoopBackOff"],
          [17_000, true, 1, null],
          [21_999, true, 1, null],
          [22_000, false, 2, "CrashLoopBackOff"],
          [41_999, false, 2, "CrashLoopBackOff"],
          [42_000, true, 2, null]
        ]
      )
    }).pipe(Effect.provide(sandbox()))
  )

  it.effect("completes its rollout before its first crash, so that a single read finds it healthy", () =>
    Effect.gen(function* () {
      yield* rollOut("registry.example/prod/app:flaky-1")
      yield* TestClock.adjust("4 seconds")
      assert.deepInclude(yield* readWorkload(app), {
        desiredReplicas: 1,
        updatedReplicas: 1,
        readyReplicas: 1,
        restarts: 0
      })
      yield* TestClock.adjust("4 seconds")
      assert.deepInclude(yield* readWorkload(app), { updatedReplicas: 1, readyReplicas: 0, restarts: 1 })
    }).pipe(Effect.provide(sandbox()))
  )

  it.effect("is never ready if its image crashes at the start as well", () =>
    Effect.gen(function* () {
      const seen = yield* seenAt(2_000, 2_500, 7_000)
      assert.deepStrictEqual(
        seen.map(([, ready]) => ready),
        [false, false, false]
      )
    }).pipe(Effect.provide(sandbox({ "registry.example/prod/app:flaky-1": { crash: { exitCode: 3 } } })))
  )
})

describe("a pod that is given the annotation `sim/fail` while it runs", () => {
  it.effect("crashes at once and at each start, and the pod in its place does not", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const [pod] = (yield* readWorkload(app)).pods
      const ref = { namespace: "prod", kind: "Pod", name: pod!.name }
      const { metadata } = yield* client.get(ref)
      yield* client.apply({
        _tag: "Patch",
        ref,
        patch: [
          { op: "add", path: "/metadata/annotations", value: { ...metadata.annotations, "sim/fail": "crashloop" } }
        ]
      })
      const ready = Effect.map(readWorkload(app), ({ pods }) => pods.map((each) => each.ready))
      assert.deepStrictEqual(yield* ready, [false])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* ready, [false])
      yield* client.apply({ _tag: "Delete", ref, uid: metadata.uid })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* ready, [true])
    }).pipe(Effect.provide(sandbox()))
  )
})
