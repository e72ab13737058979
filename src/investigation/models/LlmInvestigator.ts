/**
 * A language model as an investigator, over `effect/ai`'s `LanguageModel`: any provider's layer plugs in.
 *
 * **Details**
 *
 * One request generates one object of the schema `Answer`, without tools and without a conversation. The prompt is
 * first fitted to the context window (`ContextWindow`). If the provider still rejects it as too long, the request is
 * repeated without the next droppable part, at most three times within the same attempt. The model sees the evidence
 * from `EvidenceGatherer`. Unlike HolmesGPT it cannot query the cluster, so its confidence is capped at 0.8.
 *
 * Several providers are several investigators. The chain tries them in order, each behind its own breaker. `AiFailure`
 * says what each failure means.
 */

import { Effect, Result } from "effect"
import { LanguageModel, Prompt as AiPrompt } from "effect/ai"
import { type InvestigationRequest, type Investigator, InvestigatorError } from "../Investigator.ts"
import { toInvestigatorError } from "./AiFailure.ts"
import { Answer, answerJsonSchema, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit } from "./ContextWindow.ts"
import { droppable, type Prompt } from "./Prompt.ts"

/** The name of the provider, and what its model allows. */
export interface Options {
  /** The configured name of the provider. It is unique in the chain, and part of the names of its breaker and metrics. */
  readonly provider: string
  /** The context window in tokens. Default 131,072. Set less for a smaller model. */
  readonly contextTokens?: number
  /** See `Investigator.probe`. `OpenAiLanguageModel` and `AnthropicLanguageModel` each export one. */
  readonly probe?: Investigator["probe"]
}

const schemaText = JSON.stringify(answerJsonSchema)

const overflow = (size: { readonly tokens: number; readonly limit: number }): InvestigatorError =>
  new InvestigatorError({
    investigator: "llm",
    reason: { _tag: "ContextOverflow", ...size },
    retryable: false,
    countsAsFailure: false
  })

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
    const { contextTokens: limit = defaultContextTokens, probe, provider } = options
    const generate = (request: InvestigationRequest, within: number): Effect.Effect<Answer, InvestigatorError> =>
      Effect.suspend(() => {
        const fitted = fit(request, { contextTokens: within, overhead: schemaText, answerTokens })
        if (Result.isFailure(fitted)) return Effect.fail(overflow({ ...fitted.failure, limit }))
        const { prompt, tokens, without } = fitted.success
        return Effect.annotateCurrentSpan({
          "kubernaut.prompt.tokens.estimated": tokens,
          "kubernaut.prompt.without": [...without]
        }).pipe(
          Effect.andThen(model.generateObject({ schema: Answer, objectName: "answer", prompt: toAiPrompt(prompt) })),
          Effect.map((response): Answer => response.value),
          Effect.mapError((error) => toInvestigatorError("llm", error.reason, { tokens, limit })),
          Effect.catchIf(
            (error) => error.reason._tag === "ContextOverflow" && without.length < droppable.length,
            () => generate(request, tokens - 1)
          )
        )
      })
    const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
      const investigation = toInvestigation(request, yield* generate(request, limit), { investigator: "llm", provider })
      return yield* Result.isFailure(investigation)
        ? new InvestigatorError({
            investigator: "llm",
            reason: { _tag: "InvalidAnswer", problem: investigation.failure },
            retryable: false,
            countsAsFailure: true
          })
        : Effect.succeed(investigation.success)
    })
    return { name: "llm", provider, needsEvidence: true, investigate, ...(probe === undefined ? {} : { probe }) }
  })
