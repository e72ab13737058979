/**
 * The HTTP APIs of two LLM providers: OpenAI's chat completions and Anthropic's messages, in the shapes of their
 * references and SDKs.
 *
 * By default, the model returns a sensible action on the target in the question.
 */

import type { Effect, Scope } from "effect"
import { type HttpPeer, make as makePeer, type Protocol } from "./HttpPeer.ts"
import { answerTo } from "./ModelAnswer.ts"

export interface Options {
  readonly kind: "openai" | "anthropic"
  readonly port?: number
  /** Absent: any key is accepted, and none is required. */
  readonly apiKey?: string
  /** An OpenAI-compatible server that is older than `stream_options`, and rejects a request with it. */
  readonly rejectsUsage?: boolean
}

const notFound = {
  status: 404,
  body: JSON.stringify({ error: { type: "not_found_error", message: "not found" } })
} as const

// The bodies of real errors quote the key and the prompt. Neither may reach our errors.
const openAiErrors: Readonly<
  Record<number, { readonly message: string; readonly type: string; readonly code: string | null }>
> = {
  400: { message: "Invalid value for 'messages'", type: "invalid_request_error", code: null },
  401: {
    message: "Incorrect API key provided: sk-proj-********SECRET",
    type: "invalid_request_error",
    code: "invalid_api_key"
  },
  429: {
    message: "Rate limit reached for gpt-4o in organization org-SECRET",
    type: "requests",
    code: "rate_limit_exceeded"
  }
}

const openAiError = (status: number): string =>
  JSON.stringify({
    error: {
      param: null,
      ...(openAiErrors[status] ?? { message: "The server had an error", type: "server_error", code: null })
    }
  })

/** The bodies of a 429 for an exhausted quota and of a 400 for a prompt that is too long. */
export const openAiQuotaExhausted: string = JSON.stringify({
  error: {
    message: "You exceeded your current quota",
    type: "insufficient_quota",
    param: null,
    code: "insufficient_quota"
  }
})
export const openAiContextLength: string = JSON.stringify({
  error: {
    message: "This model's maximum context length is 128000 tokens.",
    type: "invalid_request_error",
    param: "messages",
    code: "context_length_exceeded"
  }
})

const openAiUsageRejected: string = JSON.stringify({
  error: { message: "Unrecognized request argument supplied: stream_options", type: "invalid_request_error" }
})

/** A chat completion. */
export const openAiCompletion = (message: Record<string, unknown>, finishReason = "stop"): string =>
  JSON.stringify({
    id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    object: "chat.completion",
    created: 1741569952,
    model: "gpt-4o-2024-08-06",
    choices: [
      {
        index: 0,
        message: { role: "assistant", refusal: null, annotations: [], ...message },
        logprobs: null,
        finish_reason: finishReason
      }
    ],
    usage: { prompt_tokens: 1320, completion_tokens: 96, total_tokens: 1416 },
    service_tier: "default",
    system_fingerprint: "fp_fc9f1d7035"
  })

/** Server-sent events. */
const sse = (events: ReadonlyArray<object | string>): string =>
  events
    .map((event) => {
      const data = typeof event === "string" ? event : JSON.stringify(event)
      const type = typeof event === "string" ? undefined : (event as { readonly type?: string }).type
      return `${type === undefined ? "" : `event: ${type}\n`}data: ${data}\n\n`
    })
    .join("")

/** Text in pieces, as a model writes it. */
const pieces = (text: string): ReadonlyArray<string> => text.match(/[\s\S]{1,40}/g) ?? []

/** The stream of a completion, in the chunks of OpenAI. */
export const openAiStream = (completion: string): string => {
  const { choices, usage, ...rest } = JSON.parse(completion) as {
    readonly choices: ReadonlyArray<{ readonly message: Record<string, unknown>; readonly finish_reason: string }>
    readonly usage: object
  }
  const { finish_reason: finishReason, message } = choices[0]!
  const chunk = (delta: object, finish: string | null = null) => ({
    ...rest,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }]
  })
  const { content, ...others } = message
  const text = typeof content === "string" ? content : ""
  return sse([
    chunk({ ...others, content: "" }),
    ...pieces(text).map((each) => chunk({ content: each })),
    chunk({}, finishReason),
    { ...rest, object: "chat.completion.chunk", choices: [], usage },
    "[DONE]"
  ])
}

/** The stream of a message, in the events of Anthropic. */
export const anthropicStream = (message: string): string => {
  const {
    content,
    stop_reason: stopReason,
    usage,
    ...rest
  } = JSON.parse(message) as {
    readonly content: ReadonlyArray<{ readonly type: string; readonly text?: string; readonly input?: unknown }>
    readonly stop_reason: string
    readonly usage: object
  }
  const blocks = content.flatMap((block, index) => {
    const isText = block.type === "text"
    const start = isText ? { type: "text", text: "" } : { ...block, input: {} }
    return [
      { type: "content_block_start", index, content_block: start },
      ...pieces(isText ? (block.text ?? "") : JSON.stringify(block.input)).map((each) => ({
        type: "content_block_delta",
        index,
        delta: isText ? { type: "text_delta", text: each } : { type: "input_json_delta", partial_json: each }
      })),
      { type: "content_block_stop", index }
    ]
  })
  return sse([
    { type: "message_start", message: { ...rest, content: [], stop_reason: null, usage } },
    { type: "ping" },
    ...blocks,
    { type: "message_delta", delta: { stop_reason: stopReason, stop_sequence: null }, usage: { output_tokens: 89 } },
    { type: "message_stop" }
  ])
}

const asksForStream = (body: string): boolean => (JSON.parse(body) as { readonly stream?: boolean }).stream === true

/** The reply as the request asks for it. */
const replyTo = (body: string, whole: string, streamed: (whole: string) => string) =>
  asksForStream(body)
    ? { status: 200, body: streamed(whole), headers: { "content-type": "text/event-stream" } }
    : { status: 200, body: whole }

interface ChatRequest {
  readonly messages: ReadonlyArray<{ readonly role: string; readonly content: string }>
}

const lastQuestion = (body: string): string =>
  (JSON.parse(body) as ChatRequest).messages.findLast((message) => message.role === "user")?.content ?? ""

const openAi = ({ apiKey, rejectsUsage }: Options): Protocol => ({
  error: openAiError,
  reply: (call, answer) => {
    if (apiKey !== undefined && call.headers.authorization !== `Bearer ${apiKey}`)
      return { status: 401, body: openAiError(401) }
    switch (`${call.method} ${call.path.split("?")[0]}`) {
      case "GET /v1/models":
        return {
          status: 200,
          body: JSON.stringify({
            object: "list",
            data: [{ id: "gpt-4o", object: "model", created: 1715367049, owned_by: "system" }]
          })
        }
      case "POST /v1/chat/completions":
        if (rejectsUsage === true && call.body.includes(`"stream_options"`))
          return { status: 400, body: openAiUsageRejected }
        return replyTo(
          call.body,
          openAiCompletion({
            content: answer === undefined ? JSON.stringify(answerTo(lastQuestion(call.body))) : answer
          }),
          openAiStream
        )
      default:
        return notFound
    }
  }
})

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error"
}

const anthropicError = (status: number): string =>
  JSON.stringify({
    type: "error",
    error: { type: anthropicTypes[status] ?? "api_error", message: "request with key sk-ant-SECRET failed" },
    request_id: "req_011CSHoEeqs5C35K2UUqR7Fy"
  })

/** A message of the Messages API. */
export const anthropicMessage = (content: ReadonlyArray<Record<string, unknown>>, stopReason = "tool_use"): string =>
  JSON.stringify({
    id: "msg_01Aq9w938a90dw8q",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5",
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: { input_tokens: 1472, output_tokens: 89, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
  })

const anthropic = (apiKey: string | undefined): Protocol => ({
  error: anthropicError,
  reply: (call, answer) => {
    // Since version 1 the SDK sends the key as a bearer token. Older versions and the API reference use x-api-key.
    const given = call.headers["x-api-key"] ?? call.headers.authorization?.replace(/^Bearer /, "")
    if (apiKey !== undefined && given !== apiKey) return { status: 401, body: anthropicError(401) }
    switch (`${call.method} ${call.path.split("?")[0]}`) {
      case "GET /v1/models":
        return {
          status: 200,
          body: JSON.stringify({
            data: [
              {
                type: "model",
                id: "claude-sonnet-4-5",
                display_name: "Claude Sonnet 4.5",
                created_at: "2025-09-29T00:00:00Z"
              }
            ],
            has_more: false,
            first_id: null,
            last_id: null
          })
        }
      case "POST /v1/messages":
        return replyTo(
          call.body,
          answer === undefined
            ? anthropicMessage([
                {
                  type: "tool_use",
                  id: "toolu_01A09q90qw90lq917835lq9",
                  name: "answer",
                  input: answerTo(lastQuestion(call.body))
                }
              ])
            : anthropicMessage(answer === null ? [] : [{ type: "text", text: answer }], "end_turn"),
          anthropicStream
        )
      default:
        return notFound
    }
  }
})

/** Starts the peer on loopback. It stops when the scope closes. */
export const make = (options: Options): Effect.Effect<HttpPeer, never, Scope.Scope> =>
  makePeer(
    options.kind === "openai" ? openAi(options) : anthropic(options.apiKey),
    options.port === undefined ? {} : { port: options.port }
  )
