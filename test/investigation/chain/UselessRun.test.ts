import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { afterCall, isOfNoUse, noRun, runLength, worthOf } from "../../../src/investigation/chain/UselessRun.ts"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { request, target } from "../fixtures/Requests.ts"
import { chainOf, error, fails, rules, scripted, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

const many = (count: number) => Array.from({ length: count }, (_, index) => `Deployment shop/w${index}`)

describe("a run of useless calls", () => {
  const after = (targets: ReadonlyArray<string>) =>
    targets.reduce((run, each) => afterCall(run, "useless", each), noRun)

  it("shows after five targets that the provider is of no use, and not after four", () => {
    assert.strictEqual(runLength, 5)
    assert.isFalse(isOfNoUse(after(many(4))))
    assert.isTrue(isOfNoUse(after(many(5))))
  })

  it("counts a target once, however often it fires", () => {
    assert.isFalse(isOfNoUse(after([...Array.from({ length: 100 }, () => "Deployment shop/w0"), ...many(4)])))
  })

  it("ends with the first usable answer, and not with a failure that the breaker counts", () => {
    assert.deepStrictEqual(afterCall(after(many(5)), "usable", "x"), noRun)
    assert.isTrue(isOfNoUse(afterCall(after(many(5)), "nothing", "x")))
  })

  it("does not grow without end", () => {
    assert.strictEqual(after(many(1000)).length, runLength)
  })

  it.each<readonly [InvestigatorErrorReason, boolean, string]>([
    [{ _tag: "Refused" }, false, "useless"],
    [{ _tag: "BadRequest" }, false, "useless"],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1 }, false, "useless"],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1, unsent: true }, false, "nothing"],
    [{ _tag: "BadRequest", unsent: true }, false, "nothing"],
    [{ _tag: "InvalidAnswer", problem: "x" }, false, "useless"],
    [{ _tag: "Authentication", forbidden: true }, false, "useless"],
    [{ _tag: "InvalidAnswer", problem: "a page of a gateway" }, true, "nothing"],
    [{ _tag: "Unavailable" }, true, "nothing"],
    [{ _tag: "NoRule" }, false, "nothing"]
  ])("%j, counted by the breaker: %s, is %s", (reason, counts, worth) => {
    assert.strictEqual(worthOf("llm", error(reason, false, counts)), worth)
  })

  it("counts no refusal of a custom investigator, which may be for other alerts", () => {
    assert.strictEqual(worthOf("custom", error({ _tag: "Refused" }, false, false)), "nothing")
    assert.strictEqual(worthOf("custom", error({ _tag: "InvalidAnswer", problem: "x" }, false, false)), "useless")
  })
})

describe("a provider of no use", () => {
  const refused = Effect.fail(error({ _tag: "Refused" }, false, false))
  const about = (name: string) => request({ target: { ...target, name } })
  const made = Effect.gen(function* () {
    const llm = scripted("llm", refused, { provider: "a" })
    const chain = yield* chainOf([llm, rules()], { pipeline: () => ({ retry: false }) })
    const hop = (name: string) =>
      Effect.map(withTime(chain.investigate(about(name))), ({ hops: [first] }) => `${first?.outcome} ${first?.reason}`)
    return { llm, hop, state: chain.tiers[0]!.circuitBreaker!.state }
  })

  it.effect("is out after it has refused the alerts of five targets, with a reason of its own", () =>
    Effect.gen(function* () {
      const { hop, state } = yield* made
      for (let index = 0; index < 5; index++) assert.strictEqual(yield* hop(`w${index}`), "failed refused")
      assert.deepInclude(yield* state, { _tag: "Open", reason: "of-no-use" })
      assert.strictEqual(yield* hop("w6"), "skipped of-no-use")
    })
  )

  it.effect("is not found in one alert that is refused a hundred times, nor in many with an answer in between", () =>
    Effect.gen(function* () {
      const { hop, llm, state } = yield* made
      for (let times = 0; times < 100; times++) yield* hop("w0")
      for (let index = 1; index < 4; index++) yield* hop(`w${index}`)
      llm.behaviour = succeeds
      yield* hop("w4")
      llm.behaviour = refused
      for (let index = 5; index < 9; index++) yield* hop(`w${index}`)
      assert.strictEqual((yield* state)._tag, "Closed")
    })
  )

  it.effect("is out again at the first useless call after it was found up, and in use after a usable one", () =>
    Effect.gen(function* () {
      const { hop, llm, state } = yield* made
      for (let index = 0; index < 5; index++) yield* hop(`w${index}`)
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* hop("w0"), "failed refused")
      assert.strictEqual((yield* state)._tag, "Open")
      llm.behaviour = succeeds
      yield* TestClock.adjust("60 seconds")
      for (let calls = 0; calls < 3; calls++) yield* hop("w0")
      assert.strictEqual((yield* state)._tag, "Closed")
      llm.behaviour = refused
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* hop("w0"), "failed refused")
      assert.strictEqual((yield* state)._tag, "Closed")
    })
  )

  it.effect("is not what a provider is that got none of the alerts, because they are too long by our own count", () =>
    Effect.gen(function* () {
      const { hop, llm, state } = yield* made
      llm.behaviour = Effect.fail(error({ _tag: "ContextOverflow", tokens: 2, limit: 1, unsent: true }, false, false))
      for (let index = 0; index < 10; index++) assert.strictEqual(yield* hop(`w${index}`), "failed context-overflow")
      assert.strictEqual((yield* state)._tag, "Closed")
    })
  )

  it.effect("is not what a provider is that fails: its breaker counts that", () =>
    Effect.gen(function* () {
      const { hop, llm, state } = yield* made
      llm.behaviour = fails
      for (let index = 0; index < 5; index++) yield* hop(`w${index}`)
      const { _tag, reason } = yield* state
      assert.deepStrictEqual([_tag, reason], ["Open", undefined])
    })
  )
})
