/**
 * An investigator of one's own, put through the simulator: a runbook service that is slow and sometimes down, in front
 * of the rules.
 *
 *     npx vitest run --project examples
 *
 * The service around it is the real one, in a world of one seed: crashes, partitions and refusals come as the seed has
 * it, and the same seed gives the same run again. What must hold is checked all along by the simulator's own
 * invariants, and by one that is only ours.
 */

import { Effect, Random } from "effect"
import { Investigator } from "kubernaut"
import { type Invariant, Invariants, Runner, Scenario } from "kubernaut/simulation"
import { assert, describe, it } from "vitest"

/**
 * What is under test. `answersIn` is how often the service answers; it waits by Effect's clock and draws from Effect's
 * randomness, so the seed decides.
 */
const runbook = (answersIn: number): Investigator.Investigator => {
  const ask = Effect.gen(function* () {
    yield* Effect.sleep(`${yield* Random.nextIntBetween(50, 3000)} millis`)
    if ((yield* Random.next) < answersIn) return
    return yield* new Investigator.InvestigatorError({
      investigator: "runbook",
      reason: { _tag: "Unavailable" },
      retryable: true,
      countsAsFailure: true
    })
  })
  return {
    name: "custom",
    provider: "runbook",
    investigate: ({ alert, target }) =>
      Effect.as(ask, {
        investigator: "custom",
        provider: "runbook",
        rootCause: `The runbook says of ${alert.name}: the last rollout of ${target.name} broke it.`,
        evidence: [`The alert has fired since ${alert.startsAt}.`],
        action: {
          type: "RollbackDeployment",
          target: { namespace: target.namespace, kind: target.kind, name: target.name }
        },
        confidence: 0.9
      }),
    // Without it a breaker that has opened stays so until the next alert, and the level with it: the simulator found
    // that in seed 2.
    probe: ask
  }
}

const scenario = (answersIn: number): Scenario.Scenario => ({
  ...Scenario.steady,
  name: "runbook",
  durationMs: 10 * 60_000,
  // A pipeline of its own stands before each investigator: retries, breaker and deadline come with it.
  investigators: Effect.sync(() => [runbook(answersIn)])
})

/**
 * Our own rule: whoever answers, somebody did. The rules stand behind the runbook, so an investigation never comes to
 * nothing.
 */
const somebodyAnswers: Invariant.Invariant = {
  name: "somebody-answers",
  description: "Every investigation has an answer, whatever the runbook service does.",
  make: (_, report) => ({
    on: {
      Committed: ({ events }) => {
        for (const { event, remediationId } of events) {
          if (event._tag === "Investigated" && event.investigation === undefined)
            report(`nobody found anything out about ${remediationId}`)
        }
      }
    }
  })
}

const run = (seed: number, answersIn: number) =>
  Runner.runSeed({
    seed,
    scenario: scenario(answersIn),
    invariants: [...Invariants.all, somebodyAnswers],
    record: true
  })

/** Who answered, and how often the runbook failed. */
const hops = ({ timeline }: Runner.SeedOutcome) =>
  timeline?.lanes.find(({ name }) => name === "hops")?.rows.flatMap(({ spans }) => spans.map(({ detail }) => detail))
  ?? []

describe("the runbook investigator in a world that goes wrong", () => {
  for (const seed of [1, 2, 3]) {
    it(`breaks nothing in seed ${seed}, though it is down a third of the time`, () => {
      assert.isUndefined(run(seed, 0.67).failure)
    })
  }

  it("is asked, and gives way to the rules when it is down", () => {
    const seen = hops(run(1, 0.67))
    assert.isTrue(seen.some((hop) => hop.includes("custom:runbook answered")))
    assert.isTrue(hops(run(1, 0)).every((hop) => !hop.includes("custom:runbook answered")))
    assert.isTrue(hops(run(1, 0)).some((hop) => hop.includes("rules answered")))
  })

  it("does the same in the same seed, down to the hash of the journal", () => {
    assert.strictEqual(run(2, 0.67).journalHash, run(2, 0.67).journalHash)
    assert.notStrictEqual(run(2, 0.67).journalHash, run(3, 0.67).journalHash)
  })
})
