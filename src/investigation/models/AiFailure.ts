/**
 * What an `AiError` of any `LanguageModel` means for the chain: which reason a hop gets, whether the same provider is
 * worth asking again at once, and whether its breaker counts it. One table, so that an embedder's own provider is
 * treated like ours.
 *
 * | error                                         | reason            | asked again                          | breaker | strategy                                                                    |
 * | --------------------------------------------- | ----------------- | ------------------------------------ | ------- | --------------------------------------------------------------------------- |
 * | network, provider's own fault (5xx, 408, 409) | `Unavailable`     | yes                                  | failure | back off, then next provider                                                |
 * | rate limit                                    | `RateLimited`     | yes, after `Retry-After` up to a cap | failure | back off, then next provider                                                |
 * | quota                                         | `QuotaExhausted`  | no                                   | failure | next provider                                                               |
 * | key                                           | `Authentication`  | no                                   | failure | next provider                                                               |
 * | context too long                              | `ContextOverflow` | no                                   | ignored | shrunk before the call, and again where the provider says so; next provider |
 * | refusal                                       | `Refused`         | no                                   | ignored | next provider                                                               |
 * | not JSON of the schema, cut off               | `InvalidAnswer`   | no                                   | failure | next provider                                                               |
 * | our request or schema                         | `BadRequest`      | no                                   | ignored | next provider                                                               |
 * | anything else (404)                           | `Unavailable`     | no                                   | failure | next provider                                                               |
 *
 * A refusal and a context that is too long are about what was asked: whoever can write an alert or a log line could
 * cause them, and must not be able to open a breaker by it.
 */

import { Duration } from "effect"
import type { AiError } from "effect/ai"
import { InvestigatorError, type InvestigatorErrorReason } from "../Investigator.ts"

/** The constraint by which our providers name a context that is too long. */
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

/** By the table above. `asked`: the estimated tokens of the request and the limit it was fitted to. */
export const toInvestigatorError = (
  investigator: string,
  reason: AiError.AiErrorReason,
  asked: { readonly tokens: number; readonly limit: number }
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
        reason.constraint === contextLength ? { _tag: "ContextOverflow", ...asked } : { _tag: "BadRequest" },
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

// Ours, never the provider's words: those quote what the model wrote.
const problems = {
  InvalidOutputError: "the answer was cut off",
  StructuredOutputError: "the answer does not match the schema",
  InvalidResponseError: "the response is not one of the provider's API",
  ToolNotFoundError: "the answer is a tool call that leaked",
  ToolParameterValidationError: "the answer is a tool call that leaked",
  InvalidToolResultError: "the answer is a tool call that leaked",
  ToolResultEncodingError: "the answer is a tool call that leaked"
} as const
