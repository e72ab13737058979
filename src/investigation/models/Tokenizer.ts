/**
 * Counts the tokens of a text by a real tokenizer: OpenAI's `o200k_base`, by `gpt-tokenizer`.
 *
 * **Details**
 *
 * - It is loaded at the first text that has to be counted, because its ranks are some 2 MB of source and 70 MB in memory.
 * - A text is counted in slices, with other work in between. A byte-pair encoder takes quadratic time for a long run of
 *   letters, spaces or emoji: 9 to 22 s for 100 KB as a whole, and 0.1 s in slices. The cuts add less than 2 % of
 *   tokens.
 * - It stops soon after the limit, so a text of any length costs no more than the window does.
 * - Names of special tokens are text here. A log may contain them.
 */

import { Effect } from "effect"

/** Counts tokens. A count above `most` may be too low: it only says that the text does not fit. */
export type CountTokens = (text: string, most: number) => Effect.Effect<number>

const bytesPerToken = 2
const encoder = new TextEncoder()

/** The size of a text in UTF-8. No byte-pair encoder makes more tokens than bytes of it. */
export const bytesOf = (text: string): number => encoder.encode(text).length

/** An estimate of the number of tokens in a text, high for English, logs and JSON, and low for base64 and rare symbols. */
export const estimateTokens = (text: string): number => Math.ceil(bytesOf(text) / bytesPerToken)

/** In characters. */
export const sliceLength = 512
/** So many slices are counted without a pause: some milliseconds. */
const slicesAtOnce = 16

const asText = { allowedSpecial: new Set<string>(), disallowedSpecial: new Set<string>() }

let loaded: Promise<(text: string) => number> | undefined

const load = (): Promise<(text: string) => number> =>
  (loaded ??= import("gpt-tokenizer/encoding/o200k_base").then(
    ({ countTokens }) =>
      (text) =>
        countTokens(text, asText)
  ))

/** Counts as OpenAI's newer models do. Without its ranks it estimates, which is better than no investigation. */
export const countTokens: CountTokens = (text, most) =>
  Effect.gen(function* () {
    const count = yield* Effect.tryPromise(load)
    let tokens = 0
    for (let at = 0, slices = 1; at < text.length && tokens <= most; at += sliceLength, slices++) {
      tokens += count(text.slice(at, at + sliceLength))
      if (slices % slicesAtOnce === 0) yield* Effect.yieldNow
    }
    return tokens
  }).pipe(
    Effect.catch((error) =>
      Effect.as(
        Effect.logWarning("Tokens are estimated, because the tokenizer cannot be loaded", { error: error._tag }),
        estimateTokens(text)
      )
    )
  )

/** Estimates, without anything to load. */
export const estimate: CountTokens = (text) => Effect.sync(() => estimateTokens(text))

/** OpenAI's models, by the names that they have there and at gateways. */
const ofOpenAi = /(^|\/)(chatgpt-|gpt-|o\d)/
const ofAnthropic = /claude/

/**
 * By how much a model's own tokenizer may make more tokens than `o200k_base`.
 *
 * - OpenAI's own: none.
 * - Claude: 1.7. Claude 3 made up to 30 % more tokens than GPT-4o for code and logs (comparisons of 2025), and the newer
 *   models make about 30 % more than those (Anthropic's documentation of token counting).
 * - Others, and one that is not known: 1.3. Vocabularies of 128,000 to 150,000 tokens are common in open models and
 *   slightly less dense, those of 32,000 noticeably.
 */
export const factorOf = (model: string | undefined): number => {
  if (model !== undefined && ofOpenAi.test(model)) return 1
  return model !== undefined && ofAnthropic.test(model) ? 1.7 : 1.3
}
