import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { answer, ending, hedged, llm, outcome, refused, silent } from "../fixtures/HedgedChain.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, rules, withTime } from "../fixtures/ScriptedChain.ts"

describe("a HolmesGPT that shows no sign of work", () => {
  it.effect("is not hedged by default", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const beside = llm(answer("llm"), 1000)
        const chain = yield* chainOf([ending(answer("holmesgpt"), 20_000).tier, beside.tier, rules()])
        yield* withTime(chain.investigate(request()))
        assert.lengthOf(beside.tier.calledAtMs, 0)
      })
    )
  )

  it.effect("and answers all the same is preferred, and the model beside it is interrupted", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const beside = llm(answer("llm"), 10_000)
        const { events, fallbacks, investigate } = yield* hedged(ending(answer("holmesgpt"), 9000), beside)
        assert.deepStrictEqual(yield* investigate, {
          by: "holmesgpt",
          hops: ["answered started 1", "failed overtaken beside 1"],
          tookMs: 9000
        })
        assert.deepStrictEqual([beside.tier.calledAtMs, beside.ended()], [[4000], "interrupted"])
        assert.deepStrictEqual(events, [{ from: "holmesgpt", to: "llm:a", outcome: "lost" }])
        assert.deepStrictEqual(fallbacks, [])
      })
    )
  )

  it.effect("is preferred to a model that has answered before it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcome(ending(answer("holmesgpt"), 20_000), llm(answer("llm"), 1000)), {
        by: "holmesgpt",
        hops: ["answered started 1", "answered beside 1"],
        tookMs: 20_000
      })
    })
  )

  it.effect("and fails leaves an answer that is there already", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { events, fallbacks, investigate } = yield* hedged(ending(silent, 10_000), llm(answer("llm"), 5000))
        assert.deepStrictEqual(yield* investigate, {
          by: "llm",
          hops: ["failed silent started 1", "answered beside 1"],
          tookMs: 10_000
        })
        assert.deepStrictEqual(events, [{ from: "holmesgpt", to: "llm:a", outcome: "won" }])
        assert.deepStrictEqual(fallbacks, ["holmesgpt silent llm"])
      })
    )
  )

  it.effect("and fails is followed by the answer of the model that is at work already", () =>
    Effect.gen(function* () {
      const { hops, tookMs } = yield* outcome(ending(silent, 10_000), llm(answer("llm"), 12_000))
      assert.deepStrictEqual([hops[1], tookMs], ["answered beside 1", 16_000])
    })
  )

  it.effect(
    "and fails like the model beside it leaves the alert to the next tier, and that model is not called again",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          for (const [holmesMs, besideMs] of [
            [10_000, 1000],
            [5000, 8000]
          ] as const) {
            const beside = llm(refused, besideMs)
            const { events, fallbacks, investigate } = yield* hedged(ending(silent, holmesMs), beside)
            const { by, hops } = yield* investigate
            assert.strictEqual(by, "It is broken.")
            assert.deepStrictEqual(hops, ["failed silent started 1", "failed refused beside 1", "answered 1"])
            assert.lengthOf(beside.tier.calledAtMs, 1)
            assert.strictEqual(events[0]?.outcome, "failed")
            assert.deepStrictEqual(fallbacks, ["holmesgpt silent llm", "llm refused rules"])
          }
        })
      )
  )

  it.effect("and fails before a model is asked beside it is followed by that model as ever", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { events, investigate } = yield* hedged(ending(silent, 3000), llm(answer("llm"), 1000))
        assert.deepStrictEqual(yield* investigate, { by: "llm", hops: ["failed silent 1", "answered 1"], tookMs: 4000 })
        assert.deepStrictEqual(events, [])
      })
    )
  )
})

describe("a sign of work", () => {
  it.effect("puts off that a model is asked beside it", () =>
    Effect.gen(function* () {
      const beside = llm(answer("llm"), 1000)
      const { hops } = yield* outcome(ending(answer("holmesgpt"), 10_000, 3000, 6000, 8000), beside)
      assert.deepStrictEqual([hops, beside.tier.calledAtMs], [["answered 1"], []])
    })
  )

  it.effect("counts from the last one: a tool may hang", () =>
    Effect.gen(function* () {
      const beside = llm(answer("llm"), 1000)
      yield* outcome(ending(answer("holmesgpt"), 20_000, 2000, 5000), beside)
      assert.deepStrictEqual(beside.tier.calledAtMs, [9000])
    })
  )

  it.effect("is not expected of a call that waits for a permit of ours", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = ending(answer("holmesgpt"), 7000, 1000, 3000, 5000)
        const beside = llm(answer("llm"), 1000)
        const { chain } = yield* hedged(holmes, beside, {
          pipeline: ({ name }) => (name === "holmesgpt" ? { bulkhead: { limit: 1, maxWait: "20 seconds" } } : {})
        })
        const both = Effect.all([chain.investigate(request()), chain.investigate(request())], { concurrency: 2 })
        yield* withTime(both)
        assert.deepStrictEqual(holmes.tier.calledAtMs, [0, 7000])
        assert.lengthOf(beside.tier.calledAtMs, 0)
      })
    )
  )
})

describe("after the deadline of the decision", () => {
  const patient = { deadline: "5 minutes", hedge: { after: "4 seconds", deadline: "15 seconds" } } as const
  const failures = (chain: {
    readonly tiers: ReadonlyArray<{
      readonly circuitBreaker?: { readonly state: Effect.Effect<{ readonly failures?: number }> }
    }>
  }) => Effect.map(chain.tiers[0]!.circuitBreaker!.state, (state) => state.failures ?? 0)

  it.effect("the answer beside HolmesGPT is used, and HolmesGPT is interrupted", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = ending(answer("holmesgpt"), 60_000)
        const { investigate } = yield* hedged(holmes, llm(answer("llm"), 1000), patient)
        assert.deepStrictEqual(yield* investigate, {
          by: "llm",
          hops: ["failed overtaken started 1", "answered beside 1"],
          tookMs: 15_000
        })
        assert.strictEqual(holmes.ended(), "interrupted")
      })
    )
  )

  it.effect.each([
    ["does not stream, and is quiet until it is done", []],
    ["was quiet for a while, and works", [5000, 8000, 12_000]],
    ["has shown a sign, and waits for a slow tool", [1000, 3000]]
  ] as const)("a HolmesGPT that %s has not failed: its circuit stays closed, and counts nothing", ([, signsMs]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = ending(answer("holmesgpt"), 60_000, ...signsMs)
        const { chain, investigate } = yield* hedged(holmes, llm(answer("llm"), 1000), patient)
        for (let alert = 0; alert < 5; alert++)
          assert.strictEqual((yield* investigate).hops[0], "failed overtaken started 1")
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Closed")
        assert.strictEqual(yield* failures(chain), 0)
      })
    )
  )

  it.effect("a HolmesGPT that was quiet when the model beside it answered has not failed either", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const holmes = ending(answer("holmesgpt"), 60_000)
        const { chain, investigate } = yield* hedged(holmes, llm(answer("llm"), 25_000), patient)
        assert.deepStrictEqual(yield* investigate, {
          by: "llm",
          hops: ["failed overtaken started 1", "answered beside 1"],
          tookMs: 29_000
        })
        assert.strictEqual(yield* failures(chain), 0)
      })
    )
  )

  it.effect("a HolmesGPT that hangs is still found, by the calls for which there is no token", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { chain, investigate } = yield* hedged(ending(Effect.never, 0), llm(answer("llm"), 1000), {
          deadline: "1 minute",
          hedge: patient.hedge,
          pipeline: ({ name }) => (name === "holmesgpt" ? { retryBudget: { burst: 2, perSecond: 0, ratio: 0 } } : {})
        })
        const hops = []
        for (let alert = 0; alert < 8; alert++) hops.push((yield* investigate).hops[0])
        const [overtaken, timeout] = ["failed overtaken started 1", "failed timeout no-token 1"]
        assert.deepStrictEqual(hops.slice(0, 7), [overtaken, overtaken, timeout, timeout, timeout, timeout, timeout])
        assert.include(hops[7], "skipped circuit-open")
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Open")
      })
    )
  )

  it.effect("the first answer that is complete is used", () =>
    Effect.gen(function* () {
      const late = yield* outcome(ending(answer("holmesgpt"), 20_000), llm(answer("llm"), 25_000), patient)
      assert.deepStrictEqual([late.by, late.tookMs], ["holmesgpt", 20_000])
      const later = yield* outcome(ending(answer("holmesgpt"), 40_000), llm(answer("llm"), 14_000), patient)
      assert.deepStrictEqual([later.by, later.tookMs], ["llm", 18_000])
    })
  )

  it.effect("a HolmesGPT whose own time is shorter ends by itself, and its failure counts", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { chain, investigate } = yield* hedged(
          ending(answer("holmesgpt"), 60_000, 3000),
          llm(answer("llm"), 1000),
          {
            deadline: "10 seconds",
            hedge: { after: "4 seconds" }
          }
        )
        assert.deepStrictEqual((yield* investigate).hops, ["failed timeout started 1", "answered beside 1"])
        assert.strictEqual(yield* failures(chain), 1)
      })
    )
  )
})
