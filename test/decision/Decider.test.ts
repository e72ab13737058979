import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { isAllowedAt } from "../../src/decision/ActionCatalog.ts"
import { decide, type DecisionInput } from "../../src/decision/Decider.ts"
import { defaults } from "../../src/decision/Guardrails.ts"
import { type ActionType, isReadOnly } from "../../src/domain/Action.ts"
import { Severity } from "../../src/domain/Alert.ts"
import { Decision } from "../../src/domain/Decision.ts"
import { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import { InvestigatorName } from "../../src/domain/Investigation.ts"
import { Mode } from "../../src/domain/Mode.ts"
import {
  actions,
  actionTypes,
  alert,
  approval,
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
  ["a clear case is carried out", "execute", ["clear"], input()],
  ["an info alert is only watched", "observe", ["monitor-only"], input({ alert: { ...alert, severity: "info" } })],
  [
    "the watchdog wakes nobody, even where nobody could investigate it",
    "observe",
    ["monitor-only"],
    input({ alert: { ...alert, severity: "none" }, investigation: undefined, level: 3 })
  ],
  ["without an investigation a person is asked", "escalate", ["no-investigation"], input({ investigation: undefined })],
  ["in observe mode too", "escalate", ["no-investigation"], input({ investigation: undefined, mode: "observe" })],
  ["Notify goes to a person", "escalate", ["notify"], proposing(actions.Notify)],
  ["observe mode says what it would do", "observe", ["observe-mode"], input({ mode: "observe" })],
  [
    "observe mode says what would stand against it",
    "observe",
    ["observe-mode", "protected-namespace"],
    proposing(
      { type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } },
      { mode: "observe" }
    )
  ],
  ["no approval makes observe mode act", "observe", ["observe-mode"], input({ mode: "observe", review: approval })],
  [
    "an irreversible action is only observed in observe mode",
    "observe",
    ["observe-mode", "irreversible", "risk"],
    proposing(actions.ExpandVolume, { mode: "observe" })
  ],
  ["a block goes to a person", "escalate", ["target-missing"], input({ observed: observed({ exists: false }) })],
  ["approve mode asks before a write", "review", ["approve-mode"], input({ mode: "approve" })],
  [
    "approve mode says what else stands against it",
    "review",
    ["approve-mode", "managed-object"],
    input({ mode: "approve", observed: observed({ managers: ["argocd"] }) })
  ],
  [
    "approve mode does not ask before reading",
    "execute",
    ["clear"],
    proposing(actions.CollectDiagnostics, { mode: "approve" })
  ],
  ["an ask goes to review", "review", ["cooldown"], input({ history: [past("RollbackDeployment", 1, "fixed")] })],
  [
    "an irreversible action goes to review at full operation",
    "review",
    ["irreversible", "risk"],
    proposing(actions.ExpandVolume)
  ],
  [
    "an approval carries out what approve mode asked about",
    "execute",
    ["approved"],
    input({ mode: "approve", review: approval })
  ],
  [
    "an approval lifts an ask and keeps it on record",
    "execute",
    ["approved", "irreversible", "risk"],
    proposing(actions.ExpandVolume, { review: approval })
  ],
  [
    "an approval does not lift a block",
    "escalate",
    ["protected-namespace"],
    proposing(
      { type: "RestartWorkload", target: { namespace: "kube-system", kind: "Deployment", name: "coredns" } },
      { review: approval }
    )
  ],
  [
    "an approval does not lift the emergency stop",
    "escalate",
    ["emergency-stop"],
    input({ emergencyStop: true, review: approval })
  ],
  [
    "an approval does not make emergency mode act",
    "escalate",
    ["emergency-level"],
    input({ level: 3, review: approval })
  ],
  ["a rejection ends it", "escalate", ["rejected"], input({ mode: "approve", review: rejection })]
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

  it("carries the proposal's own action, confidence and the catalogue's risk", () => {
    const decision = decide(proposing(actions.DrainNode))
    assert.deepStrictEqual([decision.action, decision.confidence, decision.risk], [actions.DrainNode, 0.8, "high"])
  })

  it("names who rejected it and why", () => {
    assert.strictEqual(
      decide(input({ review: rejection })).reasons[0]?.message,
      "alex rejected the action: wait for the release"
    )
  })
})

/** Everything that a decision depends on, each at its edges. */
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
  actionsInWindow: Schema.Literals([0, 19, 20]),
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
    actionsInWindow: situation.actionsInWindow,
    emergencyStop: situation.emergencyStop,
    investigation: situation.investigated
      ? investigation({ action: aimed, investigator: situation.investigator, confidence: situation.confidence })
      : undefined,
    ...(situation.review === "none" ? {} : { review: situation.review === "approved" ? approval : rejection })
  })
  switch (situation.cluster) {
    case "there":
      return base
    case "gone":
      return { ...base, observed: observed({ exists: false }) }
    case "unread":
      return { ...base, observed: null }
    case "argocd":
      return { ...base, observed: { ...observed(), ...base.observed, managers: ["argocd"] } }
    case "hpa":
      return { ...base, observed: { ...observed(), ...base.observed, managers: ["hpa"], autoscaler: "checkout" } }
  }
}

/** What must hold of every situation in which an action is carried out. */
const laws: ReadonlyArray<readonly [claim: string, holds: (situation: Situation, input: DecisionInput) => boolean]> = [
  ["there is an investigation", ({ investigated }) => investigated],
  ["the alert is more than information", ({ severity }) => severity === "critical" || severity === "warning"],
  ["no emergency stop is set", ({ emergencyStop }) => !emergencyStop],
  ["the system is not in emergency mode", ({ level }) => level !== 3],
  ["the mode is not observe", ({ mode }) => mode !== "observe"],
  ["nobody rejected it", ({ review }) => review !== "rejected"],
  ["the target was read and exists", ({ cluster }) => cluster !== "gone" && cluster !== "unread"],
  ["it is not Notify", ({ type }) => type !== "Notify"],
  [
    "it writes in no protected namespace",
    ({ namespace, type }, { target }) =>
      isReadOnly(actions[type]) || target.namespace === "" || namespace !== "kube-system"
  ],
  [
    "it sets no replica count that an autoscaler owns",
    ({ cluster, type }) => type !== "ScaleWorkload" || cluster !== "hpa"
  ],
  [
    "approve mode has an approval for what writes",
    ({ mode, review, type }) => mode === "auto" || review === "approved" || isReadOnly(actions[type])
  ],
  ["what can't be undone has an approval", ({ review, type }) => type !== "ExpandVolume" || review === "approved"],
  [
    "the level allows it, or a person did",
    ({ level, review, type }) => isAllowedAt(type, level) || review === "approved"
  ],
  [
    "the confidence suffices, or a person said yes, or it only reads",
    ({ confidence, review, type }) =>
      confidence >= defaults.minimumConfidence || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "it fights no Argo CD, or a person said yes",
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
    "it repeats nothing within its cooldown, or a person said yes",
    ({ recent, review, type }) => recent !== "same-action" || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "the target is not blocked by ineffective actions, or a person said yes",
    ({ recent, review, type }) => recent !== "ineffective" || review === "approved" || isReadOnly(actions[type])
  ],
  [
    "the cluster's window has room, or a person said yes",
    ({ actionsInWindow, review, type }) => actionsInWindow < 20 || review === "approved" || isReadOnly(actions[type])
  ]
]

describe("decide, in any situation", () => {
  it.prop(
    "answers a decision that the domain accepts, with a reason",
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
    "a higher confidence never turns a block or an irreversible action into an execution",
    [Situation],
    ([situation]) => {
      const certain = decide(inputOf({ ...situation, confidence: 1 }))
      const sure = decide(inputOf({ ...situation, confidence: 0.3 }))
      return certain.outcome === sure.outcome
    },
    { arbitrary: { runs: 1000 } }
  )

  it.prop(
    "an approval never stops what would have run without it",
    [Situation],
    ([situation]) => {
      const alone = decide(inputOf({ ...situation, review: "none" }))
      return alone.outcome !== "execute" || decide(inputOf({ ...situation, review: "approved" })).outcome === "execute"
    },
    { arbitrary: { runs: 1000 } }
  )
})
