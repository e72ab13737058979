/** How an investigator on a language model uses the meter. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { AiError, LanguageModel, type Response } from "effect/ai"
import type { ModelCall } from "../../../src/domain/ModelCall.ts"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import { contextLength } from "../../../src/investigation/models/AiFailure.ts"
import { make } from "../../../src/investigation/models/LlmInvestigator.ts"
import { BudgetUsedUp, type UsedUp } from "../../../src/investigation/spend/Budget.ts"
import type { CallToMeter, Effort, Meter } from "../../../src/investigation/spend/Meter.ts"
import { type ReportedUsage, ReportUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import { make as makeMeter } from "../../../src/investigation/spend/SpendMeter.ts"
import * as Checkpoint from "../../../src/resilience/pipeline/Checkpoint.ts"
import { evidence, request } from "../fixtures/Requests.ts"
import { chainOf, rules, withTime } from "../fixtures/ScriptedChain.ts"

const action = { type: "RollbackDeployment", target: { namespace: "shop", kind: "Deployment", name: "checkout" } }
const good = JSON.stringify({ rootCause: "The rollout is broken.", evidence: [], action, confidence: 1 })
const price = { input: 1, output: 2 }

const failing = (reason: AiError.AiErrorReason) => AiError.make({ module: "own", method: "generateText", reason })

const usage: Response.Usage = {
  inputTokens: { uncached: undefined, total: 1320, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 96, text: undefined, reasoning: undefined }
}

const llmOf = (
  answers: ReadonlyArray<string | AiError.AiError>,
  told: Response.Usage = usage,
  provider = "own"
): Effect.Effect<Investigator> => {
  const left = [...answers]
  return make({ provider, model: "m", price }).pipe(
    Effect.provideServiceEffect(
      LanguageModel.LanguageModel,
      LanguageModel.make({
        generateText: () =>
          Effect.suspend(() => {
            const answer = left.shift() ?? good
            return typeof answer === "string"
              ? Effect.succeed([
                  { type: "text" as const, text: answer },
                  { type: "finish" as const, reason: "stop" as const, usage: told }
                ])
              : Effect.fail(answer)
          }),
        streamText: () => Stream.empty
      })
    )
  )
}

/** A meter that notes each call with its end, and refuses all after the first `most`. */
const noting = (most = Infinity) => {
  const used: UsedUp = { budget: "hour", unit: "money", until: "2026-11-24T04:00:00.000Z" }
  const calls: Array<CallToMeter & { readonly reported: ReportedUsage | undefined; readonly end: string }> = []
  const meter: Meter = <A, E, R>(call: CallToMeter, run: Effect.Effect<A, E, R>, effortOf: (error: E) => Effort) =>
    Effect.suspend((): Effect.Effect<A, E | BudgetUsedUp, R> => {
      if (calls.length >= most) return Effect.fail(new BudgetUsedUp({ used }))
      let reported: ReportedUsage | undefined
      return run.pipe(
        Effect.provideService(ReportUsage, (usage) => void (reported = usage)),
        Effect.tapError((error) => Effect.sync(() => calls.push({ ...call, reported, end: effortOf(error) }))),
        Effect.tap(() => Effect.sync(() => calls.push({ ...call, reported, end: "answered" })))
      )
    })
  return { calls, meter, used }
}

const given = request({ evidence: evidence() })

describe("a language model", () => {
  it.effect("is called through the meter, with the model, its price and an estimate, and tells what it took", () =>
    Effect.gen(function* () {
      const { calls, meter } = noting()
      yield* (yield* llmOf([])).investigate({ ...given, meter })
      assert.strictEqual(calls.length, 1)
      assert.deepInclude(calls[0], {
        model: "m",
        price,
        reported: { inputTokens: 1320, outputTokens: 96 },
        end: "answered"
      })
      assert.strictEqual(calls[0]?.estimate.outputTokens, 4096)
      assert.isAbove(calls[0]?.estimate.inputTokens ?? 0, 500)
      // Its window, or its prompt where that is longer; and no answer is longer than models write.
      assert.deepStrictEqual(calls[0]?.most, { inputTokens: 131_072, outputTokens: 262_144 })
    })
  )

  it.effect("tells no tokens where a gateway writes 0 for those of an answer", () =>
    Effect.gen(function* () {
      for (const [input, output, reported] of [
        [1320, 0, { inputTokens: 1320, outputTokens: null }],
        [undefined, 96, { inputTokens: null, outputTokens: 96 }],
        [undefined, undefined, undefined]
      ] as const) {
        const { calls, meter } = noting()
        const told = {
          inputTokens: { ...usage.inputTokens, total: input },
          outputTokens: { ...usage.outputTokens, total: output }
        }
        yield* (yield* llmOf([], told)).investigate({ ...given, meter })
        assert.deepStrictEqual(calls[0]?.reported, reported)
      }
    })
  )

  it.effect("makes one metered call for each shortened repeat of its prompt", () =>
    Effect.gen(function* () {
      const { calls, meter } = noting()
      const tooLong = failing(new AiError.InvalidRequestError({ constraint: contextLength }))
      yield* (yield* llmOf([tooLong, tooLong])).investigate({ ...given, meter })
      assert.deepStrictEqual(
        calls.map(({ end }) => end),
        ["rejected", "rejected", "answered"]
      )
    })
  )

  it.effect("that has no room in a budget fails without a retry, and its breaker does not count it", () =>
    Effect.gen(function* () {
      const { meter, used } = noting(0)
      const error = yield* Effect.flip((yield* llmOf([])).investigate({ ...given, meter }))
      assert.deepStrictEqual(error.reason, { _tag: "OverBudget", used })
      assert.deepStrictEqual([error.retryable, error.countsAsFailure], [false, false])
    })
  )
})

describe("a gateway that turns every request away", () => {
  it.effect("is asked as often as without a budget, costs nothing, and leaves the budget to the next tier", () =>
    Effect.gen(function* () {
      for (const status of [502, 503, 529]) {
        const spend = yield* makeMeter({ budgets: { incident: { tokens: 15_000 } }, currency: "USD" }, undefined)
        const lines: Array<ModelCall> = []
        yield* spend.events.listen((event) => {
          if (event._tag === "Settled") lines.push(event.call)
        })
        const down = failing(
          new AiError.InternalProviderError({ description: `HTTP ${status}`, metadata: { kubernaut: { status } } })
        )
        const tiers = [yield* llmOf(Array.from({ length: 9 }, () => down)), yield* llmOf([], usage, "next"), rules()]
        const chain = yield* chainOf(tiers, { meterOf: spend.meterOf })
        const { hops } = yield* withTime(chain.investigate(given))
        assert.deepInclude(hops[0], { outcome: "failed", reason: "unavailable", attempts: 5 })
        assert.deepInclude(hops[1], { provider: "next", outcome: "answered" })
        assert.deepStrictEqual(
          lines.map(({ cost, outcome }) => `${outcome}: ${cost}`),
          [...Array.from({ length: 5 }, () => "rejected: 0"), "answered: 1512"]
        )
      }
    }).pipe(Effect.scoped)
  )
})

describe("the chain", () => {
  it.effect("gives each hop its own meter, and asks the next tier when a budget is used up", () =>
    Effect.gen(function* () {
      const { meter } = noting(0)
      const hops: Array<object> = []
      const chain = yield* chainOf([yield* llmOf([]), rules()], {
        meterOf: (hop) => {
          hops.push(hop)
          return meter
        }
      })
      const result = yield* chain.investigate(given)
      assert.deepStrictEqual(hops[0], {
        remediation: given.remediationId,
        investigator: "llm",
        provider: "own"
      })
      assert.deepInclude(result.hops[0], {
        outcome: "skipped",
        reason: "over-budget",
        detail: "the money budget of the hour has no room for the call until 2026-11-24T04:00:00.000Z",
        attempts: 0
      })
      assert.strictEqual(result.investigation?.investigator, "rules")
    })
  )

  it.effect(
    "names the failure of the last attempt of a tier whose budget ended after it, and beside it the budget",
    () =>
      Effect.gen(function* () {
        const { meter } = noting(1)
        const down = failing(
          new AiError.InternalProviderError({ description: "HTTP 500", metadata: { kubernaut: { status: 500 } } })
        )
        const chain = yield* chainOf([yield* llmOf([down]), rules()], { meterOf: () => meter })
        const { hops } = yield* withTime(chain.investigate(given))
        assert.deepInclude(hops[0], {
          outcome: "failed",
          reason: "unavailable",
          detail:
            "not repeated, because the money budget of the hour has no room for the call until 2026-11-24T04:00:00.000Z",
          attempts: 1
        })
      })
  )

  it.effect("says failed, and not skipped, of a tier that has no room for the shortened repeat of its prompt", () =>
    Effect.gen(function* () {
      const { meter } = noting(1)
      const tooLong = failing(new AiError.InvalidRequestError({ constraint: contextLength }))
      const chain = yield* chainOf([yield* llmOf([tooLong]), rules()], { meterOf: () => meter })
      const { hops } = yield* withTime(chain.investigate(given))
      assert.deepInclude(hops[0], { outcome: "failed", reason: "over-budget", attempts: 1 })
    })
  )

  it.effect("says failed, and not skipped, of a tier whose circuit opens before the repeat of its prompt", () =>
    Effect.gen(function* () {
      const beforeCalls: Array<Effect.Effect<unknown>> = [Effect.void]
      // Like the real one, which reserves first.
      const meter: Meter = (_call, run) =>
        Effect.andThen(Effect.andThen(beforeCalls.shift() ?? Effect.void, Checkpoint.current), run)
      const tooLong = failing(new AiError.InvalidRequestError({ constraint: contextLength }))
      const chain = yield* chainOf([yield* llmOf([tooLong]), rules()], { meterOf: () => meter })
      beforeCalls.push(chain.tiers[0]!.circuitBreaker!.trip("of-no-use"))
      const { hops, investigation } = yield* withTime(chain.investigate(given))
      assert.deepInclude(hops[0], { outcome: "failed", reason: "of-no-use", attempts: 1 })
      assert.strictEqual(investigation?.investigator, "rules")
    })
  )
})
