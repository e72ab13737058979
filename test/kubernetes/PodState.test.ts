import { assert, describe, it } from "@effect/vitest"
import type { ContainerState, Pod } from "../../src/kubernetes/ObjectModel.ts"
import { podReason, podState, restartsOf } from "../../src/kubernetes/PodState.ts"

interface PodOptions {
  readonly ready?: boolean
  readonly restarts?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}

const pod = ({ ready = true, restarts = 0, state = {}, lastState = {} }: PodOptions = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "web-1-a",
    namespace: "shop",
    uid: "uid-a",
    resourceVersion: "7",
    creationTimestamp: "2026-11-24T02:50:00Z",
    labels: { app: "web", "pod-template-hash": "h1" },
    ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-1", uid: "uid-web-1", controller: true }]
  },
  spec: { containers: [{ name: "main" }] },
  status: {
    phase: "Running",
    conditions: [
      {
        type: "Ready",
        status: ready ? "True" : "False",
        lastTransitionTime: "2026-11-24T02:55:00Z",
        ...(ready ? {} : { reason: "ContainersNotReady" })
      }
    ],
    containerStatuses: [{ name: "main", ready, restartCount: restarts, state, lastState }]
  }
})

const observedAt = "2026-11-24T03:00:00.000Z"
const nowMs = Date.parse(observedAt)

const templates = (newest: string | null) => ({ newest, revisions: new Map([["h1", 7]]) })

describe("PodState", () => {
  it("names the pod's owner and template, and says whether that is the newest one", () => {
    assert.deepInclude(podState(pod(), templates("h1"), observedAt), {
      ownerUid: "uid-web-1",
      templateHash: "h1",
      revision: 7,
      current: true,
      createdAt: "2026-11-24T02:50:00.000Z",
      readinessSince: "2026-11-24T02:55:00.000Z"
    })
    assert.isFalse(podState(pod(), templates("h2"), observedAt).current)
    assert.isNull(podState(pod(), templates(null), observedAt).current, "the newest template is not known")
  })

  it("says when a container last restarted", () => {
    const at = (restarts: number, state: ContainerState, lastState: ContainerState) =>
      podState(pod({ restarts, state, lastState }), templates(null), observedAt).restartedAt
    const running = { running: { startedAt: "2026-11-24T02:54:00Z" } }
    const ended = { terminated: { exitCode: 1, finishedAt: "2026-11-24T02:53:00Z" } }
    assert.strictEqual(at(1, running, ended), "2026-11-24T02:54:00.000Z")
    assert.strictEqual(at(1, { waiting: { reason: "CrashLoopBackOff" } }, ended), "2026-11-24T02:53:00.000Z")
    assert.isNull(at(0, running, {}))
    assert.isNull(at(1, {}, {}))
  })

  it.each([
    ["a ready pod", { ready: true, lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } }, null],
    [
      "a crash loop",
      {
        ready: false,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 1, reason: "Error" } }
      },
      "CrashLoopBackOff"
    ],
    [
      "a crash loop of OOM kills",
      {
        ready: false,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } }
      },
      "OOMKilled"
    ],
    ["a recent OOM kill", { ready: false, state: { terminated: { exitCode: 137, reason: "OOMKilled" } } }, "OOMKilled"],
    [
      "an image that cannot be pulled",
      { ready: false, state: { waiting: { reason: "ImagePullBackOff" } } },
      "ImagePullBackOff"
    ],
    ["a starting pod", { ready: false, state: { waiting: { reason: "ContainerCreating" } } }, "ContainerCreating"],
    ["a running pod with a failing probe", { ready: false, state: { running: {} } }, "ContainersNotReady"],
    [
      "a running pod with a failing probe that was OOM-killed once, three weeks ago",
      {
        ready: false,
        restarts: 1,
        state: { running: { startedAt: "2026-11-03T03:00:00Z" } },
        lastState: { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: "2026-11-03T03:00:00Z" } }
      },
      "ContainersNotReady"
    ]
  ] as ReadonlyArray<readonly [string, PodOptions, string | null]>)(
    "gives the most specific reason for %s",
    (_, options, reason) => {
      assert.strictEqual(podReason(pod(options), nowMs), reason)
    }
  )

  it("gives Unschedulable for a pod that fits on no node", () => {
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }]
    assert.strictEqual(podReason({ ...pod(), status: { phase: "Pending", conditions } }, nowMs), "Unschedulable")
  })

  describe("restarts, as kubectl counts them", () => {
    const withSidecar = (
      sidecar: { readonly restarts: number; readonly started?: boolean },
      init: { readonly restarts: number; readonly state: ContainerState } | undefined,
      initialized: boolean
    ): Pod => {
      const made = pod({ restarts: initialized ? 2 : 0 })
      return {
        ...made,
        spec: {
          ...made.spec,
          initContainers: [
            { name: "proxy", restartPolicy: "Always" },
            ...(init === undefined ? [] : [{ name: "migrate" }])
          ]
        },
        status: {
          ...made.status,
          conditions: [
            ...(made.status?.conditions ?? []),
            { type: "Initialized", status: initialized ? "True" : "False" }
          ],
          initContainerStatuses: [
            { name: "proxy", ready: true, started: sidecar.started ?? true, restartCount: sidecar.restarts },
            ...(init === undefined
              ? []
              : [{ name: "migrate", ready: initialized, restartCount: init.restarts, state: init.state }])
          ]
        }
      }
    }
    it("the restarts of a native sidecar count, also in a pod that stays ready", () => {
      assert.deepInclude(podState(withSidecar({ restarts: 7 }, undefined, true), templates(null), observedAt), {
        ready: true,
        restarts: 9
      })
    })

    it("those of an init container that has completed do not", () => {
      const done = { restarts: 4, state: { terminated: { exitCode: 0, reason: "Completed" } } }
      assert.strictEqual(restartsOf(withSidecar({ restarts: 7 }, done, true)), 9)
    })

    it("those of an init container that still fails do", () => {
      const failing = { restarts: 4, state: { waiting: { reason: "CrashLoopBackOff" } } }
      assert.strictEqual(restartsOf(withSidecar({ restarts: 7 }, failing, false)), 11)
      assert.strictEqual(
        restartsOf(withSidecar({ restarts: 7, started: false }, failing, false)),
        7,
        "no container after the one that does not start"
      )
    })
  })
})
