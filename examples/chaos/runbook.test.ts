/**
 * Tests an investigator of your own in the simulator: a runbook service that is slow and sometimes down, in front of
 * the rules.
 *
 *     npx vitest run --project examples
 *
 * The service around it is the real one, in a world that one seed determines. The seed decides on crashes, partitions
 * and refusals, and the same seed reproduces the same run. The simulator checks its own invariants throughout the run,
 * and one that this example adds.
 */

import { Effect, Random } from "effect"
import { Investigator } from "kubernaut"
import { type Invariant, Invariants, Runner, Scenario } from "kubernaut/simulation"
import { assert, describe, it } from "vitest"

/**
 * The investigator under test. `availability` is the share of calls that succeed, from 0 to 1. It waits on Effect's
 * clock and draws from Effect's randomness, so the seed decides.
 */
const runbook = (availability: number): Investigator.Investigator => {
  const ask = Effect.gen(function* () {
    yield* Effect.sleep(`${yield* Random.nextIntBetween(50, 3000)} millis`)
    if ((yield* Random.next) < availability) return
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
    // Without a probe, an open breaker stays open until the next alert, and the level stays reduced. The simulator found
    // that in seed 2.
    probe: ask
  }
}

const scenario = (availability: number): Scenario.Scenario => ({
  ...Scenario.steady,
  name: "runbook",
  durationMs: 10 * 60_000,
  // Each investigator gets a pipeline of its own: retries, circuit breaker and deadline.
  investigators: Effect.sync(() => [runbook(availability)])
})

/** An invariant of this example. The rules come after the runbook, so every investigation has a result. */
const everyInvestigationHasAResult: Invariant.Invariant = {
  name: "every-investigation-has-a-result",
  description: "Every investigation has a result, whatever the runbook service does.",
  make: (_, report) => ({
    on: {
      Committed: ({ events }) => {
        for (const { event, remediationId } of events) {
          if (event._tag === "Investigated" && event.investigation === undefined)
            report(`the investigation of ${remediationId} has no result`)
        }
      }
    }
  })
}

const run = (seed: number, availability: number) =>
  Runner.runSeed({
    seed,
    scenario: scenario(availability),
    invariants: [...Invariants.all, everyInvestigationHasAResult],
    record: true
  })

/** The hops of the run, as the report shows them. */
const hops = ({ timeline }: Runner.SeedOutcome) =>
  timeline?.lanes.find(({ name }) => name === "hops")?.rows.flatMap(({ spans }) => spans.map(({ detail }) => detail))
  ?? []

describe("the runbook investigator in a failing world", () => {
  for (const seed of [1, 2, 3]) {
    it(`violates no invariant in seed ${seed}, although it is down a third of the time`, () => {
      assert.isUndefined(run(seed, 0.67).failure)
    })
  }

  it("is tried first, and the rules take over when it is down", () => {
    const seen = hops(run(1, 0.67))
    assert.isTrue(seen.some((hop) => hop.includes("custom:runbook answered")))
    assert.isTrue(hops(run(1, 0)).every((hop) => !hop.includes("custom:runbook answered")))
    assert.isTrue(hops(run(1, 0)).some((hop) => hop.includes("rules answered")))
  })

  it("produces the same journal from the same seed, and another from another", () => {
    assert.strictEqual(run(2, 0.67).journalHash, run(2, 0.67).journalHash)
    assert.notStrictEqual(run(2, 0.67).journalHash, run(3, 0.67).journalHash)
  })
})
