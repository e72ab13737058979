/**
 * The common part of both providers: an `effect/ai` `LanguageModel` on the one call of an official SDK that it needs.
 *
 * **Details**
 *
 * - One request per generation. The SDK's own retries are off. The pipeline retries, so attempts are counted and bounded,
 *   and the breaker sees them.
 * - An interruption aborts the request and closes its connection.
 * - A response is read up to 4 MiB. Redirects are not followed, because they would carry the key in a header along.
 * - Toolkits and files are not supported: an investigation takes text and returns JSON. `streamText` emits the whole
 *   answer as one delta.
 * - Errors contain a status and nothing from the body, which may quote the prompt or the key.
 */

import { Clock, Duration, Effect, Stream } from "effect"
import { AiError, LanguageModel, type Prompt, type Response } from "effect/ai"
import * as RetryAfter from "../../../resilience/RetryAfter.ts"
import { contextLength } from "../AiFailure.ts"

/** A prompt as both SDKs take it. */
export interface Conversation {
  readonly system: string
  readonly turns: ReadonlyArray<{ readonly role: "user" | "assistant"; readonly text: string }>
}

export type Format =
  | { readonly type: "text" }
  | { readonly type: "json"; readonly name: string; readonly schema: Record<string, unknown> }

export interface Completion {
  readonly id: string
  readonly model: string
  readonly text: string
  readonly ending: "stop" | "length" | "refusal" | "context-length"
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
}

/** The value as an object, or an empty one. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}

/** The value, if it is text. */
export const stringOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** A count of tokens, if it is one. */
export const countOf = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

export interface Sdk {
  /** `openai`, `anthropic`: the module in errors. */
  readonly provider: string
  readonly codecTransformer: LanguageModel.CodecTransformer
  readonly complete: (conversation: Conversation, format: Format, signal: AbortSignal) => Promise<unknown>
  /**
   * Reads a successful response; `undefined` if it is not one of this API. Compatible servers and gateways omit fields
   * that the SDK's types require, so nothing of it is taken for granted.
   */
  readonly read: (response: unknown, format: Format) => Completion | undefined
  /** `nowMs` is the wall clock, for a `Retry-After` that is a date. */
  readonly reasonOf: (error: unknown, nowMs?: number) => AiError.AiErrorReason
}

const contextLengthError = (): AiError.AiErrorReason =>
  new AiError.InvalidRequestError({ parameter: "prompt", constraint: contextLength })

interface HttpFailure {
  readonly status: number
  readonly headers: { get(name: string): string | null } | undefined
  /** The wall clock, from which a date in `Retry-After` counts if the response names none. */
  readonly nowMs?: number | undefined
  readonly isQuota: boolean
  readonly isContextLength: boolean
  readonly isRefusal: boolean
}

const waitOf = (headers: HttpFailure["headers"], nowMs: number | undefined): number | undefined => {
  const millis = headers?.get("retry-after-ms") ?? ""
  return /^\s*\d+(\.\d+)?\s*$/.test(millis)
    ? Number(millis)
    : RetryAfter.retryAfterMs(headers?.get("retry-after"), { date: headers?.get("date"), nowMs })
}

/** The reason for a status, the same for both providers. */
export const reasonOfStatus = ({
  headers,
  isContextLength,
  isQuota,
  isRefusal,
  nowMs,
  status
}: HttpFailure): AiError.AiErrorReason => {
  if (isContextLength) return contextLengthError()
  if (isQuota) return new AiError.QuotaExhaustedError({})
  if (isRefusal) return new AiError.ContentPolicyError({ description: `HTTP ${status}` })
  const waitMs = waitOf(headers, nowMs)
  switch (status) {
    case 400:
    case 413:
    case 422:
      return new AiError.InvalidRequestError({ description: `HTTP ${status}` })
    case 401:
      return new AiError.AuthenticationError({ kind: "InvalidKey" })
    case 403:
      return new AiError.AuthenticationError({ kind: "InsufficientPermissions" })
    case 429:
      return new AiError.RateLimitError(waitMs === undefined ? {} : { retryAfter: Duration.millis(waitMs) })
    default:
      return status >= 500 || status === 408 || status === 409
        ? new AiError.InternalProviderError({
            description: `HTTP ${status}`,
            metadata: { kubernaut: { status, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) } }
          })
        : // A wrong address or model name: a retry does not help, and the provider is unusable until it is corrected.
          new AiError.UnknownError({ description: `HTTP ${status}`, metadata: { kubernaut: { status } } })
  }
}

/** An error without a status: the SDK could not read the JSON of a response, or there was no (whole) response. */
export const reasonWithoutStatus = (error: unknown): AiError.AiErrorReason =>
  error instanceof SyntaxError
    ? new AiError.InvalidResponseError({ description: "the response is not JSON" })
    : new AiError.NetworkError({ reason: "TransportError", method: "POST", url: "", description: "no response" })

const maxResponseBytes = 4 * 1024 * 1024

const bound = (response: globalThis.Response): globalThis.Response => {
  if (response.body === null) return response
  let bytes = 0
  const bounded = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        bytes += chunk.length
        if (bytes > maxResponseBytes) controller.error(new Error("the response is too long"))
        else controller.enqueue(chunk)
      }
    })
  )
  return new globalThis.Response(bounded, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers
  })
}

/** The global `fetch` with the bounds above. Connections are pooled and kept alive by Node. */
// The SDKs require `fetch` and abort it through its signal, which is how an interruption reaches it.
export const boundedFetch: typeof globalThis.fetch = (input, init) =>
  // @effect-diagnostics-next-line globalFetch:off
  globalThis.fetch(input, { ...init, redirect: "manual" }).then(bound)

const fail = (sdk: Sdk, reason: AiError.AiErrorReason): AiError.AiError =>
  AiError.make({ module: sdk.provider, method: "generateText", reason })

const textOf = (parts: string | ReadonlyArray<{ readonly type: string; readonly text?: string }>): string | undefined =>
  typeof parts === "string"
    ? parts
    : parts.every((part) => part.type === "text")
      ? parts.map((part) => part.text ?? "").join("\n")
      : undefined

/** The prompt as text; `undefined` when it contains anything else. */
const conversationOf = (prompt: Prompt.Prompt): Conversation | undefined => {
  const system: Array<string> = []
  const turns: Array<Conversation["turns"][number]> = []
  for (const message of prompt.content) {
    if (message.role === "tool") return undefined
    const text = textOf(message.content)
    if (text === undefined) return undefined
    if (message.role === "system") system.push(text)
    else turns.push({ role: message.role, text })
  }
  return { system: system.join("\n\n"), turns }
}

const formatOf = (sdk: Sdk, responseFormat: LanguageModel.ProviderOptions["responseFormat"]): Format =>
  responseFormat.type === "text"
    ? { type: "text" }
    : {
        type: "json",
        name: responseFormat.objectName,
        schema: { ...sdk.codecTransformer(responseFormat.schema as never).jsonSchema }
      }

const usageOf = ({ inputTokens, outputTokens }: Completion): Response.FinishPartEncoded["usage"] => ({
  inputTokens: { uncached: undefined, total: inputTokens, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: outputTokens, text: undefined, reasoning: undefined }
})

const partsOf = (completion: Completion): Array<Response.PartEncoded> => [
  { type: "response-metadata", id: completion.id, modelId: completion.model },
  { type: "text", text: completion.text },
  { type: "finish", reason: "stop", usage: usageOf(completion) }
]

// A truncated answer is rejected even when it parses as JSON.
const judge = (sdk: Sdk, completion: Completion): Effect.Effect<Completion, AiError.AiError> => {
  switch (completion.ending) {
    case "stop":
      return Effect.succeed(completion)
    case "length":
      return Effect.fail(
        fail(sdk, new AiError.InvalidOutputError({ description: "the answer was truncated at its limit" }))
      )
    case "refusal":
      return Effect.fail(fail(sdk, new AiError.ContentPolicyError({ description: "the model refused" })))
    case "context-length":
      return Effect.fail(fail(sdk, contextLengthError()))
  }
}

/** Makes the language model. */
export const make = (sdk: Sdk): Effect.Effect<LanguageModel.LanguageModel> => {
  const complete = Effect.fnUntraced(function* (options: LanguageModel.ProviderOptions) {
    const conversation = options.tools.length > 0 ? undefined : conversationOf(options.prompt)
    if (conversation === undefined) {
      return yield* fail(sdk, new AiError.InvalidUserInputError({ description: "tools and files are not supported" }))
    }
    const format = yield* Effect.try({
      try: () => formatOf(sdk, options.responseFormat),
      catch: () =>
        fail(
          sdk,
          new AiError.UnsupportedSchemaError({ description: "the schema cannot be expressed for this provider" })
        )
    })
    const clock = yield* Clock.Clock
    const response = yield* Effect.tryPromise({
      try: (signal) => sdk.complete(conversation, format, signal),
      catch: (error) => fail(sdk, sdk.reasonOf(error, clock.currentTimeMillisUnsafe()))
    })
    const completion = sdk.read(response, format)
    return completion === undefined
      ? yield* fail(sdk, new AiError.InvalidResponseError({ description: "the response is not of this API" }))
      : yield* judge(sdk, completion)
  })
  return LanguageModel.make({
    codecTransformer: sdk.codecTransformer,
    generateText: (options) => Effect.map(complete(options), partsOf),
    streamText: (options) =>
      Stream.fromIterableEffect(
        Effect.map(complete(options), (completion): ReadonlyArray<Response.StreamPartEncoded> => [
          { type: "response-metadata", id: completion.id, modelId: completion.model },
          { type: "text-start", id: completion.id },
          { type: "text-delta", id: completion.id, delta: completion.text },
          { type: "text-end", id: completion.id },
          { type: "finish", reason: "stop", usage: usageOf(completion) }
        ])
      )
  })
}
