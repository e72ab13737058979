/**
 * Fits a prompt into a model's context window before the call, so that an overflow costs no request.
 *
 * **Details**
 *
 * Alerts are shortened to their share of the window (`AlertText`), and the data is made once for each call, with other
 * work of the process in between. A prompt that does not fit loses its logs, then its events, then the related alerts,
 * then the partial findings. If it still does not fit, the result is a `ContextOverflow`, which is not retried and
 * which the breaker does not count.
 *
 * - A prompt with fewer bytes than the window has tokens fits in any case, so nothing is counted. Its size is estimated.
 * - Any other one is counted by a real tokenizer (`Tokenizer`), and multiplied by what the model's own may make of it.
 * - When a provider says that a prompt is too long, the next one is measured in the same way and has to be smaller. So no
 *   size is ever sent twice.
 *
 * The default window of 131,072 tokens is the limit in `docs/requirements.md` (Fallback).
 */

import { Effect, Result } from "effect"
import type { InvestigationRequest } from "../Investigator.ts"
import { type Droppable, droppable, linesOf, ofLines, type Prompt } from "./Prompt.ts"
import { bytesOf, type CountTokens, estimateTokens } from "./Tokenizer.ts"

export const defaultContextTokens = 131_072
/** Reserved for the answer: a few hundred tokens, plus those that a reasoning model uses to think. */
export const answerTokens = 4096

/** How the size of a prompt was found. */
export type Measure = "counted" | "estimated"

export interface Fitted {
  readonly prompt: Prompt
  readonly tokens: number
  readonly without: ReadonlyArray<Droppable>
  readonly measure: Measure
}

export interface Window {
  readonly contextTokens: number
  /**
   * What a whole window has for a prompt, of which the alerts have their share. It stays as it is when a prompt has to
   * be smaller than one before: otherwise each would lose a few letters of its alerts instead of a part.
   */
  readonly roomTokens: number
  /** Further text in the request, such as the schema. */
  readonly overhead: string
  readonly answerTokens: number
  readonly count: CountTokens
  /** See `Tokenizer.factorOf`. */
  readonly factor: number
  /** How the prompt before was measured, where a provider has found it too long. */
  readonly measure?: Measure
}

const textOf = ({ instructions, question }: Prompt, overhead: string): string =>
  [overhead, instructions, question].join("\n")

const sizeOf = (text: string, { answerTokens: answer, contextTokens, count, factor, measure }: Window) =>
  Effect.gen(function* () {
    if (measure === "estimated" || (measure === undefined && bytesOf(text) + answer <= contextTokens))
      return { tokens: answer + estimateTokens(text), measure: "estimated" as const }
    const counted = yield* count(text, (contextTokens - answer) / factor)
    return { tokens: answer + Math.ceil(counted * factor), measure: "counted" as const }
  })

/** The longest prompt that fits, or the size of the shortest one if none fits. */
export const fit = (
  request: InvestigationRequest,
  window: Window
): Effect.Effect<Result.Result<Fitted, { readonly tokens: number; readonly limit: number }>> =>
  Effect.gen(function* () {
    const parts = droppable.filter((part) => part !== "partial" || request.partial !== undefined)
    const lines = yield* linesOf(request, window.roomTokens)
    let tokens = 0
    for (let dropped = 0; dropped <= parts.length; dropped++) {
      const without = parts.slice(0, dropped)
      const prompt = ofLines(lines, without)
      const size = yield* sizeOf(textOf(prompt, window.overhead), window)
      tokens = size.tokens
      if (tokens <= window.contextTokens) return Result.succeed({ prompt, tokens, without, measure: size.measure })
    }
    return Result.fail({ tokens, limit: window.contextTokens })
  })
