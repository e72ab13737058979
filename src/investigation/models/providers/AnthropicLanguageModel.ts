/**
 * `LanguageModel` for Anthropic's Messages API, and for servers that speak it, on the official SDK.
 *
 * **Details**
 *
 * `POST {url}/v1/messages` with `stream`. Structured output is one forced tool call whose input is the answer. Every
 * model and compatible server of the Messages API supports tools, while its output format is newer and not supported
 * everywhere. The tool is never run.
 *
 * | the server responds                              | reason                                             |
 * | ------------------------------------------------ | -------------------------------------------------- |
 * | no or half a response                            | `NetworkError`                                     |
 * | 200 with a body that is not JSON                 | `InvalidResponseError`                             |
 * | 401, 403                                         | `AuthenticationError`                              |
 * | 402, or the codes or words of no money left      | `QuotaExhaustedError`                              |
 * | 429                                              | `RateLimitError`, with `retry-after`               |
 * | 413; stop reason `model_context_window_exceeded` | `InvalidRequestError`, constraint `context-length` |
 * | stop reason `refusal`                            | `ContentPolicyError`                               |
 * | 400, 422                                         | `InvalidRequestError`                              |
 * | 408, 409, 5xx, 529 (overloaded)                  | `InternalProviderError`                            |
 * | stop reason `max_tokens`                         | `InvalidOutputError`                               |
 * | anything else                                    | `UnknownError`                                     |
 */

import Anthropic from "@anthropic-ai/sdk"
import { Effect, Layer, Redacted } from "effect"
import { AnthropicStructuredOutput, LanguageModel } from "effect/ai"
import type { InvestigatorError } from "../../Investigator.ts"
import { unfence } from "../Answer.ts"
import { answerTokens } from "../ContextWindow.ts"
import { bringsText } from "../SignOfWork.ts"
import { resetAtMsIn, shareThatFits, subjectOf } from "./ErrorWording.ts"
import { probeOf } from "./ProviderProbe.ts"
import {
  boundedFetch,
  type Completion,
  countOf,
  fieldsOf,
  type Format,
  make as makeSdkModel,
  reasonInBody,
  reasonOfStatus,
  reasonWithoutStatus,
  type Sdk,
  stringOf
} from "./SdkLanguageModel.ts"
import type { Patience } from "./StreamedResponse.ts"

/** The server, its model and the key. */
export interface Options {
  /** Base address without the version, e.g. `https://api.anthropic.com`. */
  readonly url: string
  readonly model: string
  /** Absent for servers that need none. */
  readonly apiKey?: Redacted.Redacted
  /** How long to wait for it. Default 10 s for the first sign of work, and 20 s between two parts. */
  readonly patience?: Partial<Patience>
}

const makeClient = (options: Options): Anthropic =>
  new Anthropic({
    // The address may end with the version, which the SDK adds.
    baseURL: options.url.replace(/\/+$/, "").replace(/\/v1$/, ""),
    apiKey: options.apiKey === undefined ? "none" : Redacted.value(options.apiKey),
    // Otherwise the SDK reads it from the environment, which only the edges of the program may do.
    authToken: null,
    maxRetries: 0,
    logLevel: "off",
    fetch: boundedFetch
  })

const reasonOf: Sdk["reasonOf"] = (error, nowMs, request) =>
  !(error instanceof Anthropic.APIError) || typeof error.status !== "number"
    ? reasonWithoutStatus(error)
    : reasonOfStatus({
        status: error.status,
        headers: error.headers,
        nowMs,
        resetAtMs: resetAtMsIn(error.message, request),
        share: shareThatFits(error.message, request),
        subject:
          error.status === 413
            ? "context-length"
            : subjectOf({ status: error.status, codes: [error.type], message: error.message, request })
      })

const endings: Readonly<Partial<Record<string, Completion["ending"]>>> = {
  max_tokens: "length",
  refusal: "refusal",
  model_context_window_exceeded: "context-length"
}

const toolsOf = (format: Format): Pick<Anthropic.MessageCreateParamsNonStreaming, "tools" | "tool_choice"> =>
  format.type === "text"
    ? {}
    : {
        tools: [
          {
            name: format.name,
            description: "Give the answer. Call this exactly once.",
            input_schema: { ...format.schema, type: "object" }
          }
        ],
        tool_choice: { type: "tool", name: format.name, disable_parallel_tool_use: true }
      }

const textOf = (content: ReadonlyArray<unknown>, format: Format): string => {
  const blocks = content.map(fieldsOf)
  if (format.type === "json") {
    const call = blocks.find((block) => block["type"] === "tool_use" && block["name"] === format.name)
    if (call !== undefined) return JSON.stringify(call["input"]) ?? ""
  }
  // A compatible server that cannot force a tool responds with text, which the schema still validates.
  return unfence(blocks.map((block) => (block["type"] === "text" ? (stringOf(block["text"]) ?? "") : "")).join(""))
}

/** A refusal may come without content. Without content, any other ending is no answer. */
const reader =
  (requested: string): Sdk["read"] =>
  (response, format) => {
    const { content, id, model, stop_reason: stopReason, usage } = fieldsOf(response)
    const reason = stringOf(stopReason)
    const ending = reason === undefined ? "missing" : (endings[reason] ?? "stop")
    if ((ending === "stop" || ending === "missing") && !Array.isArray(content)) return undefined
    return {
      id: stringOf(id) ?? "",
      model: stringOf(model) ?? requested,
      text: textOf(Array.isArray(content) ? content : [], format),
      ending,
      inputTokens: countOf(fieldsOf(usage)["input_tokens"]),
      outputTokens: countOf(fieldsOf(usage)["output_tokens"])
    }
  }

/** The input of a tool call, which arrives as pieces of JSON; the pieces as text if they are not whole. */
const inputOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * `message_start` and `ping` come before the model has begun, and a gateway may begin a block of text itself. Every
 * other block is begun by the model. What follows may take long: thoughts may not be sent, and Anthropic holds each
 * value of a tool's input back until it is whole.
 */
const isWork: Sdk["isWork"] = (event) => {
  const { content_block: block, delta, message, type, usage } = fieldsOf(event)
  const { content, stop_reason: stopReason } = fieldsOf(message)
  switch (type) {
    case "message_start":
      return bringsText(content) || bringsText(stopReason)
    case "content_block_start": {
      const { text, type: kind } = fieldsOf(block)
      return kind !== "text" || bringsText(text)
    }
    case "content_block_delta":
      return bringsText(delta)
    case "message_delta":
      return bringsText(delta) || (countOf(fieldsOf(usage)["output_tokens"]) ?? 0) > 0
    default:
      return type === "message_stop"
  }
}

/** The events of a stream as one message. */
const assemble: Sdk["assemble"] = (events) => {
  let message: Record<string, unknown> | undefined
  const blocks: Array<{ readonly block: Record<string, unknown>; text: string; json: string }> = []
  for (const event of events.map(fieldsOf)) {
    const delta = fieldsOf(event["delta"])
    const at = countOf(event["index"]) ?? 0
    switch (event["type"]) {
      case "message_start":
        message = { ...fieldsOf(event["message"]) }
        break
      case "content_block_start": {
        const block = { ...fieldsOf(event["content_block"]) }
        blocks[at] = { block, text: stringOf(block["text"]) ?? "", json: "" }
        break
      }
      case "content_block_delta": {
        const of = (blocks[at] ??= { block: { type: "text" }, text: "", json: "" })
        of.text += stringOf(delta["text"]) ?? ""
        of.json += stringOf(delta["partial_json"]) ?? ""
        break
      }
      case "message_delta":
        message = {
          ...message,
          stop_reason: delta["stop_reason"],
          usage: { ...fieldsOf(message?.["usage"]), ...fieldsOf(event["usage"]) }
        }
    }
  }
  if (message === undefined) return undefined
  const content = blocks.flatMap(({ block, json, text }) => [
    { ...block, text, ...(json === "" ? {} : { input: inputOf(json) }) }
  ])
  return { ...message, content }
}

const makeSdk = (client: Anthropic, model: string): Sdk => ({
  provider: "anthropic",
  codecTransformer: AnthropicStructuredOutput.toCodecAnthropic,
  reasonOf,
  read: reader(model),
  isWork,
  assemble,
  errorIn: (value, request) => {
    const { error, type } = fieldsOf(value)
    return type === "error" || (error !== undefined && error !== null) ? reasonInBody(error, request) : undefined
  },
  request: (conversation, format, signal) =>
    client.messages
      .create(
        {
          model,
          stream: true,
          max_tokens: answerTokens,
          ...(conversation.system === "" ? {} : { system: conversation.system }),
          messages: conversation.turns.map(({ role, text }) => ({ role, content: text })),
          ...toolsOf(format)
        },
        { signal }
      )
      .asResponse()
})

/**
 * The model as a layer, for `LlmInvestigator.make` or any other use of `effect/ai`. Nothing is sent before the first
 * request.
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { AnthropicLanguageModel, LlmInvestigator } from "kubernaut"
 *
 * const model = AnthropicLanguageModel.layer({
 *   url: "https://api.anthropic.com",
 *   model: "the-model",
 *   apiKey: Redacted.make("the-key")
 * })
 * const investigator = LlmInvestigator.make({ provider: "anthropic" }).pipe(Effect.provide(model))
 * ```
 */
export const layer = (options: Options): Layer.Layer<LanguageModel.LanguageModel> =>
  Layer.effect(
    LanguageModel.LanguageModel,
    Effect.suspend(() => makeSdkModel(makeSdk(makeClient(options), options.model), options.patience))
  )

/** `GET {url}/v1/models`: succeeds when the server responds and accepts the key. */
export const probe = (options: Options): Effect.Effect<void, InvestigatorError> =>
  Effect.suspend(() => {
    const client = makeClient(options)
    return probeOf(
      "llm",
      (signal) => client.models.list({ limit: 1 }, { signal }),
      (error) => reasonOf(error)
    )
  })
