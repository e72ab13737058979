/**
 * What an `AiError` of any `LanguageModel` means for the chain: the reason of the hop, whether the same provider is
 * retried, and whether its breaker counts the error. One table covers an embedder's own providers too.
 *
 * | error                                          | reason            | retried                              | breaker | strategy                                                                         |
 * | ---------------------------------------------- | ----------------- | ------------------------------------ | ------- | -------------------------------------------------------------------------------- |
 * | network, error of the provider (5xx, 408, 409) | `Unavailable`     | yes                                  | failure | back off, then next provider                                                     |
 * | no sign of work in the time for a first one    | `Silent`          | no                                   | failure | next provider                                                                    |
 * | rate limit                                     | `RateLimited`     | yes, after `Retry-After` up to a cap | failure | back off, then next provider                                                     |
 * | no money left                                  | `QuotaExhausted`  | no                                   | suspend | next provider with another account; asked again after a while (`chain/Account`)  |
 * | key not known                                  | `Authentication`  | no                                   | suspend | the same                                                                         |
 * | key may not do this (403)                      | `Authentication`  | no                                   | run     | next provider                                                                    |
 * | context too long                               | `ContextOverflow` | no                                   | run     | shortened before the call, and again when the provider rejects it; next provider |
 * | refusal                                        | `Refused`         | no                                   | run     | next provider                                                                    |
 * | not JSON of the schema, truncated              | `InvalidAnswer`   | no                                   | run     | next provider                                                                    |
 * | 200 with a body that is not of this API        | `InvalidAnswer`   | no                                   | failure | next provider                                                                    |
 * | our request                                    | `BadRequest`      | no                                   | run     | next provider                                                                    |
 * | our schema or address, which cannot be sent    | `BadRequest`      | no                                   | –       | next provider                                                                    |
 * | anything else (404)                            | `Unavailable`     | no                                   | failure | next provider                                                                    |
 *
 * An error in the middle of a stream is not retried once the model has begun to write (`afterBegin`).
 *
 * _run_: it may depend on the text of the request. Anyone who can write an alert or a log line can cause it, and must
 * not be able to open a breaker that way. So the breaker does not count it, and a run over different targets shows that
 * the provider is of no use (`chain/UselessRun`).
 */

import { DateTime, Duration } from "effect"
import { AiError } from "effect/ai"
import { InvestigatorError, type InvestigatorErrorReason } from "../Investigator.ts"

/** The constraint that our providers report for a context that is too long. */
export const contextLength = "context-length"

/** How our providers describe that a request never left: there was no connection. */
export const noConnection = "no connection"

/**
 * How our providers mark an error as silence: the model has not begun. It does not count against the provider if it is
 * excused (`TimeLimit`).
 */
export const silentMetadata = (isExcused: boolean) => ({ kubernaut: { silent: true, isExcused } })

/**
 * The same error, of a model that had begun to write: another attempt would have to be paid for as well. It counts as
 * before.
 */
export const afterBegin = (reason: AiError.AiErrorReason): AiError.AiErrorReason => {
  const marked = (metadata: AiError.ProviderMetadata) => ({
    kubernaut: { ...(metadata["kubernaut"] as object | null | undefined), begun: true }
  })
  switch (reason._tag) {
    case "InternalProviderError":
      return new AiError.InternalProviderError({
        description: reason.description,
        metadata: marked(reason.metadata)
      })
    case "RateLimitError":
      return new AiError.RateLimitError({ retryAfter: reason.retryAfter, metadata: marked(reason.metadata) })
    default:
      return reason
  }
}

const isMarked = (metadata: AiError.ProviderMetadata, name: "begun" | "silent" | "isExcused"): boolean =>
  (metadata["kubernaut"] as { readonly [key: string]: unknown } | null | undefined)?.[name] === true

const numberIn = (metadata: AiError.ProviderMetadata, name: string): number | undefined => {
  const own = metadata["kubernaut"] as { readonly [key: string]: unknown } | null | undefined
  return typeof own?.[name] === "number" ? own[name] : undefined
}

const kubernautMetadata = (
  metadata: AiError.ProviderMetadata
): { readonly status?: number; readonly retryAfterMs?: number } => {
  const [status, retryAfterMs] = [numberIn(metadata, "status"), numberIn(metadata, "retryAfterMs")]
  return { ...(status === undefined ? {} : { status }), ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

const overflow = (
  { metadata }: AiError.InvalidRequestError,
  request: { readonly tokens: number; readonly limit: number }
): InvestigatorErrorReason => {
  const share = numberIn(metadata, "shareThatFits")
  return { _tag: "ContextOverflow", ...request, ...(share === undefined ? {} : { share }) }
}

/** Until when an account has no money, if the provider says so. */
const resetMs = (reason: AiError.QuotaExhaustedError, nowMs: number | undefined): number | undefined =>
  kubernautMetadata(reason.metadata).retryAfterMs
  ?? (reason.resetAt === undefined || nowMs === undefined
    ? undefined
    : Math.max(0, DateTime.toEpochMillis(reason.resetAt) - nowMs))

/**
 * Applies the table above. `request`: its estimated tokens, and the limit that it was fitted to. `nowMs`: the wall
 * clock, for a time that the provider states.
 */
export const toInvestigatorError = (
  investigator: string,
  reason: AiError.AiErrorReason,
  request: { readonly tokens: number; readonly limit: number },
  nowMs?: number
): InvestigatorError => {
  const failure = (mapped: InvestigatorErrorReason, retryable: boolean, countsAsFailure = true) =>
    new InvestigatorError({ investigator, reason: mapped, retryable, countsAsFailure })
  switch (reason._tag) {
    case "NetworkError":
      return reason.isRetryable
        ? failure({ _tag: "Unavailable", ...(reason.description === noConnection ? { unsent: true } : {}) }, true)
        : failure({ _tag: "BadRequest", unsent: true }, false, false)
    case "InternalProviderError":
      return isMarked(reason.metadata, "silent")
        ? failure({ _tag: "Silent" }, false, !isMarked(reason.metadata, "isExcused"))
        : failure({ _tag: "Unavailable", ...kubernautMetadata(reason.metadata) }, !isMarked(reason.metadata, "begun"))
    case "RateLimitError":
      return failure(
        {
          _tag: "RateLimited",
          ...(reason.retryAfter === undefined ? {} : { retryAfterMs: Duration.toMillis(reason.retryAfter) })
        },
        !isMarked(reason.metadata, "begun")
      )
    case "QuotaExhaustedError": {
      const retryAfterMs = resetMs(reason, nowMs)
      return failure({ _tag: "QuotaExhausted", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }, false)
    }
    case "AuthenticationError":
      return failure(
        { _tag: "Authentication", ...(reason.kind === "InsufficientPermissions" ? { forbidden: true } : {}) },
        false,
        reason.kind !== "InsufficientPermissions"
      )
    case "ContentPolicyError":
      return failure({ _tag: "Refused" }, false, false)
    case "InvalidRequestError":
      return failure(
        reason.constraint === contextLength ? overflow(reason, request) : { _tag: "BadRequest" },
        false,
        false
      )
    case "UnsupportedSchemaError":
    case "InvalidUserInputError":
    case "ToolConfigurationError":
    case "ToolkitRequiredError":
      return failure({ _tag: "BadRequest", unsent: true }, false, false)
    case "UnknownError":
      return failure({ _tag: "Unavailable", ...kubernautMetadata(reason.metadata) }, false)
    default:
      return failure(
        { _tag: "InvalidAnswer", problem: problems[reason._tag] },
        false,
        // A page of a gateway. No text of an alert leads to it.
        reason._tag === "InvalidResponseError"
      )
  }
}

// Fixed texts, because a provider's message quotes what the model wrote.
const problems = {
  InvalidOutputError: "the answer was cut off",
  StructuredOutputError: "the answer does not match the schema",
  InvalidResponseError: "the response does not match the provider's API",
  ToolNotFoundError: "the answer is a tool call that leaked",
  ToolParameterValidationError: "the answer is a tool call that leaked",
  InvalidToolResultError: "the answer is a tool call that leaked",
  ToolResultEncodingError: "the answer is a tool call that leaked"
} as const
