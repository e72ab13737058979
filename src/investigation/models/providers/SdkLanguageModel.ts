/**
 * The common part of both providers: an `effect/ai` `LanguageModel` on the one call of an official SDK that it needs.
 *
 * **Details**
 *
 * - One request per generation. The SDK's own retries are off. The pipeline retries, so attempts are counted and bounded,
 *   and the breaker sees them.
 * - An interruption aborts the request and closes its connection.
 * - The answer is streamed, so that a provider that says nothing is noticed within `Patience.firstSignMs`. A server that
 *   responds with the whole answer instead is understood too. See `StreamedResponse`.
 * - An answer without its end counts if it is whole: a JSON object that closes. Any other is cut off, whatever its
 *   status.
 * - A response is read up to 4 MiB. Redirects are not followed, because they would carry the key in a header along.
 * - Toolkits and files are not supported: an investigation takes text and returns JSON. `streamText` emits the whole
 *   answer as one delta.
 * - Errors contain a status and nothing from the body, which may quote the prompt or the key.
 */

import { Clock, DateTime, Duration, Effect, Result, Stream } from "effect"
import { AiError, LanguageModel, type Prompt, type Response } from "effect/ai"
import * as RetryAfter from "../../../resilience/RetryAfter.ts"
import { Excuses } from "../../../resilience/TimeLimit.ts"
import { type ReportedUsage, ReportUsage } from "../../spend/ModelUsage.ts"
import { isUnsent } from "../../spend/Unsent.ts"
import { afterBegin, contextLength, noConnection, silentMetadata } from "../AiFailure.ts"
import { resetAtMsIn, shareThatFits, statusIn, type Subject, subjectOf } from "./ErrorWording.ts"
import { type Arrived, collect, defaultPatience, type Patience } from "./StreamedResponse.ts"

/** A prompt as both SDKs take it. */
export interface Conversation {
  readonly system: string
  readonly turns: ReadonlyArray<{ readonly role: "user" | "assistant"; readonly text: string }>
}

/** All text of a conversation, which the error of a server may quote. */
export const textSent = ({ system, turns }: Conversation): string =>
  [system, ...turns.map(({ text }) => text)].join("\n")

export type Format =
  | { readonly type: "text" }
  | { readonly type: "json"; readonly name: string; readonly schema: Record<string, unknown> }

export interface Completion {
  readonly id: string
  readonly model: string
  readonly text: string
  /** `missing`: the response does not say. The answer counts if it is whole. */
  readonly ending: "stop" | "length" | "refusal" | "context-length" | "missing"
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
  /** Asks for a stream. */
  readonly request: (conversation: Conversation, format: Format, signal: AbortSignal) => Promise<globalThis.Response>
  /**
   * Reads the body of a successful response; `undefined` if it is not one of this API. Compatible servers and gateways
   * omit fields that the SDK's types require, so nothing of it is taken for granted.
   */
  readonly read: (body: unknown, format: Format) => Completion | undefined
  /** Whether an event of a stream shows that the model writes, thinks or has finished. See `StreamedResponse`. */
  readonly isWork: (event: unknown) => boolean
  /** Puts the events of a stream together, to a body as `read` takes it. */
  readonly assemble: (events: ReadonlyArray<unknown>) => unknown
  /** The error that a body or an event of a successful response reports, if it does. `request`: see `VendorError`. */
  readonly errorIn: (value: unknown, request: string) => AiError.AiErrorReason | undefined
  /** `nowMs` is the wall clock, for a `Retry-After` that is a date. */
  readonly reasonOf: (error: unknown, nowMs?: number, request?: string) => AiError.AiErrorReason
}

const contextLengthError = (share?: number): AiError.AiErrorReason =>
  new AiError.InvalidRequestError({
    parameter: "prompt",
    constraint: contextLength,
    ...(share === undefined ? {} : { metadata: { kubernaut: { shareThatFits: share } } })
  })

interface HttpFailure {
  readonly status: number
  readonly headers: { get(name: string): string | null } | undefined
  /** The wall clock, from which a date in `Retry-After` counts if the response names none. */
  readonly nowMs?: number | undefined
  /** See `ErrorWording`. */
  readonly subject: Subject
  /** See `shareThatFits`. */
  readonly share?: number | undefined
  /** When an account without money has some again, if the error says so. Milliseconds since the epoch. */
  readonly resetAtMs?: number | undefined
}

/** No money left, and until when. What a header says is exact; a text says a day. */
const quotaError = (waitMs: number | undefined, resetAtMs: number | undefined): AiError.AiErrorReason =>
  new AiError.QuotaExhaustedError({
    ...(resetAtMs === undefined ? {} : { resetAt: DateTime.makeUnsafe(resetAtMs) }),
    ...(waitMs === undefined ? {} : { metadata: { kubernaut: { retryAfterMs: waitMs } } })
  })

const waitOf = (headers: HttpFailure["headers"], nowMs: number | undefined): number | undefined => {
  const millis = headers?.get("retry-after-ms") ?? ""
  return /^\s*\d+(\.\d+)?\s*$/.test(millis)
    ? Number(millis)
    : RetryAfter.retryAfterMs(headers?.get("retry-after"), { date: headers?.get("date"), nowMs })
}

/** The reason for a status, the same for both providers. */
export const reasonOfStatus = ({
  headers,
  nowMs,
  resetAtMs,
  share,
  status,
  subject
}: HttpFailure): AiError.AiErrorReason => {
  const waitMs = waitOf(headers, nowMs)
  if (subject === "context-length") return contextLengthError(share)
  if (subject === "key") return new AiError.AuthenticationError({ kind: "InvalidKey" })
  if (subject === "quota") return quotaError(waitMs, resetAtMs)
  if (subject === "refusal") return new AiError.ContentPolicyError({ description: `HTTP ${status}` })
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

/** The reason for an error that a successful response reports: in its body, or in the middle of its stream. */
export const reasonInBody = (error: unknown, request: string): AiError.AiErrorReason => {
  const { code, message, status, type } = fieldsOf(error)
  const codes = [status, code, type]
  const vendor = { status: statusIn(codes), codes, message: stringOf(message) ?? stringOf(error) ?? "", request }
  return reasonOfStatus({
    status: vendor.status,
    headers: undefined,
    subject: subjectOf(vendor),
    resetAtMs: resetAtMsIn(vendor.message, request),
    share: shareThatFits(vendor.message, request)
  })
}

/** An error without a status: the SDK could not read the JSON of a response, or there was no (whole) response. */
export const reasonWithoutStatus = (error: unknown): AiError.AiErrorReason =>
  error instanceof SyntaxError
    ? new AiError.InvalidResponseError({ description: "the response is not JSON" })
    : new AiError.NetworkError({
        reason: "TransportError",
        method: "POST",
        url: "",
        description: isUnsent(error) ? noConnection : "no response"
      })

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

/**
 * The usage of a completion, also of one that is no answer. One that broke off counts its output only so far, and a
 * text has tokens, so 0 is what a gateway writes that does not know.
 */
const reportedIn = ({ ending, inputTokens, outputTokens, text }: Completion): ReportedUsage => ({
  inputTokens: inputTokens ?? null,
  outputTokens: ending === "missing" || (outputTokens === 0 && text !== "") ? null : (outputTokens ?? null)
})

/**
 * What a stream had taken when an error ended it. Its model may have worked for long, whatever the error says, and a
 * model that thinks may have written nothing that we read.
 */
const begunIn = ({ assemble, read }: Sdk, arrived: Arrived, format: Format): ReportedUsage | undefined => {
  if (arrived._tag !== "Events") return undefined
  const begun = read(assemble(arrived.events), format)
  const hasBegun = arrived.hasWork || (begun !== undefined && (begun.text !== "" || begun.inputTokens !== undefined))
  if (!hasBegun) return undefined
  const reported = begun === undefined ? undefined : reportedIn({ ...begun, ending: "missing" })
  return { ...(reported ?? { inputTokens: null, outputTokens: null }), isPartial: true }
}

const usageOf = (completion: Completion): Response.FinishPartEncoded["usage"] => {
  const { inputTokens, outputTokens } = reportedIn(completion)
  return {
    inputTokens: { uncached: undefined, total: inputTokens ?? undefined, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: outputTokens ?? undefined, text: undefined, reasoning: undefined }
  }
}

/** The body of a response, or the first error that it reports. */
const bodyOf = (
  { assemble, errorIn }: Pick<Sdk, "assemble" | "errorIn">,
  arrived: Arrived,
  request: string
): Result.Result<unknown, AiError.AiErrorReason> => {
  if (arrived._tag === "Events") {
    const error = arrived.events.map((event) => errorIn(event, request)).find((each) => each !== undefined)
    if (error !== undefined) return Result.fail(error)
    return arrived.hasHole
      ? Result.fail(new AiError.InvalidResponseError({ description: "an event of the stream is not JSON" }))
      : Result.succeed(assemble(arrived.events))
  }
  try {
    const body: unknown = JSON.parse(arrived.text)
    const error = errorIn(body, request)
    return error === undefined ? Result.succeed(body) : Result.fail(error)
  } catch {
    return Result.fail(
      arrived.isCut ? truncated() : new AiError.InvalidResponseError({ description: "the response is not JSON" })
    )
  }
}

const silence = (isExcused: boolean): AiError.AiErrorReason =>
  new AiError.InternalProviderError({ description: "no sign of work", metadata: silentMetadata(isExcused) })

/** Nothing of the answer has come. The server was reached, so it is no failure of the network. */
const brokenResponse = (status: number): AiError.AiErrorReason =>
  new AiError.InternalProviderError({ description: "no body", metadata: { kubernaut: { status } } })

const truncated = (): AiError.AiErrorReason => new AiError.InvalidOutputError({ description: "the answer was cut off" })

/** A JSON object that closes has not been cut off. */
const isWhole = (text: string): boolean => {
  try {
    return Object.keys(fieldsOf(JSON.parse(text))).length > 0
  } catch {
    return false
  }
}

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
      return Effect.fail(fail(sdk, truncated()))
    case "missing":
      return isWhole(completion.text) ? Effect.succeed(completion) : Effect.fail(fail(sdk, truncated()))
    case "refusal":
      return Effect.fail(fail(sdk, new AiError.ContentPolicyError({ description: "the model refused" })))
    case "context-length":
      return Effect.fail(fail(sdk, contextLengthError()))
  }
}

/** Makes the language model. */
export const make = (
  sdk: Sdk,
  { firstSignMs = defaultPatience.firstSignMs, stallMs = defaultPatience.stallMs }: Partial<Patience> = {}
): Effect.Effect<LanguageModel.LanguageModel> => {
  const excuses = { head: new Excuses(), body: new Excuses() }
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
    const sent = textSent(conversation)
    const arrived = yield* collect(
      (signal) => sdk.request(conversation, format, signal),
      { firstSignMs, stallMs, excuses },
      (error, status) =>
        fail(
          sdk,
          status === undefined ? sdk.reasonOf(error, clock.currentTimeMillisUnsafe(), sent) : brokenResponse(status)
        ),
      { isWork: sdk.isWork, isError: (event) => sdk.errorIn(event, sent) !== undefined }
    ).pipe(Effect.catchTag("Silent", ({ isExcused }) => Effect.fail(fail(sdk, silence(isExcused)))))
    const body = bodyOf(sdk, arrived, sent)
    const report = yield* ReportUsage
    if (Result.isFailure(body)) {
      const begun = begunIn(sdk, arrived, format)
      if (begun !== undefined) report(begun)
      const hasWork = arrived._tag === "Events" && arrived.hasWork
      return yield* fail(sdk, hasWork ? afterBegin(body.failure) : body.failure)
    }
    const completion = sdk.read(body.success, format)
    if (completion !== undefined) report(reportedIn(completion))
    if (completion === undefined) {
      return yield* fail(sdk, new AiError.InvalidResponseError({ description: "the response is not of this API" }))
    }
    // It has broken off before the model began.
    if (arrived._tag === "Events" && !arrived.hasWork) return yield* fail(sdk, silence(false))
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
