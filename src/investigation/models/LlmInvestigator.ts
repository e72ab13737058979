/**
 * A language model as an investigator, over `effect/ai`'s `LanguageModel`: any provider's layer plugs in.
 *
 * **Details**
 *
 * One request generates one object of the schema `Answer`, without tools and without a conversation. The prompt is
 * first fitted to the context window (`ContextWindow`). If the provider still rejects it as too long and says how long
 * it may be, it is fitted to that and sent once more; otherwise it is repeated without the next droppable part, at most
 * four times. All of that is one attempt. The model sees the evidence from `EvidenceGatherer`. Unlike HolmesGPT it
 * cannot query the cluster, so its confidence is capped at 0.8.
 *
 * Several providers are several investigators. The chain tries them in order, each behind its own breaker. `AiFailure`
 * says what each failure means.
 */

import { Clock, Effect, Result } from "effect"
import { LanguageModel, Prompt as AiPrompt, type Response } from "effect/ai"
import * as Monotonic from "../../resilience/Monotonic.ts"
import { type InvestigationRequest, type Investigator, InvestigatorError } from "../Investigator.ts"
import type { BudgetUsedUp } from "../spend/Budget.ts"
import { effortOf } from "../spend/Effort.ts"
import { unmetered } from "../spend/Meter.ts"
import { ReportUsage } from "../spend/ModelUsage.ts"
import type { Most } from "../spend/PossibleUsage.ts"
import type { Price } from "../spend/Price.ts"
import { toInvestigatorError } from "./AiFailure.ts"
import { Answer, answerJsonSchema, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit, type Fitted, type Window } from "./ContextWindow.ts"
import { droppable, type Prompt } from "./Prompt.ts"
import { bytesOf, type CountTokens, countTokens, factorOf } from "./Tokenizer.ts"

/** The name of the provider, and what its model allows. */
export interface Options {
  /** The configured name of the provider. It is unique in the chain, and part of the names of its breaker and metrics. */
  readonly provider: string
  /** The context window in tokens. Default 131,072. Set less for a smaller model. */
  readonly contextTokens?: number
  /** The name of the model, for the ledger, and to know how dense its tokens are (`Tokenizer.factorOf`). */
  readonly model?: string
  /** Counts tokens where a prompt may be too long. Default: a real tokenizer (`Tokenizer`). */
  readonly countTokens?: CountTokens
  /** What its tokens cost. Default: not known. */
  readonly price?: Price
  /** See `Investigator.account`. `PeerIdentity.identityOf` makes one of a key. */
  readonly account?: string
  /** See `Investigator.host`. */
  readonly host?: string
  /** See `Investigator.probe`. `OpenAiLanguageModel` and `AnthropicLanguageModel` each export one. */
  readonly probe?: Investigator["probe"]
}

const schemaText = JSON.stringify(answerJsonSchema)

const overflow = (size: { readonly tokens: number; readonly limit: number }, isRepeat: boolean): InvestigatorError =>
  new InvestigatorError({
    investigator: "llm",
    // Before a repeat, the provider itself has found it too long.
    reason: { _tag: "ContextOverflow", ...size, ...(isRepeat ? {} : { unsent: true }) },
    retryable: false,
    countsAsFailure: false
  })

/** Our estimate is not the provider's count, and what it says is not exact. */
const margin = 0.95

/** The size of a request of which only a share fits. The answer is not shortened. */
const shortened = (tokens: number, share: number): number =>
  Math.min(tokens - 1, answerTokens + Math.floor((tokens - answerTokens) * share * margin))

type Within = Pick<Window, "contextTokens" | "measure" | "roomTokens">

/** For the repeat of a prompt that the provider has found too long. `share`: how much of it fits, if it says so. */
const narrowed = ({ measure, tokens }: Fitted, { roomTokens }: Within, share: number | undefined): Within => {
  if (share === undefined) return { contextTokens: tokens - 1, roomTokens, measure }
  const contextTokens = shortened(tokens, share)
  return { contextTokens, roomTokens: Math.min(roomTokens, contextTokens - answerTokens), measure }
}

const overBudget = ({ used }: BudgetUsedUp, isRepeat: boolean): InvestigatorError =>
  new InvestigatorError({
    investigator: "llm",
    reason: { _tag: "OverBudget", used, ...(isRepeat ? { isRepeat } : {}) },
    retryable: false,
    countsAsFailure: false
  })

/**
 * Any language model tells its usage with an answer. Ours tell it as well where there is no answer. An answer has
 * tokens, so 0 is what a gateway writes that does not know.
 */
const reportUsage = ({ usage }: { readonly usage: Response.Usage }): Effect.Effect<void> =>
  Effect.map(ReportUsage, (report) => {
    const [input, output] = [usage.inputTokens.total ?? null, usage.outputTokens.total ?? null]
    if (input !== null || output !== null) report({ inputTokens: input, outputTokens: output === 0 ? null : output })
  })

/** What a gateway may add to a prompt: its own instructions, and those for the answer's format. */
const addedTokens = 10_000

/** Twice of what any model writes in one answer, with what it thinks. */
const mostWritten = 262_144

/** The most that a call with the prompt can take. No tokenizer makes more tokens of a text than it has bytes. */
const mostOf = ({ instructions, question }: Prompt, contextTokens: number): Most => ({
  inputTokens: Math.max(bytesOf(schemaText + instructions + question) + addedTokens, contextTokens),
  outputTokens: mostWritten
})

/** The effect, and how many milliseconds it took. */
const timing = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): { readonly run: Effect.Effect<A, E, R>; readonly tookMs: () => number } => {
  let tookMs = 0
  const run = Effect.flatMap(Monotonic.nowMs, (startedMs) =>
    Effect.ensuring(
      effect,
      Effect.map(Monotonic.nowMs, (nowMs) => void (tookMs = nowMs - startedMs))
    )
  )
  return { run, tookMs: () => tookMs }
}

const toAiPrompt = (prompt: Prompt): AiPrompt.Prompt =>
  AiPrompt.make([
    { role: "system", content: prompt.instructions },
    { role: "user", content: [{ type: "text", text: prompt.question }] }
  ])

/**
 * Makes the investigator with the language model from the context: any `LanguageModel` layer plugs in.
 *
 * **Example** (a model that runs in the cluster)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Investigator, LlmInvestigator, OpenAiLanguageModel } from "kubernaut"
 *
 * const server = { url: "http://ollama:11434/v1", model: "llama3.3" }
 * const investigator = LlmInvestigator.make({
 *   provider: "ollama",
 *   contextTokens: 32_768,
 *   probe: OpenAiLanguageModel.probe(server)
 * }).pipe(Effect.provide(OpenAiLanguageModel.layer(server)))
 *
 * Investigator.serviceName(await Effect.runPromise(investigator)) // => "llm:ollama"
 * ```
 */
export const make = (options: Options): Effect.Effect<Investigator, never, LanguageModel.LanguageModel> =>
  Effect.map(LanguageModel.LanguageModel, (model) => {
    const { account, contextTokens: limit = defaultContextTokens, host, model: name, price, probe, provider } = options
    const named = { ...(name === undefined ? {} : { model: name }), ...(price === undefined ? {} : { price }) }
    const shared = { ...(account === undefined ? {} : { account }), ...(host === undefined ? {} : { host }) }
    const { countTokens: count = countTokens } = options
    const window = { overhead: schemaText, answerTokens, count, factor: factorOf(name) }
    const generate = (
      request: InvestigationRequest,
      within: Within,
      { isFitted = false, isRepeat = false } = {}
    ): Effect.Effect<Answer, InvestigatorError> =>
      Effect.flatMap(fit(request, { ...window, ...within }), (fitted) => {
        if (Result.isFailure(fitted)) return Effect.fail(overflow({ ...fitted.failure, limit }, isRepeat))
        const { measure, prompt, tokens, without } = fitted.success
        const ask = model.generateObject({ schema: Answer, objectName: "answer", prompt: toAiPrompt(prompt) }).pipe(
          Effect.tap(reportUsage),
          Effect.map((response): Answer => response.value),
          Effect.catch((error) =>
            Effect.flatMap(Clock.currentTimeMillis, (nowMs) =>
              Effect.fail(toInvestigatorError("llm", error.reason, { tokens, limit }, nowMs))
            )
          )
        )
        const timed = timing(ask)
        const call = {
          ...named,
          estimate: { inputTokens: tokens - answerTokens, outputTokens: answerTokens },
          most: mostOf(prompt, limit)
        }
        return Effect.annotateCurrentSpan({
          "kubernaut.prompt.tokens": tokens,
          "kubernaut.prompt.measure": measure,
          "kubernaut.prompt.without": [...without]
        }).pipe(
          Effect.andThen(
            (request.meter ?? unmetered)(call, timed.run, ({ reason }) => effortOf(reason, timed.tookMs()))
          ),
          Effect.catchTag("BudgetUsedUp", (error) => Effect.fail(overBudget(error, isRepeat))),
          Effect.catchIf(
            ({ reason }) => reason._tag === "ContextOverflow" && !isFitted && without.length < droppable.length,
            ({ reason }) => {
              const share = "share" in reason ? reason.share : undefined
              const narrower = narrowed(fitted.success, within, share)
              return generate(request, narrower, { isFitted: share !== undefined, isRepeat: true })
            }
          )
        )
      })
    const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
      const investigation = toInvestigation(
        request,
        yield* generate(request, { contextTokens: limit, roomTokens: limit - answerTokens }),
        {
          investigator: "llm",
          provider
        }
      )
      return yield* Result.isFailure(investigation)
        ? new InvestigatorError({
            investigator: "llm",
            reason: { _tag: "InvalidAnswer", problem: investigation.failure },
            retryable: false,
            countsAsFailure: false
          })
        : Effect.succeed(investigation.success)
    })
    const probing = probe === undefined ? {} : { probe }
    return { name: "llm", provider, needsEvidence: true, investigate, ...shared, ...probing }
  })
