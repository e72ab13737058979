/**
 * HolmesGPT as an investigator, over its HTTP API as of version 0.45.
 *
 * **Details**
 *
 * One request: `POST /api/chat` with a strict `response_format`. The API has no fields for root cause, action or
 * confidence. Our schema has them, and `analysis` is a string with that JSON, which the server forwards from its model
 * without validation. So `Answer` validates it here.
 *
 * | HolmesGPT responds                   | reason           | retried                 | breaker                       |
 * | ------------------------------------ | ---------------- | ----------------------- | ----------------------------- |
 * | no connection, 500, 502, 503, 504    | `Unavailable`    | yes                     | failure                       |
 * | 401, 403                             | `Authentication` | no                      | failure                       |
 * | 400, 413, 422                        | `BadRequest`     | no                      | ignored: our request is wrong |
 * | 429                                  | `RateLimited`    | only with `Retry-After` | failure                       |
 * | any other status (404, a redirect)   | `Unavailable`    | no                      | failure                       |
 * | 200, and `analysis` is not an answer | `InvalidAnswer`  | no                      | failure                       |
 *
 * - 401 means that our key is wrong, or that HolmesGPT's own model rejected its key. Neither resolves without a person.
 * - 429 is the rate limit of its model, after three attempts by HolmesGPT itself, so an immediate retry only adds load.
 * - An invalid answer took a whole investigation. The next tier is tried instead of a second one.
 * - The `detail` of an error contains internals of the server. It is neither read nor passed on.
 *
 * The pipeline sets the timeout: see `InvestigationChain`. A client that gives up does not stop the work in the server.
 */

import { Clock, type Duration, Effect, Redacted, Result, Schema, Stream } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import * as RetryAfter from "../../resilience/RetryAfter.ts"
import { type Investigator, InvestigatorError, type InvestigatorErrorReason } from "../Investigator.ts"
import { answerJsonSchema, parseAnswer, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit } from "./ContextWindow.ts"

/** Where HolmesGPT is, and how to use it. */
export interface Options {
  /** The address of the server, e.g. `http://holmes.monitoring:5050`. A path prefix is kept. */
  readonly url: string
  /** `HOLMES_API_KEY` of the server, sent as `X-API-Key`; absent when the server has none. */
  readonly apiKey?: Redacted.Redacted
  /** A name from `GET /api/model`. Default: the server's first model. */
  readonly model?: string
  /**
   * The largest response that is read, in bytes. It contains the whole conversation with all tool results. Default 8
   * MiB.
   */
  readonly maxResponseBytes?: number
  /** Timeout of the probe, `GET /healthz`. Default 2 s. */
  readonly probeTimeout?: Duration.Input
}

const ChatResponse = Schema.Struct({ analysis: Schema.NullOr(Schema.String) })
const decodeChat = Schema.decodeUnknownEffect(Schema.fromJsonString(ChatResponse))

const responseFormat = {
  type: "json_schema",
  json_schema: { name: "answer", strict: true, schema: answerJsonSchema }
} as const

const failure = (reason: InvestigatorErrorReason, retryable: boolean, countsAsFailure = true): InvestigatorError =>
  new InvestigatorError({ investigator: "holmesgpt", reason, retryable, countsAsFailure })

/** The error for a status, from the table above. */
export const errorOfStatus = (
  status: number,
  retryAfter: string | undefined,
  received: RetryAfter.Received = {}
): InvestigatorError => {
  const waitMs = RetryAfter.retryAfterMs(retryAfter, received)
  const wait = waitMs === undefined ? {} : { retryAfterMs: waitMs }
  switch (status) {
    case 400:
    case 413:
    case 422:
      return failure({ _tag: "BadRequest" }, false, false)
    case 401:
    case 403:
      return failure({ _tag: "Authentication" }, false)
    case 429:
      return failure({ _tag: "RateLimited", ...wait }, waitMs !== undefined)
    case 500:
    case 502:
    case 503:
    case 504:
      return failure({ _tag: "Unavailable", status, ...wait }, true)
    default:
      return failure({ _tag: "Unavailable", status }, false)
  }
}

const invalid = (problem: string): InvestigatorError => failure({ _tag: "InvalidAnswer", problem }, false)

const ofHttpError = (error: HttpClientError.HttpClientError): InvestigatorError =>
  error.reason._tag === "InvalidUrlError" || error.reason._tag === "EncodeError"
    ? failure({ _tag: "BadRequest" }, false, false)
    : failure({ _tag: "Unavailable" }, true)

/** Reads the body as text, and fails as soon as it exceeds the limit. */
const boundedText = (
  response: HttpClientResponse.HttpClientResponse,
  maxBytes: number
): Effect.Effect<string, InvestigatorError> =>
  Effect.suspend(() => {
    const decoder = new TextDecoder()
    let text = ""
    let bytes = 0
    return Stream.runForEach(response.stream, (chunk) => {
      bytes += chunk.length
      if (bytes > maxBytes) return Effect.fail(invalid("the response is too long"))
      text += decoder.decode(chunk, { stream: true })
      return Effect.void
    }).pipe(
      Effect.mapError((error) => (HttpClientError.isHttpClientError(error) ? ofHttpError(error) : error)),
      Effect.map(() => text + decoder.decode())
    )
  })

// An unread body would block its connection from reuse. A body over the limit closes its connection.
const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.ignore(boundedText(response, 65_536))

/** Succeeds when `GET /healthz` does. */
const probe = (client: HttpClient.HttpClient, base: string, options: Options): Effect.Effect<void, InvestigatorError> =>
  client.get(`${base}/healthz`).pipe(
    Effect.mapError(ofHttpError),
    Effect.tap(discard),
    Effect.flatMap((response) =>
      response.status === 200
        ? Effect.void
        : // A server or proxy without that route says nothing about its health. Only real calls show it.
          response.status === 404 || response.status === 405
          ? failure({ _tag: "BadRequest" }, false, false)
          : errorOfStatus(response.status, undefined)
    ),
    Effect.timeoutOrElse({
      duration: options.probeTimeout ?? "2 seconds",
      orElse: () => failure({ _tag: "Timeout" }, false)
    }),
    Effect.withSpan("probe holmesgpt"),
    Effect.asVoid
  )

/**
 * Makes the investigator. The `HttpClient` owns the connections: provide one that pools them and keeps them alive, such
 * as `NodeHttpClient.layerUndici`.
 *
 * **Example** (HolmesGPT as the only tier)
 *
 * ```ts
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { HolmesGptInvestigator } from "kubernaut"
 *
 * const holmesgpt = HolmesGptInvestigator.make({ url: "http://holmes.monitoring:5050" }).pipe(
 *   Effect.provide(NodeHttpClient.layerUndici)
 * )
 * const { name } = await Effect.runPromise(holmesgpt)
 * name // => "holmesgpt"
 * ```
 */
export const make = (options: Options): Effect.Effect<Investigator, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client) => {
    const base = options.url.replace(/\/+$/, "")
    const maxBytes = options.maxResponseBytes ?? 8 * 1024 * 1024
    const post = (body: unknown) => {
      const request = HttpClientRequest.post(`${base}/api/chat`).pipe(
        HttpClientRequest.acceptJson,
        HttpClientRequest.bodyJsonUnsafe(body)
      )
      return options.apiKey === undefined
        ? request
        : HttpClientRequest.setHeader(request, "x-api-key", Redacted.value(options.apiKey))
    }

    const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
      const fitted = fit(request, {
        contextTokens: defaultContextTokens,
        overhead: JSON.stringify(responseFormat),
        answerTokens
      })
      if (Result.isFailure(fitted)) return yield* failure({ _tag: "ContextOverflow", ...fitted.failure }, false, false)
      const { prompt } = fitted.success
      const response = yield* Effect.mapError(
        client.execute(
          post({
            ask: prompt.question,
            additional_system_prompt: prompt.instructions,
            response_format: responseFormat,
            stream: false,
            request_source: "kubernaut",
            source_ref: request.remediationId,
            ...(options.model === undefined ? {} : { model: options.model })
          })
        ),
        ofHttpError
      )
      if (response.status !== 200) {
        yield* discard(response)
        const { date, "retry-after": retryAfter } = response.headers
        return yield* errorOfStatus(response.status, retryAfter, { date, nowMs: yield* Clock.currentTimeMillis })
      }
      const text = yield* boundedText(response, maxBytes)
      const chat = yield* Effect.mapError(decodeChat(text), () => invalid("the response is not a chat response"))
      const answer = Result.flatMap(parseAnswer(chat.analysis), (parsed) =>
        toInvestigation(request, parsed, { investigator: "holmesgpt" })
      )
      return yield* Result.isFailure(answer) ? invalid(answer.failure) : Effect.succeed(answer.success)
    })

    return { name: "holmesgpt", needsEvidence: true, investigate, probe: probe(client, base, options) }
  })
