/**
 * What the two providers share: an `effect/ai` `LanguageModel` over an official SDK's one call.
 *
 * **Details**
 *
 * - One request per generation. The SDK's own retries are off: the pipeline retries, so that attempts are counted,
 *   bounded and seen by the breaker.
 * - An interruption aborts the request and closes its connection.
 * - A response is read up to 4 MiB; redirects are not followed, since a key in a header would go along.
 * - Neither toolkits nor files are supported: an investigation is text in, JSON out. `streamText` gives the whole answer
 *   as one delta.
 * - Errors carry a status and nothing of the body, which may quote our prompt or the key.
 */

import { Duration, Effect, Stream } from "effect"
import { AiError, LanguageModel, type Prompt, type Response } from "effect/ai"
import { contextLength } from "../AiFailure.ts"
import { retryAfterMs } from "../RetryAfter.ts"

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

export interface Sdk {
  /** `openai`, `anthropic`: the module in errors. */
  readonly provider: string
  readonly codecTransformer: LanguageModel.CodecTransformer
  readonly complete: (conversation: Conversation, format: Format, signal: AbortSignal) => Promise<Completion>
  readonly reasonOf: (error: unknown) => AiError.AiErrorReason
}

const contextLengthError = (): AiError.AiErrorReason =>
  new AiError.InvalidRequestError({ parameter: "prompt", constraint: contextLength })

interface HttpFailure {
  readonly status: number
  readonly headers: { get(name: string): string | null } | undefined
  readonly isQuota: boolean
  readonly isContextLength: boolean
  readonly isRefusal: boolean
}

const waitOf = (headers: HttpFailure["headers"]): number | undefined => {
  const millis = Number(headers?.get("retry-after-ms") ?? Number.NaN)
  return Number.isFinite(millis) ? millis : retryAfterMs(headers?.get("retry-after"))
}

/** What a status means, alike for both providers. */
export const reasonOfStatus = ({
  headers,
  isContextLength,
  isQuota,
  isRefusal,
  status
}: HttpFailure): AiError.AiErrorReason => {
  if (isContextLength) return contextLengthError()
  if (isQuota) return new AiError.QuotaExhaustedError({})
  if (isRefusal) return new AiError.ContentPolicyError({ description: `HTTP ${status}` })
  const waitMs = waitOf(headers)
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
        : // A wrong address or model name: asking again does not help, and the peer is of no use as it is.
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
// The SDKs are made for `fetch` and abort it by its signal, which is how an interruption gets through.
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

/** The prompt as text, or `undefined` where it holds anything else. */
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

// An answer that did not come to its own end is none: half a JSON may even parse.
const judge = (sdk: Sdk, completion: Completion): Effect.Effect<Completion, AiError.AiError> => {
  switch (completion.ending) {
    case "stop":
      return Effect.succeed(completion)
    case "length":
      return Effect.fail(
        fail(sdk, new AiError.InvalidOutputError({ description: "the answer was cut off at its limit" }))
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
          new AiError.UnsupportedSchemaError({ description: "the schema can't be expressed for this provider" })
        )
    })
    const completion = yield* Effect.tryPromise({
      try: (signal) => sdk.complete(conversation, format, signal),
      catch: (error) => fail(sdk, sdk.reasonOf(error))
    })
    return yield* judge(sdk, completion)
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
