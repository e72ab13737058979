/**
 * Fits a prompt into a model's context window before the call, so that an overflow costs no request.
 *
 * **Details**
 *
 * The estimate is one token for every two bytes. Byte-pair tokenizers average three to four bytes a token on English
 * and two to three on logs and JSON, so the estimate is high for text from Kubernetes. Text made of rare symbols alone
 * can be denser; then the provider rejects it. A prompt that does not fit loses its logs, then its events, then the
 * related alerts. If it still does not fit, the result is a `ContextOverflow`, which is not retried and which the
 * breaker does not count.
 *
 * The default window of 131,072 tokens is the limit in `docs/requirements.md` (Fallback).
 */

import { Result } from "effect"
import type { InvestigationRequest } from "../Investigator.ts"
import { type Droppable, droppable, make as makePrompt, type Prompt } from "./Prompt.ts"

export const defaultContextTokens = 131_072
/** Reserved for the answer: a few hundred tokens, plus those that a reasoning model uses to think. */
export const answerTokens = 4096

const bytesPerToken = 2
const encoder = new TextEncoder()

/** An upper estimate of the number of tokens in a text. */
export const estimateTokens = (text: string): number => Math.ceil(encoder.encode(text).length / bytesPerToken)

export interface Fitted {
  readonly prompt: Prompt
  readonly tokens: number
  readonly without: ReadonlyArray<Droppable>
}

/**
 * The longest prompt that fits, or the size of the shortest one if none fits. `overhead`: further text in the request,
 * such as the schema.
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
