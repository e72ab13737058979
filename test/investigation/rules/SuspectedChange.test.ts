import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decide } from "../../../src/decision/Decider.ts"
import { defaults } from "../../../src/decision/GuardrailSettings.ts"
import { seenOf } from "../../../src/domain/Seen.ts"
import type { InvestigationRequest } from "../../../src/investigation/Investigator.ts"
import { clearScore } from "../../../src/investigation/rules/SuspectedChange.ts"
import { at, container, modified, pod, ref, startsMs, state, target } from "../../changes/scenes.ts"
import { decoys, expired } from "../fixtures/ChangeDecoys.ts"
import { type ChangedScene, failing, requestOf } from "../fixtures/ChangedScenes.ts"
import { about, type Fault, faults, suspect } from "../fixtures/ChangeFaults.ts"
import { investigate } from "../fixtures/Rules.ts"

const sceneOf = ({ alert, change, distance = 0, observed = {}, target }: Fault): ChangedScene => ({
  alert,
  ...(target === undefined ? {} : { target }),
  observed: state(observed),
  candidates: [suspect(change, distance)]
})

/** What is decided in mode auto about what the rules say. The plan decides further. */
const decisionOn = (request: InvestigationRequest) =>
  Effect.map(investigate(request), (investigation) => ({
    investigation,
    decision: decide({
      alert: request.alert,
      target: request.target,
      investigation,
      ...(request.suspects === undefined ? {} : { suspects: request.suspects }),
      level: request.level,
      mode: "auto",
      observed: request.observed,
      history: [],
      guardrails: defaults,
      answer: { seen: request.observed === null ? undefined : seenOf(request.observed), at: at(5), round: 1 },
      emergencyStop: false,
      nowMs: startsMs + 5000
    })
  }))

describe("one change before an alert", () => {
  it.effect.each(faults)("$fault: its undo runs in mode auto, without a model", (fault) =>
    Effect.gen(function* () {
      const { decision, investigation } = yield* decisionOn(requestOf(sceneOf(fault)))
      assert.deepStrictEqual(
        investigation.action,
        fault.rollsBack === true
          ? { type: "RollbackDeployment", target: fault.change.ref }
          : { type: "RestoreObject", target: fault.change.ref, change: fault.change.id }
      )
      assert.strictEqual(decision.outcome, "execute", JSON.stringify(decision.reasons))
    })
  )

  it.effect.each([0, 1, 2] as const)("is taken back at level %s", (level) =>
    Effect.gen(function* () {
      const request = { ...requestOf(sceneOf(faults[0]!)), level }
      assert.strictEqual((yield* decisionOn(request)).decision.outcome, "execute")
    })
  )

  it.effect("is named in the root cause: what it changed, when, and who made it", () =>
    Effect.gen(function* () {
      const { rootCause, rule } = yield* investigate(requestOf(sceneOf(faults[0]!)))
      assert.strictEqual(rule, "undo-suspected-change")
      assert.strictEqual(
        rootCause,
        "Deployment shop/checkout was changed by kubectl-edit at 2026-11-24T02:59:40.000Z, 20 s before the first symptom (spec.replicas: 3 -> 0)."
      )
    })
  )

  it.effect("is shown without a secret", () =>
    Effect.gen(function* () {
      const change = modified(target, -20, container("env", { by: "name", value: "DB_PASSWORD" }, "value"), {
        before: "hunter2-hunter2",
        after: "hunter3-hunter3"
      })
      const found = yield* investigate(
        requestOf({
          alert: about("KubePodCrashLooping"),
          observed: state(failing("CrashLoopBackOff")),
          candidates: [suspect(change)]
        })
      )
      assert.notInclude(JSON.stringify(found), "hunter")
    })
  )
})

describe("no write follows from", () => {
  it.effect.each(decoys)("$decoy", ({ says, scene }) =>
    Effect.gen(function* () {
      const { decision, investigation } = yield* decisionOn(requestOf(scene))
      assert.notStrictEqual(decision.outcome, "execute")
      if (says !== undefined) {
        assert.strictEqual(investigation.action.type, "Notify")
        assert.include(decision.reasons.map(({ message }) => message).join(" "), says)
      }
    })
  )

  it.effect("two similar suspects, and a person is told of both with what they changed", () =>
    Effect.gen(function* () {
      const { scene } = decoys.find(({ decoy }) => decoy.startsWith("two changes"))!
      const { decision, investigation } = yield* decisionOn(requestOf(scene))
      const told = decision.reasons.map(({ message }) => message).join(" ")
      assert.strictEqual(decision.outcome, "escalate")
      assert.strictEqual(investigation.rule, "several-suspects")
      for (const text of ['spec.selector.app: "checkout" -> "x"', "NetworkPolicy shop/deny-all was created"])
        assert.include(told, text)
    })
  )
})

describe("a target that could not be read", () => {
  it.effect("is told of with its suspects, and nothing is taken back", () =>
    Effect.gen(function* () {
      const { decision } = yield* decisionOn({ ...requestOf(sceneOf(faults[0]!)), observed: null })
      const told = decision.reasons.map(({ message }) => message).join(" ")
      assert.strictEqual(decision.outcome, "escalate")
      assert.include(told, "nothing shows whether an undo helps")
      assert.include(told, "spec.replicas: 3 -> 0")
    })
  )
})

describe("what is known of changes", () => {
  const told = (scene: Partial<ChangedScene>) =>
    Effect.map(decisionOn(requestOf({ alert: about("HighErrorRate"), candidates: [], ...scene })), ({ decision }) =>
      decision.reasons.map(({ message }) => message).join(" ")
    )

  it.effect("is told in plain words: nothing changed, or it is not known", () =>
    Effect.gen(function* () {
      assert.include(yield* told({}), "Everything was watched since")
      const gap = yield* told({ gaps: [expired(-60, -30)], unread: ["Ingress"] })
      assert.include(gap, "It is not known whether something changed since")
      assert.include(gap, "NetworkPolicy from 2026-11-24T02:59:00.000Z to 2026-11-24T02:59:30.000Z")
      assert.include(gap, "These could not be read: Ingress.")
      assert.notInclude(gap, "Everything was watched")
    })
  )

  it.effect("is not spoken of where changes are not recorded", () =>
    Effect.gen(function* () {
      const { suspects: _suspects, ...request } = requestOf({ alert: about("HighErrorRate"), candidates: [] })
      const { evidence, rootCause } = yield* investigate(request)
      assert.notInclude([...evidence, rootCause].join(" "), "watched")
    })
  )
})

describe("a rule of the rulebook", () => {
  const maxed = {
    alert: about("KubeHpaMaxedOut"),
    observed: state({ autoscaler: "checkout", pods: [pod("checkout-1"), pod("checkout-2")] })
  }

  it.effect("decides where no change is clear", () =>
    Effect.gen(function* () {
      const weak = suspect(modified(ref("ConfigMap", "checkout"), -5 * 3600, ["data", "url"]), 1)
      const { rule } = yield* investigate(requestOf({ ...maxed, candidates: [weak] }))
      assert.notInclude(["undo-suspected-change", "several-suspects", "suspect-needs-person"], rule)
    })
  )

  it.effect("gives way to a change seconds before the first symptom", () =>
    Effect.gen(function* () {
      const lowered = modified(ref("HorizontalPodAutoscaler", "checkout"), -20, ["spec", "maxReplicas"], {
        before: 10,
        after: 2
      })
      const found = yield* investigate(requestOf({ ...maxed, candidates: [suspect(lowered, 1)] }))
      assert.strictEqual(found.action.type, "RestoreObject")
      assert.isAtLeast(
        requestOf({ ...maxed, candidates: [suspect(lowered, 1)] }).suspects!.ranked[0]!.score,
        clearScore
      )
    })
  )
})
