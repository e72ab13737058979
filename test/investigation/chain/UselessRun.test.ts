import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Target } from "../../../src/domain/Target.ts"
import {
  afterCall,
  noRun,
  runLength,
  together,
  type Worth,
  worthOf
} from "../../../src/investigation/chain/UselessRun.ts"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { request, target } from "../fixtures/Requests.ts"
import { chainOf, error, fails, rules, scripted, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

const deployment = (namespace: string, name: string) => ({ ...target, namespace, name })
const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => deployment("shop", `w${index + from}`))
const everywhere = (count: number) => Array.from({ length: count }, (_, index) => deployment(`team-${index}`, "w"))

describe("a run of useless calls", () => {
  /** After which calls it shows that the provider is of no use, and the run after all of them. */
  const after = (targets: ReadonlyArray<Target>, worth: Worth = "useless", from = noRun) => {
    let run = from
    const outs = targets.flatMap((each, index) => {
      const next = afterCall(run, worth, each)
      run = next.run
      return next.isOfNoUse ? [index + 1] : []
    })
    return { outs, run }
  }

  it("shows after five targets that the provider is of no use, and not after four", () => {
    assert.strictEqual(runLength, 5)
    assert.deepStrictEqual(after(many(4)).outs, [])
    assert.deepStrictEqual(after(many(5)).outs, [5])
  })

  it("counts a target once, however often it fires", () => {
    const one = Array.from({ length: 100 }, () => deployment("shop", "w0"))
    assert.deepStrictEqual(after([...one, ...many(4)]).outs, [])
  })

  it("counts a namespace once for what is refused, whose owner may have written all of it", () => {
    assert.deepStrictEqual(after(many(100), "refused").outs, [])
    assert.deepStrictEqual(after(everywhere(5), "refused").outs, [5])
    const nodes = many(5).map(({ name }) => ({ ...target, kind: "Node", namespace: "", name }))
    assert.deepStrictEqual(after(nodes, "refused").outs, [5])
  })

  it("begins again when the provider was out, and what has counted does not count again", () => {
    const { run } = after(many(5))
    assert.deepStrictEqual(after([...many(5), ...many(5)], "useless", run).outs, [])
    assert.deepStrictEqual(after(many(9), "useless", run).outs, [])
    assert.deepStrictEqual(after(many(10), "useless", run).outs, [10])
    const refused = after(everywhere(5), "refused").run
    assert.deepStrictEqual(after(everywhere(5), "refused", refused).outs, [])
  })

  it("ends with the first usable answer, and not with a failure that the breaker counts", () => {
    assert.deepStrictEqual(afterCall(after(many(7)).run, "usable", target).run, noRun)
    const { run } = after(many(4))
    assert.deepStrictEqual(afterCall(run, "nothing", target).run, run)
  })

  it("does not grow without end", () => {
    const { run } = after(many(1000))
    assert.isAtMost(run.counted.length + run.spent.length, 105)
  })

  it("does not count a request that two tiers refuse, and counts one that the other has answered or failed at", () => {
    const refused = { tier: "a", worth: "refused" } as const
    assert.deepStrictEqual(together([refused, { tier: "b", worth: "refused" }]), [])
    for (const worth of ["usable", "useless", "nothing"] as const)
      assert.deepStrictEqual(together([refused, { tier: "b", worth }]), [refused, { tier: "b", worth }])
    assert.deepStrictEqual(together([refused, refused]), [refused, refused])
  })

  it.each<readonly [InvestigatorErrorReason, boolean, string]>([
    [{ _tag: "Refused" }, false, "refused"],
    [{ _tag: "BadRequest" }, false, "refused"],
    [{ _tag: "ContextOverflow", tokens: 2, limit: 1 }, false, "refused"],
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
  /** Each has a namespace of its own. */
  const about = (name: string) => request({ target: deployment(name, "checkout") })
  const made = Effect.gen(function* () {
    const llm = scripted("llm", refused, { provider: "a" })
    const chain = yield* chainOf([llm, rules()], { pipeline: () => ({ retry: false }) })
    const hop = (name: string) =>
      Effect.map(withTime(chain.investigate(about(name))), ({ hops: [first] }) => `${first?.outcome} ${first?.reason}`)
    return { llm, hop, state: chain.tiers[0]!.circuitBreaker!.state }
  })

  it.effect("is out after it has refused the alerts of five namespaces, with a reason of its own", () =>
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

  it.effect("is out again after five others once it was found up, and not by those who have put it out", () =>
    Effect.gen(function* () {
      const { hop, state } = yield* made
      for (let index = 0; index < 5; index++) yield* hop(`w${index}`)
      yield* TestClock.adjust("30 seconds")
      for (let index = 0; index < 5; index++) assert.strictEqual(yield* hop(`w${index}`), "failed refused")
      for (let index = 5; index < 9; index++) assert.strictEqual(yield* hop(`w${index}`), "failed refused")
      assert.strictEqual((yield* state)._tag, "HalfOpen")
      assert.strictEqual(yield* hop("w9"), "failed refused")
      assert.deepInclude(yield* state, { _tag: "Open", reason: "of-no-use" })
    })
  )

  it.effect("is not what two providers are that refuse the alerts of one tenant, whose others they answer", () =>
    Effect.gen(function* () {
      const [a, b] = ["a", "b"].map((provider) => scripted("llm", refused, { provider }))
      const chain = yield* chainOf([a!, b!, rules()], { pipeline: () => ({ retry: false }) })
      const hops = (namespace: string, name: string) =>
        Effect.map(withTime(chain.investigate(request({ target: deployment(namespace, name) }))), (result) =>
          result.hops.map(({ outcome, reason = "" }) => `${outcome} ${reason}`)
        )
      // Both refuse whatever the tenant writes, into however many namespaces.
      for (let index = 0; index < 20; index++)
        assert.deepStrictEqual(yield* hops(`tenant-${index}`, `w${index}`), [
          "failed refused",
          "failed refused",
          "answered "
        ])
      a!.behaviour = succeeds
      assert.deepStrictEqual(yield* hops("shop", "checkout"), ["answered "])
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
