/**
 * What the models of a run cost: how many tokens each counts for a call, what the service knows of its prices, and the
 * budgets of the run.
 */

import type { Budgets } from "../../investigation/spend/Budget.ts"
import type { Usage } from "../../investigation/spend/ModelUsage.ts"
import type { Price } from "../../investigation/spend/Price.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Setting } from "./FarEnd.ts"

/** Tokens of a call, as its model counts them. */
export interface Counted {
  readonly inputTokens: number
  readonly outputTokens: number
}

/** For a million tokens. The second provider is the cheaper one. */
export const prices: Readonly<Record<"holmesgpt" | "alpha" | "beta", Price>> = {
  holmesgpt: { input: 2, output: 8 },
  alpha: { input: 2.5, output: 10 },
  beta: { input: 0.5, output: 2 }
}

/** What the service expects of an investigation of HolmesGPT. Some take more. */
export const holmesGptEstimate = { inputTokens: 20_000, outputTokens: 800 } as const satisfies Usage

/** A tokenizer with four characters to a token. */
const charactersPerToken = 4
const tokensIn = (text: string): number => Math.ceil(text.length / charactersPerToken)

/** What a question and its answer cost at a language model. */
export const countedFor = (question: string, answer: string): Counted => ({
  inputTokens: tokensIn(question),
  outputTokens: tokensIn(answer)
})

/** What HolmesGPT's first call to its own model costs, and all of them in the end: some more for each step. */
export const countedInSteps = (
  question: string,
  random: SeededRandom
): { readonly first: Counted; readonly all: Counted } => {
  const first = { inputTokens: tokensIn(question) + 2000, outputTokens: 60 }
  const steps = 1 + random.below(4)
  return {
    first,
    all: {
      inputTokens: first.inputTokens * (steps + 1) + random.below(1000),
      outputTokens: first.outputTokens * (steps + 1) + random.below(300)
    }
  }
}

/**
 * The budgets of a run, drawn for each: in half of the runs they are so tight that calls are refused. Empty where the
 * scenario has none.
 */
export const budgetsOf = ({ scenario, world }: Pick<Setting, "scenario" | "world">): Budgets => {
  if (scenario.budgets !== true) return {}
  const random = world.random("budgets")
  if (!random.chance(0.5))
    return { incident: { tokens: 500_000, money: 1 }, hour: { money: 20 }, day: { money: 200, tokens: 100_000_000 } }
  return {
    incident: { tokens: random.between(20_000, 120_000) },
    hour: { money: random.between(200, 2000) / 1000 },
    day: { money: random.between(500, 4000) / 1000, tokens: random.between(300_000, 3_000_000) }
  }
}
