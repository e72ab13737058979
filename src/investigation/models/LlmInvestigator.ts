/**
 * A language model as an investigator, over `effect/ai`'s `LanguageModel`: any provider's layer plugs in.
 *
 * **Details**
 *
 * One request for one object of the schema of `Answer`, with the prompt fitted to the context window beforehand
 * (`ContextWindow`), no tools and no conversation. A provider that finds the prompt too long all the same is asked once
 * more for each part that can still be left out, so at most three times more, within the same attempt. The model sees
 * what `EvidenceGatherer` found; unlike HolmesGPT it can't look around by itself, which is why its confidence is capped
 * at 0.8.
 *
 * Several providers are several investigators: the chain asks them in order, each behind its own breaker. `AiFailure`
 * says what each failure means.
 *
 * **When to use**
 *
 *     const openai =
 *       yield
 *       - LlmInvestigator.make({ provider: "openai" }).pipe(
 *         Effect.provide(OpenAiLanguageModel.layer({ url, model, apiKey }))
 *       )
 */

import { Effect, Result } from "effect"
import { LanguageModel, Prompt as AiPrompt } from "effect/ai"
import { type InvestigationRequest, type Investigator, InvestigatorError } from "../Investigator.ts"
import { toInvestigatorError } from "./AiFailure.ts"
import { Answer, answerJsonSchema, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit } from "./ContextWindow.ts"
import { droppable, type Prompt } from "./Prompt.ts"

export interface Options {
  /** The configured name of the provider: unique in the chain, part of its breaker's and metrics' name. */
  readonly provider: string
  /** The context window in tokens. Default 131,072 (source document). Give less for a smaller model. */
  readonly contextTokens?: number
  /** See `Investigator.probe`; the two providers here come with one. */
  readonly probe?: Investigator["probe"]
}

const schemaText = JSON.stringify(answerJsonSchema)

const overflow = (asked: { readonly tokens: number; readonly limit: number }): InvestigatorError =>
  new InvestigatorError({
    investigator: "llm",
    reason: { _tag: "ContextOverflow", ...asked },
    retryable: false,
    countsAsFailure: false
  })

const toAiPrompt = (prompt: Prompt): AiPrompt.Prompt =>
  AiPrompt.make([
    { role: "system", content: prompt.instructions },
    { role: "user", content: [{ type: "text", text: prompt.question }] }
  ])

/** Makes the investigator on the model in the context. */
export const make = (options: Options): Effect.Effect<Investigator, never, LanguageModel.LanguageModel> =>
  Effect.map(LanguageModel.LanguageModel, (model) => {
    const { contextTokens: limit = defaultContextTokens, probe, provider } = options
    const ask = (request: InvestigationRequest, within: number): Effect.Effect<Answer, InvestigatorError> =>
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
            () => ask(request, tokens - 1)
          )
        )
      })
    const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
      const investigation = toInvestigation(request, yield* ask(request, limit), { investigator: "llm", provider })
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
