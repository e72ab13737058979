/**
 * Two LLM providers, `alpha` and `beta`, as `effect/ai` `LanguageModel`s. The real `LlmInvestigator` runs on them.
 *
 * The port is `LanguageModel` and not HTTP, because the official SDKs wait by promises and timers that the world does
 * not control. Failures are mapped by the same table (`SdkLanguageModel`) as those of the real providers.
 *
 * Nothing is streamed, so a body that ends early is a failed connection.
 */

import { Effect, type Exit, Layer, Stream } from "effect"
import { AiError, LanguageModel, OpenAiStructuredOutput, type Prompt } from "effect/ai"
import { InvestigatorError } from "../../investigation/Investigator.ts"
import { contextLength, toInvestigatorError } from "../../investigation/models/AiFailure.ts"
import { reasonOfStatus, reasonWithoutStatus } from "../../investigation/models/providers/SdkLanguageModel.ts"
import type { CallEnding } from "../observation/Observation.ts"
import type { Cluster } from "./Cluster.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ModelService } from "./ModelService.ts"
import type { Reply } from "./paths/ModelPath.ts"
import type { BodyFault, Passage } from "./paths/NetworkPath.ts"

const fail = (reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: "simulated", method: "generateText", reason })

export const passage: Passage<AiError.AiError> = { broken: () => fail(reasonWithoutStatus(new Error("no response"))) }

/** The text of a reply, or the error that a provider's module maps it to. */
export const textOf = (reply: Reply): Effect.Effect<string, AiError.AiError> => {
  switch (reply._tag) {
    case "Text":
      return Effect.succeed(reply.text)
    case "Refusal":
      return Effect.fail(fail(new AiError.ContentPolicyError({ description: "the model refused" })))
    case "Quota":
      return Effect.fail(fail(new AiError.QuotaExhaustedError({})))
    case "Overflow":
      return Effect.fail(fail(new AiError.InvalidRequestError({ parameter: "prompt", constraint: contextLength })))
    case "Status": {
      const { retryAfter, status } = reply
      const headers = { get: (name: string) => (name === "retry-after" ? (retryAfter ?? null) : null) }
      return Effect.fail(
        fail(reasonOfStatus({ status, headers, isQuota: false, isContextLength: false, isRefusal: false }))
      )
    }
  }
}

interface Answered {
  readonly reply: Reply
  readonly text: string
}

/** A response after the delay of its body; it fails where the body is cut off. */
export const arriving = <A>(
  answer: Effect.Effect<A, AiError.AiError>,
  { endsAfter = 1, pauseMs = 0 }: BodyFault
): Effect.Effect<A, AiError.AiError> => {
  const whole = endsAfter < 1 ? Effect.fail(passage.broken("truncated")) : answer
  return pauseMs === 0 ? whole : Effect.andThen(Effect.sleep(pauseMs), whole)
}

const isOurs = ({ reason }: AiError.AiError): boolean =>
  reason._tag === "ContentPolicyError" || reason._tag === "InvalidRequestError"

const judge = (exit: Exit.Exit<unknown, unknown>): CallEnding => {
  if (exit._tag === "Success") {
    const { reply } = exit.value as Answered
    return reply._tag === "Text" ? reply.worth : "good"
  }
  const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error as AiError.AiError | undefined
  return error !== undefined && isOurs(error) ? "neither" : "bad"
}

export const textOfPrompt = (prompt: Prompt.Prompt): string =>
  prompt.content
    .flatMap(({ content }) =>
      typeof content === "string" ? [content] : content.flatMap((part) => (part.type === "text" ? [part.text] : []))
    )
    .join("\n")

/** A model that always returns this text. */
export const saying = (text: Effect.Effect<string, AiError.AiError>): Effect.Effect<LanguageModel.LanguageModel> =>
  asking(() => text)

const usage = {
  inputTokens: { uncached: undefined, total: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined }
} as const

const asking = (
  ask: (text: string) => Effect.Effect<string, AiError.AiError>
): Effect.Effect<LanguageModel.LanguageModel> =>
  LanguageModel.make({
    codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
    generateText: ({ prompt }) =>
      Effect.map(ask(textOfPrompt(prompt)), (text) => [
        { type: "text", text },
        { type: "finish", reason: "stop", usage }
      ]),
    streamText: () => Stream.die(new Error("streaming is not simulated"))
  })

/** A probe with the error mapping and the time limit of the real providers, which list their models. */
export const probing = (
  probe: Effect.Effect<unknown, AiError.AiError | InvestigatorError>
): Effect.Effect<void, InvestigatorError> =>
  probe.pipe(
    Effect.mapError((error) =>
      error._tag === "InvestigatorError" ? error : toInvestigatorError("llm", error.reason, { tokens: 0, limit: 0 })
    ),
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () =>
        Effect.fail(
          new InvestigatorError({
            investigator: "llm",
            reason: { _tag: "Timeout" },
            retryable: false,
            countsAsFailure: true
          })
        )
    }),
    Effect.asVoid
  )

export class LanguageModelProvider {
  readonly service: ModelService
  readonly layer: Layer.Layer<LanguageModel.LanguageModel>
  /** Succeeds when the provider responds. */
  readonly probe: Effect.Effect<void, InvestigatorError>

  constructor(setting: Setting, cluster: Cluster, provider: string) {
    const service = new ModelService(setting, cluster, `llm:${provider}`)
    this.service = service
    const exchange = (
      purpose: "work" | "probe",
      reply: Effect.Effect<Reply>
    ): Effect.Effect<Answered, AiError.AiError> =>
      service.link.carry(
        { purpose, judge },
        passage,
        Effect.flatMap(reply, (made) =>
          arriving(
            Effect.map(textOf(made), (text): Answered => ({ reply: made, text })),
            service.link.body
          )
        )
      )
    this.layer = Layer.effect(
      LanguageModel.LanguageModel,
      asking((asked) =>
        Effect.map(
          exchange(
            "work",
            Effect.suspend(() => service.ask(asked))
          ),
          ({ text }) => text
        )
      )
    )
    this.probe = probing(exchange("probe", service.ping))
  }
}

export class LanguageModels implements FarEnd {
  readonly name = "languageModels"
  readonly alpha: LanguageModelProvider
  readonly beta: LanguageModelProvider

  constructor(setting: Setting, cluster: Cluster) {
    this.alpha = new LanguageModelProvider(setting, cluster, "alpha")
    this.beta = new LanguageModelProvider(setting, cluster, "beta")
  }
}
