import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isAllowedAt } from "../../src/decision/ActionCatalog.ts"
import { decide, type DecisionInput } from "../../src/decision/Decider.ts"
import { defaults } from "../../src/decision/GuardrailSettings.ts"
import { type Action, type ActionType, isReadOnly } from "../../src/domain/Action.ts"
import { Severity } from "../../src/domain/Alert.ts"
import { Decision } from "../../src/domain/Decision.ts"
import { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import { InvestigatorName } from "../../src/domain/Investigation.ts"
import { Mode } from "../../src/domain/Mode.ts"
import {
  actions,
  actionTypes,
  alert,
  approved,
  input,
  investigation,
  observed,
  past,
  proposing,
  rejection
} from "./situations.ts"

const table: ReadonlyArray<
  readonly [claim: string, outcome: string, rules: ReadonlyArray<string>, situation: DecisionInput]
> = [
  ["an action without findings is carried out", "execute", ["clear"], input()],
  ["an info alert is only monitored", "observe", ["monitor-only"], input({ alert: { ...alert, severity: "info" } })],
  [
    "an alert without severity is only monitored, even without an investigation",
    "observe",
    ["monitor-only"],
    input({ alert: { ...alert, severity: "none" }, investigation: undefined, level: 3 })
  ],
  [
    "an alert without an investigation is escalated",
    "escalate",
    ["no-investigation"],
    input({ investigation: undefined })
  ],
  [
    "an alert without an investigation is escalated in observe mode too",
    "escalate",
    ["no-investigation"],
    input({ investigation: undefined, mode: "observe" })
  ],
  ["Notify is escalated", "escalate", ["notify"], proposing(actions.Notify)],
  [
    "Notify about an object that a custom resource controls names the owner",
    "escalate",
    ["notify", "managed-object"],
    proposing(actions.Notify, {
      observed: observed({ owner: { group: "argoproj.io", kind: "Rollout", name: "checkout", controls: true } })
    })
  ],
  ["observe mode records the action", "observe", ["observe-mode"], input({ mode: "observe" })],
  [
    "observe mode records the findings of the guardrails",
    "observe",
    ["observe-mode", "protected-namespace"],
    proposing(
      { type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } },
      { mode: "observe" }
    )
  ],
  [
    "an approval does not make observe mode act",
    "observe",
    ["observe-mode"],
    { ...approved(input({ mode: "approve" })), mode: "observe" }
  ],
  [
    "observe mode records that an action is irreversible",
    "observe",
    ["observe-mode", "irreversible", "risk"],
    proposing(actions.ExpandVolume, { mode: "observe" })
  ],
  ["a blocked action is escalated", "escalate", ["target-missing"], input({ observed: observed({ exists: false }) })],
  ["approve mode reviews a write", "review", ["approve-mode"], input({ mode: "approve" })],
  [
    "approve mode records the findings of the guardrails",
    "review",
    ["approve-mode", "managed-object"],
    input({ mode: "approve", observed: observed({ managers: ["argocd"] }) })
  ],
  [
    "approve mode does not review a read",
    "execute",
    ["clear"],
    proposing(actions.CollectDiagnostics, { mode: "approve" })
  ],
  [
    "an action with an ask is reviewed",
    "review",
    ["cooldown"],
    input({ history: [past("RollbackDeployment", 1, "fixed")] })
  ],
  [
    "an irreversible action is reviewed at level 0",
    "review",
    ["irreversible", "risk"],
    proposing(actions.ExpandVolume)
  ],
  ["an approval lifts the review of approve mode", "execute", ["approved"], approved(input({ mode: "approve" }))],
  [
    "an approval lifts an ask, which stays among the reasons",
    "execute",
    ["approved", "irreversible", "risk"],
    approved(proposing(actions.ExpandVolume))
  ],
  [
    "an approval does not lift a block",
    "escalate",
    ["protected-namespace"],
    approved(
      proposing({ type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } })
    )
  ],
  [
    "an approval does not lift the emergency stop",
    "escalate",
    ["emergency-stop"],
    { ...approved(input({ mode: "approve" })), emergencyStop: true }
  ],
  [
    "an approval does not make emergency mode act",
    "escalate",
    ["emergency-level"],
    { ...approved(input({ mode: "approve" })), level: 3 }
  ],
  [
    "in emergency mode nobody was asked, which is not the same as no cause found",
    "escalate",
    ["emergency-level"],
    input({ level: 3, investigation: undefined })
  ],
  ["a rejected action is escalated", "escalate", ["rejected"], input({ mode: "approve", review: rejection })]
]

describe("decide", () => {
  it.each(table)("%s", (_claim, outcome, rules, situation) => {
    const decision = decide(situation)
    assert.strictEqual(decision.outcome, outcome)
    assert.deepStrictEqual(
      decision.reasons.map((reason) => reason.rule),
      rules
    )
  })

  it("records the action and confidence of the proposal and the risk of the catalog", () => {
    const decision = decide(proposing(actions.DrainNode))
    assert.deepStrictEqual([decision.action, decision.confidence, decision.risk], [actions.DrainNode, 0.8, "high"])
  })

  it("records who rejected the action and why", () => {
    assert.strictEqual(
      decide(input({ review: rejection })).reasons[0]?.message,
      "alex rejected the action: wait for the release"
    )
  })
})

/** Everything that a decision depends on, with values on both sides of each limit. */
const Situation = Schema.Struct({
  type: Schema.Literals(actionTypes as readonly [ActionType, ...Array<ActionType>]),
  namespace: Schema.Literals(["shop", "kube-system"]),
  severity: Severity,
  investigated: Schema.Boolean,
  investigator: InvestigatorName,
  confidence: Schema.Literals([0, 0.29, 0.3, 0.8, 1]),
  level: DegradationLevel,
  mode: Mode,
  cluster: Schema.Literals(["there", "gone", "unread", "argocd", "hpa"]),
  recent: Schema.Literals(["nothing", "same-action", "ineffective"]),
  outOfTurn: Schema.Boolean,
  review: Schema.Literals(["none", "approved", "rejected"]),
  emergencyStop: Schema.Boolean
})
type Situation = typeof Situation.Type

const inputOf = (situation: Situation): DecisionInput => {
  const action = actions[situation.type]
  const aimed = {
    ...action,
    target: { ...action.target, namespace: action.target.namespace === "" ? "" : situation.namespace }
  }
  const base = proposing(aimed, {
    alert: { ...alert, severity: situation.severity },
    level: situation.level,
    mode: situation.mode,
    history:
      situation.recent === "nothing"
        ? []
        : situation.recent === "same-action"
          ? [past(situation.type, 1, "fixed")]
          : [past("EvictPod", 15, "not-fixed"), past("EvictPod", 30, "not-fixed"), past("EvictPod", 45, "not-fixed")],
    ...(situation.outOfTurn ? { outOfTurn: { rule: "blast-radius", because: "It is used up." } as const } : {}),
    emergencyStop: situation.emergencyStop,
    investigation: situation.investigated
      ? investigation({ action: aimed, investigator: situation.investigator, confidence: situation.confidence })
      : undefined
  })
  const seen = { ...base, observed: observedIn(situation.cluster, base.observed, aimed) }
  switch (situation.review) {
    case "none":
      return seen
    case "approved":
      return approved(seen)
    case "rejected":
      return { ...seen, review: rejection }
  }
}

const observedIn = (
  cluster: Situation["cluster"],
  base: DecisionInput["observed"],
  { target: { kind, name, namespace } }: Action
): DecisionInput["observed"] => {
  switch (cluster) {
    case "there":
      return base
    case "gone":
      return observed({ exists: false })
    case "unread":
      return null
    case "argocd":
      // The object that the action writes is declared too: the autoscaler of the target.
      return {
        ...observed(),
        ...base,
        managers: ["argocd"],
        managedParts: [{ ref: { kind, name, namespace }, managers: ["argocd"] }]
      }
    case "hpa":
      return { ...observed(), ...base, managers: ["hpa"], autoscaler: "checkout" }
  }
}

/** Conditions that hold whenever an action is carried out. */
const laws: ReadonlyArray<readonly [claim: string, holds: (situation: Situation, input: DecisionInput) => boolean]> = [
  ["there is an investigation", ({ investigated }) => investigated],
  ["the severity is warning or critical", ({ severity }) => severity === "critical" || severity === "warning"],
  ["no emergency stop is set", ({ emergencyStop }) => !emergencyStop],
  ["the service is not in emergency mode", ({ level }) => level !== 3],
  ["the mode is not observe", ({ mode }) => mode !== "observe"],
  ["nobody has rejected it", ({ review }) => review !== "rejected"],
  ["the target was read and exists", ({ cluster }) => cluster !== "gone" && cluster !== "unread"],
  ["it is not Notify", ({ type }) => type !== "Notify"],
  [
    "it writes in no protected namespace",
    ({ namespace, type }, { target }) =>
      isReadOnly(actions[type]) || target.namespace === "" || namespace !== "kube-system"
  ],
  [
    "it sets no replica count that an autoscaler controls",
    ({ cluster, type }) => type !== "ScaleWorkload" || cluster !== "hpa"
  ],
  [
    "in approve mode it has an approval or only reads",
    ({ mode, review, type }) => mode === "auto" || review === "approved" || isReadOnly(actions[type])
  ],
  ["it is reversible or has an approval", ({ review, type }) => type !== "ExpandVolume" || review === "approved"],
  [
    "the level allows it, or it has an approval",
    ({ level, review, type }) => isAllowedAt(type, level) || review === "approved"
  ],
  [
    "the confidence suffices, or it has an approval or only reads",
    ({ confidence, review, type }) =>
      confidence >= defaults.minimumConfidence || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "it writes no field that Argo CD declares, or it has an approval",
    ({ cluster, review, type }) =>
      cluster !== "argocd"
      || review === "approved"
      || ![
        "RollbackDeployment",
        "AdjustResources",
        "ScaleWorkload",
        "PatchHpa",
        "SuspendCronJob",
        "ExpandVolume"
      ].includes(type)
  ],
  [
    "it is not within its cooldown, or it has an approval or only reads",
    ({ recent, review, type }) => recent !== "same-action" || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "the last actions on the target were effective, or it has an approval or only reads",
    ({ recent, review, type }) => recent !== "ineffective" || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "its turn has come, or it has an approval or only reads",
    ({ outOfTurn, review, type }) => !outOfTurn || review === "approved" || isReadOnly(actions[type])
  ]
]

describe("decide in any situation", () => {
  it.prop(
    "returns a valid decision with at least one reason",
    [Situation],
    ([situation]) => {
      const decision = decide(inputOf(situation))
      assert.isTrue(Schema.is(Decision)(decision))
      assert.isAbove(decision.reasons.length, 0)
    },
    { arbitrary: { runs: 500 } }
  )

  for (const [claim, holds] of laws) {
    it.prop(
      `executes only if ${claim}`,
      [Situation],
      ([situation]) => {
        const decided = inputOf(situation)
        return decide(decided).outcome !== "execute" || holds(situation, decided)
      },
      { arbitrary: { runs: 2000 } }
    )
  }

  it.prop(
    "decides the same at the minimum confidence as at full confidence",
    [Situation],
    ([situation]) => {
      const certain = decide(inputOf({ ...situation, confidence: 1 }))
      const sure = decide(inputOf({ ...situation, confidence: 0.3 }))
      return certain.outcome === sure.outcome
    },
    { arbitrary: { runs: 1000 } }
  )

  it.prop(
    "executes with an approval whatever it executes without a review",
    [Situation],
    ([situation]) => {
      const alone = decide(inputOf({ ...situation, review: "none" }))
      return alone.outcome !== "execute" || decide(inputOf({ ...situation, review: "approved" })).outcome === "execute"
    },
    { arbitrary: { runs: 1000 } }
  )
})
