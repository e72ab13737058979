import { assert, describe, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { TestClock } from "effect/testing"
import type { Investigation } from "../../../src/domain/Investigation.ts"
import { empty } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigatorError } from "../../../src/investigation/Investigator.ts"
import { eitherWay } from "../../resilience/WallClock.ts"
import { request } from "../fixtures/Requests.ts"
import { succeeds, chainOf, error, fails, rules, scripted, steady, withTime } from "../fixtures/ScriptedChain.ts"

describe("a wall clock that jumps by an hour", () => {
  it.effect("does not change when evidence is gathered for a tier whose circuit is open", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        let gathered = 0
        const chain = yield* chainOf([scripted("holmesgpt", fails, { needsEvidence: true }), rules()], {
          evidence: () => Effect.sync(() => (gathered++, empty))
        })
        yield* withTime(chain.investigate(request()))
        yield* jump
        yield* chain.investigate(request())
        assert.strictEqual(gathered, 1)
        yield* TestClock.adjust("30 seconds")
        yield* withTime(chain.investigate(request()))
        assert.strictEqual(gathered, 2)
      })
    )
  )

  it.effect("does not change the duration of a hop, with a pipeline or without", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const took = (after: Effect.Effect<Investigation, InvestigatorError>) =>
          Effect.andThen(Effect.sleep("200 millis"), Effect.andThen(jump, after))
        const down = Effect.fail(error({ _tag: "Authentication" }))
        const chain = yield* chainOf([scripted("holmesgpt", took(down)), scripted("rules", took(succeeds))])
        const { hops } = yield* withTime(chain.investigate(request()))
        assert.deepStrictEqual(
          hops.map((hop) => hop.durationMs),
          [200, 200]
        )
      })
    )
  )
})

describe("traces", () => {
  const recording = (spans: Array<Tracer.Span>) =>
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

  it.effect("hops and attempts are spans within investigate, with the previous tier and the reason", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const chain = yield* chainOf([scripted("holmesgpt", fails), scripted("rules", succeeds)])
      yield* withTime(chain.investigate(request())).pipe(recording(spans))
      const named = (name: string) => spans.filter((span) => span.name === name)
      const parentOf = (span: Tracer.Span | undefined) =>
        span?.parent._tag === "Some" && span.parent.value._tag === "Span" ? span.parent.value.name : undefined
      const [holmes] = named("hop holmesgpt")
      const [last] = named("hop rules")
      assert.strictEqual(parentOf(holmes), "investigate")
      assert.deepStrictEqual(
        named("attempt")
          .filter((span) => parentOf(span) === "hop holmesgpt")
          .map((span) => span.attributes.get("retry.attempt")),
        [1, 2, 3, 4, 5]
      )
      assert.strictEqual(holmes?.attributes.get("kubernaut.hop.from"), "start")
      assert.isUndefined(holmes?.attributes.get("kubernaut.hop.reason"))
      assert.strictEqual(holmes?.attributes.get("kubernaut.hop.failure"), "unavailable")
      const [whole] = named("investigate")
      assert.strictEqual(whole?.attributes.get("kubernaut.cause.first"), "holmesgpt: unavailable")
      assert.strictEqual(whole?.attributes.get("kubernaut.investigator"), "rules")
      assert.strictEqual(whole?.attributes.get("kubernaut.confidence"), 0.5)
      assert.strictEqual(holmes?.attributes.get("kubernaut.hop.attempts"), 5)
      assert.strictEqual(holmes?.attributes.get("kubernaut.hop.confidence_cap"), 1)
      assert.strictEqual(holmes?.attributes.get("circuitbreaker.state"), "closed")
      assert.strictEqual(holmes?.attributes.get("kubernaut.hop.breaker_after"), "open")
      assert.strictEqual(last?.attributes.get("kubernaut.hop.from"), "holmesgpt")
      assert.strictEqual(last?.attributes.get("kubernaut.hop.to"), "rules")
      assert.strictEqual(last?.attributes.get("kubernaut.hop.reason"), "unavailable")
      assert.strictEqual(last?.attributes.get("kubernaut.hop.confidence_cap"), 0.5)
      assert.strictEqual(last?.attributes.get("kubernaut.hop.confidence"), 0.5)
      spans.length = 0
      yield* chain.investigate(request()).pipe(recording(spans))
      const [skipped] = named("hop holmesgpt")
      assert.strictEqual(skipped?.attributes.get("kubernaut.hop.failure"), "circuit-open")
      assert.strictEqual(skipped?.attributes.get("circuitbreaker.state"), "open")
      assert.strictEqual(
        named("attempt").filter((span) => parentOf(span) === "hop holmesgpt").length,
        1,
        "a rejected call has a short span of its own"
      )
    }).pipe(steady)
  )

  it.effect("the first cause stays, where later attempts and later tiers fail for another reason", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      let attempts = 0
      const changing = Effect.suspend(() =>
        attempts++ === 0 ? fails : Effect.fail(error({ _tag: "Silent" }, false, true))
      )
      const chain = yield* chainOf([
        scripted("holmesgpt", changing),
        scripted("llm", Effect.fail(error({ _tag: "Refused" }, false, false)), { provider: "a" }),
        rules()
      ])
      yield* withTime(chain.investigate(request())).pipe(recording(spans))
      const of = (name: string) => spans.find((span) => span.name === name)?.attributes
      assert.strictEqual(of("hop holmesgpt")?.get("kubernaut.hop.failure"), "silent")
      assert.strictEqual(of("hop holmesgpt")?.get("kubernaut.hop.failure.first"), "unavailable")
      assert.isUndefined(of("hop llm")?.get("kubernaut.hop.failure.first"))
      assert.strictEqual(of("investigate")?.get("kubernaut.cause.first"), "holmesgpt: silent")
    }).pipe(steady)
  )
})
