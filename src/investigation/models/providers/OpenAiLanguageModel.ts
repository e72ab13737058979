/**
 * `LanguageModel` for OpenAI and for servers that speak its chat completions API (vLLM, Ollama, LiteLLM, llama.cpp …),
 * on the official SDK.
 *
 * **Details**
 *
 * `POST {url}/chat/completions` with `response_format: json_schema`, strict. A server that ignores the format and
 * responds with prose gives an invalid answer. There is no second attempt in another format, because an answer without
 * a schema is worth little.
 *
 * | the server responds                                                                                     | reason                                                   |
 * | ------------------------------------------------------------------------------------------------------- | -------------------------------------------------------- |
 * | no or half a response                                                                                   | `NetworkError`                                           |
 * | 200 with a body that is not JSON                                                                        | `InvalidResponseError`                                   |
 * | 401, 403                                                                                                | `AuthenticationError`                                    |
 * | 402, or 429 with code `insufficient_quota`                                                              | `QuotaExhaustedError`                                    |
 * | 429                                                                                                     | `RateLimitError`, with `retry-after` or `retry-after-ms` |
 * | 400 with code `context_length_exceeded`                                                                 | `InvalidRequestError`, constraint `context-length`       |
 * | 400 with code `content_filter` or `content_policy_violation`; a refusal; finish reason `content_filter` | `ContentPolicyError`                                     |
 * | 400, 413, 422                                                                                           | `InvalidRequestError`                                    |
 * | 408, 409, 5xx                                                                                           | `InternalProviderError`                                  |
 * | finish reason `length`                                                                                  | `InvalidOutputError`                                     |
 * | anything else                                                                                           | `UnknownError`                                           |
 */

import { Effect, Layer, Redacted } from "effect"
import { LanguageModel, OpenAiStructuredOutput } from "effect/ai"
import OpenAI from "openai"
import type { InvestigatorError } from "../../Investigator.ts"
import { unfence } from "../Answer.ts"
import { probeOf } from "./ProviderProbe.ts"
import {
  boundedFetch,
  type Completion,
  countOf,
  fieldsOf,
  make as makeSdkModel,
  reasonOfStatus,
  reasonWithoutStatus,
  type Sdk,
  stringOf
} from "./SdkLanguageModel.ts"

/** The server, its model and the key. */
export interface Options {
  /** Base address, e.g. `https://api.openai.com/v1`, `http://ollama:11434/v1`. One without a path gets `/v1`. */
  readonly url: string
  readonly model: string
  /** Absent for servers that need none. */
  readonly apiKey?: Redacted.Redacted
}

const baseUrl = (url: string): string => (/^[a-z]+:\/\/[^/]+\/?$/i.test(url) ? `${url.replace(/\/$/, "")}/v1` : url)

const makeClient = (options: Options): OpenAI =>
  new OpenAI({
    baseURL: baseUrl(options.url),
    apiKey: options.apiKey === undefined ? "none" : Redacted.value(options.apiKey),
    // Otherwise the SDK reads them from the environment, which only the edges of the program may do.
    organization: null,
    project: null,
    maxRetries: 0,
    logLevel: "off",
    fetch: boundedFetch
  })

const quotaCodes = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"]
const refusalCodes = ["content_filter", "content_policy_violation"]

const isOneOf = (names: ReadonlyArray<string>, ...values: ReadonlyArray<string | null | undefined>): boolean =>
  values.some((value) => value !== null && value !== undefined && names.includes(value))

const reasonOf: Sdk["reasonOf"] = (error, nowMs) =>
  !(error instanceof OpenAI.APIError) || typeof error.status !== "number"
    ? reasonWithoutStatus(error)
    : reasonOfStatus({
        status: error.status,
        headers: error.headers,
        nowMs,
        isQuota: error.status === 402 || (error.status === 429 && isOneOf(quotaCodes, error.code, error.type)),
        isContextLength: error.code === "context_length_exceeded",
        isRefusal: error.status === 400 && isOneOf(refusalCodes, error.code, error.type)
      })

/**
 * The finish reasons with which a filter of the server withholds the answer: OpenAI and Azure, then servers that pass
 * Gemini's on.
 */
const filtered: ReadonlySet<string> = new Set([
  "content_filter",
  "safety",
  "recitation",
  "blocklist",
  "prohibited_content",
  "spii"
])

const endingOf = (finishReason: string, message: Readonly<Record<string, unknown>>): Completion["ending"] => {
  if (filtered.has(finishReason) || stringOf(message["refusal"]) !== undefined) return "refusal"
  return finishReason === "length" ? "length" : "stop"
}

/** The text of a message: a string, or the text parts of a list. */
const textOf = (content: unknown): string =>
  Array.isArray(content)
    ? content.map((part) => stringOf(fieldsOf(part)["text"]) ?? "").join("")
    : (stringOf(content) ?? "")

/** A filter may leave the message out. Without a message, any other ending is no answer. */
const reader =
  (requested: string): Sdk["read"] =>
  (response) => {
    const { choices, id, model, usage } = fieldsOf(response)
    const choice = fieldsOf(Array.isArray(choices) ? choices[0] : undefined)
    const message = fieldsOf(choice["message"])
    const ending = endingOf((stringOf(choice["finish_reason"]) ?? "").toLowerCase(), message)
    if (ending !== "refusal" && Object.keys(message).length === 0) return undefined
    return {
      id: stringOf(id) ?? "",
      model: stringOf(model) ?? requested,
      text: unfence(textOf(message["content"])),
      ending,
      inputTokens: countOf(fieldsOf(usage)["prompt_tokens"]),
      outputTokens: countOf(fieldsOf(usage)["completion_tokens"])
    }
  }

const makeSdk = (client: OpenAI, model: string): Sdk => ({
  provider: "openai",
  codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
  reasonOf,
  read: reader(model),
  complete: (conversation, format, signal) =>
    client.chat.completions.create(
      {
        model,
        messages: [
          ...(conversation.system === "" ? [] : [{ role: "system" as const, content: conversation.system }]),
          ...conversation.turns.map(({ role, text }) => ({ role, content: text }))
        ],
        ...(format.type === "text"
          ? {}
          : {
              response_format: {
                type: "json_schema",
                json_schema: { name: format.name, strict: true, schema: format.schema }
              }
            })
      },
      { signal }
    )
})

/**
 * The model as a layer, for `LlmInvestigator.make` or any other use of `effect/ai`. Nothing is sent before the first
 * request.
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { OpenAiLanguageModel, LlmInvestigator } from "kubernaut"
 *
 * const model = OpenAiLanguageModel.layer({
 *   url: "https://api.openai.com/v1",
 *   model: "the-model",
 *   apiKey: Redacted.make("the-key")
 * })
 * const investigator = LlmInvestigator.make({ provider: "openai" }).pipe(Effect.provide(model))
 * ```
 */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.suspend(() => makeSdkModel(makeSdk(makeClient(options), options.model)))
  )

/** `GET {url}/models`: succeeds when the server responds and accepts the key. */
export const probe = (options: Options): Effect.Effect<void, InvestigatorError> =>
  Effect.suspend(() => {
    const client = makeClient(options)
    return probeOf("llm", (signal) => client.models.list({ signal }), reasonOf)
  })
