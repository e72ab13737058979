import { assert, describe, it } from "@effect/vitest"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { judge } from "../../src/verification/Judge.ts"
import type { ReasonCode } from "../../src/verification/Problem.ts"
import { bare, evidence, healthy, intent, on, pod, said, seen, steady } from "./evidence.ts"

describe("a target", () => {
  it("is fixed once it has been healthy for the whole stabilisation window", () => {
    assert.strictEqual(said(evidence(steady(0, 10))), "fixed settled problem-gone")
  })

  it("is not fixed a millisecond before the end of the stabilisation window", () => {
    assert.strictEqual(said(evidence([...steady(0, 8), seen(9.999)])), "keep watching")
  })

  it("is fixed with its figures as the reason", () => {
    const judgement = judge(evidence(steady(0, 10)))
    assert.deepStrictEqual(judgement._tag === "Verdict" ? judgement.reasons : [], [
      "settled: 3 of 3 ready, 3 endpoints, stable for 10 s",
      "problem-gone: not-ready (1 of 3), not-available (1 of 3)"
    ])
  })

  it("is fixed with the end of the alert as a second reason if Alertmanager reports it as resolved", () => {
    assert.strictEqual(said(evidence(steady(0, 10), { alert: "resolved" })), "fixed settled alert-resolved")
  })

  it("is fixed although a read failed meanwhile", () => {
    assert.strictEqual(said(evidence([...steady(0, 4), seen(6, null), ...steady(8, 10)])), "fixed settled problem-gone")
  })

  it("is fixed with fewer endpoints than before if fewer replicas are desired", () => {
    const samples = steady(
      0,
      10,
      healthy({ desiredReplicas: 2, readyReplicas: 2, updatedReplicas: 2, availableReplicas: 2, endpoints: 2 })
    )
    assert.strictEqual(
      said(evidence(samples, { intent: intent({ baseline: healthy({ readyReplicas: 1, endpoints: 3 }) }) })),
      "fixed settled problem-gone"
    )
  })

  it("is fixed with one endpoint for three pods if there was one before, because a Service may select only the leader", () => {
    assert.strictEqual(said(evidence(steady(0, 10, healthy({ endpoints: 1 })))), "fixed settled problem-gone")
  })
})

describe("the endpoints of a Service", () => {
  it("must be at least as many as before acting", () => {
    const before = intent({ baseline: healthy({ endpoints: 3 }) })
    assert.strictEqual(
      said(evidence(steady(280, 300, healthy({ endpoints: 2 })), { intent: before })),
      "not-fixed endpoints-missing"
    )
  })

  it("do not matter if no Service selects the pods", () => {
    const before = intent({ baseline: healthy({ readyReplicas: 1, endpoints: null }) })
    assert.strictEqual(
      said(evidence(steady(0, 10, healthy({ endpoints: null })), { intent: before })),
      "fixed settled problem-gone"
    )
  })

  it("are missing if the Service that selected the pods no longer does", () => {
    assert.strictEqual(said(evidence(steady(280, 300, healthy({ endpoints: null })))), "not-fixed endpoints-missing")
  })
})

/** Each differs in one thing from a healthy target. */
const recoverable: ReadonlyArray<
  readonly [problem: string, code: ReasonCode, state: Partial<WorkloadState>, atDeadline: "not-fixed" | "unknown"]
> = [
  ["a replica is not ready", "not-ready", { readyReplicas: 2 }, "not-fixed"],
  ["the number of ready replicas is missing", "not-ready", { readyReplicas: null }, "not-fixed"],
  [
    "a pod crashes, and its controller still counts it as ready",
    "not-ready",
    { pods: [pod("a"), pod("b"), pod("c", { ready: false, reason: "CrashLoopBackOff" })] },
    "not-fixed"
  ],
  ["a replica has the old template", "not-updated", { updatedReplicas: 2 }, "not-fixed"],
  ["a replica is not available", "not-available", { availableReplicas: 2 }, "not-fixed"],
  [
    "a quota keeps its controller from creating a pod",
    "replica-failure",
    { failedCreate: "exceeded quota: q" },
    "not-fixed"
  ],
  [
    "its controller can't create pods, as an earlier version of the state recorded it",
    "replica-failure",
    { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate" }] },
    "not-fixed"
  ],
  ["its pods are ready, but younger than minReadySeconds", "not-available", { availableReplicas: 0 }, "not-fixed"],
  ["its Service has no endpoint", "endpoints-missing", { endpoints: 0 }, "not-fixed"],
  ["its controller has not observed the newest spec", "not-observed", { observedGeneration: 3 }, "unknown"]
]

describe("a target with a problem that may recover", () => {
  it.each(recoverable)("is watched until the deadline: %s", (_problem, _code, state) => {
    assert.strictEqual(said(evidence(steady(0, 298, healthy(state)))), "keep watching")
  })

  it.each(recoverable)("gets its verdict at the deadline: %s (%s)", (_problem, code, state, verdict) => {
    const expected = verdict === "unknown" ? `unknown ${code} not-settled` : `not-fixed ${code}`
    assert.strictEqual(said(evidence(steady(280, 300, healthy(state)))), expected)
  })

  it.each(recoverable)("is fixed once it has recovered and stays healthy: %s", (_problem, _code, state) => {
    assert.strictEqual(said(evidence([...steady(0, 20, healthy(state)), ...steady(22, 30)])), "keep watching")
    assert.strictEqual(
      said(evidence([...steady(0, 20, healthy(state)), ...steady(22, 32)])),
      "fixed settled problem-gone"
    )
  })

  it.each(recoverable)("restarts its stabilisation window after a relapse: %s", (_problem, _code, state) => {
    assert.strictEqual(said(evidence([...steady(0, 8), seen(9, healthy(state)), ...steady(10, 18)])), "keep watching")
  })
})

const lasting: ReadonlyArray<readonly [problem: string, code: ReasonCode, state: WorkloadState]> = [
  ["it was deleted", "target-gone", healthy({ exists: false, desiredReplicas: null, readyReplicas: null })],
  [
    "it was scaled to zero",
    "scaled-to-nothing",
    healthy({ desiredReplicas: 0, readyReplicas: 0, updatedReplicas: 0, availableReplicas: 0, endpoints: 0 })
  ],
  [
    "its rollout failed",
    "progress-deadline",
    healthy({
      updatedReplicas: 3,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
    })
  ]
]

describe("a target with a problem that waiting does not fix", () => {
  it.each(lasting)("is not fixed, long before the deadline: %s (%s)", (_problem, code, state) => {
    assert.strictEqual(said(evidence(steady(0, 10, state))), `not-fixed ${code}`)
  })

  it.each(lasting)(
    "is watched for the stabilisation window, because the problem may be transient: %s",
    (_problem, _code, state) => {
      assert.strictEqual(said(evidence(steady(0, 8, state))), "keep watching")
      assert.strictEqual(said(evidence([...steady(0, 8, state), ...steady(10, 20)])), "fixed settled problem-gone")
    }
  )

  it("is not judged by a failed rollout of an older spec", () => {
    const stale = healthy({
      observedGeneration: 3,
      conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
    })
    assert.strictEqual(said(evidence(steady(0, 60, stale))), "keep watching")
  })
})

describe("another object with the name of the target", () => {
  const replaced = healthy({ uid: "other" })

  it("is never fixed, although it is healthy: nothing shows what became of the one that was acted on", () => {
    assert.strictEqual(said(evidence(steady(0, 8, replaced))), "keep watching")
    assert.strictEqual(said(evidence(steady(0, 10, replaced))), "unknown target-replaced")
    assert.strictEqual(said(evidence(steady(0, 10, replaced), { alert: "resolved" })), "unknown target-replaced")
  })

  it("is not fixed if it has problems of its own at the deadline", () => {
    const broken = healthy({ uid: "other", readyReplicas: 1 })
    assert.strictEqual(said(evidence([seen(290), ...steady(292, 300, broken)])), "not-fixed target-replaced not-ready")
  })

  it("can't be told from the target if the baseline has no uid", () => {
    const before = intent({ baseline: healthy({ uid: null, readyReplicas: 1 }) })
    assert.strictEqual(said(evidence(steady(0, 600, replaced), { intent: before })), "unknown nothing-was-wrong")
  })
})

describe("restarts", () => {
  const crashed = (restarts: number) => healthy({ pods: [pod("a", { restarts }), pod("b"), pod("c")] })

  it("restart the stabilisation window, although every sample is healthy", () => {
    const samples = [...steady(0, 8, crashed(4)), ...steady(10, 18, crashed(5))]
    assert.strictEqual(said(evidence(samples)), "keep watching")
    assert.strictEqual(said(evidence([...samples, seen(20, crashed(5))])), "fixed settled problem-gone")
  })

  it("do not count if they happened before the verification", () => {
    assert.strictEqual(said(evidence(steady(0, 10, crashed(40)))), "fixed settled problem-gone")
  })

  it("of a replacement pod count from zero", () => {
    const replaced = healthy({ pods: [pod("d", { restarts: 1 }), pod("b"), pod("c")] })
    assert.strictEqual(said(evidence([...steady(0, 8, crashed(1)), ...steady(10, 16, replaced)])), "keep watching")
  })

  it("that continue until the deadline make the target not fixed", () => {
    const samples = [...steady(280, 298, crashed(4)), seen(300, crashed(5))]
    assert.strictEqual(said(evidence(samples)), "not-fixed restarting")
  })
})

describe("a sample whose parts were read long after each other", () => {
  /** The object was read a second after the first sample, and the pods a minute later. */
  const late = (state = healthy()) => seen(60, state, { objectAtMs: seen(1).atMs })

  it("shows a target as healthy only for the time until its own object was read", () => {
    assert.strictEqual(said(evidence([seen(0), late()], { alert: "resolved" })), "keep watching")
    assert.strictEqual(
      said(evidence([seen(0), late(), seen(62)], { alert: "resolved" })),
      "fixed settled alert-resolved"
    )
  })

  it("shows a lasting problem only for the time until its own object was read", () => {
    const gone = healthy({ exists: false })
    assert.strictEqual(said(evidence([seen(0, gone), late(gone)])), "keep watching")
    assert.strictEqual(said(evidence([seen(0, gone), late(gone), seen(62, gone)])), "not-fixed target-gone")
  })
})

describe("the deadline", () => {
  it("makes unknown a target that has only just become healthy", () => {
    assert.strictEqual(
      said(evidence([...steady(280, 296, healthy({ readyReplicas: 2 })), ...steady(298, 300)])),
      "unknown not-settled"
    )
  })

  it("makes unknown a target that can't be read, whatever the samples before show", () => {
    assert.strictEqual(said(evidence([...steady(280, 298), seen(300, null)])), "unknown unreadable")
    assert.strictEqual(said(evidence([seen(300, null)])), "unknown unreadable")
  })

  it("does not make unknown a settled target that waits for its alert, and can't be read for a while", () => {
    const hasSettled = true
    assert.strictEqual(said(evidence([...steady(380, 398), seen(400, null)], { hasSettled })), "keep watching")
    assert.strictEqual(said(evidence([seen(400, null), ...steady(402, 410)], { hasSettled })), "keep watching")
    assert.strictEqual(said(evidence([...steady(580, 598), seen(600, null)], { hasSettled })), "unknown unreadable")
    const worse = seen(404, healthy({ readyReplicas: 2 }))
    assert.strictEqual(said(evidence([seen(400, null), seen(402), worse], { hasSettled })), "not-fixed not-ready")
  })

  it("says that limits of our own kept the target from being read, and not that the cluster did", () => {
    const judgement = judge(evidence([...steady(280, 298), seen(300, null, { heldUp: true })]))
    assert.deepStrictEqual(judgement, {
      _tag: "Verdict",
      verdict: "unknown",
      reasons: ["unreadable: limits of Kubernaut kept it from reading the cluster"]
    })
  })

  it("is awaited while the cluster can't be read", () => {
    assert.strictEqual(said(evidence([...steady(0, 20), seen(22, null)])), "keep watching")
  })
})

describe("an alert", () => {
  it("that still fires keeps a settled target from being fixed, and makes it not fixed at the alert timeout", () => {
    assert.strictEqual(said(evidence(steady(0, 20), { alert: "firing" })), "keep watching")
    assert.strictEqual(said(evidence(steady(580, 598), { alert: "firing" })), "keep watching")
    assert.strictEqual(said(evidence(steady(580, 600), { alert: "firing" })), "not-fixed alert-firing settled")
  })

  it("that has resolved does not make an unhealthy target fixed", () => {
    assert.strictEqual(
      said(evidence(steady(280, 300, healthy({ readyReplicas: 2 })), { alert: "resolved" })),
      "not-fixed not-ready"
    )
  })
})

describe("an evicted pod that is the target itself", () => {
  const evicted = intent({
    action: { type: "EvictPod", target: on("Pod") },
    changes: [{ _tag: "Evict", ref: on("Pod"), uid: "uid" }],
    baseline: bare("Pod", { desiredReplicas: 1, readyReplicas: 0 })
  })
  const gone = bare("Pod", { exists: false, uid: null })

  it("is gone as intended, which shows neither that the eviction helped nor that it did not", () => {
    assert.strictEqual(said(evidence(steady(0, 10, gone), { intent: evicted })), "unknown target-gone")
  })

  it("of a Deployment that was deleted meanwhile leaves nothing to help", () => {
    const target = intent({ ...evicted, baseline: healthy({ readyReplicas: 2 }) })
    const deleted = healthy({ exists: false, uid: null })
    assert.strictEqual(said(evidence(steady(0, 10, deleted), { intent: target })), "not-fixed target-gone")
  })
})
