import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Investigation } from "../../src/domain/Investigation.ts"
import { empty } from "../../src/investigation/evidence/Evidence.ts"
import * as InvestigationChain from "../../src/investigation/InvestigationChain.ts"
import type { Investigator, InvestigatorError } from "../../src/investigation/Investigator.ts"
import { request } from "./fixtures/Requests.ts"
import { succeeds, chainOf, error, fails, found, rules, scripted, withTime } from "./fixtures/ScriptedChain.ts"

describe("the chain", () => {
  it.effect("tries tiers in order and stops at the first investigation", () =>
    Effect.gen(function* () {
      const llm = scripted("llm", succeeds, { provider: "a" })
      const chain = yield* chainOf([scripted("holmesgpt", succeeds), llm, rules()])
      const { hops, investigation } = yield* chain.investigate(request())
      assert.deepStrictEqual(hops, [{ investigator: "holmesgpt", outcome: "answered", attempts: 1, durationMs: 0 }])
      assert.strictEqual(investigation?.investigator, "holmesgpt")
      assert.strictEqual(llm.calledAtMs.length, 0)
    })
  )

  it.effect("continues with the next provider, and finally with the rules", () =>
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

  it.effect("an investigation that does not match its schema is an invalid answer, and the next tier is tried", () =>
    Effect.gen(function* () {
      for (const broken of [
        { ...found, rootCause: "" },
        { ...found, action: { ...found.action, target: { namespace: "shop", kind: "", name: "x" } } },
        { ...found, evidence: [undefined as unknown as string] }
      ]) {
        const chain = yield* chainOf([scripted("custom", Effect.succeed(broken)), rules()])
        const { hops, investigation } = yield* chain.investigate(request())
        assert.deepInclude(hops[0], { outcome: "failed", reason: "invalid-answer", attempts: 1 })
        assert.strictEqual(investigation?.investigator, "rules")
      }
    })
  )

  it.effect("caps confidence on the way down to 1.0, 0.8 and 0.5, and counts one that is no number as 0", () =>
    Effect.gen(function* () {
      for (const [name, cap] of [
        ["holmesgpt", 1],
        ["custom", 1],
        ["llm", 0.8],
        ["rules", 0.5]
      ] as const) {
        const chain = yield* chainOf([scripted(name, succeeds)])
        assert.strictEqual((yield* chain.investigate(request())).investigation?.confidence, cap)
      }
      const modest = yield* chainOf([scripted("llm", Effect.succeed({ ...found, confidence: 0.3 }))])
      assert.strictEqual((yield* modest.investigate(request())).investigation?.confidence, 0.3)
      for (const confidence of [Number.NaN, -1]) {
        const broken = yield* chainOf([scripted("llm", Effect.succeed({ ...found, confidence }))])
        assert.strictEqual((yield* broken.investigate(request())).investigation?.confidence, 0)
      }
    })
  )

  it.effect("has every hop and no investigation when all tiers fail", () =>
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

  it.effect("makes no hop for a tier that is not configured", () =>
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

  it.effect("needs no tier besides an embedder's own investigator", () =>
    Effect.gen(function* () {
      const chain = yield* InvestigationChain.InvestigationChain
      assert.strictEqual((yield* chain.investigate(request())).investigation?.rootCause, "It is broken.")
    }).pipe(Effect.provide(InvestigationChain.layer({ investigators: [scripted("custom", succeeds)] })))
  )

  it.effect("tries the next tier after one that dies", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([scripted("custom", Effect.die(new Error("bug"))), scripted("rules", succeeds)])
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

  it.effect("returns its hops when the rules die", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([scripted("rules", Effect.die(new Error("bug")))])
      assert.deepStrictEqual(
        (yield* chain.investigate(request())).hops.map((hop) => hop.reason),
        ["defect"]
      )
    })
  )

  it.effect("calls no tier in emergency", () =>
    Effect.gen(function* () {
      const last = rules()
      const chain = yield* chainOf([last])
      assert.deepStrictEqual(yield* chain.investigate(request({ level: 3 })), { hops: [] })
      assert.strictEqual(last.calledAtMs.length, 0)
    })
  )

  it.effect("interrupts the running tier when it is interrupted, and calls no other", () =>
    Effect.gen(function* () {
      let interrupted = false
      const last = rules()
      const chain = yield* chainOf([
        scripted(
          "holmesgpt",
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (interrupted = true)))
        ),
        last
      ])
      const fiber = yield* Effect.forkChild(chain.investigate(request()))
      yield* TestClock.adjust(10)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(interrupted)
      assert.strictEqual(last.calledAtMs.length, 0)
    })
  )

  it.effect("dies when it is made of two tiers with the same name", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        chainOf([scripted("llm", succeeds, { provider: "a" }), scripted("llm", succeeds, { provider: "a" })])
      )
      assert.strictEqual(exit._tag, "Failure")
    })
  )
})

describe("fallback events", () => {
  it.effect("each step down the chain is published with both tiers and the reason", () =>
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
  it.effect("is gathered once, before the first tier that needs it, and outside its deadline", () =>
    Effect.gen(function* () {
      let gathered = 0
      const holmes = scripted("holmesgpt", fails, { needsEvidence: true })
      const last = scripted("rules", succeeds, { needsEvidence: true })
      const chain = yield* chainOf([holmes, last], {
        evidence: () =>
          Effect.andThen(
            Effect.sleep("2 seconds"),
            Effect.sync(() => ({ ...empty, missing: [`gathered ${++gathered}`] }))
          )
      })
      yield* withTime(chain.investigate(request()))
      assert.strictEqual(gathered, 1)
      assert.deepStrictEqual(last.requests[0]?.evidence?.missing, ["gathered 1"])
      assert.strictEqual(holmes.calledAtMs[0], 2000)
    })
  )

  it.effect("is not gathered for a tier that will be skipped, nor for one that does not need it", () =>
    Effect.gen(function* () {
      let gathered = 0
      const holmes = scripted("holmesgpt", fails, { needsEvidence: true })
      const chain = yield* chainOf([holmes, scripted("rules", succeeds)], {
        evidence: () => Effect.sync(() => (gathered++, empty))
      })
      yield* withTime(chain.investigate(request()))
      assert.strictEqual(gathered, 1)
      yield* chain.investigate(request())
      assert.strictEqual(gathered, 1)
    })
  )
})

describe("partial findings", () => {
  const finding = { source: "tool", about: "kubectl logs", text: "password=hunter2-hunter2: no coupon_code" } as const

  /** An investigator that finds something, and then ends as given. */
  const failing = (end: Effect.Effect<Investigation, InvestigatorError>): Investigator => ({
    name: "holmesgpt",
    investigate: ({ onFinding }) => Effect.suspend(() => (onFinding?.(finding), end))
  })

  const given = Effect.fnUntraced(function* (first: Investigator) {
    const llm = scripted("llm", Effect.fail(error({ _tag: "Refused" }, false, false)), { provider: "a" })
    const last = rules()
    const chain = yield* chainOf([first, llm, last])
    yield* withTime(chain.investigate(request()))
    return [llm.requests[0]?.partial, last.requests[0]?.partial]
  })

  it.effect("of a tier that fails, or whose time is over, are given to every tier after it, redacted", () =>
    Effect.gen(function* () {
      for (const end of [Effect.fail(error({ _tag: "StepLimit" })), Effect.never]) {
        for (const partial of yield* given(failing(end))) {
          assert.deepStrictEqual(partial, [
            {
              investigator: "holmesgpt",
              findings: [{ ...finding, text: "password=[redacted:value] no coupon_code" }]
            }
          ])
        }
      }
    })
  )

  it.effect("are absent where the tier before found nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* given(scripted("holmesgpt", Effect.fail(error({ _tag: "Silent" })))), [
        undefined,
        undefined
      ])
    })
  )
})
