import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Investigation } from "../../../src/domain/Investigation.ts"
import { empty, parts } from "../../../src/investigation/evidence/Evidence.ts"
import type { InvestigatorError } from "../../../src/investigation/Investigator.ts"
import { within } from "../../../src/resilience/pipeline/Patience.ts"
import { request } from "../fixtures/Requests.ts"
import { chainOf, error, found, rules, type Scripted, scripted, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

type Behaviour = Effect.Effect<Investigation, InvestigatorError>

const needy = (behaviour: Behaviour = succeeds) => scripted("llm", behaviour, { provider: "a", needsEvidence: true })

const thrown = (): never => {
  throw new TypeError("nothing there")
}

describe("an investigator of an embedder", () => {
  const custom = (investigate: unknown): Scripted =>
    scripted("custom", succeeds, { provider: "runbook", investigate: investigate as Scripted["investigate"] })

  it.effect.each<readonly [string, unknown]>([
    ["throws", thrown],
    ["returns a promise", async () => found],
    ["returns nothing", () => undefined],
    ["dies", () => Effect.die("broken")],
    ["interrupts itself", () => Effect.interrupt],
    ["succeeds with nothing", () => Effect.void],
    ["fails with an error of its own", () => Effect.fail("no runbook")],
    ["fails with nothing", () => Effect.fail(undefined)],
    ["fails for a reason that is none", () => Effect.fail({ reason: { _tag: "Tired" }, retryable: true })]
  ])("that %s has failed of a defect, and the next tier is asked", ([_how, investigate]) =>
    Effect.gen(function* () {
      const last = rules()
      const chain = yield* chainOf([custom(investigate), last])
      for (let alert = 0; alert < 2; alert++) {
        const { hops, investigation } = yield* withTime(chain.investigate(request()))
        assert.deepStrictEqual(
          hops.map((hop) => [hop.outcome, hop.reason, hop.attempts]),
          [
            ["failed", "defect", 1],
            ["answered", undefined, 1]
          ]
        )
        assert.strictEqual(investigation?.investigator, "rules")
      }
    })
  )

  it.effect("that throws at its second attempt has failed of a defect after two", () =>
    Effect.gen(function* () {
      let calls = 0
      const flaky = custom(() =>
        ++calls === 1 ? Effect.fail(error({ _tag: "Unavailable" }, true)) : Effect.fail("no runbook")
      )
      const chain = yield* chainOf([flaky, rules()])
      const { hops } = yield* withTime(chain.investigate(request()))
      assert.deepStrictEqual([hops[0]?.reason, hops[0]?.attempts, hops[1]?.outcome], ["defect", 2, "answered"])
    })
  )

  it.effect("whose every call throws is found to be down like one that dies", () =>
    Effect.gen(function* () {
      const chain = yield* chainOf([custom(thrown), rules()])
      for (let alert = 0; alert < 5; alert++) yield* chain.investigate(request())
      assert.strictEqual((yield* chain.tiers[0]!.circuitBreaker!.state)._tag, "Open")
    })
  )
})

describe("evidence that is gathered for a chain", () => {
  it.effect.each<readonly [string, unknown]>([
    ["dies", () => Effect.die("broken")],
    ["throws", thrown],
    ["interrupts itself", () => Effect.interrupt]
  ])("is unread, and not empty, when gathering it %s", ([_how, evidence]) =>
    Effect.gen(function* () {
      const tier = needy()
      const chain = yield* chainOf([tier, rules()], { evidence: evidence as () => Effect.Effect<typeof empty> })
      const { investigation } = yield* chain.investigate(request())
      assert.strictEqual(investigation?.investigator, "llm")
      assert.deepStrictEqual(tier.requests[0]?.evidence, { ...empty, missing: parts })
    })
  )

  it.effect("is given up after a minute, in addition to the patience of the work", () =>
    Effect.gen(function* () {
      const tier = needy()
      const chain = yield* chainOf([tier], { evidence: () => Effect.never })
      for (const [patience, limitMs] of [
        [0, 60_000],
        [30_000, 90_000]
      ] as const) {
        tier.requests.length = 0
        const asked = chain.investigate(request())
        const fiber = yield* Effect.forkChild(patience === 0 ? asked : within(patience)(asked))
        yield* TestClock.adjust(limitMs - 1)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.strictEqual((yield* Fiber.join(fiber)).hops[0]?.outcome, "answered")
        assert.deepStrictEqual(tier.requests[0]?.evidence?.missing, parts)
      }
    })
  )
})

describe("a rejected key", () => {
  it.effect.each<readonly [string, Effect.Effect<boolean>, number]>([
    ["cannot be looked at in a second", Effect.never, 1000],
    ["makes looking at it die", Effect.die("no such file"), 0],
    ["makes looking at it interrupt itself", Effect.interrupt, 0]
  ])("that %s has not been replaced, and the next tier is asked", ([_how, hasNewKey, afterMs]) =>
    Effect.gen(function* () {
      const wrongKey = Effect.fail(error({ _tag: "Authentication" }))
      const tier = scripted("custom", wrongKey, { provider: "x", hasNewKey })
      const chain = yield* chainOf([tier, rules()])
      yield* chain.investigate(request())
      const fiber = yield* Effect.forkChild(chain.investigate(request()), { startImmediately: true })
      if (afterMs > 0) {
        yield* TestClock.adjust(afterMs - 1)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
      }
      assert.deepStrictEqual(
        (yield* Fiber.join(fiber)).hops.map(({ outcome, reason }) => [outcome, reason]),
        [
          ["skipped", "wrong-key"],
          ["answered", undefined]
        ]
      )
      assert.lengthOf(tier.requests, 1)
    })
  )
})
