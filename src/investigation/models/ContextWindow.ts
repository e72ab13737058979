/**
 * Fits a prompt into a model's context window before the call, so that an overflow costs nothing.
 *
 * **Details**
 *
 * Tokens are estimated as one for every two bytes. Byte-pair tokenizers average three to four bytes a token on English
 * and two to three on logs and JSON, so the estimate is high for what Kubernetes writes; text of nothing but rare
 * symbols can be denser, and then the provider's own refusal is what says so. A prompt that does not fit loses its
 * logs, then its events, then the related alerts. What does not fit even then is a `ContextOverflow`, which no retry
 * helps and no breaker counts.
 *
 * The window of 131,072 tokens is the source document's ("Context window overflow, >131K tokens").
 */

import { Result } from "effect"
import type { InvestigationRequest } from "../Investigator.ts"
import { type Droppable, droppable, make as makePrompt, type Prompt } from "./Prompt.ts"

export const defaultContextTokens = 131_072
/** Kept free for the answer. Ours are a few hundred tokens; reasoning models think in the same room. */
export const answerTokens = 4096

const bytesPerToken = 2
const encoder = new TextEncoder()

/** An upper estimate of how many tokens a text takes. */
export const estimateTokens = (text: string): number => Math.ceil(encoder.encode(text).length / bytesPerToken)

export interface Fitted {
  readonly prompt: Prompt
  readonly tokens: number
  readonly without: ReadonlyArray<Droppable>
}

/**
 * The fullest prompt that fits, or how far even the smallest one is from it. `overhead`: text sent besides, such as the
 * schema.
 */
export const fit = (
  request: InvestigationRequest,
  options: { readonly contextTokens: number; readonly overhead: string; readonly answerTokens: number }
): Result.Result<Fitted, { readonly tokens: number; readonly limit: number }> => {
  const overheadTokens = estimateTokens(options.overhead) + options.answerTokens
  let tokens = 0
  for (let dropped = 0; dropped <= droppable.length; dropped++) {
    const without = droppable.slice(0, dropped)
    const prompt = makePrompt(request, without)
    tokens = overheadTokens + estimateTokens(prompt.instructions) + estimateTokens(prompt.question)
    if (tokens <= options.contextTokens) return Result.succeed({ prompt, tokens, without })
  }
  return Result.fail({ tokens, limit: options.contextTokens })
}
