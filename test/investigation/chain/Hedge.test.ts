import { assert, describe, it } from "@effect/vitest"
import {
  candidates,
  type Choice,
  choose,
  type Course,
  isHedged,
  outcomeOf
} from "../../../src/investigation/chain/Hedge.ts"

describe("whose answer is used", () => {
  /** Of the model beside it: not called, at work, answered, failed. */
  const table: ReadonlyArray<
    readonly [
      first: "works" | "answered" | "failed",
      isOver: boolean,
      none: Choice,
      works: Choice,
      answered: Choice,
      failed: Choice
    ]
  > = [
    ["answered", false, "first", "first", "first", "first"],
    ["answered", true, "first", "first", "first", "first"],
    ["works", false, "wait", "wait", "wait", "wait"],
    ["works", true, "wait", "wait", "beside", "wait"],
    ["failed", false, "neither", "wait", "beside", "neither"],
    ["failed", true, "neither", "wait", "beside", "neither"]
  ]
  const courses: ReadonlyArray<Course> = ["none", "works", "answered", "failed"]

  it.each(table)("where the first tier %s, and the deadline being over is %s", (first, isOver, ...choices) => {
    assert.deepStrictEqual(
      courses.map((beside) => choose({ first, beside, isOver })),
      choices
    )
  })

  it("is never the answer beside the first tier while that one has a complete one", () => {
    for (const beside of courses)
      for (const isOver of [true, false]) assert.strictEqual(choose({ first: "answered", beside, isOver }), "first")
  })
})

describe("what became of a hedge", () => {
  it("is told only where one was due", () => {
    assert.isUndefined(outcomeOf("first", undefined))
    assert.deepStrictEqual(
      (["no-token", "no-model"] as const).map((hedge) => outcomeOf("neither", hedge)),
      ["no-token", "no-model"]
    )
    assert.deepStrictEqual(
      (["first", "beside", "neither"] as const).map((choice) => outcomeOf(choice, "started")),
      ["lost", "won", "failed"]
    )
  })
})

describe("the models that may be asked beside HolmesGPT", () => {
  const tier = (
    name: "holmesgpt" | "llm" | "rules" | "custom",
    provider: string,
    more: { readonly host?: string; readonly account?: string } = {}
  ) => ({
    investigator: { name },
    service: name === "llm" ? `llm:${provider}` : name,
    account: provider,
    ...more
  })
  const own = tier("custom", "own")
  const holmes = tier("holmesgpt", "holmesgpt", { host: "gateway:1" })
  const behindIt = tier("llm", "behind", { host: "gateway:1" })
  const sameKey = tier("llm", "key", { account: "holmesgpt" })
  const [a, b, c] = [tier("llm", "a"), tier("llm", "b"), tier("llm", "c", { host: "down:1" })]
  const d = tier("llm", "d", { host: "down:1" })
  const tiers = [own, holmes, behindIt, sameKey, a, tier("custom", "late"), b, c, d, tier("rules", "rules")]
  const names = (used: Parameters<typeof candidates<typeof a>>[2] = [], held?: ReadonlyArray<string>) =>
    candidates(holmes, tiers, used, held).map(({ account }) => account)

  it("are the LLMs after it that use neither its server nor its key, in the order of the chain", () => {
    assert.deepStrictEqual(names(), ["a", "b", "c", "d"])
  })

  it("are none that was called for this alert, that the level holds, or whose server cannot be reached", () => {
    assert.deepStrictEqual(names([{ tier: a, attempts: 1, isUnreachable: false }]), ["b", "c", "d"])
    assert.deepStrictEqual(names([], ["llm:b"]), ["a", "c", "d"])
    assert.deepStrictEqual(names([{ tier: c, attempts: 1, isUnreachable: true }]), ["a", "b"])
  })

  it("are asked beside HolmesGPT only: nobody knows whether an embedder's own investigator only reads", () => {
    assert.deepStrictEqual((["holmesgpt", "llm", "custom", "rules"] as const).map(isHedged), [
      true,
      false,
      false,
      false
    ])
  })
})
