/**
 * `LanguageModel` for OpenAI and for servers that speak its chat completions API (vLLM, Ollama, LiteLLM, llama.cpp …),
 * on the official SDK.
 *
 * **Details**
 *
 * `POST {url}/chat/completions` with `stream` and `response_format: json_schema`, strict. A server that ignores the
 * format and responds with prose gives an invalid answer. There is no second attempt in another format, because an
 * answer without a schema is worth little.
 *
 * | the server responds                                                                                      | reason                                                   |
 * | -------------------------------------------------------------------------------------------------------- | -------------------------------------------------------- |
 * | no or half a response                                                                                    | `NetworkError`                                           |
 * | 200 with a body that is not JSON                                                                         | `InvalidResponseError`                                   |
 * | 400 with the words of a rejected key                                                                     | `AuthenticationError`                                    |
 * | 401, 403                                                                                                 | `AuthenticationError`                                    |
 * | 402, or 400, 403 and 429 with the codes or words of an account without money (`ErrorWording`)            | `QuotaExhaustedError`                                    |
 * | 429                                                                                                      | `RateLimitError`, with `retry-after` or `retry-after-ms` |
 * | 400, 413, 422 with the codes or words of a context that is too long, 429 with those of a request that is | `InvalidRequestError`, constraint `context-length`       |
 * | 400 with code `content_filter` or `content_policy_violation`; a refusal; finish reason `content_filter`  | `ContentPolicyError`                                     |
 * | 400, 413, 422                                                                                            | `InvalidRequestError`                                    |
 * | 408, 409, 5xx                                                                                            | `InternalProviderError`                                  |
 * | finish reason `length`                                                                                   | `InvalidOutputError`                                     |
 * | anything else                                                                                            | `UnknownError`                                           |
 */

import { Effect, Layer, Redacted } from "effect"
import { LanguageModel, OpenAiStructuredOutput } from "effect/ai"
import OpenAI from "openai"
import type { InvestigatorError } from "../../Investigator.ts"
import { unfence } from "../Answer.ts"
import { bringsText } from "../SignOfWork.ts"
import { ownWords, resetAtMsIn, shareThatFits, subjectOf } from "./ErrorWording.ts"
import { probeOf } from "./ProviderProbe.ts"
import {
  boundedFetch,
  type Completion,
  type Conversation,
  countOf,
  fieldsOf,
  type Format,
  make as makeSdkModel,
  reasonInBody,
  reasonOfStatus,
  reasonWithoutStatus,
  type Sdk,
  stringOf,
  textSent
} from "./SdkLanguageModel.ts"
import type { Patience } from "./StreamedResponse.ts"

/** The server, its model and the key. */
export interface Options {
  /** Base address, e.g. `https://api.openai.com/v1`, `http://ollama:11434/v1`. One without a path gets `/v1`. */
  readonly url: string
  readonly model: string
  /** Absent for servers that need none. */
  readonly apiKey?: Redacted.Redacted
  /** How long to wait for it. Default 10 s for the first sign of work, and 20 s between two parts. */
  readonly patience?: Partial<Patience>
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

const reasonOf: Sdk["reasonOf"] = (error, nowMs, request) =>
  !(error instanceof OpenAI.APIError) || typeof error.status !== "number"
    ? reasonWithoutStatus(error)
    : reasonOfStatus({
        status: error.status,
        headers: error.headers,
        nowMs,
        resetAtMs: resetAtMsIn(error.message, request),
        share: shareThatFits(error.message, request),
        subject: subjectOf({ status: error.status, codes: [error.code, error.type], message: error.message, request })
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
  if (finishReason === "") return "missing"
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

/**
 * The role comes before the model has begun, as do a filter's results for the prompt and empty texts. vLLM sends the
 * role with the first token, which follows at once. OpenRouter reports an error of the provider behind it as the finish
 * reason `error`, also before the model has begun.
 */
const isWork: Sdk["isWork"] = (event) => {
  const { choices, usage } = fieldsOf(event)
  const choice = fieldsOf(Array.isArray(choices) ? choices[0] : undefined)
  return (
    bringsText(choice["delta"] ?? choice["message"])
    || (choice["finish_reason"] !== "error" && bringsText(choice["finish_reason"]))
    || (countOf(fieldsOf(usage)["completion_tokens"]) ?? 0) > 0
  )
}

/** The deltas of a stream as one completion. A gateway may repeat what was already there, such as the role. */
const assemble: Sdk["assemble"] = (events) => {
  let content = ""
  let refusal: string | undefined
  let seen = false
  const last: Record<string, unknown> = {}
  for (const event of events) {
    const { choices, id, model, usage } = fieldsOf(event)
    const choice = fieldsOf(Array.isArray(choices) ? choices[0] : undefined)
    const delta = fieldsOf(choice["delta"] ?? choice["message"])
    seen ||= Object.keys(choice).length > 0
    content += textOf(delta["content"])
    const refused = stringOf(delta["refusal"])
    if (refused !== undefined) refusal = (refusal ?? "") + refused
    for (const [name, value] of Object.entries({ id, model, usage, finish_reason: choice["finish_reason"] }))
      if (value !== undefined && value !== null) last[name] = value
  }
  if (!seen) return undefined
  const { finish_reason: finishReason, ...rest } = last
  const message = { content, ...(refusal === undefined ? {} : { refusal }) }
  return { ...rest, choices: [{ message, finish_reason: finishReason }] }
}

/** The names of the option, and not its value as a server that quotes the whole request repeats it. */
const usageOption = /stream_options(?!\\*["']?\s*:\s*\{)|include_usage(?!\\*["']?\s*:\s*true)/i

/**
 * Whether a server has rejected a request because it does not know how to report the usage of a stream. It says so in
 * its own words: an alert that names the option, and is quoted, must not hide what a model costs.
 */
const rejectsUsage = (error: unknown, conversation: Conversation): boolean =>
  error instanceof OpenAI.APIError
  && (error.status === 400 || error.status === 422)
  && ownWords(usageOption, { message: error.message, request: textSent(conversation) }) !== undefined

const makeSdk = (client: OpenAI, model: string): Sdk => {
  let knowsUsage = true
  const send = (
    conversation: Conversation,
    format: Format,
    signal: AbortSignal,
    asksForUsage: boolean
  ): Promise<globalThis.Response> =>
    client.chat.completions
      .create(
        {
          model,
          stream: true,
          // Without it, a stream does not tell what it costs.
          ...(asksForUsage ? { stream_options: { include_usage: true } } : {}),
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
      .asResponse()
  return {
    provider: "openai",
    codecTransformer: OpenAiStructuredOutput.toCodecOpenAI,
    reasonOf,
    read: reader(model),
    isWork,
    assemble,
    errorIn: (value, request) => {
      const { error } = fieldsOf(value)
      return error === undefined || error === null ? undefined : reasonInBody(error, request)
    },
    request: (conversation, format, signal) =>
      send(conversation, format, signal, knowsUsage).catch((error: unknown) => {
        if (!knowsUsage || !rejectsUsage(error, conversation)) throw error
        return send(conversation, format, signal, false).then((response) => {
          // Only now it is shown that the option was the reason.
          knowsUsage = false
          return response
        })
      })
  }
}

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
    Effect.suspend(() => makeSdkModel(makeSdk(makeClient(options), options.model), options.patience))
  )

/** `GET {url}/models`: succeeds when the server responds and accepts the key. */
export const probe = (options: Options): Effect.Effect<void, InvestigatorError> =>
  Effect.suspend(() => {
    const client = makeClient(options)
    return probeOf(
      "llm",
      (signal) => client.models.list({ signal }),
      (error) => reasonOf(error)
    )
  })
