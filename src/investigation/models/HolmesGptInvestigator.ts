/**
 * HolmesGPT as an investigator, over its HTTP API as of version 0.45.
 *
 * **Details**
 *
 * One request: `POST /api/chat` with a strict `response_format`. The API has no fields for root cause, action or
 * confidence; they are in our schema, and `analysis` is a string that holds that JSON, which the server passes on from
 * its model unchecked. So it is judged here (`Answer`).
 *
 * | HolmesGPT answers                    | reason           | asked again             | breaker                       |
 * | ------------------------------------ | ---------------- | ----------------------- | ----------------------------- |
 * | no connection, 500, 502, 503, 504    | `Unavailable`    | yes                     | failure                       |
 * | 401, 403                             | `Authentication` | no                      | failure                       |
 * | 400, 413, 422                        | `BadRequest`     | no                      | ignored: our request is wrong |
 * | 429                                  | `RateLimited`    | only with `Retry-After` | failure                       |
 * | any other status (404, a redirect)   | `Unavailable`    | no                      | failure                       |
 * | 200, and `analysis` is not an answer | `InvalidAnswer`  | no                      | failure                       |
 *
 * - 401 says that our key is wrong, or that HolmesGPT's own model refused its key. Only the text tells them apart, and
 *   neither mends itself.
 * - 429 is the rate limit of its model, after HolmesGPT has waited and asked three times itself, so asking again at once
 *   would only add to it.
 * - An invalid answer took a whole investigation. Another one is not asked for while the next tier can answer.
 * - The `detail` of an error holds internals of the server. It is neither read nor passed on.
 *
 * The time limit is the pipeline's: see `InvestigationChain`. A client that gives up does not stop the work in the
 * server.
 *
 * **When to use**
 *
 * With an `HttpClient` that pools and keeps connections alive: `NodeHttpClient.layerUndici`.
 */

import { type Duration, Effect, Redacted, Result, Schema, Stream } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { type Investigator, InvestigatorError, type InvestigatorErrorReason } from "../Investigator.ts"
import { answerJsonSchema, parseAnswer, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit } from "./ContextWindow.ts"
import { retryAfterMs } from "./RetryAfter.ts"

export interface Options {
  /** Where the server is, e.g. `http://holmes.monitoring:5050`. A path prefix is kept. */
  readonly url: string
  /** `HOLMES_API_KEY` of the server; absent where it has none. Sent as `X-API-Key`. */
  readonly apiKey?: Redacted.Redacted
  /** One of the names that `GET /api/model` lists. Absent: the server's first. */
  readonly model?: string
  /**
   * The longest answer that is read, in bytes. It carries the whole conversation with all tool results. Default 8 MiB.
   */
  readonly maxResponseBytes?: number
  /** For `GET /healthz`. Default 2 s. */
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

/** The table above, by status. */
export const errorOfStatus = (status: number, retryAfter: string | undefined): InvestigatorError => {
  const waitMs = retryAfterMs(retryAfter)
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

/** The body as text, or a failure as soon as it is longer than allowed. */
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

// An unread body would keep its connection from being used again. A long one is cut, and its connection with it.
const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  Effect.ignore(boundedText(response, 65_536))

/** Makes the investigator. It keeps nothing open itself: connections are the `HttpClient`'s. */
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
        return yield* errorOfStatus(response.status, response.headers["retry-after"])
      }
      const text = yield* boundedText(response, maxBytes)
      const chat = yield* Effect.mapError(decodeChat(text), () => invalid("the response is not a chat response"))
      const answer = Result.flatMap(parseAnswer(chat.analysis), (parsed) =>
        toInvestigation(request, parsed, { investigator: "holmesgpt" })
      )
      return yield* Result.isFailure(answer) ? invalid(answer.failure) : Effect.succeed(answer.success)
    })

    const probe = client.get(`${base}/healthz`).pipe(
      Effect.mapError(ofHttpError),
      Effect.tap(discard),
      Effect.flatMap((response) =>
        response.status === 200
          ? Effect.void
          : // A server (or a proxy's stand-in) without that route says nothing about its health: real calls have to find out.
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

    return { name: "holmesgpt", needsEvidence: true, investigate, probe }
  })
