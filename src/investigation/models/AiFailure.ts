/**
 * What an `AiError` of any `LanguageModel` means for the chain: the reason of the hop, whether the same provider is
 * retried, and whether its breaker counts the error. One table covers an embedder's own providers too.
 *
 * | error                                          | reason            | retried                              | breaker | strategy                                                                         |
 * | ---------------------------------------------- | ----------------- | ------------------------------------ | ------- | -------------------------------------------------------------------------------- |
 * | network, error of the provider (5xx, 408, 409) | `Unavailable`     | yes                                  | failure | back off, then next provider                                                     |
 * | rate limit                                     | `RateLimited`     | yes, after `Retry-After` up to a cap | failure | back off, then next provider                                                     |
 * | quota                                          | `QuotaExhausted`  | no                                   | failure | next provider                                                                    |
 * | key                                            | `Authentication`  | no                                   | failure | next provider                                                                    |
 * | context too long                               | `ContextOverflow` | no                                   | ignored | shortened before the call, and again when the provider rejects it; next provider |
 * | refusal                                        | `Refused`         | no                                   | ignored | next provider                                                                    |
 * | not JSON of the schema, truncated              | `InvalidAnswer`   | no                                   | failure | next provider                                                                    |
 * | our request or schema                          | `BadRequest`      | no                                   | ignored | next provider                                                                    |
 * | anything else (404)                            | `Unavailable`     | no                                   | failure | next provider                                                                    |
 *
 * A refusal and a context that is too long depend on the content of the request. Anyone who can write an alert or a log
 * line can cause them, and must not be able to open a breaker that way.
 */

import { Duration } from "effect"
import type { AiError } from "effect/ai"
import { InvestigatorError, type InvestigatorErrorReason } from "../Investigator.ts"

/** The constraint that our providers report for a context that is too long. */
export const contextLength = "context-length"

const kubernautMetadata = (
  metadata: AiError.ProviderMetadata
): { readonly status?: number; readonly retryAfterMs?: number } => {
  const own = metadata["kubernaut"] as { readonly [key: string]: unknown } | null | undefined
  return {
    ...(typeof own?.["status"] === "number" ? { status: own["status"] } : {}),
    ...(typeof own?.["retryAfterMs"] === "number" ? { retryAfterMs: own["retryAfterMs"] } : {})
  }
}

/** Applies the table above. `request`: its estimated tokens, and the limit that it was fitted to. */
export const toInvestigatorError = (
  investigator: string,
  reason: AiError.AiErrorReason,
  request: { readonly tokens: number; readonly limit: number }
): InvestigatorError => {
  const failure = (mapped: InvestigatorErrorReason, retryable: boolean, countsAsFailure = true) =>
    new InvestigatorError({ investigator, reason: mapped, retryable, countsAsFailure })
  switch (reason._tag) {
    case "NetworkError":
      return reason.isRetryable ? failure({ _tag: "Unavailable" }, true) : failure({ _tag: "BadRequest" }, false, false)
    case "InternalProviderError":
      return failure({ _tag: "Unavailable", ...kubernautMetadata(reason.metadata) }, true)
    case "RateLimitError":
      return failure(
        {
          _tag: "RateLimited",
          ...(reason.retryAfter === undefined ? {} : { retryAfterMs: Duration.toMillis(reason.retryAfter) })
        },
        true
      )
    case "QuotaExhaustedError":
      return failure({ _tag: "QuotaExhausted" }, false)
    case "AuthenticationError":
      return failure({ _tag: "Authentication" }, false)
    case "ContentPolicyError":
      return failure({ _tag: "Refused" }, false, false)
    case "InvalidRequestError":
      return failure(
        reason.constraint === contextLength ? { _tag: "ContextOverflow", ...request } : { _tag: "BadRequest" },
        false,
        false
      )
    case "UnsupportedSchemaError":
    case "InvalidUserInputError":
    case "ToolConfigurationError":
    case "ToolkitRequiredError":
      return failure({ _tag: "BadRequest" }, false, false)
    case "UnknownError":
      return failure({ _tag: "Unavailable", ...kubernautMetadata(reason.metadata) }, false)
    default:
      return failure({ _tag: "InvalidAnswer", problem: problems[reason._tag] }, false)
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
