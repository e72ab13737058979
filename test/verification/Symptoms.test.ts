import { assert, describe, it } from "@effect/vitest"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { evidence, healthy, intent, pod, said, steady } from "./evidence.ts"

const at = "2027-01-15T08:00:00.000Z"
const rollout: NonNullable<WorkloadState["rollout"]> = {
  templateHash: "new",
  inProgress: true,
  startedAt: "2027-01-15T07:58:00.000Z",
  lastProgressAt: "2027-01-15T07:59:00.000Z",
  progressDeadlineSeconds: 600,
  deadlineExceeded: false,
  paused: false,
  strategy: "RollingUpdate",
  partition: 0
}
const starting = pod("c", { ready: false, reason: "ContainersNotReady", createdAt: "2027-01-15T07:59:30.000Z" })
const unready = pod("c", { ready: false, reason: "ContainersNotReady", createdAt: "2027-01-15T07:00:00.000Z" })
const crashing = pod("c", { ready: false, reason: "CrashLoopBackOff", restarts: 3 })
const pods = [pod("a"), pod("b")]

const fixed = "fixed settled problem-gone"
const unknown = "unknown nothing-was-wrong"

const baselines: ReadonlyArray<readonly [baseline: string, verdict: string, Partial<WorkloadState>]> = [
  ["all its replicas were ready", unknown, {}],
  ["a pod was not ready for an hour", fixed, { readyReplicas: 2, pods: [...pods, unready] }],
  ["a pod crashed", fixed, { readyReplicas: 2, pods: [...pods, crashing] }],
  ["a pod was ready again, and had restarted before", unknown, { pods: [...pods, pod("c", { restarts: 40 })] }],
  ["a pod had been created half a minute before", unknown, { readyReplicas: 2, pods: [...pods, starting] }],
  [
    "one of two pods that were not ready had been created half a minute before",
    fixed,
    { readyReplicas: 1, pods: [pod("a"), { ...unready, uid: "b" }, starting] }
  ],
  ["nobody recorded which pods were not ready", fixed, { readyReplicas: 2 }],
  ["a pod was missing", fixed, { readyReplicas: 2, pods }],
  ["a quota kept a pod from being created", fixed, { failedCreate: "exceeded quota: q", pods }],
  ["nothing was available behind its Service", fixed, { endpoints: 0 }],
  [
    "it was scaled to zero",
    unknown,
    { desiredReplicas: 0, readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0 }
  ],
  [
    "a rollout without a failing pod was under way",
    unknown,
    { updatedReplicas: 1, readyReplicas: 3, rollout, pods: [...pods, { ...unready, current: true }] }
  ],
  ["a rollout with a crashing pod was under way", fixed, { updatedReplicas: 1, rollout, pods: [...pods, crashing] }],
  [
    "a rollout had not progressed within its deadline",
    fixed,
    { updatedReplicas: 1, rollout: { ...rollout, inProgress: true, deadlineExceeded: true, lastProgressAt: null } }
  ],
  [
    "a rollout of a StatefulSet had not progressed for a quarter of an hour",
    fixed,
    {
      updatedReplicas: 1,
      rollout: { ...rollout, progressDeadlineSeconds: null, lastProgressAt: "2027-01-15T07:45:00.000Z" }
    }
  ],
  ["a rollout was paused", unknown, { updatedReplicas: 1, rollout: { ...rollout, paused: true } }],
  ["it did not exist", unknown, { exists: false }]
]

describe("a restarted workload that is healthy and whose alert is unknown", () => {
  for (const [baseline, verdict, change] of baselines) {
    it(`gets the verdict ${verdict.split(" ")[0]} if before the action ${baseline}`, () => {
      const before = intent({ baseline: healthy({ observedAt: at, ...change }) })
      assert.strictEqual(said(evidence(steady(580, 600), { intent: before })), verdict)
    })
  }

  it("is fixed by the end of its alert, whatever was wrong before", () => {
    const before = intent({ baseline: healthy() })
    assert.strictEqual(
      said(evidence(steady(0, 10), { intent: before, alert: "resolved" })),
      "fixed settled alert-resolved"
    )
  })

  it("is watched until the alert timeout if nothing was wrong before, because a webhook may report the end", () => {
    const before = intent({ baseline: healthy() })
    assert.strictEqual(said(evidence(steady(580, 598), { intent: before })), "keep watching")
  })
})

describe("a workload with the strategy OnDelete", () => {
  const held = { updatedReplicas: 0, rollout: { ...rollout, inProgress: false, strategy: "OnDelete" } }

  it("is healthy although its pods have an earlier template", () => {
    const before = intent({ baseline: healthy({ ...held, readyReplicas: 2, pods: [...pods, crashing] }) })
    assert.strictEqual(said(evidence(steady(0, 10, healthy(held)), { intent: before })), fixed)
  })

  it("had no problem if its pods had an earlier template", () => {
    const before = intent({ baseline: healthy(held) })
    assert.strictEqual(said(evidence(steady(580, 600), { intent: before })), unknown)
  })
})

describe("replicas that were missing", () => {
  const before = intent({ baseline: healthy({ readyReplicas: 2, availableReplicas: 2, pods: [...pods, crashing] }) })
  const scaled = (count: number) =>
    healthy({ desiredReplicas: count, readyReplicas: count, updatedReplicas: count, availableReplicas: count })

  it("show nothing if they are only no longer desired", () => {
    assert.strictEqual(said(evidence(steady(580, 600, { ...scaled(2), endpoints: 2 }), { intent: before })), unknown)
  })

  it("show nothing if a quota refused them or their rollout was late, and fewer are desired since", () => {
    for (const change of [
      { failedCreate: "exceeded quota: q" },
      { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] }
    ]) {
      const refused = intent({
        baseline: healthy({ readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2, pods, endpoints: 2, ...change })
      })
      const now = { ...scaled(2), endpoints: 2 }
      assert.strictEqual(said(evidence(steady(580, 600, now), { intent: refused })), unknown)
      assert.strictEqual(said(evidence(steady(0, 10), { intent: refused })), fixed)
    }
  })

  it("are back if an autoscaler wants more than before and all are ready", () => {
    assert.strictEqual(said(evidence(steady(0, 10, scaled(5)), { intent: before })), fixed)
  })

  it("are back if fewer are desired, but more are ready than before", () => {
    const wanted = intent({ baseline: healthy({ desiredReplicas: 10, readyReplicas: 2, availableReplicas: 2 }) })
    assert.strictEqual(said(evidence(steady(0, 10, scaled(4)), { intent: wanted })), fixed)
  })

  it("are not back if the problem moved to another pod", () => {
    const moved = healthy({
      readyReplicas: 2,
      availableReplicas: 2,
      pods: [pod("a"), pod("c"), pod("b", { ready: false, reason: "CrashLoopBackOff", restarts: 1 })]
    })
    assert.strictEqual(said(evidence(steady(280, 300, moved), { intent: before })), "not-fixed not-ready not-available")
  })
})
