import { assert, describe, it } from "@effect/vitest"
import { Observations } from "../../../src/simulation/observation/Observation.ts"
import { EndingsRecorder } from "../../../src/simulation/run/Endings.ts"
import { runSeed, type SeedOutcome, summarize } from "../../../src/simulation/run/Runner.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

describe("Endings", () => {
  it("counts each end once, by its state", () => {
    const observations = new Observations(() => 0)
    const recorder = new EndingsRecorder()
    observations.subscribe(recorder.on)
    const row = (kind: "Concluded" | "Joined" | "Verified", event: object) => ({
      remediationId: "r",
      sequence: 0,
      epoch: null,
      kind,
      at: "",
      event: { _tag: kind, ...event } as never
    })
    observations.publish({
      _tag: "Committed",
      events: [
        row("Verified", {}),
        row("Concluded", { state: "Remediated" }),
        row("Joined", {}),
        row("Concluded", { state: "Remediated" })
      ]
    })
    assert.deepStrictEqual(recorder.endings, { Remediated: 2, Joined: 1 })
  })
})

describe("a seed", () => {
  const scenario: Scenario.Scenario = { ...Scenario.steady, durationMs: 5 * 60_000, faults: [] }
  const outcomes: ReadonlyArray<SeedOutcome> = [1, 2].map((seed) => runSeed({ seed, scenario }))

  it("without a failure has figures and the hash of its journal", () => {
    for (const { alerts, endings, failure, figures, journalHash } of outcomes) {
      assert.isUndefined(failure)
      assert.isAbove(alerts, 0)
      assert.isAbove(endings["Remediated"] ?? 0, 0)
      assert.strictEqual(figures["falselyFixed"] ?? 0, 0)
      assert.match(journalHash, /^[0-9a-f]{64}$/)
    }
  })

  it("that crashes has an outcome with the observations until then", () => {
    const outcome = runSeed({
      seed: 1,
      scenario,
      invariants: [
        {
          name: "dies",
          description: "",
          make: () => ({
            on: {
              AlertAnswered: () => {
                throw new Error("a checker broke")
              }
            }
          })
        }
      ]
    })
    assert.deepStrictEqual(outcome.failure, { _tag: "Crash", message: "a checker broke" })
    assert.isAbove(outcome.steps, 0)
    assert.deepStrictEqual(summarize([outcome]).violations, 1)
  })

  it("adds up with others, and the hash of the sum depends on their order and on each journal", () => {
    const [one, two] = outcomes as [SeedOutcome, SeedOutcome]
    const both = summarize([one, two])
    assert.strictEqual(both.alerts, one.alerts + two.alerts)
    assert.strictEqual(both.violations, 0)
    assert.notStrictEqual(both.hash, summarize([two, one]).hash)
    assert.notStrictEqual(both.hash, summarize([one, { ...two, journalHash: one.journalHash }]).hash)
    assert.strictEqual(both.hash, summarize([one, two]).hash)
  })
})
