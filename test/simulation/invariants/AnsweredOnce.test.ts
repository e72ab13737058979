import { assert, describe, it } from "@effect/vitest"
import { answeredOnce } from "../../../src/simulation/invariants/AnsweredOnce.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { app, committed, concluded, decided, intended, reviewed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const reportsOf = (...events: ReadonlyArray<Observation>): ReadonlyArray<string> => {
  const seen = watch(answeredOnce)
  seen.at(1, ...events)
  return seen.reports
}

/** What one commit adds. */
const together = (...commits: ReadonlyArray<Observation>): Observation => ({
  _tag: "Committed",
  events: commits.flatMap((commit) => (commit._tag === "Committed" ? commit.events : []))
})

describe("answered-once", () => {
  it("reports a second request for a review that was answered", () => {
    assert.deepStrictEqual(
      reportsOf(decided("rem-1", "review"), reviewed("rem-1", "approved"), decided("rem-1", "review")),
      ["remediation rem-1 asks again, and a person has approved it before"]
    )
  })

  const scale = (from: number) => ({
    action: { type: "ScaleWorkload", target: app, replicas: 5 } as const,
    figures: { replicas: `${from} -> 5` },
    reasons: [{ rule: "capacity-reduction", message: "fewer", figures: { from, to: 5 } }]
  })

  it("accepts a second question about other figures, and reports a fourth", () => {
    const ask = (from: number) => [decided("rem-1", "review", scale(from)), reviewed("rem-1", "approved")]
    assert.deepStrictEqual(reportsOf(...ask(30), ...ask(31)), [])
    assert.deepStrictEqual(reportsOf(...ask(30), ...ask(31), ...ask(32), ...ask(33)), [
      "remediation rem-1 asks a person for the 4th time"
    ])
  })

  it("reports an approved action whose figures nobody has seen", () => {
    const approved = { rule: "approved", message: "ada approved the action." }
    const run = (from: number) => ({ ...scale(from), reasons: [approved, ...scale(from).reasons] })
    const asked = [decided("rem-1", "review", scale(30)), reviewed("rem-1", "approved")]
    assert.deepStrictEqual(reportsOf(...asked, decided("rem-1", "execute", run(30))), [])
    assert.deepStrictEqual(reportsOf(...asked, decided("rem-1", "execute", run(300))), [
      "remediation rem-1 acts by an approval, and nobody has seen other figures"
    ])
  })

  it("accepts an approved action with other figures if somebody else has done it, so that it writes nothing", () => {
    const approved = { rule: "approved", message: "ada approved the action." }
    const seen = watch(answeredOnce)
    seen.at(1, decided("rem-1", "review", scale(30)), reviewed("rem-1", "approved"))
    const run = decided("rem-1", "execute", { ...scale(5), reasons: [approved] })
    const done = committed("rem-1", { _tag: "Intended", intent: { changes: [] } } as never)
    seen.at(2, together(run, done))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("reports an action that was rejected and still begins", () => {
    assert.deepStrictEqual(
      reportsOf(decided("rem-1", "review"), reviewed("rem-1", "rejected"), intended("rem-1", app)),
      ["remediation rem-1 acts, and a person has rejected it"]
    )
  })

  it("reports an action after its review has timed out, and one by an approval that has expired", () => {
    const timeout = committed("rem-1", { _tag: "ReviewTimedOut", timeout: { question: 1, answerBy: "" } } as never)
    assert.deepStrictEqual(reportsOf(decided("rem-1", "review"), timeout, intended("rem-1", app)), [
      "remediation rem-1 acts, and its review has timed out"
    ])
    const expiry = committed("rem-1", { _tag: "ApprovalExpired", by: "ada", expiredAt: "" } as never)
    const approved = { reasons: [{ rule: "approved", message: "ada approved the action." }] }
    const asked = [decided("rem-1", "review"), reviewed("rem-1", "approved"), expiry]
    assert.deepStrictEqual(reportsOf(...asked, decided("rem-1", "execute", approved)), [
      "remediation rem-1 acts by an approval that has expired"
    ])
    // It asks again, and gets another answer.
    const again = [decided("rem-1", "review"), reviewed("rem-1", "approved")]
    assert.deepStrictEqual(reportsOf(...asked, ...again, decided("rem-1", "execute", approved)), [])
  })

  it("reports an answer without effect for 7 minutes, and accepts one that is acted on after 5", () => {
    const after = (ms: number) => {
      const seen = watch(answeredOnce)
      seen.at(1, reviewed("rem-1", "approved"))
      seen.at(1 + ms, concluded("rem-1", "Cancelled"))
      return seen.reports
    }
    assert.deepStrictEqual(after(420_000), ["nothing came of the answer about remediation rem-1 for 420000 ms"])
    assert.deepStrictEqual(after(300_000), [])
  })

  it("counts no minute in which no process of the service is ready", () => {
    const seen = watch(answeredOnce)
    const process = { process: "service", number: 1 }
    seen.at(1, reviewed("rem-1", "approved"), { _tag: "ProcessEnded", ...process, how: "crashed" })
    seen.at(780_001, { _tag: "ProcessReady", ...process, number: 2 })
    seen.at(800_001, decided("rem-1", "escalate"), reviewed("rem-1", "approved"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(1_220_001, concluded("rem-1", "Cancelled"))
    assert.deepStrictEqual(seen.reports, ["nothing came of the answer about remediation rem-1 for 420000 ms"])
  })

  it("counts no minute in which a fault keeps the database from storing what is done, and each of them once", () => {
    const full = (kind: string) => ({ fault: { kind, forMs: 600_000, parameters: {} } })
    const seen = watch(answeredOnce)
    seen.at(1, reviewed("rem-1", "approved"), { _tag: "FaultBegan", ...full("storage-full") })
    seen.at(300_001, { _tag: "FaultBegan", ...full("storage-down") })
    seen.at(600_001, { _tag: "FaultHealed", ...full("storage-full") })
    seen.at(900_001, { _tag: "FaultHealed", ...full("storage-down") })
    seen.at(1_200_001, decided("rem-1", "escalate"), reviewed("rem-1", "approved"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(1_900_001, concluded("rem-1", "Cancelled"))
    assert.deepStrictEqual(seen.reports, ["nothing came of the answer about remediation rem-1 for 700000 ms"])
  })

  it("leaves out no minute twice in which the service is down and the database full", () => {
    const full = { fault: { kind: "storage-full", forMs: 600_000, parameters: {} } }
    const process = { process: "service", number: 1 }
    const seen = watch(answeredOnce)
    seen.at(1, reviewed("rem-1", "approved"), { _tag: "FaultBegan", ...full })
    seen.at(1, { _tag: "ProcessEnded", ...process, how: "crashed" })
    seen.at(600_001, { _tag: "FaultHealed", ...full }, { _tag: "ProcessReady", ...process, number: 2 })
    seen.at(1_300_001, concluded("rem-1", "Cancelled"))
    assert.deepStrictEqual(seen.reports, ["nothing came of the answer about remediation rem-1 for 700000 ms"])
  })

  it("accepts an approved action, one that is escalated after all, and a review of another remediation", () => {
    assert.deepStrictEqual(
      reportsOf(
        reviewed("rem-1", "approved"),
        decided("rem-1", "execute"),
        intended("rem-1", app),
        decided("rem-2", "review")
      ),
      []
    )
    assert.deepStrictEqual(reportsOf(reviewed("rem-1", "approved"), decided("rem-1", "escalate")), [])
  })
})
