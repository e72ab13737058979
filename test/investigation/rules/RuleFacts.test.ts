import { assert, describe, it } from "@effect/vitest"
import type { Rollout, WorkloadState } from "../../../src/domain/WorkloadState.ts"
import type { Evidence } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { factsOf } from "../../../src/investigation/rules/RuleFacts.ts"
import { completed, earlierPod, evidence, observed, pod, request, rollout, target } from "../fixtures/Requests.ts"

describe("facts", () => {
  const facts = (changes: Partial<InvestigationRequest>) => [...factsOf(request(changes))]

  it("no fact holds when the state could not be read", () => {
    assert.deepStrictEqual(facts({ observed: null }), [])
  })

  it("a rollout is not the cause of an alert that starts more than an hour after it", () => {
    const old = evidence({
      revisions: [
        {
          revision: 2,
          templateHash: "7d9f",
          current: true,
          replicas: 2,
          readyReplicas: 0,
          createdAt: "2026-11-23T00:00:00Z",
          images: []
        },
        {
          revision: 1,
          templateHash: "5b8c",
          current: false,
          replicas: 0,
          readyReplicas: 0,
          createdAt: "2026-11-01T00:00:00Z",
          images: []
        }
      ]
    })
    assert.notInclude(
      facts({ evidence: old, observed: observed({ rollout: { ...rollout, startedAt: "2026-11-23T00:00:00.000Z" } }) }),
      "bad-rollout"
    )
  })

  it("the only revision is never a bad rollout", () => {
    const only = evidence({
      revisions: [
        {
          revision: 1,
          templateHash: "7d9f",
          current: true,
          replicas: 2,
          readyReplicas: 0,
          createdAt: "2026-11-24T02:50:00Z",
          images: []
        }
      ]
    })
    assert.notInclude(facts({ evidence: only }), "bad-rollout")
  })

  it("a newest revision with ready pods is not a bad rollout, even when other pods crash", () => {
    const works = evidence()
    const revisions = works.revisions.map((revision) => ({ ...revision, readyReplicas: 1 }))
    assert.notInclude(facts({ evidence: { ...works, revisions } }), "bad-rollout")
  })

  it("without revisions, a ready pod of an earlier revision beside failing pods of the newest is a bad rollout", () => {
    assert.include(facts({}), "bad-rollout")
    const [failing, serving] = observed().pods
    assert.notInclude(facts({ observed: observed({ pods: [failing!] }) }), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ pods: [failing!, { ...serving!, ready: false }] }) }), "bad-rollout")
  })

  it("one-pod-broken needs a second pod that is ready, and a node for the broken one", () => {
    const broken = pod("a", { ready: false })
    const facts = (pods: WorkloadState["pods"]) => [...factsOf(request({ observed: observed({ ...completed, pods }) }))]
    assert.include(facts([broken, pod("b")]), "one-pod-broken")
    assert.notInclude(facts([broken]), "one-pod-broken")
    assert.notInclude(facts([broken, pod("b", { ready: false })]), "one-pod-broken")
    assert.notInclude(facts([{ ...broken, reason: "Unschedulable" }, pod("b")]), "one-pod-broken")
  })

  it("one-pod-broken compares pods of one template, and gives a pod time to start", () => {
    const facts = (pods: WorkloadState["pods"]) => [...factsOf(request({ observed: observed({ ...completed, pods }) }))]
    const broken = pod("a", { ready: false })
    assert.notInclude(facts([broken, earlierPod("b")]), "one-pod-broken")
    assert.notInclude(facts([earlierPod("a", { ready: false }), pod("b"), pod("c")]), "one-pod-broken")
    const started = "2026-11-24T02:59:30.000Z"
    assert.notInclude(facts([{ ...broken, readinessSince: started }, pod("b")]), "one-pod-broken")
    assert.include(facts([{ ...broken, readinessSince: started, reason: "Error" }, pod("b")]), "one-pod-broken")
  })

  it("only a workload with revisions can have a bad rollout", () => {
    assert.include(facts({ target: { ...target, kind: "StatefulSet" } }), "bad-rollout")
    assert.include(facts({ target: { ...target, kind: "DaemonSet" } }), "bad-rollout")
    assert.notInclude(facts({ target: { ...target, kind: "Job" } }), "bad-rollout")
  })

  it("a rollout without an earlier revision is not one that could be undone", () => {
    assert.include(facts({ observed: observed({ earlierRevisions: [1] }) }), "bad-rollout")
    assert.notInclude(facts({ observed: observed({ earlierRevisions: [] }) }), "bad-rollout")
    assert.include(facts({ observed: observed({ earlierRevisions: null }) }), "bad-rollout", "not known is not none")
  })

  describe("pods speak for their own revision", () => {
    const crashing = { ready: false, restarts: 7, reason: "CrashLoopBackOff" }
    const begun = { ...rollout, deadlineExceeded: false, lastProgressAt: "2026-11-24T02:58:00.000Z" }
    const starting = pod("checkout-7d9f-a", {
      ready: false,
      reason: "ContainerCreating",
      createdAt: "2026-11-24T02:58:00.000Z",
      readinessSince: "2026-11-24T02:58:00.000Z"
    })
    const conditions = [{ type: "Progressing", status: "True", reason: "ReplicaSetUpdated" }]
    const fixing = observed({
      readyReplicas: 0,
      availableReplicas: 0,
      pods: [starting, earlierPod("checkout-5b8c-b", crashing), earlierPod("checkout-5b8c-c", crashing)],
      rollout: begun,
      conditions
    })
    const failingEarlier = evidence({
      failing: [{ ...evidence().failing[0]!, pod: "checkout-5b8c-b", revision: 1, current: false }]
    })

    it("crashing pods of the revision before do not make a rollout that starts a bad one", () => {
      const found = facts({ observed: fixing, evidence: failingEarlier })
      assert.deepStrictEqual(found, ["rollout-under-way"])
    })

    it("nor one whose first pod is not created yet, or whose spec the controller has not seen", () => {
      const pods = fixing.pods.slice(1)
      assert.deepStrictEqual(facts({ observed: { ...fixing, pods }, evidence: failingEarlier }), ["rollout-under-way"])
      const unseen = {
        ...fixing,
        generation: 3,
        pods: pods.map((each) => ({ ...each, current: null })),
        rollout: { ...begun, templateHash: null, startedAt: null, lastProgressAt: null }
      }
      assert.deepStrictEqual(facts({ observed: unseen, evidence: failingEarlier }), ["rollout-under-way"])
    })

    it("nor one whose pod waits for a node, or runs and is not ready yet", () => {
      for (const reason of ["Unschedulable", "ContainersNotReady", "PodInitializing", null]) {
        const pods = [{ ...starting, reason }, ...fixing.pods.slice(1)]
        assert.notInclude(facts({ observed: { ...fixing, pods }, evidence: failingEarlier }), "bad-rollout")
      }
    })

    it("the first failing pod of its own makes it one, also within the deadline", () => {
      const pods = [{ ...starting, ...crashing }, ...fixing.pods.slice(1)]
      assert.include(facts({ observed: { ...fixing, pods }, evidence: evidence() }), "bad-rollout")
      assert.notInclude(facts({ observed: { ...fixing, pods }, evidence: evidence() }), "rollout-under-way")
    })

    it("a rollout that passed its deadline without a failing pod is neither bad nor under way", () => {
      const late = { ...fixing, rollout: { ...begun, deadlineExceeded: true } }
      assert.deepStrictEqual(facts({ observed: late, evidence: failingEarlier }), [])
      const silent = { ...fixing, rollout: { ...begun, lastProgressAt: "2026-11-24T02:49:00.000Z" } }
      assert.deepStrictEqual(facts({ observed: silent, evidence: failingEarlier }), [])
    })

    it("a template that changed after the state was read is not judged by its pods", () => {
      const [first, ...others] = evidence().revisions
      const changed = evidence({ revisions: [{ ...first!, templateHash: "99ff" }, ...others] })
      assert.include(facts({ evidence: evidence() }), "bad-rollout")
      assert.notInclude(facts({ evidence: changed }), "bad-rollout")
    })

    it.each([
      ["OOMKilled", "oom-killed"],
      ["ImagePullBackOff", "image-not-pulled"],
      ["CreateContainerConfigError", "configuration-missing"],
      ["Unschedulable", "unschedulable"],
      ["CrashLoopBackOff", "crash-looping"]
    ] as const)("%s of a pod of an earlier revision is not the fact %s", (reason, fact) => {
      const failed = { ready: false, reason }
      assert.notInclude(facts({ observed: observed({ pods: [pod("a"), earlierPod("b", failed)] }) }), fact)
      assert.include(facts({ observed: observed({ pods: [pod("a", failed), earlierPod("b")] }) }), fact)
    })

    it("a StatefulSet with a partition or the strategy OnDelete runs pods of both templates on purpose", () => {
      const failed = earlierPod("b", { ready: false, reason: "ImagePullBackOff" })
      for (const meant of [{ strategy: "OnDelete" }, { partition: 2 }]) {
        const state = observed({ pods: [pod("a"), failed], rollout: { ...rollout, inProgress: false, ...meant } })
        assert.include(facts({ observed: state }), "image-not-pulled")
      }
    })

    it("in a state of an earlier version, which says nothing about revisions, no pod is held against the newest", () => {
      const { rollout: _rollout, ...earlier } = observed()
      assert.deepStrictEqual(facts({ observed: earlier, evidence: evidence() }), [])
    })
  })

  describe("a fact holds now", () => {
    const containers = (changes: Partial<Evidence["failing"][number]>) => {
      const failing = [
        { ...evidence().failing[0]!, pod: "a", ready: true, reason: null, lastReason: "OOMKilled", ...changes }
      ]
      return facts({
        observed: observed({ ...completed, pods: [pod("a"), pod("b")] }),
        evidence: evidence({ failing })
      })
    }

    it("a container that is OOM-killed now is so although it is ready in between", () => {
      assert.include(containers({ failsNow: "OOMKilled" }), "oom-killed")
    })

    it("one whose OOM kill is over is not, ready or not, but the workload is not called healthy either", () => {
      for (const ready of [true, false]) {
        const found = containers({ failsNow: null, ready })
        assert.notInclude(found, "oom-killed")
        assert.notInclude(found, "healthy")
      }
    })

    it.each([
      ["wants as many replicas as its maximum", { desiredReplicas: 10, limited: null }, true],
      ["says that its maximum limits it", { desiredReplicas: 10, limited: true }, true],
      ["wants just as many, and is not limited", { desiredReplicas: 10, limited: false }, false],
      ["wants fewer by now", { desiredReplicas: 6, limited: null }, false]
    ] as const)("an autoscaler that %s is at its maximum: %#", (_, changes, holds) => {
      const autoscaler = { name: "checkout", minReplicas: 1, maxReplicas: 10, currentReplicas: 10, ...changes }
      assert.strictEqual(facts({ evidence: evidence({ autoscaler }) }).includes("autoscaler-at-maximum"), holds)
    })
  })

  describe("healthy", () => {
    const well = observed({ ...completed, readyReplicas: 2, pods: [pod("a"), pod("b")] })
    const calm = evidence({ failing: [], events: [], logs: [] })
    const isHealthy = (changes: Partial<WorkloadState>, read: Partial<Evidence> = {}) =>
      facts({ observed: { ...well, ...changes }, evidence: { ...calm, ...read } }).includes("healthy")
    const inProgress = { ...completed.rollout!, inProgress: true }

    it("holds when every replica is ready and of the newest template", () => {
      assert.isTrue(isHealthy({}))
    })

    it.each([
      ["fewer replicas are updated than desired", { updatedReplicas: 1 }],
      ["the rollout is in progress", { rollout: inProgress }],
      [
        "Progressing is False",
        { conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }] }
      ],
      ["ReplicaFailure is True", { conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate" }] }],
      ["pods cannot be created", { failedCreate: "exceeded quota: q" }],
      ["the controller has not seen the spec", { generation: 3 }],
      ["a ready replica is not available yet", { availableReplicas: 1 }],
      ["a pod has a reason", { pods: [pod("a"), pod("b"), earlierPod("c", { ready: false, reason: "Error" })] }]
    ] as ReadonlyArray<readonly [string, Partial<WorkloadState>]>)("does not hold while %s", (_, changes) => {
      assert.isFalse(isHealthy(changes))
    })

    it("does not hold when the events name a refusal, or when nobody has looked at a container that restarted", () => {
      assert.isFalse(isHealthy({}, { failedCreate: "exceeded quota: q" }))
      const missing = ["containers and logs"]
      assert.isTrue(isHealthy({}, { missing }))
      assert.isFalse(isHealthy({ pods: [pod("a", { restarts: 3 }), pod("b")] }, { missing }))
    })

    it("holds for a StatefulSet whose other pods keep their template because of a partition or OnDelete", () => {
      const state = (changes: Partial<Rollout>) => ({
        updatedReplicas: 0,
        rollout: { ...completed.rollout!, ...changes }
      })
      assert.isFalse(isHealthy(state({})))
      assert.isTrue(isHealthy(state({ partition: 2 })))
      assert.isTrue(isHealthy(state({ strategy: "OnDelete" })))
    })
  })
})
