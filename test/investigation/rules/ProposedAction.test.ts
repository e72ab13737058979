import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../../src/domain/Action.ts"
import type { WorkloadState } from "../../../src/domain/WorkloadState.ts"
import type { Evidence } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { proposedAction } from "../../../src/investigation/rules/ProposedAction.ts"
import type { RuleAction } from "../../../src/investigation/rules/Rulebook.ts"
import { alert, completed, earlierPod, evidence, observed, pod, request, rollout } from "../fixtures/Requests.ts"
import { rulesOf } from "../fixtures/Rules.ts"

/** What a rule that matches on nothing else proposes. */
const proposed = (action: RuleAction, changes: Partial<InvestigationRequest>): Action | undefined =>
  proposedAction(rulesOf({ name: "any", action })[0]!, request({ evidence: evidence(), ...changes }))

const underWay = { ...rollout, deadlineExceeded: false, lastProgressAt: "2026-11-24T02:58:00.000Z" }
const failed = { ready: false, restarts: 4, reason: "CrashLoopBackOff" }

describe("a rollback", () => {
  const revision = (number: number, changes: Partial<Evidence["revisions"][number]> = {}) => ({
    ...evidence().revisions[1]!,
    revision: number,
    templateHash: `h${number}`,
    ...changes
  })
  const newest = evidence().revisions[0]!
  const target = (changes: { readonly pods?: WorkloadState["pods"]; readonly revisions?: Evidence["revisions"] }) => {
    const action = proposed(
      { type: "RollbackDeployment" },
      {
        observed: observed({ pods: changes.pods ?? observed().pods }),
        evidence: evidence(changes.revisions === undefined ? {} : { revisions: changes.revisions })
      }
    )
    return action?.type === "RollbackDeployment" ? action.toRevision : undefined
  }

  it("restores the newest earlier revision that serves", () => {
    assert.strictEqual(target({ revisions: [newest, revision(1), revision(0)] }), 1)
    assert.strictEqual(
      target({ revisions: [newest, revision(1, { readyReplicas: 0, replicas: 0 }), revision(0)] }),
      0,
      "one that serves is known to work"
    )
  })

  it("never restores a revision with a failing pod", () => {
    const pods = [pod("a", failed), earlierPod("b", failed), earlierPod("c")]
    assert.isUndefined(target({ pods }))
    assert.strictEqual(target({ pods, revisions: [newest, revision(1), revision(0)] }), 0)
  })

  it("nor one of which a container failed a moment ago", () => {
    const action = proposed(
      { type: "RollbackDeployment" },
      {
        evidence: evidence({
          failing: [{ ...evidence().failing[0]!, pod: "checkout-5b8c-b", revision: 1, current: false, ready: true }]
        })
      }
    )
    assert.isUndefined(action)
  })

  it("nor one whose containers have restarted when nobody could look at why", () => {
    const restored = (missing: ReadonlyArray<string>, restarts: number) =>
      proposed(
        { type: "RollbackDeployment" },
        {
          observed: observed({ pods: [pod("a", failed), earlierPod("b", { restarts })] }),
          evidence: evidence({ failing: [], missing })
        }
      )
    assert.isUndefined(restored(["containers and logs"], 2))
    assert.isDefined(restored(["containers and logs"], 0))
    assert.isDefined(restored(["events"], 2))
  })

  it("nor an idle one while an earlier revision is not well", () => {
    const idle = { readyReplicas: 0, replicas: 0 }
    assert.strictEqual(target({ revisions: [newest, revision(1, idle), revision(0, idle)] }), 1)
    assert.isUndefined(target({ revisions: [newest, revision(1, { readyReplicas: 0 }), revision(0, idle)] }))
  })

  it("without the revisions, restores the one whose pods are ready", () => {
    assert.strictEqual(target({ revisions: [] }), 1)
    assert.isUndefined(target({ revisions: [], pods: [pod("a", failed), earlierPod("b", failed)] }))
  })

  it("does not undo a rollout that is under way, whatever the rule matches on", () => {
    const pods = [pod("a", { ready: false, reason: "ContainerCreating" }), earlierPod("b")]
    assert.isUndefined(proposed({ type: "RollbackDeployment" }, { observed: observed({ pods, rollout: underWay }) }))
  })

  it("undoes a complete one when an operator's rule says so", () => {
    const state = observed({ ...completed, readyReplicas: 2, pods: [pod("a"), pod("b")] })
    const revisions = [{ ...newest, readyReplicas: 2 }, revision(1, { readyReplicas: 0, replicas: 0 })]
    const action = proposed({ type: "RollbackDeployment" }, { observed: state, evidence: evidence({ revisions }) })
    assert.deepInclude(action, { toRevision: 1 })
  })
})

describe("an eviction", () => {
  const evicted = (name: string | undefined, pods: WorkloadState["pods"], changes: Partial<WorkloadState> = {}) =>
    proposed(
      { type: "EvictPod" },
      {
        alert: alert({ labels: { namespace: "shop", ...(name === undefined ? {} : { pod: name }) } }),
        observed: observed({ ...completed, pods, ...changes })
      }
    )?.target.name

  it("takes the pod that the alert names, while it is broken", () => {
    assert.strictEqual(evicted("a", [pod("a", failed), pod("b")]), "a")
    assert.strictEqual(evicted("a", [pod("a", { ready: false }), pod("b", failed)]), "a")
  })

  it("leaves the named pod alone when it is ready again, and the other one that is broken too", () => {
    assert.isUndefined(evicted("a", [pod("a"), pod("b", failed)]))
    assert.isUndefined(evicted("gone", [pod("a"), pod("b", failed)]))
  })

  it("without a named pod, takes the only broken one", () => {
    assert.strictEqual(evicted(undefined, [pod("a"), pod("b", failed)]), "b")
    assert.isUndefined(evicted(undefined, [pod("a", failed), pod("b", failed)]))
    assert.isUndefined(evicted(undefined, [pod("a"), pod("b")]))
  })

  it("spares a pod that starts, and one that nobody would replace", () => {
    const starting = pod("a", { ready: false, reason: "ContainerCreating", readinessSince: "2026-11-24T02:59:30.000Z" })
    assert.isUndefined(evicted("a", [starting, pod("b")]))
    assert.isUndefined(evicted("a", [pod("a", { ...failed, ownerUid: null }), pod("b")]))
  })

  it("does not interfere with a rollout that is under way", () => {
    assert.isUndefined(evicted("b", [pod("a"), earlierPod("b", failed)], { rollout: underWay }))
  })
})

describe("more memory", () => {
  const killed = { ...evidence().failing[0]!, failsNow: "OOMKilled", exitCode: 137 }
  const containers = [
    { name: "checkout", requests: {}, limits: { memory: "256Mi" } },
    { name: "proxy", requests: {}, limits: { memory: "64Mi" } }
  ]
  const raised = (
    failing: ReadonlyArray<Evidence["failing"][number]>,
    labels: Record<string, string> = {},
    pods = observed().pods
  ) => {
    const action = proposed(
      { type: "AdjustResources", factor: 1.5, maximum: "8Gi" },
      {
        alert: alert({ labels: { namespace: "shop", ...labels } }),
        observed: observed({ pods }),
        evidence: evidence({ containers, failing })
      }
    )
    return action?.type === "AdjustResources" ? action.container : undefined
  }

  it("is for the container that is OOM-killed now", () => {
    assert.strictEqual(raised([killed]), "checkout")
    assert.strictEqual(raised([{ ...killed, container: "proxy" }]), "proxy")
    assert.strictEqual(raised([{ ...killed, ready: true, reason: null }]), "checkout")
  })

  it("not for one that has run well since, one that fails for another reason, or one that nobody has seen killed", () => {
    assert.isUndefined(raised([{ ...killed, reason: null, failsNow: null, lastReason: "OOMKilled" }]))
    assert.isUndefined(raised([{ ...killed, failsNow: "CrashLoopBackOff" }]))
    assert.isUndefined(raised([], { container: "checkout" }))
  })

  it("not for a pod of an earlier revision, whose limit may be another", () => {
    const pods = [pod("checkout-7d9f-a"), earlierPod("checkout-5b8c-b", { ready: false, reason: "OOMKilled" })]
    assert.isUndefined(raised([{ ...killed, pod: "checkout-5b8c-b", revision: 1, current: false }], {}, pods))
  })

  it("not when the alert is about another container of the same pod", () => {
    assert.isUndefined(raised([{ ...killed, container: "proxy" }], { container: "checkout" }))
    assert.strictEqual(raised([{ ...killed, container: "proxy" }], { container: "kube-state-metrics" }), "proxy")
  })
})

describe("the other actions", () => {
  const autoscaler = {
    name: "checkout",
    minReplicas: 1,
    maxReplicas: 10,
    currentReplicas: 10,
    desiredReplicas: 10,
    limited: null
  }
  const patched = (desiredReplicas: number) =>
    proposed(
      { type: "PatchHpa", factor: 1.5, maximum: 50 },
      { evidence: evidence({ autoscaler: { ...autoscaler, desiredReplicas } }) }
    )

  it("raise the maximum only of an autoscaler that is at it now", () => {
    assert.deepInclude(patched(10), { maxReplicas: 15 })
    assert.isUndefined(patched(6))
  })

  it("restart no workload whose pods a rollout replaces already", () => {
    const starting = [pod("a", { ready: false, reason: "ContainerCreating" }), earlierPod("b")]
    assert.isUndefined(
      proposed({ type: "RestartWorkload" }, { observed: observed({ pods: starting, rollout: underWay }) })
    )
    assert.isDefined(proposed({ type: "RestartWorkload" }, { observed: observed(completed) }))
  })

  it.each(["RestartWorkload", "RollbackDeployment", "EvictPod"] as const)(
    "%s needs a target that was seen and exists",
    (type) => {
      assert.isUndefined(proposed({ type }, { observed: null }))
      assert.isUndefined(proposed({ type }, { observed: observed({ exists: false, pods: [] }) }))
    }
  )
})
