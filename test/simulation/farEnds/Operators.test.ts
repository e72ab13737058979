import { assert, describe, it } from "@effect/vitest"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

type Answered = Extract<Observation, { readonly _tag: "ReviewAnswered" }>

describe("operators", () => {
  const answers: Array<Answered> = []
  const asked = new Map<string, number>()
  const taken = new Map<string, number>()
  const timedOut = new Set<string>()
  const begun: Array<{ readonly id: string; readonly approved: boolean }> = []
  const { violations } = run({
    seed: 1,
    scenario: { ...Scenario.reviews, durationMs: 90 * 60_000 },
    plan: [],
    onMade: ({ observations }) => {
      const approved = new Set<string>()
      observations.subscribe({
        ReviewAnswered: (answer) => void answers.push(answer),
        Committed: ({ events }, atMs) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Decided" && event.decision.outcome === "review") asked.set(remediationId, atMs)
            if (event._tag === "ReviewTimedOut") timedOut.add(remediationId)
            if (event._tag === "Reviewed") {
              const question = `${remediationId} ${event.review.question}`
              taken.set(question, (taken.get(question) ?? 0) + 1)
              if (event.review.answer === "approved") approved.add(remediationId)
            }
            if (event._tag === "Intended") begun.push({ id: remediationId, approved: approved.has(remediationId) })
          }
        }
      })
    }
  })

  it("approve some reviews, reject some, and never answer others", () => {
    assert.deepStrictEqual(violations, [])
    assert.isTrue(answers.some(({ answer, outcome }) => answer === "approved" && outcome === "taken"))
    assert.isTrue(answers.some(({ answer, outcome }) => answer === "rejected" && outcome === "taken"))
    const answered = new Set(answers.map(({ remediationId }) => remediationId))
    assert.isTrue([...asked.keys()].some((id) => !answered.has(id)))
  })

  it("answer some reviews twice, and only the first answer to each question counts", () => {
    assert.isTrue(answers.some(({ outcome }) => outcome === "not-awaiting"))
    assert.isTrue([...taken.values()].every((times) => times === 1))
  })

  it("answer some questions after they have timed out, and those answers count for nothing", () => {
    assert.isAbove(timedOut.size, 0)
    const late = answers.filter(({ remediationId }) => timedOut.has(remediationId))
    assert.isTrue(late.some(({ outcome }) => outcome === "not-awaiting"))
    assert.isTrue(begun.every(({ id }) => !timedOut.has(id)))
  })

  it("are waited for: no action starts without approval", () => {
    assert.isAbove(begun.length, 5)
    assert.isTrue(begun.every(({ approved }) => approved))
  })
})
