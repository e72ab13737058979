/** Guarantees for embedders: their investigator is tried first, and the rules take over when it fails. */

import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Investigator } from "kubernaut"
import { remediate, runbook, service } from "./Service.ts"

const down: Investigator.Investigator = {
  ...runbook,
  investigate: () =>
    Effect.fail(
      new Investigator.InvestigatorError({
        investigator: "custom",
        reason: { _tag: "Unavailable" },
        retryable: true,
        countsAsFailure: true
      })
    )
}

const remediateWith = (investigator: Investigator.Investigator) =>
  Effect.gen(function* () {
    const ended = yield* Effect.forkChild(remediate)
    while (ended.pollUnsafe() === undefined) yield* TestClock.adjust(Duration.seconds(1))
    return yield* Fiber.join(ended)
  }).pipe(Effect.provide(service(investigator)))

it.effect("your own investigator is tried first", () =>
  Effect.gen(function* () {
    const { hops, state } = yield* remediateWith(runbook)
    assert.deepStrictEqual(
      hops?.map(({ investigator, outcome }) => [investigator, outcome]),
      [["custom", "answered"]]
    )
    assert.strictEqual(state, "Remediated")
  })
)

it.effect("the rules take over when your own investigator fails", () =>
  Effect.gen(function* () {
    const { hops, investigation, state } = yield* remediateWith(down)
    assert.deepStrictEqual(
      hops?.map(({ attempts, investigator, outcome, reason }) => [investigator, outcome, reason, attempts]),
      [
        ["custom", "failed", "unavailable", 5],
        ["rules", "answered", undefined, 1]
      ]
    )
    assert.strictEqual(investigation?.investigator, "rules")
    assert.strictEqual(state, "Remediated")
  })
)
