import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import type { DecisionInput } from "../../src/decision/Decider.ts"
import {
  defaults,
  type Finding,
  findings,
  GuardrailRule,
  GuardrailSettings,
  ineffectiveInARow,
  isProtected
} from "../../src/decision/Guardrails.ts"
import type { Action } from "../../src/domain/Action.ts"
import { actions, input, investigation, observed, past, proposing } from "./situations.ts"

const found = (situation: DecisionInput): ReadonlyArray<Finding> => {
  assert.isDefined(situation.investigation)
  return findings({ ...situation, investigation: situation.investigation! })
}
const rules = (situation: DecisionInput): ReadonlyArray<string> =>
  found(situation).map(({ effect, reason }) => `${effect} ${reason.rule}`)

/** Each rule: a situation that differs in one thing from one to which nothing objects, and what is found in it. */
const table: ReadonlyArray<readonly [claim: string, finding: string, situation: DecisionInput]> = [
  ["an operator's emergency stop blocks", "block emergency-stop", input({ emergencyStop: true })],
  ["emergency mode blocks", "block emergency-level", input({ level: 3 })],
  ["a target that could not be read is not acted on", "block unobserved", input({ observed: null })],
  ["a target that is gone is not acted on", "block target-missing", input({ observed: observed({ exists: false }) })],
  [
    "another Deployment than the target is not touched",
    "block other-target",
    proposing(
      { type: "RestartWorkload", target: { namespace: "shop", kind: "Deployment", name: "cart" } },
      { target: input().target }
    )
  ],
  [
    "the target's namesake in another namespace is not touched",
    "block other-target",
    proposing(
      { type: "RestartWorkload", target: { namespace: "staging", kind: "Deployment", name: "checkout" } },
      { target: input().target }
    )
  ],
  [
    "a pod that is not one of the target's is not evicted",
    "block other-target",
    proposing({ type: "EvictPod", target: { namespace: "shop", kind: "Pod", name: "cart-1" } })
  ],
  [
    "a pod of the same name in another namespace is not evicted",
    "block other-target",
    proposing(
      { type: "EvictPod", target: { namespace: "staging", kind: "Pod", name: "checkout-1" } },
      { target: input().target }
    )
  ],
  [
    "an autoscaler of something else is not changed",
    "block other-target",
    proposing(actions.PatchHpa, { observed: observed({ autoscaler: "another" }) })
  ],
  [
    "a node is not acted on for a Deployment's alert",
    "block other-target",
    proposing(actions.CordonNode, { target: input().target })
  ],
  [
    "a StatefulSet's rollout is not undone",
    "block wrong-kind",
    proposing({ type: "RollbackDeployment", target: { namespace: "shop", kind: "StatefulSet", name: "db" } })
  ],
  [
    "nothing is written in kube-system",
    "block protected-namespace",
    proposing({ type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } })
  ],
  [
    "a replica count that an autoscaler owns is not set",
    "block autoscaler-owned",
    proposing(actions.ScaleWorkload, { observed: observed({ autoscaler: "checkout" }) })
  ],
  [
    "nor one of which only the mark of an autoscaler is seen",
    "block autoscaler-owned",
    proposing(actions.ScaleWorkload, { observed: observed({ managers: ["hpa"] }) })
  ],
  [
    "a rule may not have anything but a safe action carried out",
    "ask rules-unsafe",
    proposing(actions.SuspendCronJob, {
      investigation: investigation({ action: actions.SuspendCronJob, investigator: "rules", rule: "cron" })
    })
  ],
  ["an action of high risk asks", "ask risk", proposing(actions.DrainNode)],
  ["at level 1 an action that restores nothing asks", "ask level", proposing(actions.SuspendCronJob, { level: 1 })],
  ["at level 2 an action that is not safe asks", "ask level", proposing(actions.UncordonNode, { level: 2 })],
  ["an unsure investigator asks", "ask confidence", input({ investigation: investigation({ confidence: 0.29 }) })],
  [
    "a rollout that Argo CD declares is not undone unasked",
    "ask managed-object",
    input({ observed: observed({ managers: ["argocd"] }) })
  ],
  ["nor one that Flux declares", "ask managed-object", input({ observed: observed({ managers: ["flux"] }) })],
  ["nor one of a Helm release", "ask managed-object", input({ observed: observed({ managers: ["helm"] }) })],
  ["scaling to zero asks", "ask capacity-reduction", proposing({ ...actions.ScaleWorkload, replicas: 0 })],
  ["scaling down asks", "ask capacity-reduction", proposing({ ...actions.ScaleWorkload, replicas: 3 })],
  ["more replicas than the limit ask", "ask too-many-replicas", proposing({ ...actions.ScaleWorkload, replicas: 51 })],
  ["a maximum above the limit asks", "ask too-many-replicas", proposing({ ...actions.PatchHpa, maxReplicas: 51 })],
  [
    "a minimum above the limit asks",
    "ask too-many-replicas",
    proposing({ type: "PatchHpa", target: actions.PatchHpa.target, minReplicas: 51 })
  ],
  ["the same action 9 minutes ago asks", "ask cooldown", input({ history: [past("RollbackDeployment", 9, "fixed")] })],
  [
    "the same action of unknown effect asks too",
    "ask cooldown",
    input({ history: [past("RollbackDeployment", 9, undefined, "unknown")] })
  ],
  ["twenty actions in the window ask", "ask actions-per-window", input({ actionsInWindow: 20 })],
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

describe("Guardrails", () => {
  it("find nothing to say about a rollback of a Deployment in trouble", () => {
    assert.deepStrictEqual(rules(input()), [])
  })

  it.each(table)("%s (%s)", (_claim, finding, situation) => {
    assert.deepStrictEqual(rules(situation), [finding])
  })

  it("ask about what can't be undone, at level 0 as well", () => {
    assert.deepStrictEqual(rules(proposing(actions.ExpandVolume)), ["ask irreversible", "ask risk"])
    const lenient = { ...defaults, automaticRisk: "high" } as const
    assert.deepStrictEqual(rules(proposing(actions.ExpandVolume, { guardrails: lenient })), ["ask irreversible"])
  })

  it("have a case above for every rule", () => {
    const covered = new Set([...table.map(([, finding]) => finding.split(" ")[1]), "irreversible"])
    assert.sameMembers([...covered], [...GuardrailRule.literals])
  })

  it("report everything that stands against an action, blocks first", () => {
    const everything = input({
      emergencyStop: true,
      observed: observed({ exists: false, managers: ["argocd"] }),
      actionsInWindow: 20,
      level: 3,
      history: [past("RollbackDeployment", 1, "fixed")]
    })
    assert.deepStrictEqual(rules(everything), [
      "block emergency-stop",
      "block emergency-level",
      "block target-missing",
      "ask managed-object",
      "ask cooldown",
      "ask actions-per-window"
    ])
  })
})

describe("what the guardrails leave alone", () => {
  const silent: ReadonlyArray<readonly [claim: string, situation: DecisionInput]> = [
    [
      "a restart of what Argo CD declares: the annotation is in no repository",
      proposing(actions.RestartWorkload, { observed: observed({ managers: ["argocd", "helm", "flux", "hpa"] }) })
    ],
    [
      "a managed object whose manager the operator does not respect",
      input({ observed: observed({ managers: ["helm"] }), guardrails: { ...defaults, respectManagers: ["argocd"] } })
    ],
    ["the same action 10 minutes ago", input({ history: [past("RollbackDeployment", 10, "fixed")] })],
    ["another action a minute ago", input({ history: [past("RestartWorkload", 1, "fixed")] })],
    [
      "the same action a minute ago that never reached the cluster",
      input({ history: [past("RollbackDeployment", 1, undefined, "no")] })
    ],
    ["nineteen actions in the window", input({ actionsInWindow: 19 })],
    [
      "two ineffective actions in a row",
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
      "three ineffective actions, the last a day ago",
      input({
        history: [
          past("RestartWorkload", 1440, "not-fixed"),
          past("EvictPod", 1441, "not-fixed"),
          past("EvictPod", 1442, "not-fixed")
        ]
      })
    ],
    ["one of the target's own pods", proposing(actions.EvictPod)],
    ["the autoscaler of the target", proposing(actions.PatchHpa)],
    [
      "an autoscaled workload's resources",
      proposing(actions.AdjustResources, { observed: observed({ autoscaler: "checkout", managers: ["hpa"] }) })
    ],
    ["a confidence of exactly the minimum", input({ investigation: investigation({ confidence: 0.3 }) })],
    ["as many replicas as may be set", proposing({ ...actions.ScaleWorkload, replicas: 50 })],
    ["a rule's safe action", input({ investigation: investigation({ investigator: "rules", confidence: 0.5 }) })],
    ["a cluster-scoped object, which is in no namespace", proposing(actions.CordonNode)]
  ]
  it.each(silent)("%s", (_claim, situation) => {
    assert.deepStrictEqual(rules(situation), [])
  })

  it("collecting diagnostics, where a write would be refused", () => {
    const diagnostics: Action = {
      type: "CollectDiagnostics",
      target: { namespace: "kube-system", kind: "Deployment", name: "coredns" }
    }
    const situation = proposing(diagnostics, {
      actionsInWindow: 20,
      level: 2,
      observed: observed({ managers: ["argocd"] })
    })
    assert.deepStrictEqual(rules(situation), [])
  })
})

describe("isProtected", () => {
  it("matches names exactly and globs wholly", () => {
    const settings = { ...defaults, protectedNamespaces: ["kube-*", "pay.ments", "*-prod"] }
    const expected: Readonly<Record<string, boolean>> = {
      "kube-system": true,
      "my-kube-system": false,
      "pay.ments": true,
      payxments: false,
      "shop-prod": true,
      "shop-prod-2": false,
      "": false
    }
    for (const [namespace, is] of Object.entries(expected))
      assert.strictEqual(isProtected(namespace, settings), is, namespace)
  })
})

describe("ineffectiveInARow", () => {
  it("counts back to the last fix, over what says nothing", () => {
    const history = [
      past("EvictPod", 1, undefined, "unknown"),
      past("EvictPod", 2, "not-fixed"),
      past("EvictPod", 3, "not-fixed", "no"),
      past("EvictPod", 4, "unknown"),
      past("EvictPod", 5, "fixed"),
      past("EvictPod", 6, "not-fixed")
    ]
    assert.strictEqual(ineffectiveInARow(history), 2)
    assert.strictEqual(ineffectiveInARow([]), 0)
  })
})

describe("GuardrailSettings", () => {
  it("have these defaults", () => {
    assert.deepStrictEqual(
      {
        ...defaults,
        cooldown: Duration.toMillis(defaults.cooldown),
        ineffectiveFor: Duration.toMillis(defaults.ineffectiveFor),
        actionsPerWindow: { ...defaults.actionsPerWindow, window: Duration.toMillis(defaults.actionsPerWindow.window) }
      },
      {
        protectedNamespaces: ["kube-system", "kube-public", "kube-node-lease", "kubernaut"],
        cooldown: 600_000,
        actionsPerWindow: { limit: 20, window: 600_000 },
        ineffectiveLimit: 3,
        ineffectiveFor: 86_400_000,
        respectManagers: ["helm", "argocd", "flux", "hpa"],
        minimumConfidence: 0.3,
        automaticRisk: "medium",
        maximumReplicas: 50
      }
    )
  })

  it("may be given in part, with durations as people write them", () => {
    const settings = Schema.decodeSync(GuardrailSettings)({ cooldown: "30 seconds", actionsPerWindow: { limit: 5 } })
    assert.strictEqual(Duration.toMillis(settings.cooldown), 30_000)
    assert.strictEqual(settings.actionsPerWindow.limit, 5)
    assert.strictEqual(Duration.toMillis(settings.actionsPerWindow.window), 600_000)
  })

  it.each([
    { cooldown: "0 seconds" },
    { cooldown: "soon" },
    { ineffectiveLimit: 0 },
    { minimumConfidence: 1.1 },
    { automaticRisk: "extreme" },
    { maximumReplicas: 0 },
    { respectManagers: ["puppet"] },
    { actionsPerWindow: { limit: 0 } }
  ])("refuse %j", (settings) => {
    assert.throws(() => Schema.decodeUnknownSync(GuardrailSettings)(settings))
  })

  it("move the rule they are about", () => {
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
