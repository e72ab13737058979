import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration } from "effect"
import { AiError } from "effect/ai"
import { contextLength, silentMetadata, toInvestigatorError } from "../../../src/investigation/models/AiFailure.ts"

const promptSize = { tokens: 140_000, limit: 131_072 }

const secret = "sk-SECRET"
const nowMs = 1_800_000_000_000

describe("what an AiError means for the chain", () => {
  it.each<readonly [string, AiError.AiErrorReason, unknown, boolean, boolean]>([
    [
      "no connection",
      new AiError.NetworkError({ reason: "TransportError", method: "POST", url: secret }),
      { _tag: "Unavailable" },
      true,
      true
    ],
    [
      "a request that cannot be encoded",
      new AiError.NetworkError({ reason: "EncodeError", method: "POST", url: "" }),
      { _tag: "BadRequest", unsent: true },
      false,
      false
    ],
    [
      "an error of the provider",
      new AiError.InternalProviderError({
        description: secret,
        metadata: { kubernaut: { status: 503, retryAfterMs: 2000 } }
      }),
      { _tag: "Unavailable", status: 503, retryAfterMs: 2000 },
      true,
      true
    ],
    [
      "a provider that says nothing",
      new AiError.InternalProviderError({ description: secret, metadata: silentMetadata(false) }),
      { _tag: "Silent" },
      false,
      true
    ],
    [
      "silence while this process stood still",
      new AiError.InternalProviderError({ description: secret, metadata: silentMetadata(true) }),
      { _tag: "Silent" },
      false,
      false
    ],
    [
      "an error of an embedder's provider",
      new AiError.InternalProviderError({ description: secret, metadata: { other: { status: 503 } } }),
      { _tag: "Unavailable" },
      true,
      true
    ],
    [
      "a rate limit",
      new AiError.RateLimitError({ retryAfter: Duration.seconds(7) }),
      { _tag: "RateLimited", retryAfterMs: 7000 },
      true,
      true
    ],
    ["a rate limit without Retry-After", new AiError.RateLimitError({}), { _tag: "RateLimited" }, true, true],
    ["an exhausted quota", new AiError.QuotaExhaustedError({}), { _tag: "QuotaExhausted" }, false, true],
    [
      "an exhausted quota with a time in a header",
      new AiError.QuotaExhaustedError({ metadata: { kubernaut: { retryAfterMs: 9000 } } }),
      { _tag: "QuotaExhausted", retryAfterMs: 9000 },
      false,
      true
    ],
    [
      "an exhausted quota with a time in its words",
      new AiError.QuotaExhaustedError({ resetAt: DateTime.makeUnsafe(nowMs + 60_000) }),
      { _tag: "QuotaExhausted", retryAfterMs: 60_000 },
      false,
      true
    ],
    [
      "a key that may not do this",
      new AiError.AuthenticationError({ kind: "InsufficientPermissions", description: secret }),
      { _tag: "Authentication", forbidden: true },
      false,
      false
    ],
    [
      "a wrong key",
      new AiError.AuthenticationError({ kind: "InvalidKey", description: secret }),
      { _tag: "Authentication" },
      false,
      true
    ],
    ["a refusal", new AiError.ContentPolicyError({ description: secret }), { _tag: "Refused" }, false, false],
    [
      "a context that is too long",
      new AiError.InvalidRequestError({ constraint: contextLength }),
      { _tag: "ContextOverflow", ...promptSize },
      false,
      false
    ],
    ["a bad request", new AiError.InvalidRequestError({ description: secret }), { _tag: "BadRequest" }, false, false],
    [
      "a schema that the provider cannot express",
      new AiError.UnsupportedSchemaError({ description: secret }),
      { _tag: "BadRequest", unsent: true },
      false,
      false
    ],
    [
      "input that the provider does not support",
      new AiError.InvalidUserInputError({ description: secret }),
      { _tag: "BadRequest", unsent: true },
      false,
      false
    ],
    [
      "an answer that does not match the schema",
      new AiError.StructuredOutputError({ description: secret, responseText: secret }),
      { _tag: "InvalidAnswer", problem: "the answer does not match the schema" },
      false,
      false
    ],
    [
      "a truncated answer",
      new AiError.InvalidOutputError({ description: secret }),
      { _tag: "InvalidAnswer", problem: "the answer was cut off" },
      false,
      false
    ],
    [
      "a response that does not match the provider's API",
      new AiError.InvalidResponseError({ description: secret }),
      { _tag: "InvalidAnswer", problem: "the response does not match the provider's API" },
      false,
      true
    ],
    [
      "a leaked tool call",
      new AiError.ToolNotFoundError({ toolName: secret, availableTools: [] }),
      { _tag: "InvalidAnswer", problem: "the answer is a tool call that leaked" },
      false,
      false
    ],
    ["anything else", new AiError.UnknownError({ description: secret }), { _tag: "Unavailable" }, false, true]
  ])("maps %s as the table in AiFailure says", (_name, reason, expected, retryable, counts) => {
    const error = toInvestigatorError("llm", reason, promptSize, nowMs)
    assert.deepStrictEqual<unknown>(
      [error.reason, error.retryable, error.countsAsFailure],
      [expected, retryable, counts]
    )
    assert.notInclude(`${error.message}${JSON.stringify(error)}`, secret)
  })
})
