import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { decide } from "../../src/decision/Decider.ts"
import { type Proposed, loopOf } from "../../src/decision/RolloutLoop.ts"
import type { ActionType } from "../../src/domain/Action.ts"
import type { PastAction } from "../../src/domain/PastAction.ts"
import { fromMillis } from "../../src/domain/Timestamp.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { input, nowMs, observed, past } from "./situations.ts"

const template = "Deployment shop/checkout /spec/template"

/** An action that took the spec of the target from one digest to another. */
const wrote = (
  action: ActionType,
  minutesAgo: number,
  [before, after]: readonly [string | null, string | null],
  field = template
): PastAction => ({ ...past(action, minutesAgo, "fixed"), writes: { digest: action, fields: [field], before, after } })

const seenReverted = (action: ActionType, minutesAgo: number, by?: string): PastAction => ({
  ...past(action, minutesAgo, "not-fixed"),
  reversion: { ...(by === undefined ? {} : { by }), fields: [template] }
})

const undo = "RollbackDeployment"
const proposed: Proposed = { action: undo }

const turns = (history: ReadonlyArray<PastAction>, now: Partial<WorkloadState> = {}, about: Proposed = proposed) =>
  loopOf(history, about, observed(now), Duration.hours(24), nowMs)?.turns

describe("a rollout loop", () => {
  const table: ReadonlyArray<readonly [claim: string, turns: number | undefined, found: number | undefined]> = [
    ["two turns that the verifications saw", 2, turns([seenReverted(undo, 30), seenReverted(undo, 90)])],
    ["one turn is none", undefined, turns([seenReverted(undo, 30)])],
    [
      "two that only the digests show: the next action and the present find the spec from before",
      2,
      turns([wrote(undo, 30, ["bad", "good"]), wrote(undo, 90, ["bad", "good"])], { spec: "bad" })
    ],
    [
      "another change each time, put back to the same",
      2,
      turns([wrote(undo, 30, ["bad", "better"]), wrote(undo, 90, ["bad", "good"])], { spec: "bad" })
    ],
    [
      "the second change stands",
      undefined,
      turns([wrote(undo, 30, ["bad", "good"]), wrote(undo, 90, ["bad", "good"])], { spec: "good" })
    ],
    [
      "somebody moved on to a third spec",
      undefined,
      turns([wrote(undo, 30, ["bad", "good"]), wrote(undo, 90, ["bad", "good"])], { spec: "new" })
    ],
    [
      "one that the verification saw and one that the digests show",
      2,
      turns([wrote(undo, 30, ["bad", "good"]), seenReverted(undo, 90)], { spec: "bad" })
    ],
    [
      "nothing is known about the specs of an earlier version",
      undefined,
      turns([past(undo, 30, "fixed"), past(undo, 90, "fixed")], { spec: "bad" })
    ],
    [
      "our own opposite action lies between",
      undefined,
      turns(
        [
          wrote("UncordonNode", 20, ["out", "in"]),
          wrote("CordonNode", 30, ["in", "out"]),
          wrote("UncordonNode", 80, ["out", "in"]),
          wrote("CordonNode", 90, ["in", "out"])
        ],
        { spec: "in" },
        { action: "CordonNode" }
      )
    ],
    [
      "somebody uncordons after each of our cordons",
      2,
      turns(
        [wrote("CordonNode", 30, ["in", "out"]), wrote("CordonNode", 90, ["in", "out"])],
        { spec: "in" },
        { action: "CordonNode" }
      )
    ],
    [
      "Kubernaut has undone its own changes",
      undefined,
      turns(
        [wrote(undo, 30, ["bad", "good"]), wrote(undo, 90, ["bad", "good"])].map((each) => ({
          ...each,
          rolledBackAt: each.at
        })),
        { spec: "bad" }
      )
    ],
    ["turns of more than a day ago do not count", undefined, turns([seenReverted(undo, 30), seenReverted(undo, 1441)])],
    [
      "an action that never reached the cluster",
      undefined,
      turns([{ ...seenReverted(undo, 30), applied: "no" }, seenReverted(undo, 90)])
    ],
    [
      "another action wrote the same field",
      2,
      turns(
        [
          wrote("AdjustResources", 30, ["bad", "good"], `${template}/spec/containers/0/resources`),
          seenReverted("AdjustResources", 90)
        ].map((each) => ({
          ...each,
          writes: { digest: "", fields: [`${template}/spec`], before: "bad", after: "good" }
        })),
        { spec: "bad" },
        { fields: [template] }
      )
    ],
    [
      "another action wrote another field",
      undefined,
      turns(
        [wrote("ScaleWorkload", 30, ["bad", "good"]), wrote("ScaleWorkload", 90, ["bad", "good"])].map((each) => ({
          ...each,
          writes: { ...each.writes!, fields: ["Deployment shop/checkout /spec/replicas"] }
        })),
        { spec: "bad" },
        { fields: [template] }
      )
    ]
  ]
  it.each(table)("%s: %s", (_claim, expected, found) => {
    assert.strictEqual(found, expected)
  })

  it("an autoscaler's loop is found by its own spec", () => {
    const field = "HorizontalPodAutoscaler shop/checkout /spec/maxReplicas"
    const history = [30, 90].map((minutes) => wrote("PatchHpa", minutes, ["5", "10"], field))
    const autoscalerSeen = { name: "checkout", uid: "u", resourceVersion: "1", spec: "5" }
    assert.strictEqual(turns(history, { autoscalerSeen }, { action: "PatchHpa" }), 2)
    assert.isUndefined(turns(history, { autoscalerSeen: { ...autoscalerSeen, spec: "10" } }, { action: "PatchHpa" }))
  })

  it("ends with a person who is told who reverts what, and until when", () => {
    const history = [seenReverted(undo, 30), seenReverted(undo, 90, "argocd-application-controller")]
    const decision = decide(input({ history }))
    assert.strictEqual(decision.outcome, "escalate")
    const message = decision.reasons.find(({ rule }) => rule === "rollout-loop")?.message ?? ""
    assert.include(
      message,
      "argocd-application-controller has reverted this change 2 times (Deployment shop/checkout /spec/template)"
    )
    assert.include(message, `until ${fromMillis(nowMs - 90 * 60_000 + 24 * 3_600_000)}`)
  })

  it("that only the plan shows, because another action wrote the fields, ends with a person too", () => {
    const history = [seenReverted("AdjustResources", 30), seenReverted("AdjustResources", 90)].map((each) => ({
      ...each,
      writes: { digest: "", fields: [`${template}/spec`], before: null, after: null }
    }))
    const decision = decide(input({ history, plan: { asks: [], writes: true, fields: [template] } }))
    assert.deepStrictEqual([decision.outcome, decision.reasons[0]?.rule], ["escalate", "rollout-loop"])
  })
})
