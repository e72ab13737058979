import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { answer, ending, hedged, llm, outcome, refused, silent } from "../fixtures/HedgedChain.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, error, fails, rules, steady, withTime } from "../fixtures/ScriptedChain.ts"

describe("a hedge", () => {
  it.effect("takes a token of HolmesGPT's retry budget, and without one there is none, which the hop says", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const beside = llm(answer("llm"), 1000)
        const { events, investigate } = yield* hedged(ending(silent, 10_000), beside, {
          pipeline: ({ name }) => (name === "holmesgpt" ? { retryBudget: { burst: 2, perSecond: 0, ratio: 0 } } : {})
        })
        const hops = []
        for (let alert = 0; alert < 4; alert++) hops.push((yield* investigate).hops[0])
        const [started, refusedOne] = ["failed silent started 1", "failed silent no-token 1"]
        assert.deepStrictEqual(hops, [started, started, refusedOne, refusedOne])
        assert.deepStrictEqual(
          events.map(({ outcome }) => outcome),
          ["won", "won", "no-token", "no-token"]
        )
        assert.lengthOf(beside.tier.calledAtMs, 4, "the last two after HolmesGPT")
      })
    )
  )

  it.effect("has no model where the circuit is open, where all permits are taken, or where the chain has none", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const isolated = yield* hedged(ending(silent, 5000), llm(answer("llm"), 1000))
        yield* isolated.chain.tiers[1]!.circuitBreaker!.isolate("1 hour", "maintenance")
        assert.strictEqual((yield* isolated.investigate).hops[0], "failed silent no-model 1")

        const busy = yield* hedged(ending(silent, 5000), llm(Effect.never, 0), {
          pipeline: ({ name }) => (name === "llm" ? { bulkhead: { limit: 1 } } : {})
        })
        const [first, second] = yield* withTime(
          Effect.all([busy.chain.investigate(request()), busy.chain.investigate(request())], { concurrency: 2 }),
          120_000
        )
        assert.deepStrictEqual([first.hops[0]?.hedge, second.hops[0]?.hedge], ["started", "no-model"])

        const chain = yield* chainOf([ending(silent, 5000).tier, rules()], { hedge: { after: "1 second" } })
        assert.strictEqual((yield* withTime(chain.investigate(request()))).hops[0]?.hedge, "no-model")
      })
    )
  )

  it.effect("that waits for its next attempt ends at once when HolmesGPT answers", () =>
    Effect.gen(function* () {
      const beside = llm(fails, 0)
      const { hops, tookMs } = yield* outcome(ending(answer("holmesgpt"), 4500), beside)
      assert.strictEqual(tookMs, 4500)
      assert.deepStrictEqual(hops, ["answered started 1", "failed overtaken beside 3"])
      assert.lengthOf(beside.tier.calledAtMs, 3)
    }).pipe(steady)
  )

  it.effect.each([
    ["has room for it by then", false, ["answered 1"]],
    ["has none, and the rules decide", true, ["skipped over-budget 0", "answered 1"]]
  ] as const)(
    "whose model was turned away is no call, so the model is asked when HolmesGPT fails, and %s",
    ([_then, isOver, rest]) =>
      Effect.gen(function* () {
        const used = { budget: "hour", unit: "money", until: "2026-11-24T04:00:00.000Z" } as const
        const overBudget = Effect.fail(error({ _tag: "OverBudget", used }, false, false))
        const beside = llm(
          Effect.suspend(() => (beside.tier.calledAtMs.length === 1 || isOver ? overBudget : answer("llm"))),
          0
        )
        const { by, hops } = yield* outcome(ending(silent, 10_000), beside)
        assert.deepStrictEqual(hops, ["failed silent started 1", "skipped over-budget beside 0", ...rest])
        assert.strictEqual(by, isOver ? "It is broken." : "llm")
        assert.deepStrictEqual(beside.tier.calledAtMs, [4000, 10_000])
      })
  )

  it.effect("is in the trace: both hops, why the second was asked, and what became of each", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const spans: Array<Tracer.Span> = []
        const { chain } = yield* hedged(ending(silent, 10_000), llm(answer("llm"), 1000))
        yield* withTime(chain.investigate(request())).pipe(
          Effect.provideService(
            Tracer.Tracer,
            Tracer.make({
              span: (options) => {
                const span = new Tracer.NativeSpan(options)
                spans.push(span)
                return span
              }
            })
          )
        )
        const of = (name: string) => Object.fromEntries(spans.find((span) => span.name === name)?.attributes ?? [])
        assert.deepInclude(of("hop holmesgpt"), {
          "kubernaut.hop.from": "start",
          "kubernaut.hop.hedge": "started",
          "kubernaut.hop.failure": "silent"
        })
        assert.deepInclude(of("hop llm"), {
          "kubernaut.hop.from": "holmesgpt",
          "kubernaut.hop.reason": "no-sign",
          "kubernaut.hop.hedge": "beside",
          "kubernaut.hop.outcome": "answered"
        })
        assert.deepInclude(of("investigate"), {
          "kubernaut.cause.first": "holmesgpt: silent",
          "kubernaut.investigator": "llm:a"
        })
        const parents = spans.flatMap(({ name, parent }) =>
          parent._tag === "Some" && parent.value._tag === "Span" ? [`${parent.value.name} > ${name}`] : []
        )
        assert.sameMembers(parents, [
          "investigate > hop holmesgpt",
          "investigate > hop llm",
          "hop holmesgpt > attempt",
          "hop llm > attempt"
        ])
      })
    )
  )

  it.effect("is interrupted with HolmesGPT when the investigation is", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const [holmes, beside] = [ending(answer("holmesgpt"), 20_000), llm(answer("llm"), 20_000)]
        const { chain } = yield* hedged(holmes, beside)
        const fiber = yield* Effect.forkChild(chain.investigate(request()))
        yield* TestClock.adjust("6 seconds")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual([holmes.ended(), beside.ended()], ["interrupted", "interrupted"])
      })
    )
  )

  it.effect("is given what HolmesGPT has found until then", () =>
    Effect.gen(function* () {
      const beside = llm(refused, 1000)
      const holmes = ending(silent, 12_000)
      const { investigate } = holmes.tier
      Object.assign(holmes.tier, {
        investigate: (asked: Parameters<typeof investigate>[0]) => {
          asked.onFinding?.({ source: "tool", about: "kubectl logs", text: "no column coupon_code" })
          return investigate(asked)
        }
      })
      yield* outcome(holmes, beside)
      assert.strictEqual(beside.tier.requests[0]?.partial?.[0]?.findings[0]?.text, "no column coupon_code")
    })
  )
})
