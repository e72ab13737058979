import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { DecisionInput } from "../../src/decision/Decider.ts"
import { GuardrailRule } from "../../src/decision/GuardrailRule.ts"
import { type Finding, findings } from "../../src/decision/Guardrails.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import type { Action } from "../../src/domain/Action.ts"
import {
  actions,
  aMomentAgo,
  failedOn,
  failing,
  input,
  investigation,
  observed,
  outOf,
  past,
  proposing,
  reverted,
  rollingOut
} from "./situations.ts"

const found = (situation: DecisionInput): ReadonlyArray<Finding> =>
  findings({ ...situation, investigation: situation.investigation! })
const rules = (situation: DecisionInput): ReadonlyArray<string> =>
  found(situation).map(({ effect, reason }) => `${effect} ${reason.rule}`)

const rollout = { group: "argoproj.io", kind: "Rollout", name: "checkout", controls: true }

/** For each rule, situations that differ in one thing from one without findings, and their only finding. */
const table: ReadonlyArray<readonly [claim: string, finding: string, situation: DecisionInput]> = [
  ["an operator's emergency stop blocks", "block emergency-stop", input({ emergencyStop: true })],
  ["emergency mode blocks", "block emergency-level", input({ level: 3 })],
  ["a target that could not be read blocks", "block unobserved", input({ observed: null })],
  ["a target that does not exist blocks", "block target-missing", input({ observed: observed({ exists: false }) })],
  [
    "an action on another Deployment blocks",
    "block other-target",
    proposing(
      { type: "RestartWorkload", target: { namespace: "shop", kind: "Deployment", name: "cart" } },
      { target: input().target }
    )
  ],
  [
    "an action on an object of the target's name in another namespace blocks",
    "block other-target",
    proposing(
      { type: "RestartWorkload", target: { namespace: "staging", kind: "Deployment", name: "checkout" } },
      { target: input().target }
    )
  ],
  [
    "an eviction of another workload's pod blocks",
    "block other-target",
    proposing({ type: "EvictPod", target: { namespace: "shop", kind: "Pod", name: "cart-1" } })
  ],
  [
    "an eviction of a pod of the same name in another namespace blocks",
    "block other-target",
    proposing(
      { type: "EvictPod", target: { namespace: "staging", kind: "Pod", name: "checkout-1" } },
      { target: input().target }
    )
  ],
  [
    "an action on another workload's autoscaler blocks",
    "block other-target",
    proposing(actions.PatchHpa, { observed: observed({ autoscaler: "another" }) })
  ],
  [
    "an action on a node for a Deployment's alert blocks",
    "block other-target",
    proposing(actions.CordonNode, { target: input().target })
  ],
  [
    "a rollback of a Job blocks",
    "block wrong-kind",
    proposing({ type: "RollbackDeployment", target: { namespace: "shop", kind: "Job", name: "db" } })
  ],
  [
    "a write in kube-system blocks",
    "block protected-namespace",
    proposing({ type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } })
  ],
  [
    "a scale of an autoscaled workload blocks",
    "block autoscaler-owned",
    proposing(actions.ScaleWorkload, { observed: observed({ autoscaler: "checkout" }) })
  ],
  [
    "a scale of a workload whose replicas an autoscaler has written blocks",
    "block autoscaler-owned",
    proposing(actions.ScaleWorkload, { observed: observed({ managers: ["hpa"] }) })
  ],
  [
    "an unsafe action that the rules propose asks",
    "ask rules-unsafe",
    proposing(actions.SuspendCronJob, {
      investigation: investigation({ action: actions.SuspendCronJob, investigator: "rules", rule: "cron" })
    })
  ],
  ["an action of high risk asks", "ask risk", proposing(actions.DrainNode)],
  ["an action that is not a priority asks at level 1", "ask level", proposing(actions.SuspendCronJob, { level: 1 })],
  ["an action that is not safe asks at level 2", "ask level", proposing(actions.UncordonNode, { level: 2 })],
  [
    "a confidence below the minimum asks",
    "ask confidence",
    input({ investigation: investigation({ confidence: 0.29 }) })
  ],
  [
    "a confidence that is not a number asks",
    "ask confidence",
    input({ investigation: investigation({ confidence: Number.NaN }) })
  ],
  [
    "a rollback of a Deployment that Argo CD manages asks",
    "ask managed-object",
    input({ observed: observed({ managers: ["argocd"] }) })
  ],
  [
    "a rollback of a Deployment that Flux manages asks",
    "ask managed-object",
    input({ observed: observed({ managers: ["flux"] }) })
  ],
  [
    "a rollback of a Deployment that Helm manages asks",
    "ask managed-object",
    input({ observed: observed({ managers: ["helm"] }) })
  ],
  [
    "a restart of a Deployment that a custom resource controls asks",
    "ask managed-object",
    proposing(actions.RestartWorkload, { observed: observed({ managers: ["operator"], owner: rollout }) })
  ],
  [
    "an eviction of a pod that a custom resource controls asks",
    "ask managed-object",
    proposing(actions.EvictPod, {
      target: { cluster: "test", ...actions.EvictPod.target },
      observed: observed({ ref: actions.EvictPod.target, managers: ["operator"], owner: rollout })
    })
  ],
  [
    "a scale of a Deployment that a custom resource owns without controlling it asks",
    "ask managed-object",
    proposing(actions.ScaleWorkload, {
      observed: observed({ managers: ["operator"], owner: { ...rollout, controls: false } })
    })
  ],
  [
    "a change of an autoscaler with a mark of its own asks",
    "ask managed-object",
    proposing(actions.PatchHpa, {
      observed: observed({
        autoscaler: "checkout",
        managedParts: [{ ref: actions.PatchHpa.target, managers: ["keda"] }]
      })
    })
  ],
  [
    "a rollback while the newest pods only start asks",
    "ask rollout-under-way",
    input({ observed: rollingOut([{ revision: 3, ready: false, reason: "ContainerCreating" }]) })
  ],
  [
    "a rollback to a revision whose pods fail asks",
    "ask failing-revision",
    input({ observed: rollingOut([failing(3), failing(2)]) })
  ],
  [
    "a rollback to a revision whose pods became ready a moment ago, after a restart, asks",
    "ask failing-revision",
    input({ observed: rollingOut([failing(3), { revision: 2, restarts: 1, readinessSince: aMomentAgo }]) })
  ],
  [
    "a rollback to a revision that it names and whose pods fail asks",
    "ask failing-revision",
    proposing(
      { ...actions.RollbackDeployment, toRevision: 1 },
      { observed: rollingOut([failing(3), failing(1), { revision: 2 }]) }
    )
  ],
  ["scaling to zero asks", "ask capacity-reduction", proposing({ ...actions.ScaleWorkload, replicas: 0 })],
  ["scaling down asks", "ask capacity-reduction", proposing({ ...actions.ScaleWorkload, replicas: 3 })],
  ["a scale above the limit asks", "ask too-many-replicas", proposing({ ...actions.ScaleWorkload, replicas: 51 })],
  [
    "an autoscaler maximum above the limit asks",
    "ask too-many-replicas",
    proposing({ ...actions.PatchHpa, maxReplicas: 51 })
  ],
  [
    "an autoscaler minimum above the limit asks",
    "ask too-many-replicas",
    proposing({ type: "PatchHpa", target: actions.PatchHpa.target, minReplicas: 51 })
  ],
  ["the same action 9 minutes ago asks", "ask cooldown", input({ history: [past("RollbackDeployment", 9, "fixed")] })],
  [
    "the same action 9 minutes ago asks even if it may not have been applied",
    "ask cooldown",
    input({ history: [past("RollbackDeployment", 9, undefined, "unknown")] })
  ],
  ["an action that waited for its turn in vain asks", "ask blast-radius", input({ outOfTurn: outOf("blast-radius") })],
  [
    "an action that waited for an end of the doubt in vain asks",
    "ask own-view-in-doubt",
    input({ outOfTurn: outOf("own-view-in-doubt") })
  ],
  [
    "three tries of the same action without effect block it",
    "block gave-up",
    input({
      history: [
        past("RollbackDeployment", 30, "not-fixed"),
        past("RollbackDeployment", 60, undefined, "unknown"),
        past("RollbackDeployment", 90, "unknown")
      ]
    })
  ],
  [
    "a change that another controller has reverted twice is blocked",
    "block rollout-loop",
    input({
      history: [
        reverted("RestartWorkload", 60),
        reverted("RollbackDeployment", 90),
        reverted("RollbackDeployment", 200)
      ]
    })
  ],
  [
    "an action that failed in the same way on three others of the namespace is blocked",
    "block peers-failed",
    input({ ended: ["a", "b", "c"].map((name) => failedOn(name, { symptoms: ["FailedCreate"] })) })
  ],
  [
    "three ineffective actions in a row ask",
    "ask ineffective",
    input({
      history: [
        past("RestartWorkload", 20, "not-fixed"),
        past("EvictPod", 40, "not-fixed"),
        past("ScaleWorkload", 60, "unknown")
      ]
    })
  ]
]

describe("the guardrails", () => {
  it("have no finding about the rollback of a failing Deployment", () => {
    assert.deepStrictEqual(rules(input()), [])
  })

  it.each(table)("%s (%s)", (_claim, finding, situation) => {
    assert.deepStrictEqual(rules(situation), [finding])
  })

  it("ask about an irreversible action at level 0, even if its risk is allowed", () => {
    assert.deepStrictEqual(rules(proposing(actions.ExpandVolume)), ["ask irreversible", "ask risk"])
    const guardrails = { ...defaults, automaticRisk: "high" } as const
    assert.deepStrictEqual(rules(proposing(actions.ExpandVolume, { guardrails })), ["ask irreversible"])
  })

  it("have a case here for every rule", () => {
    const elsewhere = ["irreversible", "no-earlier-revision", "no-such-revision", "unclear-cause"]
    const covered = table.map(([, finding]) => finding.split(" ")[1])
    assert.sameMembers([...new Set([...covered, ...elsewhere])], [...GuardrailRule.literals])
  })

  it("report every finding, blocks first", () => {
    const everything = input({
      emergencyStop: true,
      observed: observed({ exists: false, managers: ["argocd"] }),
      outOfTurn: outOf("blast-radius"),
      level: 3,
      history: [past("RollbackDeployment", 1, "fixed")]
    })
    assert.deepStrictEqual(rules(everything), [
      "block emergency-stop",
      "block emergency-level",
      "block target-missing",
      "ask managed-object",
      "ask cooldown",
      "ask blast-radius"
    ])
  })
})

describe("the guardrails have no finding about", () => {
  const withoutFinding: ReadonlyArray<readonly [claim: string, situation: DecisionInput]> = [
    ["a rollback of a revision whose own pod fails", input({ observed: rollingOut([failing(3), { revision: 2 }]) })],
    [
      "a rollback to another revision than the one whose pods fail",
      proposing(
        { ...actions.RollbackDeployment, toRevision: 1 },
        { observed: rollingOut([failing(3), failing(2), { revision: 1 }]) }
      )
    ],
    [
      "a restart of a managed Deployment, because no manager declares the restart annotation",
      proposing(actions.RestartWorkload, { observed: observed({ managers: ["argocd", "helm", "flux", "hpa"] }) })
    ],
    [
      "a restart of a Deployment that a custom resource owns without controlling it",
      proposing(actions.RestartWorkload, {
        observed: observed({ managers: ["operator"], owner: { ...rollout, controls: false } })
      })
    ],
    [
      "an eviction of a pod of a Deployment that a custom resource controls, because its controller is a ReplicaSet",
      proposing(actions.EvictPod, { observed: observed({ managers: ["operator"], owner: rollout }) })
    ],
    [
      "a change of an autoscaler without a mark of its own, although its Deployment has one",
      proposing(actions.PatchHpa, { observed: observed({ autoscaler: "checkout", managers: ["helm", "hpa"] }) })
    ],
    [
      "a restart of a Deployment whose controller is not in respectManagers",
      proposing(actions.RestartWorkload, {
        observed: observed({ managers: ["operator"], owner: rollout }),
        guardrails: { ...defaults, respectManagers: ["helm"] }
      })
    ],
    [
      "a rollback of a Deployment whose manager is not in respectManagers",
      input({ observed: observed({ managers: ["helm"] }), guardrails: { ...defaults, respectManagers: ["argocd"] } })
    ],
    ["the same action 10 minutes ago", input({ history: [past("RollbackDeployment", 10, "fixed")] })],
    ["another action a minute ago", input({ history: [past("RestartWorkload", 1, "fixed")] })],
    [
      "the same action a minute ago that never reached the cluster",
      input({ history: [past("RollbackDeployment", 1, undefined, "no")] })
    ],
    [
      "two ineffective actions since the last fix",
      input({
        history: [
          past("RestartWorkload", 20, "not-fixed"),
          past("EvictPod", 40, "not-fixed"),
          past("EvictPod", 60, "fixed"),
          past("EvictPod", 80, "not-fixed")
        ]
      })
    ],
    [
      "three ineffective actions, the last of them a day ago",
      input({
        history: [
          past("RestartWorkload", 1440, "not-fixed"),
          past("EvictPod", 1441, "not-fixed"),
          past("EvictPod", 1442, "not-fixed")
        ]
      })
    ],
    ["an eviction of one of the target's own pods", proposing(actions.EvictPod)],
    ["a change of the target's own autoscaler", proposing(actions.PatchHpa)],
    [
      "a change of an autoscaled workload's resources",
      proposing(actions.AdjustResources, { observed: observed({ autoscaler: "checkout", managers: ["hpa"] }) })
    ],
    ["a confidence of exactly the minimum", input({ investigation: investigation({ confidence: 0.3 }) })],
    ["a scale to exactly the replica limit", proposing({ ...actions.ScaleWorkload, replicas: 50 })],
    [
      "a safe action that the rules propose",
      input({ investigation: investigation({ investigator: "rules", confidence: 0.5 }) })
    ],
    ["an action on a cluster-scoped object, which has no namespace", proposing(actions.CordonNode)]
  ]
  it.each(withoutFinding)("%s", (_claim, situation) => {
    assert.deepStrictEqual(rules(situation), [])
  })

  it("a collection of diagnostics where a write would have findings", () => {
    const diagnostics: Action = {
      type: "CollectDiagnostics",
      target: { namespace: "kube-system", kind: "Deployment", name: "coredns" }
    }
    const situation = proposing(diagnostics, {
      outOfTurn: outOf("blast-radius"),
      level: 2,
      observed: observed({ managers: ["argocd"] })
    })
    assert.deepStrictEqual(rules(situation), [])
  })
})

describe("the guardrail settings", () => {
  it("set the cooldown, the number of ineffective actions, and the risk that runs automatically", () => {
    const history = [past("RollbackDeployment", 9, "fixed")]
    assert.deepStrictEqual(rules(input({ history, guardrails: { ...defaults, cooldown: Duration.minutes(9) } })), [])
    assert.deepStrictEqual(
      rules(input({ history: [past("EvictPod", 30, "not-fixed")], guardrails: { ...defaults, ineffectiveLimit: 1 } })),
      ["ask ineffective"]
    )
    assert.deepStrictEqual(
      rules(proposing(actions.DrainNode, { guardrails: { ...defaults, automaticRisk: "high" } })),
      []
    )
  })
})
