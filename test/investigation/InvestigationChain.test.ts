import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random, Tracer } from "effect"
import { TestClock } from "effect/testing"
import type { Investigation } from "../../src/domain/Investigation.ts"
import { empty } from "../../src/investigation/evidence/Evidence.ts"
import * as InvestigationChain from "../../src/investigation/InvestigationChain.ts"
import {
  type InvestigationRequest,
  type Investigator,
  InvestigatorError,
  type InvestigatorErrorReason
} from "../../src/investigation/Investigator.ts"
import { eitherWay } from "../resilience/WallClock.ts"
import { request } from "./fixtures/Requests.ts"

const target = { namespace: "shop", kind: "Deployment", name: "checkout" }

const found: Investigation = {
  investigator: "custom",
  rootCause: "It is broken.",
  evidence: [],
  action: { type: "RestartWorkload", target },
  confidence: 1
}

const error = (reason: InvestigatorErrorReason, retryable = false, countsAsFailure = true) =>
  new InvestigatorError({ investigator: "test", reason, retryable, countsAsFailure })

const down = error({ _tag: "Unavailable" }, true)

interface Scripted extends Investigator {
  readonly askedAtMs: Array<number>
  readonly requests: Array<InvestigationRequest>
  behaviour: Effect.Effect<Investigation, InvestigatorError>
}

const scripted = (
  name: Investigator["name"],
  behaviour: Effect.Effect<Investigation, InvestigatorError>,
  more: Partial<Investigator> = {}
): Scripted => {
  const self: Scripted = {
    name,
    askedAtMs: [],
    requests: [],
    behaviour,
    investigate: (given) =>
      Effect.clockWith((clock) =>
        Effect.suspend(() => {
          self.askedAtMs.push(clock.currentTimeMillisUnsafe())
          self.requests.push(given)
          return self.behaviour
        })
      ),
    ...more
  }
  return self
}

const answers = Effect.succeed(found)
const fails = Effect.fail(down)
const rules = () => scripted("rules", answers)

/** Runs an effect while the clock moves on by itself, a millisecond at a time. */
const withTime = <A, E, R>(self: Effect.Effect<A, E, R>, limitMs = 60_000): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(self)
    for (let passedMs = 0; fiber.pollUnsafe() === undefined && passedMs < limitMs; passedMs++)
      yield* TestClock.adjust(1)
    return yield* Fiber.join(fiber)
  })

const chainOf = (investigators: ReadonlyArray<Investigator>, options: Partial<InvestigationChain.Options> = {}) =>
  InvestigationChain.make({ ...options, investigators })

const steady = Effect.provideService(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => 0 })

describe("the chain", () => {
  it.effect("asks in order and stops at the first answer", () =>
    Effect.gen(function* () {
      const llm = scripted("llm", answers, { provider: "a" })
      const chain = yield* chainOf([scripted("holmesgpt", answers), llm, rules()])
      const { hops, investigation } = yield* chain.investigate(request())
      assert.deepStrictEqual(hops, [{ investigator: "holmesgpt", outcome: "answered", attempts: 1, durationMs: 0 }])
      assert.strictEqual(investigation?.investigator, "holmesgpt")
      assert.strictEqual(llm.askedAtMs.length, 0)
    })
  )

  it.effect("goes on to the next provider, and at last to the rules", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([
        scripted("holmesgpt", Effect.fail(error({ _tag: "InvalidAnswer", problem: "not JSON" }))),
        scripted("llm", Effect.fail(error({ _tag: "QuotaExhausted" })), { provider: "a" }),
        scripted("llm", Effect.fail(error({ _tag: "ContextOverflow", tokens: 2, limit: 1 }, false, false)), {
          provider: "b"
        }),
        rules()
      ])
      const { hops, investigation } = yield* chain.investigate(request())
      assert.deepStrictEqual(
        hops.map((hop) => [hop.investigator, hop.provider, hop.outcome, hop.reason]),
        [
          ["holmesgpt", undefined, "failed", "invalid-answer"],
          ["llm", "a", "failed", "quota-exhausted"],
          ["llm", "b", "failed", "context-overflow"],
          ["rules", undefined, "answered", undefined]
        ]
      )
      assert.strictEqual(investigation?.investigator, "rules")
    })
  )

  it.effect("caps confidence on the way down: 1.0, 0.8, 0.5", () =>
    Effect.gen(function* () {
      for (const [name, cap] of [
        ["holmesgpt", 1],
        ["custom", 1],
        ["llm", 0.8],
        ["rules", 0.5]
      ] as const) {
        const chain = yield* chainOf([scripted(name, answers)])
        assert.strictEqual((yield* chain.investigate(request())).investigation?.confidence, cap)
      }
      const modest = yield* chainOf([scripted("llm", Effect.succeed({ ...found, confidence: 0.3 }))])
      assert.strictEqual((yield* modest.investigate(request())).investigation?.confidence, 0.3)
    })
  )

  it.effect("an exhausted chain gives every hop and no investigation", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([
        scripted("holmesgpt", Effect.fail(error({ _tag: "Authentication" }))),
        scripted("rules", Effect.fail(error({ _tag: "NoRule" })))
      ])
      const result = yield* chain.investigate(request())
      assert.deepStrictEqual(
        result.hops.map((hop) => hop.reason),
        ["authentication", "no-rule"]
      )
      assert.isUndefined(result.investigation)
    })
  )

  it.effect("a tier that is not configured is no hop", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([rules()])
      const { hops } = yield* chain.investigate(request())
      assert.deepStrictEqual(
        hops.map((hop) => hop.investigator),
        ["rules"]
      )
      assert.deepStrictEqual(
        chain.tiers.map((tier) => tier.service),
        ["rules"]
      )
    })
  )

  it.effect("an embedder's own investigator alone is a chain", () =>
    Effect.gen(function* () {
      const chain = yield* InvestigationChain.InvestigationChain
      assert.strictEqual((yield* chain.investigate(request())).investigation?.rootCause, "It is broken.")
    }).pipe(Effect.provide(InvestigationChain.layer({ investigators: [scripted("custom", answers)] })))
  )

  it.effect("a tier that dies has failed, and the next one is asked", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([scripted("custom", Effect.die(new Error("bug"))), scripted("rules", answers)])
      const { hops } = yield* chain.investigate(request())
      assert.deepStrictEqual(
        hops.map((hop) => [hop.outcome, hop.reason]),
        [
          ["failed", "defect"],
          ["answered", undefined]
        ]
      )
    })
  )

  it.effect("rules that die do not take the chain with them", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([scripted("rules", Effect.die(new Error("bug")))])
      assert.deepStrictEqual(
        (yield* chain.investigate(request())).hops.map((hop) => hop.reason),
        ["defect"]
      )
    })
  )

  it.effect("in emergency nobody is asked", () =>
    Effect.gen(function* () {
      const ruled = rules()
      const chain = yield* chainOf([ruled])
      assert.deepStrictEqual(yield* chain.investigate(request({ level: 3 })), { hops: [] })
      assert.strictEqual(ruled.askedAtMs.length, 0)
    })
  )

  it.effect("interrupting the investigation interrupts the tier that is being asked and asks no other", () =>
    Effect.gen(function* () {
      let interrupted = false
      const ruled = rules()
      const chain = yield* chainOf([
        scripted(
          "holmesgpt",
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (interrupted = true)))
        ),
        ruled
      ])
      const fiber = yield* Effect.forkChild(chain.investigate(request()))
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(interrupted)
      assert.strictEqual(ruled.askedAtMs.length, 0)
    })
  )

  it.effect("two tiers of one name are refused when the chain is made", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        chainOf([scripted("llm", answers, { provider: "a" }), scripted("llm", answers, { provider: "a" })])
      )
      assert.strictEqual(exit._tag, "Failure")
    })
  )
})

describe("attempts, breaker and deadline", () => {
  it.effect("a failing peer sees 0, 100, 200, 400 and 800 ms before its five attempts", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      const chain = yield* chainOf([holmes, rules()])
      const { hops } = yield* withTime(chain.investigate(request()))
      assert.deepStrictEqual(holmes.askedAtMs, [0, 100, 300, 700, 1500])
      assert.deepStrictEqual(hops[0], {
        investigator: "holmesgpt",
        outcome: "failed",
        reason: "unavailable",
        attempts: 5,
        durationMs: 1500
      })
    }).pipe(steady)
  )

  it.effect("jitter adds up to a tenth of each wait", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      yield* withTime((yield* chainOf([holmes, rules()])).investigate(request()))
      const waits = holmes.askedAtMs.slice(1).map((at, index) => at - holmes.askedAtMs[index]!)
      waits.forEach((wait, index) => {
        const base = 100 * 2 ** index
        assert.isAtLeast(wait, base)
        assert.isAtMost(wait, base * 1.1 + 1)
      })
    })
  )

  it.effect("after the fifth failure it sees no call for 30 s, is skipped meanwhile, and is asked again then", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", fails)
      const chain = yield* chainOf([holmes, rules()])
      yield* withTime(chain.investigate(request()))
      const openedAtMs = holmes.askedAtMs.at(-1)!
      holmes.askedAtMs.length = 0
      for (let second = 0; second < 29; second++) {
        yield* TestClock.adjust("1 second")
        const { hops, investigation } = yield* chain.investigate(request())
        assert.deepStrictEqual(hops[0], {
          investigator: "holmesgpt",
          outcome: "skipped",
          reason: "circuit-open",
          attempts: 0,
          durationMs: 0
        })
        assert.strictEqual(investigation?.investigator, "rules")
      }
      assert.strictEqual(holmes.askedAtMs.length, 0)
      yield* TestClock.adjust("1 second")
      holmes.behaviour = answers
      for (let call = 0; call < 3; call++) {
        assert.strictEqual((yield* chain.investigate(request())).investigation?.investigator, "holmesgpt")
        const state = yield* chain.tiers[0]!.circuitBreaker!.state
        assert.strictEqual(state._tag, call < 2 ? "HalfOpen" : "Closed")
      }
      assert.isAtLeast(holmes.askedAtMs[0]!, openedAtMs + 30_000)
    }).pipe(steady)
  )

  it.effect("a peer that does not answer is given up after 30 s, in one attempt that its breaker counts", () =>
    Effect.gen(function* () {
      const holmes = scripted("holmesgpt", Effect.never)
      const chain = yield* chainOf([holmes, rules()])
      const fiber = yield* Effect.forkChild(chain.investigate(request()))
      yield* TestClock.adjust("29999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const { hops } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(hops[0], {
        investigator: "holmesgpt",
        outcome: "failed",
        reason: "timeout",
        attempts: 1,
        durationMs: 30_000
      })
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state).failuresInARow, 1)
    })
  )

  it.effect(
    "the deadline is the tier's own where it says so",
    () =>
      Effect.gen(function* () {
        const chain = yield* chainOf([scripted("holmesgpt", Effect.never), rules()], {
          deadline: ({ name }) => (name === "holmesgpt" ? "3 minutes" : "10 seconds")
        })
        const { hops } = yield* withTime(chain.investigate(request()), 200_000)
        assert.strictEqual(hops[0]?.durationMs, 180_000)
      }),
    30_000
  )

  it.effect("our own bad requests, refusals and long contexts neither retry nor count on the breaker", () =>
    Effect.gen(function* () {
      for (const reason of [
        { _tag: "BadRequest" },
        { _tag: "Refused" },
        { _tag: "ContextOverflow", tokens: 2, limit: 1 }
      ] as const) {
        const llm = scripted("llm", Effect.fail(error(reason, false, false)))
        const chain = yield* chainOf([llm, rules()])
        for (let call = 0; call < 20; call++) yield* chain.investigate(request())
        assert.strictEqual(llm.askedAtMs.length, 20)
        assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Closed")
      }
    })
  )

  it.effect(
    "Retry-After is followed up to 1 s where another model comes after, and up to 5 s where only rules do",
    () =>
      Effect.gen(function* () {
        const limited = Effect.fail(error({ _tag: "RateLimited", retryAfterMs: 60_000 }, true))
        const first = scripted("llm", limited, { provider: "a" })
        const last = scripted("llm", limited, { provider: "b" })
        const chain = yield* chainOf([first, last, rules()])
        yield* withTime(chain.investigate(request()))
        const waits = (tier: Scripted) => tier.askedAtMs.slice(1).map((at, index) => at - tier.askedAtMs[index]!)
        assert.deepStrictEqual(waits(first), [1000, 1000, 1000, 1000])
        assert.deepStrictEqual(waits(last), [5000, 5000, 5000, 5000])
      }).pipe(steady)
  )
})

describe("fallback events", () => {
  it.effect("each step down is published with where it came from and why", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const chain = yield* chainOf([
          scripted("holmesgpt", Effect.fail(error({ _tag: "Authentication" }))),
          scripted("llm", Effect.fail(error({ _tag: "Refused" }, false, false)), { provider: "a" }),
          rules()
        ])
        const events: Array<InvestigationChain.FallbackEvent> = []
        yield* chain.fallbacks.listen((event) => events.push(event))
        yield* chain.investigate(request())
        assert.deepStrictEqual(events, [
          { from: "holmesgpt", to: "llm", toProvider: "a", reason: "authentication" },
          { from: "llm", fromProvider: "a", to: "rules", reason: "refused" }
        ])
      })
    )
  )
})

describe("evidence", () => {
  it.effect("is gathered once, before the first tier that wants it, and outside its deadline", () =>
    Effect.gen(function* () {
      let gathered = 0
      const holmes = scripted("holmesgpt", fails, { needsEvidence: true })
      const ruled = scripted("rules", answers, { needsEvidence: true })
      const chain = yield* chainOf([holmes, ruled], {
        evidence: () =>
          Effect.andThen(
            Effect.sleep("2 seconds"),
            Effect.sync(() => ({ ...empty, missing: [`gathered ${++gathered}`] }))
          )
      })
      yield* withTime(chain.investigate(request()))
      assert.strictEqual(gathered, 1)
      assert.deepStrictEqual(ruled.requests[0]?.evidence?.missing, ["gathered 1"])
      assert.strictEqual(holmes.askedAtMs[0], 2000)
    })
  )

  it.effect("is not gathered for a tier that is going to be skipped, nor for one that does not want it", () =>
    Effect.gen(function* () {
      let gathered = 0
      const holmes = scripted("holmesgpt", fails, { needsEvidence: true })
      const chain = yield* chainOf([holmes, scripted("rules", answers)], {
        evidence: () => Effect.sync(() => (gathered++, empty))
      })
      yield* withTime(chain.investigate(request()))
      assert.strictEqual(gathered, 1)
      yield* chain.investigate(request())
      assert.strictEqual(gathered, 1)
    })
  )
})

describe("a wall clock that is set by an hour", () => {
  it.effect("has nothing gathered for a tier whose circuit is still open, nor kept from one that is asked again", () =>
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

  it.effect("is no part of the time that a hop took, with a pipeline or without", () =>
    eitherWay((jump) =>
      Effect.gen(function* () {
        const took = (after: Effect.Effect<Investigation, InvestigatorError>) =>
          Effect.andThen(Effect.sleep("200 millis"), Effect.andThen(jump, after))
        const down = Effect.fail(error({ _tag: "Authentication" }))
        const chain = yield* chainOf([scripted("holmesgpt", took(down)), scripted("rules", took(answers))])
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

  it.effect("hop and attempts are spans beneath investigate, with where the hop came from and why", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const chain = yield* chainOf([scripted("holmesgpt", fails), scripted("rules", answers)])
      yield* withTime(chain.investigate(request())).pipe(recording(spans))
      const named = (name: string) => spans.filter((span) => span.name === name)
      const parentOf = (span: Tracer.Span | undefined) =>
        span?.parent._tag === "Some" && span.parent.value._tag === "Span" ? span.parent.value.name : undefined
      const [holmes] = named("hop holmesgpt")
      const [ruled] = named("hop rules")
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
      assert.strictEqual(holmes?.attributes.get("circuitbreaker.state"), "open")
      assert.strictEqual(ruled?.attributes.get("kubernaut.hop.from"), "holmesgpt")
      assert.strictEqual(ruled?.attributes.get("kubernaut.hop.to"), "rules")
      assert.strictEqual(ruled?.attributes.get("kubernaut.hop.reason"), "unavailable")
      assert.strictEqual(ruled?.attributes.get("kubernaut.hop.confidence"), 0.5)
      spans.length = 0
      yield* chain.investigate(request()).pipe(recording(spans))
      assert.strictEqual(named("hop holmesgpt")[0]?.attributes.get("kubernaut.hop.failure"), "circuit-open")
      assert.strictEqual(
        named("attempt").filter((span) => parentOf(span) === "hop holmesgpt").length,
        1,
        "a rejected call has a short span of its own"
      )
    }).pipe(steady)
  )
})
