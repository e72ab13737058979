/**
 * HolmesGPT as an investigator, over its HTTP API as of version 0.45.
 *
 * **Details**
 *
 * One request: `POST /api/chat` with a strict `response_format`. The API has no fields for root cause, action or
 * confidence. Our schema has them, and `analysis` is a string with that JSON, which the server forwards from its model
 * without validation. So `Answer` validates it here.
 *
 * The answer is streamed, so that a server that does nothing is noticed within `firstSign`, and one that works may use
 * the whole deadline (`holmesgpt/HolmesGptExchange`). Servers without streaming work too. What the tools of HolmesGPT
 * have found is handed to the chain as it arrives: if HolmesGPT fails, or its time is over, the next tier gets it.
 *
 * - `holmesgpt/HolmesGptFailure` says what each failure means.
 * - A key that is rejected with a 401 or 403 is read again, and the call is repeated once if the key has changed.
 * - An invalid answer took a whole investigation. The next tier is tried instead of a second one.
 * - The pipeline sets the timeout: see `InvestigationChain`. A client that goes away stops the work of a server that
 *   streams, and not that of another.
 */

import { Duration, Effect, Redacted, Result } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import * as TimeLimit from "../../resilience/TimeLimit.ts"
import { type InvestigationRequest, type Investigator, type InvestigatorError, isNotSent } from "../Investigator.ts"
import { type Effort, unmetered } from "../spend/Meter.ts"
import { ReportUsage, type Usage } from "../spend/ModelUsage.ts"
import { type Most, mostOfAll } from "../spend/PossibleUsage.ts"
import type { Price } from "../spend/Price.ts"
import { answerJsonSchema, parseAnswer, toInvestigation } from "./Answer.ts"
import { answerTokens, defaultContextTokens, fit } from "./ContextWindow.ts"
import * as ApiKey from "./holmesgpt/ApiKey.ts"
import { exchange, readSome, type Server } from "./holmesgpt/HolmesGptExchange.ts"
import {
  badRequest,
  contextOverflow,
  disconnected,
  failure,
  invalid,
  refusedProbe
} from "./holmesgpt/HolmesGptFailure.ts"
import { identityOf } from "./PeerIdentity.ts"
import { defaultPatience } from "./providers/StreamedResponse.ts"
import { type CountTokens, countTokens, factorOf } from "./Tokenizer.ts"

export { ofFile as apiKeyOfFile } from "./holmesgpt/ApiKey.ts"

/** Where HolmesGPT is, and how to use it. */
export interface Options {
  /** The address of the server, e.g. `http://holmes.monitoring:5050`. A path prefix is kept. */
  readonly url: string
  /**
   * `HOLMES_API_KEY` of the server, sent as `X-API-Key`; absent when the server has none. An effect, such as
   * `apiKeyOfFile`, reads it at the start, or before the first call if that fails, and again when the server rejects it
   * with a 401 or 403.
   */
  readonly apiKey?: ApiKey.Source
  /** A name from `GET /api/model`. Default: the server's first model. */
  readonly model?: string
  /**
   * How long to wait for the first byte of the answer. A server that streams sends it after the first reply of its
   * model. Default 10 s.
   */
  readonly firstSign?: Duration.Input
  /**
   * The largest response that is read, in bytes. It contains the whole conversation with all tool results. Default 8
   * MiB.
   */
  readonly maxResponseBytes?: number
  /** Counts tokens where a prompt may be too long. Default: a real tokenizer (`Tokenizer`). */
  readonly countTokens?: CountTokens
  /** What an investigation is expected to take, until its response tells. Default: not known. */
  readonly estimate?: Usage
  /** What the tokens of its model cost. Default: what HolmesGPT itself computes, if the currency is the US dollar. */
  readonly price?: Price
  /** Timeout of the probe, `GET /healthz`. Default 2 s. */
  readonly probeTimeout?: Duration.Input
}

const responseFormat = {
  type: "json_schema",
  json_schema: { name: "answer", strict: true, schema: answerJsonSchema }
} as const

const ofHttpError = ({ reason }: HttpClientError.HttpClientError): InvestigatorError =>
  reason._tag === "InvalidUrlError" || reason._tag === "EncodeError" ? badRequest(true) : disconnected(true)

/** Succeeds when `GET /healthz` does. It is sent without the key, because HolmesGPT wants none for it. */
const probe = (
  { base, client }: Server,
  timeout: Duration.Input,
  excuses: TimeLimit.Excuses
): Effect.Effect<void, InvestigatorError> =>
  client.get(`${base}/healthz`).pipe(
    Effect.mapError(ofHttpError),
    Effect.tap((response) => readSome(response)),
    Effect.flatMap((response) => (response.status === 200 ? Effect.void : refusedProbe(response.status))),
    TimeLimit.within(excuses, timeout, (isExcused) => failure({ _tag: "Timeout" }, false, !isExcused)),
    Effect.withSpan("probe holmesgpt"),
    Effect.asVoid
  )

/** The body of a request, and its size. */
const questionOf = (request: InvestigationRequest, model: string | undefined, count: CountTokens) =>
  Effect.map(
    fit(request, {
      contextTokens: defaultContextTokens,
      roomTokens: defaultContextTokens - answerTokens,
      overhead: JSON.stringify(responseFormat),
      answerTokens,
      count,
      factor: factorOf(model)
    }),
    Result.map(({ prompt, tokens }) => ({
      size: { tokens, limit: defaultContextTokens },
      sent: `${prompt.instructions}\n${prompt.question}`,
      body: {
        ask: prompt.question,
        additional_system_prompt: prompt.instructions,
        response_format: responseFormat,
        stream: true,
        request_source: "kubernaut",
        source_ref: request.remediationId,
        ...(model === undefined ? {} : { model })
      }
    }))
  )

const chatRequest = (base: string, body: unknown, key: Redacted.Redacted | undefined) => {
  const request = HttpClientRequest.post(`${base}/api/chat`).pipe(
    HttpClientRequest.setHeader("accept", "text/event-stream, application/json"),
    HttpClientRequest.bodyJsonUnsafe(body)
  )
  return key === undefined ? request : HttpClientRequest.setHeader(request, "x-api-key", Redacted.value(key))
}

/** A gateway may reject a key with a 403 too. */
const isRejectedKey = ({ reason }: InvestigatorError): boolean => reason._tag === "Authentication"

/** The statuses of a gateway that has no server for the request, or none that responds. */
const gatewayStatuses: ReadonlySet<number | undefined> = new Set([502, 503, 504])

/**
 * What HolmesGPT did for a call that failed before it showed any work (`HolmesGptProgress`). Its model may have worked
 * for long before it reached a limit. It responds to nothing with a status of a gateway itself, so an early one, which
 * is retried, comes in place of it. After a while a server that does not stream may have worked behind it.
 */
const effortOf = ({ reason, retryable }: InvestigatorError): Effort => {
  if (isNotSent(reason)) return "not-sent"
  switch (reason._tag) {
    case "Authentication":
    case "UpstreamAuthentication":
    case "BadRequest":
      return "rejected"
    case "Unavailable":
      return retryable && gatewayStatuses.has(reason.status) ? "rejected" : "worked"
    default:
      return "worked"
  }
}

/** The start does not wait for longer until the key is read. */
const keyTime = "2 seconds"

/** How many times of what is expected an investigation may take. Beyond that, its server cannot count. */
const mostTimes = 100

const mostOf = ({ inputTokens, outputTokens }: Usage): Most => ({
  inputTokens: inputTokens === null ? mostOfAll.inputTokens : inputTokens * mostTimes,
  outputTokens: outputTokens === null ? mostOfAll.outputTokens : outputTokens * mostTimes
})

const noFinding = (): void => {}

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
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const server: Server = {
      client,
      base: options.url.replace(/\/+$/, ""),
      firstSignMs: Duration.toMillis(Duration.fromInputUnsafe(options.firstSign ?? defaultPatience.firstSignMs)),
      maxBytes: options.maxResponseBytes ?? 8 * 1024 * 1024,
      streams: undefined,
      excuses: new TimeLimit.Excuses()
    }
    const apiKey = ApiKey.make(options.apiKey)
    // Of a source, the key at the start: a suspension of another key, before a restart, is not that of this account.
    const known = yield* apiKey.current.pipe(
      Effect.timeout(keyTime),
      Effect.orElseSucceed(() => undefined)
    )
    const { estimate = { inputTokens: null, outputTokens: null }, model, price } = options
    const call = {
      estimate,
      most: mostOf(estimate),
      ...(model === undefined ? {} : { model }),
      ...(price === undefined ? {} : { price })
    }

    const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
      const question = yield* questionOf(request, options.model, options.countTokens ?? countTokens)
      if (Result.isFailure(question)) return yield* contextOverflow(question.failure, true)
      const { body, sent, size } = question.success
      const ask = (key: Redacted.Redacted | undefined, isRepeat = false) =>
        (request.meter ?? unmetered)(
          call,
          Effect.flatMap(ReportUsage, (onUsage) =>
            exchange(server, {
              request: chatRequest(server.base, body, key),
              size,
              sent,
              onFinding: request.onFinding ?? noFinding,
              onUsage,
              ...(request.onSign === undefined ? {} : { onSign: request.onSign })
            })
          ),
          effortOf
        ).pipe(
          Effect.catchTag("BudgetUsedUp", ({ used }) =>
            Effect.fail(failure({ _tag: "OverBudget", used, ...(isRepeat ? { isRepeat } : {}) }, false, false))
          )
        )
      const key = yield* Effect.mapError(apiKey.current, () => failure({ _tag: "KeyUnreadable" }, false, false))
      const analysis = yield* Effect.catchIf(ask(key), isRejectedKey, (error) =>
        Effect.flatMap(apiKey.after(key), (changed) =>
          changed === undefined ? Effect.fail(error) : ask(changed, true)
        )
      )
      const answer = Result.flatMap(parseAnswer(analysis), (parsed) =>
        toInvestigation(request, parsed, { investigator: "holmesgpt" })
      )
      return yield* Result.isFailure(answer) ? invalid(answer.failure) : Effect.succeed(answer.success)
    })

    return {
      name: "holmesgpt",
      needsEvidence: true,
      ...identityOf({ url: options.url, apiKey: known }),
      investigate,
      hasNewKey: apiKey.isReplaced,
      probe: probe(server, options.probeTimeout ?? "2 seconds", new TimeLimit.Excuses())
    }
  })
