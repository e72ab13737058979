import { assert, describe, it } from "@effect/vitest"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { progressAfter } from "../../src/verification/Judge.ts"
import type { Progress } from "../../src/verification/Progress.ts"
import type { Sample } from "../../src/verification/Sample.ts"
import { evidence, healthy, intent, pod, said, seen, startedAtMs, steady } from "./evidence.ts"

type Rollout = NonNullable<WorkloadState["rollout"]>

const rollout = (change: Partial<Rollout> = {}): Rollout => ({
  templateHash: "new",
  inProgress: true,
  startedAt: null,
  lastProgressAt: null,
  progressDeadlineSeconds: 600,
  deadlineExceeded: false,
  paused: false,
  strategy: "RollingUpdate",
  partition: 0,
  ...change
})

const old = (uid: string) => pod(uid, { current: false })
const fresh = (uid: string) => pod(uid, { current: true })
const starting = pod("n", { current: true, ready: false, reason: "ContainersNotReady" })

/** A rolling update of which so many pods are updated, and the newest of them is starting. */
const rolling = (updatedReplicas: number, change: Partial<WorkloadState> = {}): WorkloadState =>
  healthy({
    updatedReplicas,
    pods: [old("a"), old("b"), fresh("x"), starting],
    conditions: [{ type: "Progressing", status: "True", reason: "ReplicaSetUpdated" }],
    rollout: rollout(),
    ...change
  })

const before = intent({ baseline: healthy({ pods: [old("a"), old("b"), old("c")] }) })

/** What is said after these samples, in the order in which a verifier takes them. */
const saidAfter = (samples: ReadonlyArray<Sample>, given = before): string => {
  const progress = samples.reduce<Progress | undefined>(
    (known, sample) => progressAfter(known, given, sample, startedAtMs),
    undefined
  )
  return said(evidence(samples, { intent: given, alert: "resolved", ...(progress === undefined ? {} : { progress }) }))
}

/** At 290 s the rollout makes progress, and from then on it is in the given state. */
const stuckAt = (second: number, state: WorkloadState): string =>
  saidAfter([...steady(0, 288, rolling(1)), ...steady(290, second, state)])

describe("a rollout that continues after the time to settle", () => {
  it("is watched until it has made no progress for its deadline", () => {
    assert.strictEqual(stuckAt(300, rolling(2)), "keep watching")
    assert.strictEqual(stuckAt(888, rolling(2)), "keep watching")
    assert.strictEqual(stuckAt(890, rolling(2)), "not-fixed not-updated")
  })

  it("is watched from the action on, if it has not made any progress yet", () => {
    assert.strictEqual(saidAfter(steady(0, 598, rolling(1))), "keep watching")
    assert.strictEqual(saidAfter(steady(0, 600, rolling(1))), "not-fixed not-updated")
  })

  it("is watched for ten minutes without progress if its kind has no deadline", () => {
    const set = (updated: number) =>
      rolling(updated, { conditions: [], rollout: rollout({ progressDeadlineSeconds: null }) })
    const samples = [...steady(0, 288, set(1)), ...steady(290, 888, set(2))]
    assert.strictEqual(saidAfter(samples), "keep watching")
    assert.strictEqual(saidAfter([...samples, seen(890, set(2))]), "not-fixed not-updated")
  })

  it("is not watched beyond the rollout timeout, however long its deadline is", () => {
    const endless = rolling(1, { rollout: rollout({ progressDeadlineSeconds: 2 ** 31 - 1 }) })
    assert.strictEqual(saidAfter(steady(0, 3598, endless)), "keep watching")
    assert.strictEqual(saidAfter(steady(0, 3600, endless)), "not-fixed not-updated")
  })

  it("is fixed once it has completed and stays healthy", () => {
    const samples = [...steady(0, 398, rolling(2)), ...steady(400, 408)]
    assert.strictEqual(saidAfter(samples), "keep watching")
    assert.strictEqual(saidAfter([...samples, seen(410)]), "fixed settled alert-resolved")
  })

  it("is watched although a read failed", () => {
    const samples = [...steady(0, 398, rolling(2)), seen(400, null), seen(430, null)]
    assert.strictEqual(saidAfter(samples), "keep watching")
    assert.strictEqual(saidAfter([...samples, seen(459, null)]), "unknown unreadable")
  })

  it("is watched between two looks at its pods", () => {
    const shallow = rolling(2, { pods: [] })
    const samples = [...steady(0, 398, rolling(2)), seen(420, shallow, { targetOnly: true })]
    assert.strictEqual(saidAfter(samples), "keep watching")
    assert.strictEqual(saidAfter([...samples, seen(459, shallow, { targetOnly: true })]), "not-fixed not-updated")
  })

  it("replaces failing pods of an earlier template", () => {
    const crashing = pod("a", { current: false, ready: false, reason: "CrashLoopBackOff", restarts: 9 })
    assert.strictEqual(stuckAt(400, rolling(2, { pods: [crashing, fresh("x"), starting] })), "keep watching")
  })
})

/** Each keeps a rollout from being watched longer. */
const hopeless: ReadonlyArray<readonly [claim: string, said: string, WorkloadState]> = [
  [
    "a new pod crashes",
    "not-fixed not-updated",
    rolling(2, { pods: [old("a"), { ...starting, reason: "CrashLoopBackOff" }] })
  ],
  [
    "a new pod can't pull its image",
    "not-fixed not-updated",
    rolling(2, { pods: [old("a"), { ...starting, reason: "ImagePullBackOff" }] })
  ],
  [
    "a new pod has restarted and is not ready",
    "not-fixed not-updated",
    rolling(2, { pods: [old("a"), { ...starting, restarts: 1 }] })
  ],
  [
    "a failing pod is of an unknown template",
    "not-fixed not-updated",
    rolling(2, { pods: [{ ...starting, current: null, reason: "Error" }] })
  ],
  [
    "a quota keeps its controller from creating a pod",
    "not-fixed not-updated replica-failure",
    rolling(2, { failedCreate: "exceeded quota: q" })
  ],
  ["it is paused", "not-fixed not-updated", rolling(2, { rollout: rollout({ paused: true }) })],
  [
    "it has completed, and a pod is not ready any more",
    "not-fixed not-ready",
    rolling(3, { readyReplicas: 2, pods: [{ ...starting, uid: "a" }], rollout: rollout({ inProgress: false }) })
  ],
  ["nothing is known about it", "not-fixed not-updated", rolling(2, { rollout: null, pods: [] })]
]

describe("a rollout that does not continue", () => {
  for (const [claim, expected, state] of hopeless) {
    it(`gets its verdict at the usual time if ${claim}`, () => {
      assert.strictEqual(stuckAt(298, state), "keep watching")
      assert.strictEqual(stuckAt(302, state), expected)
    })
  }
})

describe("replicas that an autoscaler adds", () => {
  it("may start for longer than the time to settle", () => {
    const scaled = (ready: number) =>
      healthy({
        desiredReplicas: 5,
        updatedReplicas: 5,
        readyReplicas: ready,
        availableReplicas: ready,
        pods: [fresh("a"), fresh("b"), fresh("c"), starting],
        rollout: rollout({ inProgress: false })
      })
    assert.strictEqual(saidAfter([...steady(0, 280, scaled(3)), ...steady(282, 320, scaled(4))]), "keep watching")
  })
})

describe("a target that becomes healthy just before the time to settle is over", () => {
  it("is watched for its stabilisation window", () => {
    const samples = [...steady(0, 292, healthy({ readyReplicas: 2, availableReplicas: 2 })), ...steady(294, 302)]
    assert.strictEqual(saidAfter(samples), "keep watching")
    assert.strictEqual(saidAfter([...samples, seen(304)]), "fixed settled alert-resolved")
  })
})
