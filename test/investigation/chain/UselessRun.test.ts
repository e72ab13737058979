import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Target } from "../../../src/domain/Target.ts"
import {
  afterCalls,
  type Call,
  noRuns,
  runLength,
  spentForMs,
  type Worth,
  worthOf
} from "../../../src/investigation/chain/UselessRun.ts"
import type { InvestigatorErrorReason } from "../../../src/investigation/Investigator.ts"
import { alert, request, target } from "../fixtures/Requests.ts"
import { chainOf, error, fails, rules, scripted, succeeds, withTime } from "../fixtures/ScriptedChain.ts"

const deployment = (namespace: string, name: string) => ({ ...target, namespace, name })
const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => deployment("shop", `w${index + from}`))
/** Of no namespace. The alert names one, or none. */
const nodes = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ ...target, kind: "Node", namespace: "", name: `n${index + from}` }))
const everywhere = (count: number) => Array.from({ length: count }, (_, index) => deployment(`team-${index}`, "w"))

describe("a run of useless calls", () => {
  /** After which calls it shows that the provider is of no use, and the run after all of them. */
  const after = (
    targets: ReadonlyArray<Target>,
    worth: Worth = "useless",
    from = noRuns,
    nowMs = 0,
    labels: (index: number) => Readonly<Record<string, string>> = () => ({})
  ) => {
    let run = from
    const outs = targets.flatMap((each, index) => {
      const about = { alert: alert({ labels: labels(index) }), target: each }
      const next = afterCalls(run, [{ tier: "a", worth }], about, nowMs)
      run = next.runs
      return next.ofNoUse.has("a") ? [index + 1] : []
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

  it("counts a namespace once for what is refused or rejected, whose owner may have written all of it", () => {
    for (const worth of ["refused", "rejected"] as const) {
      assert.deepStrictEqual(after(many(100), worth).outs, [])
      assert.deepStrictEqual(after(everywhere(5), worth).outs, [5])
    }
  })

  it("counts what has no namespace for that of its alert, and all of it that has none in its alert as one", () => {
    for (const labels of [() => ({ namespace: "shop" }), () => ({ namespace: "" }), () => ({})]) {
      for (const worth of ["refused", "rejected"] as const)
        assert.deepStrictEqual(after(nodes(100), worth, noRuns, 0, labels).outs, [])
      const { outs, run } = after(nodes(100), "useless", noRuns, 0, labels)
      assert.deepStrictEqual(outs, [5])
      assert.deepStrictEqual(after(nodes(50, 100), "useless", run, spentForMs - 1, labels).outs, [])
    }
    const teams = (index: number) => ({ namespace: `team-${index}` })
    for (const worth of ["refused", "rejected", "useless"] as const)
      assert.deepStrictEqual(after(nodes(5), worth, noRuns, 0, teams).outs, [5])
  })

  it("counts a namespace and what its alerts name without a namespace as one tenant", () => {
    const { run } = after(many(5))
    assert.deepStrictEqual(after(nodes(50), "useless", run, 0, () => ({ namespace: "shop" })).outs, [])
  })

  it("begins again when the provider was out, and a refusal that has counted does not count again", () => {
    const { run } = after(everywhere(5), "refused")
    assert.deepStrictEqual(after([...everywhere(9), ...everywhere(9)], "refused", run).outs, [])
    assert.deepStrictEqual(after(everywhere(10), "refused", run).outs, [10])
  })

  it("counts nothing again that comes from fewer than five namespaces, so that they cannot keep a provider out", () => {
    const four = everywhere(4).flatMap(({ namespace }) => many(5).map(({ name }) => deployment(namespace, name)))
    assert.deepStrictEqual(after([...many(5), ...many(5), ...many(5)]).outs, [5])
    assert.deepStrictEqual(after([...four, ...four]).outs, [5, 10, 15, 20])
    for (const worth of ["useless", "rejected"] as const)
      assert.deepStrictEqual(after([...everywhere(5), ...everywhere(4), ...everywhere(4)], worth).outs, [5])
  })

  it("counts again what is not refused and comes from five namespaces, so that a broken model is out again", () => {
    const five = everywhere(5)
    for (const worth of ["useless", "rejected"] as const)
      assert.deepStrictEqual(after([...five, ...five, ...five], worth).outs, [5, 10, 15])
    assert.deepStrictEqual(after([...five, ...five, ...five], "refused").outs, [5])
  })

  it("lets no namespace count again for ten minutes, however many objects it has, also after a usable answer", () => {
    const { run } = after(many(5))
    const answered = after([target], "usable", run).run
    for (const from of [run, answered]) {
      assert.deepStrictEqual(after(many(50, 5), "useless", from, spentForMs - 1).outs, [])
      assert.deepStrictEqual(after(many(5), "useless", from, spentForMs).outs, [5])
    }
    assert.deepStrictEqual(after([target], "usable", run, spentForMs).run, noRuns)
  })

  it("ends with the first usable answer, and not with a failure that the breaker counts", () => {
    assert.deepStrictEqual(after([target], "usable", after(many(4)).run).run, noRuns)
    const { run } = after(many(4))
    assert.deepStrictEqual(after([target], "nothing", run).run, run)
  })

  it("does not grow without end", () => {
    for (const worth of ["refused", "useless"] as const) {
      // A thousand objects of one namespace, and no answer in between.
      const [run] = after([...many(1000), ...everywhere(4), ...many(1000, 1000)], worth).run
      assert.isAtMost(run!.counted.length + run!.spent.size, 10)
    }
  })

  it.each<readonly [InvestigatorErrorReason, boolean, string]>([
    [{ _tag: "Refused" }, false, "refused"],
    [{ _tag: "BadRequest" }, false, "rejected"],
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

describe("the runs of several tiers", () => {
  /** The tiers that calls about one namespace after the other show to be of no use, after each of them. */
  const after = (calls: ReadonlyArray<ReadonlyArray<Call>>) => {
    let runs = noRuns
    return calls.map((each, index) => {
      const next = afterCalls(runs, each, request({ target: deployment(`team-${index}`, "w") }), 0)
      runs = next.runs
      return [...next.ofNoUse].toSorted().join(" ")
    })
  }
  const both = (a: Worth, b: Worth): ReadonlyArray<Call> => [
    { tier: "a", worth: a },
    { tier: "b", worth: b }
  ]
  const times = (count: number, calls: ReadonlyArray<Call>) => Array.from({ length: count }, () => calls)

  it("show that all tiers are of no use that refuse the same requests of five namespaces", () => {
    assert.deepStrictEqual(after(times(5, both("refused", "refused"))), ["", "", "", "", "a b"])
  })

  it("end with a usable answer of one of them, and not with one of another tier", () => {
    const refused = times(4, both("refused", "refused"))
    const next = times(1, both("refused", "refused"))
    for (const tier of ["a", "b"])
      assert.strictEqual(after([...refused, [{ tier, worth: "usable" }], ...next]).join(""), "")
    assert.strictEqual(after([...refused, [{ tier: "c", worth: "usable" }], ...next]).at(-1), "a b")
  })

  it("do not hold a refusal against one tier that another one has declined too", () => {
    const alone = times(4, [{ tier: "a", worth: "refused" }])
    for (const other of ["refused", "rejected"] as const)
      assert.strictEqual(after([...alone, both("refused", other)]).at(-1), "")
    for (const other of ["usable", "useless", "nothing"] as const)
      assert.strictEqual(after([...alone, both("refused", other)]).at(-1), "a")
  })

  it("hold a plain rejection against each tier, whatever the other one said and answers to others", () => {
    const others: Call = { tier: "a", worth: "usable" }
    const calls = times(5, both("refused", "rejected")).flatMap((each) => [each, [others]])
    assert.deepStrictEqual(
      after(calls).filter((out) => out !== ""),
      ["b"]
    )
    assert.deepStrictEqual(after(times(5, both("rejected", "rejected"))), ["", "", "", "", "a b"])
  })

  it("count a tier that was asked twice about one request once", () => {
    const twice: ReadonlyArray<Call> = [
      { tier: "a", worth: "refused" },
      { tier: "a", worth: "refused" }
    ]
    assert.deepStrictEqual(after(times(5, twice)), ["", "", "", "", "a"])
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
